//! Fetched modules of a stack: brought into `.spawnpoint/modules` as the lock file says, and into the lock file where it says nothing yet.

use super::disk::Disk;
use super::failure::{Failure, Outcome};
use super::shell::Shell;
use crate::config::{self, Demand, DemandedModule, LOCK_FILE, ModuleLock};
use crate::diagnostics::{Diagnostic, Diagnostics};
use crate::fetch;

/// Fetched modules of one stack at most: one that calls another version of itself would never end.
const MODULES_MAX: usize = 256;

/// Fetches what is not there, and returns how many modules were fetched.
///
/// # Errors
/// A module that cannot be fetched or is not what the lock file says, or files that cannot be read or written.
pub(super) async fn bring(shell: &Shell) -> Outcome<usize> {
    let mut fetched = 0;
    loop {
        let demand = demand(shell);
        if demand.diagnostics.has_errors() {
            return Err(Failure::new(demand.diagnostics, &demand.sources));
        }
        let lacking: Vec<DemandedModule> = demand.modules.iter().filter(|module| module.is_lacking).cloned().collect();
        if lacking.is_empty() {
            keep_what_is_used(&demand, shell)?;
            return Ok(fetched);
        }
        fetched += lacking.len();
        if fetched > MODULES_MAX {
            let summary = format!("the stack needs more than {MODULES_MAX} fetched modules, expected fewer");
            return Err(Diagnostic::error(summary).into());
        }
        let mut lock = demand.lock.clone();
        let mut found = Diagnostics::new();
        for module in &lacking {
            let origin = &module.remote.origin;
            shell.terminal.say(&format!("Fetching {origin}"));
            if let Err(diagnostic) = one(module, &mut lock, shell).await {
                found.push(diagnostic.at(module.source));
            }
        }
        // What could be fetched needs not be fetched again.
        write(&lock, &demand.lock, shell)?;
        if found.has_errors() {
            return Err(Failure::new(found, &demand.sources));
        }
    }
}

/// Reads which modules the stack needs, from the files as they are now.
fn demand(shell: &Shell) -> Demand {
    config::demand(&Disk::new(shell.folder.clone()), ".", &crate::domain::names())
}

async fn one(module: &DemandedModule, lock: &mut ModuleLock, shell: &Shell) -> Result<(), Diagnostic> {
    let origin = &module.remote.origin;
    let source = origin.to_string();
    // Another checksum is another archive: what was known of the old one does not count.
    let locked = lock.modules.get(&source).filter(|locked| match origin {
        config::Origin::Archive { sha256, .. } => locked.sha256.as_ref() == Some(sha256),
        config::Origin::Git { .. } => locked.commit.is_some(),
    });
    let (tree, found) = fetch::fetch(origin, locked, &shell.folder).await.map_err(|error| {
        Diagnostic::error(format!("`{source}` cannot be fetched: {error}")).hints(error.hints.iter().cloned())
    })?;
    if let Some(locked) = locked.filter(|locked| **locked != found) {
        let summary = format!("what was fetched from `{source}` is not what `{LOCK_FILE}` says");
        let detail = format!("It has the digest {}, expected {}.", found.digest, locked.digest);
        let hint = "find out what changed; if it is what you want, remove its block from the lock file";
        return Err(Diagnostic::error(summary).detail(detail).hint(hint));
    }
    let place = module.remote.place();
    let cannot = |error: &dyn std::fmt::Display| Diagnostic::error(format!("cannot write `{place}`: {error}"));
    shell.own_folder().map_err(|failure| first(*failure))?;
    tree.write(&shell.folder.join(&place)).map_err(|error| cannot(&error))?;
    lock.modules.insert(source, found);
    Ok(())
}

fn first(failure: Failure) -> Diagnostic {
    failure.diagnostics.into_iter().next().expect("what failed says why")
}

/// Takes modules that nobody calls any more out of the lock file.
fn keep_what_is_used(demand: &Demand, shell: &Shell) -> Outcome<()> {
    let mut lock = demand.lock.clone();
    let is_used = |source: &String| demand.modules.iter().any(|module| module.remote.origin.to_string() == *source);
    lock.modules.retain(|source, _| is_used(source));
    write(&lock, &demand.lock, shell)
}

fn write(lock: &ModuleLock, before: &ModuleLock, shell: &Shell) -> Outcome<()> {
    if lock == before {
        return Ok(());
    }
    let path = shell.folder.join(LOCK_FILE);
    let written = match lock.modules.is_empty() {
        true => std::fs::remove_file(path),
        false => super::files::replace(&path, lock.text().as_bytes()),
    };
    written.map_err(|error| Diagnostic::error(format!("cannot write `{LOCK_FILE}`: {error}")).into())
}
