//! The lock file: which commit and which content each fetched module had when it was fetched first, so that everybody gets the same.

use super::source::{Origin, Remote};
use super::{constant, parse};
use crate::config::World;
use crate::diagnostics::{Diagnostic, Diagnostics, Sources};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::fmt::Write as _;

/// Name of the lock file, in the working folder.
pub const LOCK_FILE: &str = "spawnpoint.lock.hcl";

/// What the lock file says, by source without the folder in it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ModuleLock {
    /// Its entries.
    pub modules: BTreeMap<String, LockedModule>,
}

/// One module.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LockedModule {
    /// The commit, of a repository.
    pub commit: Option<String>,
    /// SHA-256 of the archive in hexadecimal, of an archive.
    pub sha256: Option<String>,
    /// Digest of all files, as [`digest`] makes it.
    pub digest: String,
}

impl ModuleLock {
    /// Reads the lock file; without one, there are no entries.
    pub fn read(world: &dyn World, sources: &mut Sources, diagnostics: &mut Diagnostics) -> Self {
        let mut lock = Self::default();
        if !world.exists(LOCK_FILE) {
            return lock;
        }
        let body = match world.read(LOCK_FILE) {
            Ok(bytes) => parse::read(LOCK_FILE, &bytes, sources, diagnostics)
                .and_then(|file| parse::parse(file, &[], sources, diagnostics)),
            Err(error) => {
                diagnostics.push(Diagnostic::error(format!("cannot read `{LOCK_FILE}`: {error}")));
                None
            }
        };
        for block in body.into_iter().flat_map(|body| body.blocks) {
            let ("module", [label]) = (&*block.kind, block.labels.as_slice()) else {
                let diagnostic =
                    Diagnostic::error(format!("`{LOCK_FILE}` has a block that is not `module \"SOURCE\"`"));
                diagnostics.push(diagnostic.at(block.header).hint("remove it, then run `spawnpoint init`"));
                continue;
            };
            let mut text = |name: &str| {
                let value = constant::value(&block.body.attribute(name)?.expression, diagnostics)?;
                value.as_text().map(str::to_owned)
            };
            let sha256 = text("checksum").and_then(|text| text.strip_prefix("sha256:").map(str::to_owned));
            let digest = text("digest").unwrap_or_default();
            let entry = LockedModule { commit: text("commit"), sha256, digest };
            lock.modules.insert(label.text.to_string(), entry);
        }
        lock
    }

    /// Returns the text of the lock file.
    pub fn text(&self) -> String {
        let mut text = String::from("# Written by `spawnpoint init`. It belongs into the repository.\n");
        for (source, module) in &self.modules {
            let quoted = source.replace('\\', "\\\\").replace('"', "\\\"").replace("${", "$${").replace("%{", "%%{");
            let _ = writeln!(text, "\nmodule \"{quoted}\" {{");
            if let Some(sha256) = &module.sha256 {
                let _ = writeln!(text, "  checksum = \"sha256:{sha256}\"");
            }
            if let Some(commit) = &module.commit {
                let _ = writeln!(text, "  commit = \"{commit}\"");
            }
            let width = if module.sha256.is_some() { 8 } else { 6 };
            let _ = writeln!(text, "  {:width$} = \"{}\"\n}}", "digest", module.digest);
        }
        text
    }

    /// Returns why a module has to be fetched: `None` if what is there is what the lock file says.
    pub(super) fn lacks(&self, remote: &Remote, world: &dyn World) -> Option<String> {
        let (source, place) = (remote.origin.to_string(), remote.place());
        let Some(locked) = self.modules.get(&source).filter(|_| world.exists(&place)) else {
            return Some(format!("the module `{source}` is not fetched"));
        };
        if let Origin::Archive { sha256, .. } = &remote.origin
            && locked.sha256.as_ref() != Some(sha256)
        {
            return Some(format!("`{LOCK_FILE}` has another checksum for `{source}`"));
        }
        let content = world.files_below(&place).and_then(|paths| {
            let read = |path: String| world.read(&format!("{place}/{path}")).map(|content| (path, content));
            paths.into_iter().map(read).collect::<Result<BTreeMap<_, _>, _>>()
        });
        match content {
            Ok(content) if digest(&content) == locked.digest => None,
            Ok(_) => Some(format!("`{place}` is not what `{LOCK_FILE}` says of `{source}`")),
            Err(error) => Some(format!("`{place}` cannot be read: {error}")),
        }
    }
}

/// Returns the digest of files by path: SHA-256 over the SHA-256 and path of each, as `sha256sum` would list them.
pub fn digest(files: &BTreeMap<String, Vec<u8>>) -> String {
    let mut all = Sha256::new();
    for (path, content) in files {
        all.update(format!("{}  {path}\n", hexadecimal(&Sha256::digest(content))));
    }
    format!("sha256:{}", hexadecimal(&all.finalize()))
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::MemoryWorld;

    #[test]
    fn what_is_written_is_read_and_laid_out_as_fmt_would() {
        let mut lock = ModuleLock::default();
        let archive = LockedModule { commit: None, sha256: Some("ab".repeat(32)), digest: "sha256:1".into() };
        let git = LockedModule { commit: Some("c0ffee".into()), sha256: None, digest: "sha256:2".into() };
        lock.modules.insert("https://example.org/${a}\"b.zip".into(), archive);
        lock.modules.insert("git::https://example.org/a?ref=v1".into(), git);
        let text = lock.text();
        let (mut sources, mut found) = (Sources::new(), Diagnostics::new());
        let world = MemoryWorld::new([(LOCK_FILE, text.clone())]);
        assert_eq!(ModuleLock::read(&world, &mut sources, &mut found), lock, "{found:?}");
        assert_eq!(super::super::fmt::format("x", text.as_bytes(), &mut sources).expect("it parses"), text);
    }
}
