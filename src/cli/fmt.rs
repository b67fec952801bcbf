//! `spawnpoint fmt`

use super::exit::Exit;
use super::failure::{Failure, Outcome};
use super::shell::{Ended, Shell};
use crate::config::fmt::format;
use crate::diagnostics::{Diagnostic, Diagnostics, Sources};
use std::collections::BTreeSet;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};

/// Bytes of standard input that are read before it is too much to format.
const INPUT_BYTES_MAX: u64 = 16 << 20;

/// Writes files in the canonical layout
///
/// Lists the files that changed. What does not parse is left alone, and is an error.
#[derive(clap::Args, Debug)]
pub(super) struct Args {
    /// Files and folders, of which every `*.hcl` is meant; `-` reads standard input and writes standard output
    #[arg(default_value = ".")]
    targets: Vec<PathBuf>,
    /// Writes nothing; exit code 3 says that something would change
    #[arg(long)]
    check: bool,
    /// Shows what changes
    #[arg(long)]
    diff: bool,
    /// Goes into folders, too
    #[arg(long)]
    recursive: bool,
}

/// Whether folders inside a folder are meant.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Depth {
    Folder,
    Tree,
}

/// Runs the command.
pub(super) fn run(args: &Args, shell: &Shell) -> Ended {
    let depth = if args.recursive { Depth::Tree } else { Depth::Folder };
    let mut work = Work { args, shell, found: Diagnostics::new(), sources: Sources::new(), has_changes: false };
    let mut files = BTreeSet::new();
    for target in &args.targets {
        if target.as_os_str() == "-" {
            work.standard_input()?;
        } else if let Err(error) = collect(&shell.folder, target, depth, &mut files) {
            work.refuse("read", target, &error);
        }
    }
    for file in &files {
        work.file(file);
    }
    if work.found.has_errors() {
        return Err(Failure::new(work.found, &work.sources));
    }
    Ok(if work.has_changes && args.check { Exit::Different } else { Exit::Done })
}

/// One run: what it was told to do, and what it found.
struct Work<'a> {
    args: &'a Args,
    shell: &'a Shell,
    found: Diagnostics,
    sources: Sources,
    has_changes: bool,
}

impl Work<'_> {
    fn standard_input(&mut self) -> Outcome<()> {
        let mut bytes = Vec::new();
        let read = std::io::stdin().take(INPUT_BYTES_MAX).read_to_end(&mut bytes);
        read.map_err(|error| Diagnostic::error(format!("cannot read standard input: {error}")))?;
        let Some(formatted) = self.formatted("<standard input>", &bytes) else {
            return Ok(());
        };
        self.has_changes |= formatted.as_bytes() != bytes;
        match (self.args.diff, self.args.check) {
            (true, _) => self.shell.terminal.data(&diff("<standard input>", &bytes, &formatted)),
            (false, true) => {}
            (false, false) => self.shell.terminal.data(&formatted),
        }
        Ok(())
    }

    fn file(&mut self, path: &Path) {
        let absolute = self.shell.folder.join(path);
        let bytes = match std::fs::read(&absolute) {
            Ok(bytes) => bytes,
            Err(error) => return self.refuse("read", path, &error),
        };
        let name = path.to_string_lossy();
        let Some(formatted) = self.formatted(&name, &bytes) else {
            return;
        };
        if formatted.as_bytes() == bytes {
            return;
        }
        self.has_changes = true;
        if !self.args.check
            && let Err(error) = replace(&absolute, &formatted)
        {
            return self.refuse("write", path, &error);
        }
        self.shell.terminal.line(&name);
        if self.args.diff {
            self.shell.terminal.data(&diff(&name, &bytes, &formatted));
        }
    }

    fn formatted(&mut self, name: &str, bytes: &[u8]) -> Option<String> {
        format(name, bytes, &mut self.sources).map_err(|wrong| self.found.extend(wrong)).ok()
    }

    fn refuse(&mut self, what: &str, path: &Path, error: &std::io::Error) {
        self.found.push(Diagnostic::error(format!("cannot {what} `{}`: {error}", path.display())));
    }
}

/// Adds a file, or the files of a folder but for names that begin with a dot. Links to folders are not followed: one to a parent would
/// never end.
fn collect(root: &Path, target: &Path, depth: Depth, files: &mut BTreeSet<PathBuf>) -> std::io::Result<()> {
    if !std::fs::metadata(root.join(target))?.is_dir() {
        files.insert(target.to_path_buf());
        return Ok(());
    }
    for entry in std::fs::read_dir(root.join(target))? {
        let entry = entry?;
        let name = entry.file_name();
        let path = if target == Path::new(".") { PathBuf::from(&name) } else { target.join(&name) };
        if name.to_string_lossy().starts_with('.') {
            continue;
        }
        if entry.file_type()?.is_dir() {
            if depth == Depth::Tree {
                collect(root, &path, depth, files)?;
            }
        } else if path.extension().is_some_and(|extension| extension == "hcl") && entry.path().is_file() {
            files.insert(path);
        }
    }
    Ok(())
}

/// Puts the new text where the old one was in one step, so that a crash leaves one of the two. A link stays a link.
fn replace(path: &Path, text: &str) -> std::io::Result<()> {
    let path = std::fs::canonicalize(path)?;
    let permissions = std::fs::metadata(&path)?.permissions();
    let mut file = tempfile::NamedTempFile::new_in(path.parent().unwrap_or(Path::new(".")))?;
    file.write_all(text.as_bytes())?;
    file.as_file().set_permissions(permissions)?;
    file.as_file().sync_all()?;
    file.persist(&path)?;
    Ok(())
}

fn diff(name: &str, before: &[u8], after: &str) -> String {
    let before = String::from_utf8_lossy(before);
    let diff = similar::TextDiff::from_lines(&*before, after);
    diff.unified_diff().header(&format!("old/{name}"), &format!("new/{name}")).to_string()
}
