//! `spawnpoint fmt`

use super::exit::Exit;
use super::failure::{Failure, Outcome};
use super::files::replace;
use super::shell::{Ended, Shell};
use crate::config::fmt::format;
use crate::diagnostics::{Diagnostic, Diagnostics, Sources};
use clap::ArgAction;
use similar::TextDiff;
use std::io::Read;
use std::path::{Path, PathBuf};

/// Brings files into the one canonical layout
#[derive(clap::Args, Debug)]
pub(super) struct Args {
    /// Files, or folders whose `*.hcl` files are meant; `-` reads standard input and writes the result
    #[arg(value_name = "PATH", default_value = ".")]
    paths: Vec<PathBuf>,
    /// Writes nothing; the exit code is 3 if a file would change
    #[arg(long)]
    check: bool,
    /// Shows what changes
    #[arg(long)]
    diff: bool,
    /// Formats the files of folders inside too
    #[arg(long)]
    recursive: bool,
    /// Lists the files that change
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_value_t = true,
        default_missing_value = "true", action = ArgAction::Set)]
    list: bool,
    /// Writes the files that change
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_value_t = true,
        default_missing_value = "true", action = ArgAction::Set)]
    write: bool,
}

/// Runs the command. Files with errors are left alone; the others are formatted all the same.
pub(super) async fn run(args: Args, shell: &Shell) -> Ended {
    if args.paths == [Path::new("-")] {
        return standard_input(&args, shell);
    }
    let mut sources = Sources::new();
    let mut found = Diagnostics::new();
    let mut is_any_changed = false;
    for path in files(&args, shell)? {
        let name = path.strip_prefix(&shell.folder).unwrap_or(&path).display().to_string();
        match file(&path, &name, &args, shell, &mut sources) {
            Ok(is_changed) => is_any_changed |= is_changed,
            Err(errors) => found.extend(errors),
        }
    }
    if found.has_errors() {
        return Err(Failure::new(found, &sources));
    }
    Ok(if args.check && is_any_changed { Exit::Informed } else { Exit::Done })
}

fn standard_input(args: &Args, shell: &Shell) -> Ended {
    let mut bytes = Vec::new();
    let read = std::io::stdin().lock().read_to_end(&mut bytes);
    read.map_err(|error| Diagnostic::error(format!("cannot read standard input: {error}")))?;
    let mut sources = Sources::new();
    let text = format("<stdin>", &bytes, &mut sources).map_err(|errors| Failure::new(errors, &sources))?;
    let is_changed = text.as_bytes() != bytes;
    if args.diff {
        shell.terminal.data(&difference("<stdin>", &bytes, &text));
    } else if !args.check {
        shell.terminal.data(&text);
    }
    Ok(if args.check && is_changed { Exit::Informed } else { Exit::Done })
}

/// Formats a file and returns whether that changes it.
fn file(path: &Path, name: &str, args: &Args, shell: &Shell, sources: &mut Sources) -> Result<bool, Diagnostics> {
    let cannot = |what: &str, error| Diagnostic::error(format!("cannot {what} `{name}`: {error}"));
    let bytes = std::fs::read(path).map_err(|error| cannot("read", error))?;
    let text = format(name, &bytes, sources)?;
    if text.as_bytes() == bytes {
        return Ok(false);
    }
    if args.list {
        shell.terminal.line(name);
    }
    if args.diff {
        shell.terminal.data(&difference(name, &bytes, &text));
    }
    if args.write && !args.check {
        replace(path, text.as_bytes()).map_err(|error| cannot("write", error))?;
    }
    Ok(true)
}

fn difference(name: &str, old: &[u8], new: &str) -> String {
    let old = String::from_utf8_lossy(old);
    let diff = TextDiff::from_lines(old.as_ref(), new);
    diff.unified_diff().header(&format!("old/{name}"), &format!("new/{name}")).to_string()
}

/// The files that are meant, in the order given and by name inside folders.
fn files(args: &Args, shell: &Shell) -> Outcome<Vec<PathBuf>> {
    let mut files = Vec::new();
    let mut found = Diagnostics::new();
    for path in &args.paths {
        let path = shell.folder.join(path);
        let result = if path.is_dir() {
            folder(&path, args, &mut files)
        } else {
            std::fs::metadata(&path).map(|_| files.push(path.clone()))
        };
        if let Err(error) = result {
            found.push(Diagnostic::error(format!("cannot read `{}`: {error}", path.display())));
        }
    }
    if found.is_empty() { Ok(files) } else { Err(found.into()) }
}

/// Hidden files and folders are left out, and lock files, which no person writes.
fn folder(folder: &Path, args: &Args, files: &mut Vec<PathBuf>) -> std::io::Result<()> {
    let entries = std::fs::read_dir(folder)?.map(|entry| entry.map(|entry| entry.path()));
    let mut paths = entries.collect::<std::io::Result<Vec<_>>>()?;
    paths.sort();
    for path in paths {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if name.starts_with('.') {
            continue;
        }
        // A link to a folder is not followed, for it may lead back here.
        let is_folder = path.is_dir() && !path.is_symlink();
        if is_folder && args.recursive {
            self::folder(&path, args, files)?;
        } else if path.is_file() && name.ends_with(".hcl") && !name.ends_with(".lock.hcl") {
            files.push(path.clone());
        }
    }
    Ok(())
}
