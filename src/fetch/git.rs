//! Repositories through the `git` program, which knows the user's keys and credential helpers. No working tree is made, so nothing of the
//! repository (hooks, filters, links) takes effect: the files are read from git's own store.

use super::tree::{Tree, TreeError};
use super::{ARCHIVE_BYTES_MAX, FetchError};
use std::io::Write as _;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;
use tokio::process::Command;

/// How long one call of git may take.
const PATIENCE: Duration = Duration::from_secs(600);
/// Protocols that git may speak: none that runs a program of the address's choice.
const PROTOCOLS: &str = "https:ssh:git:file";
/// Variables of an enclosing git, such as one that runs us as a hook.
const ENCLOSING: [&str; 6] =
    ["GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_COMMON_DIR", "GIT_OBJECT_DIRECTORY", "GIT_NAMESPACE"];

/// Returns the files and the id of a commit: the pinned one, else what `reference` names, else the newest of the default branch.
pub(super) async fn fetch(
    url: &str,
    reference: Option<&str>,
    pinned: Option<&str>,
) -> Result<(Tree, String), FetchError> {
    let folder = tempfile::tempdir().map_err(|error| FetchError::new(format!("no temporary folder: {error}")))?;
    let git = Git { folder: folder.path() };
    git.run(&["init", "--quiet", "--bare", "--template=", "."]).await?;
    let commit = git.obtain(url, reference, pinned).await?;
    let entries = git.entries(&commit).await?;
    Ok((git.tree(&entries).await?, commit))
}

/// Git at work in a bare repository of its own.
struct Git<'a> {
    folder: &'a Path,
}

/// A file in a commit.
struct Entry {
    object: String,
    path: String,
}

impl Git<'_> {
    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new("git");
        command
            .args(["-c", "core.hooksPath=/dev/null", "-c", "advice.detachedHead=false", "-c", "gc.auto=0"])
            .args(arguments)
            .current_dir(self.folder)
            .env("GIT_TERMINAL_PROMPT", "0")
            .env("GIT_ALLOW_PROTOCOL", PROTOCOLS)
            .env("LC_ALL", "C")
            .stdin(Stdio::null())
            .kill_on_drop(true);
        for name in ENCLOSING {
            command.env_remove(name);
        }
        command
    }

    async fn run(&self, arguments: &[&str]) -> Result<Vec<u8>, FetchError> {
        Self::output(self.command(arguments)).await
    }

    async fn output(mut command: Command) -> Result<Vec<u8>, FetchError> {
        let output = match tokio::time::timeout(PATIENCE, command.output()).await {
            Ok(Ok(output)) => output,
            Ok(Err(error)) if error.kind() == std::io::ErrorKind::NotFound => {
                return Err(FetchError::new("there is no program `git`").hint("install Git, version 2.24 or newer"));
            }
            Ok(Err(error)) => return Err(FetchError::new(format!("`git` cannot be run: {error}"))),
            Err(_) => return Err(FetchError::new(format!("`git` did not end within {} s", PATIENCE.as_secs()))),
        };
        match output.status.success() {
            true => Ok(output.stdout),
            false => Err(FetchError::new(format!("git says: {}", last_lines(&output.stderr)))),
        }
    }

    /// Brings a commit into the repository and returns its id.
    async fn obtain(&self, url: &str, reference: Option<&str>, pinned: Option<&str>) -> Result<String, FetchError> {
        let wanted = pinned.or(reference);
        let fetch = ["fetch", "--quiet", "--no-tags", "--no-recurse-submodules"];
        let alone = [&fetch[..], &["--depth=1", "--end-of-options", url, wanted.unwrap_or("HEAD")]].concat();
        let Err(refused) = self.run(&alone).await else {
            return self.commit("FETCH_HEAD").await;
        };
        let Some(wanted) = wanted else { return Err(refused) };
        // A short id, or one that the server does not give out alone, is looked for among everything.
        let all = ["--end-of-options", url, "+refs/heads/*:refs/remotes/origin/*", "+refs/tags/*:refs/tags/*"];
        self.run(&[&fetch[..], &all].concat()).await?;
        for name in [format!("refs/tags/{wanted}"), format!("refs/remotes/origin/{wanted}"), wanted.to_owned()] {
            if let Ok(commit) = self.commit(&name).await {
                return Ok(commit);
            }
        }
        let error = FetchError::new(format!("the repository `{url}` has no `{wanted}`"));
        Err(match pinned {
            Some(_) => error.hint("the commit in `spawnpoint.lock.hcl` is gone; remove its block to take another"),
            None => error.hint("`?ref=` takes a branch, a tag or a commit"),
        })
    }

    async fn commit(&self, name: &str) -> Result<String, FetchError> {
        let name = format!("{name}^{{commit}}");
        let id = self.run(&["rev-parse", "--verify", "--quiet", "--end-of-options", &name]).await?;
        Ok(String::from_utf8_lossy(&id).trim().to_owned())
    }

    /// Lists the files of a commit; refuses what is no file.
    async fn entries(&self, commit: &str) -> Result<Vec<Entry>, FetchError> {
        let listed = self.run(&["ls-tree", "-r", "-l", "-z", "--full-tree", commit]).await?;
        let mut entries = Vec::new();
        let mut bytes = 0;
        for line in listed.split(|byte| *byte == 0).filter(|line| !line.is_empty()) {
            let line = String::from_utf8(line.to_vec())
                .map_err(|error| TreeError::Path(String::from_utf8_lossy(error.as_bytes()).into_owned()))?;
            let strange = || FetchError::new(format!("git lists `{line}`, which means nothing"));
            let (facts, path) = line.split_once('\t').ok_or_else(strange)?;
            let mut facts = facts.split_ascii_whitespace();
            let (mode, _, object, size) = (facts.next(), facts.next(), facts.next(), facts.next());
            let what = match mode.ok_or_else(strange)? {
                "120000" => Some("the symbolic link"),
                "160000" => Some("the submodule"),
                _ => None,
            };
            if let Some(what) = what {
                return Err(TreeError::Kind { what, path: path.to_owned() }.into());
            }
            bytes += size.and_then(|size| size.parse::<u64>().ok()).ok_or_else(strange)?;
            if bytes > 2 * ARCHIVE_BYTES_MAX {
                return Err(TreeError::TooLarge.into());
            }
            entries.push(Entry { object: object.ok_or_else(strange)?.to_owned(), path: path.to_owned() });
        }
        Ok(entries)
    }

    /// Reads the files of a commit, all by one process.
    async fn tree(&self, entries: &[Entry]) -> Result<Tree, FetchError> {
        let cannot = |error: std::io::Error| FetchError::new(format!("no temporary file: {error}"));
        // From a file: a pipe for thousands of names would fill while git waits for us to read.
        let mut names = tempfile::tempfile().map_err(cannot)?;
        for entry in entries {
            writeln!(names, "{}", entry.object).map_err(cannot)?;
        }
        std::io::Seek::rewind(&mut names).map_err(cannot)?;
        let mut command = self.command(&["cat-file", "--batch"]);
        command.stdin(Stdio::from(names));
        let output = Self::output(command).await?;
        let mut rest = output.as_slice();
        let mut tree = Tree::default();
        for entry in entries {
            let strange = || FetchError::new(format!("git does not give `{}`", entry.path));
            // `<object> blob <size>`, the content, and a line end.
            let end = rest.iter().position(|byte| *byte == b'\n').ok_or_else(strange)?;
            let head = String::from_utf8_lossy(&rest[..end]).into_owned();
            let size: usize = head.rsplit(' ').next().and_then(|size| size.parse().ok()).ok_or_else(strange)?;
            let content = rest.get(end + 1..end + 1 + size).ok_or_else(strange)?;
            tree.add(&entry.path, content.to_vec())?;
            rest = rest.get(end + 2 + size..).ok_or_else(strange)?;
        }
        Ok(tree)
    }
}

/// The last lines of what git complains about: the first ones are often only progress.
fn last_lines(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    let lines: Vec<&str> = text.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    lines[lines.len().saturating_sub(3)..].join("; ")
}
