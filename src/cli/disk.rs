//! The door to files: [`Disk`] reads each once and remembers what it said, and [`Replay`] says the same again from a plan file.

use crate::config::{FileDigest, World};
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, BTreeSet};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard};

/// Everything a world was asked, and what it answered. An `Err` is the system's words.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Memory {
    /// Contents by path.
    pub(super) files: BTreeMap<String, Result<Vec<u8>, String>>,
    /// Lengths and digests by path, of files that are sent somewhere and not read into memory.
    pub(super) digests: BTreeMap<String, Result<FileDigest, String>>,
    /// Files directly in a folder.
    pub(super) folders: BTreeMap<String, Result<Vec<String>, String>>,
    /// Files below a folder.
    pub(super) trees: BTreeMap<String, Result<Vec<String>, String>>,
    /// Whether there is something.
    pub(super) existence: BTreeMap<String, bool>,
}

/// The working folder on disk.
#[derive(Debug)]
pub(super) struct Disk {
    root: PathBuf,
    home: Option<PathBuf>,
    memory: Mutex<Memory>,
    /// Whether nobody will ask for what was read.
    forgets_contents: bool,
}

impl Disk {
    /// Returns the world below a folder.
    pub(super) fn new(root: PathBuf) -> Self {
        Self { root, home: std::env::home_dir(), memory: Mutex::default(), forgets_contents: false }
    }

    /// Returns a world that does not keep a second copy of every file: for a run that makes no plan file.
    pub(super) fn forgetful(root: PathBuf) -> Self {
        Self { forgets_contents: true, ..Self::new(root) }
    }

    /// Returns what was asked so far, and the answers.
    pub(super) fn memory(&self) -> Memory {
        self.remembered().clone()
    }

    fn remembered(&self) -> MutexGuard<'_, Memory> {
        self.memory.lock().expect("nobody panics while holding what is remembered")
    }

    fn path(&self, path: &str) -> PathBuf {
        self.root.join(path)
    }
}

impl World for Disk {
    fn read(&self, path: &str) -> Result<Vec<u8>, String> {
        let read = || std::fs::read(self.path(path)).map_err(|error| error.to_string());
        if self.forgets_contents {
            return read();
        }
        self.remembered().files.entry(path.to_owned()).or_insert_with(read).clone()
    }

    fn list(&self, folder: &str) -> Result<Vec<String>, String> {
        let list = || files_in(&self.path(folder)).map_err(|error| error.to_string());
        self.remembered().folders.entry(folder.to_owned()).or_insert_with(list).clone()
    }

    fn exists(&self, path: &str) -> bool {
        *self.remembered().existence.entry(path.to_owned()).or_insert_with(|| self.path(path).exists())
    }

    fn files_below(&self, folder: &str) -> Result<Vec<String>, String> {
        let walk = || {
            let mut found = BTreeSet::new();
            walk(&self.path(folder), "", &mut found).map_err(|error| error.to_string())?;
            Ok(found.into_iter().collect())
        };
        self.remembered().trees.entry(folder.to_owned()).or_insert_with(walk).clone()
    }

    fn digest(&self, path: &str) -> Result<FileDigest, String> {
        let read = || digest_of(&self.path(path)).map_err(|error| error.to_string());
        if let Some(known) = self.remembered().digests.get(path) {
            return known.clone();
        }
        // Not under the lock: a big file takes seconds.
        let digest = read();
        self.remembered().digests.entry(path.to_owned()).or_insert(digest).clone()
    }

    fn absolute(&self, path: &str) -> String {
        let joined = self.path(path);
        std::path::absolute(&joined).unwrap_or(joined).to_string_lossy().into_owned()
    }

    fn home(&self) -> Option<String> {
        self.home.as_ref().map(|home| home.to_string_lossy().into_owned())
    }
}

fn digest_of(path: &Path) -> std::io::Result<FileDigest> {
    let mut file = std::fs::File::open(path)?;
    let (mut hash, mut bytes, mut piece) = (Sha256::new(), 0, vec![0; 1 << 20]);
    loop {
        let count = file.read(&mut piece)?;
        if count == 0 {
            break;
        }
        hash.update(&piece[..count]);
        bytes += count as u64;
    }
    let sha256 = hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
    Ok(FileDigest { bytes, sha256 })
}

fn files_in(folder: &Path) -> std::io::Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        // Through links: a file that is linked into a folder is part of it.
        if entry.path().is_file() {
            names.push(entry.file_name().to_string_lossy().into_owned());
        }
    }
    names.sort();
    Ok(names)
}

/// Links to folders are not followed: a link to a parent would never end.
fn walk(folder: &Path, prefix: &str, found: &mut BTreeSet<String>) -> std::io::Result<()> {
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        let name = format!("{prefix}{}", entry.file_name().to_string_lossy());
        if entry.file_type()?.is_dir() {
            walk(&entry.path(), &format!("{name}/"), found)?;
        } else {
            found.insert(name);
        }
    }
    Ok(())
}

/// A world that answers as another one did. What that one was not asked is not there.
#[derive(Debug)]
pub(super) struct Replay {
    memory: Memory,
    disk: Disk,
}

impl Replay {
    /// Returns a world with these answers; only names of folders come from the present one.
    pub(super) fn new(memory: Memory, root: PathBuf) -> Self {
        Self { memory, disk: Disk::new(root) }
    }
}

impl World for Replay {
    fn read(&self, path: &str) -> Result<Vec<u8>, String> {
        self.memory.files.get(path).cloned().unwrap_or_else(|| Err(not_in_plan()))
    }

    fn list(&self, folder: &str) -> Result<Vec<String>, String> {
        self.memory.folders.get(folder).cloned().unwrap_or_else(|| Err(not_in_plan()))
    }

    fn exists(&self, path: &str) -> bool {
        self.memory.existence.get(path).copied().unwrap_or(false)
    }

    fn files_below(&self, folder: &str) -> Result<Vec<String>, String> {
        self.memory.trees.get(folder).cloned().unwrap_or_else(|| Err(not_in_plan()))
    }

    fn digest(&self, path: &str) -> Result<FileDigest, String> {
        self.memory.digests.get(path).cloned().unwrap_or_else(|| Err(not_in_plan()))
    }

    fn absolute(&self, path: &str) -> String {
        self.disk.absolute(path)
    }

    fn home(&self) -> Option<String> {
        self.disk.home()
    }
}

fn not_in_plan() -> String {
    "the plan file does not hold it".to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_read_once_and_replayed() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).expect("it can be written");
        std::fs::create_dir(folder.path().join("m")).expect("it is new");
        write("a.hcl", "one");
        write("m/b.hcl", "below");
        let disk = Disk::new(folder.path().to_owned());
        assert_eq!(disk.list("."), Ok(vec!["a.hcl".to_owned()]));
        assert_eq!(disk.files_below("."), Ok(vec!["a.hcl".to_owned(), "m/b.hcl".to_owned()]));
        assert_eq!(disk.read("a.hcl"), Ok(b"one".to_vec()));
        assert!(disk.read("gone.hcl").is_err());
        assert!(disk.exists("m") && !disk.exists("n"));
        assert_eq!(disk.digest("a.hcl"), Ok(FileDigest::of(b"one")));
        write("a.hcl", "two");
        assert_eq!(disk.read("a.hcl"), Ok(b"one".to_vec()), "a run sees one state of the folder");

        let replay = Replay::new(disk.memory(), folder.path().to_owned());
        assert_eq!(replay.read("a.hcl"), Ok(b"one".to_vec()));
        assert_eq!(replay.digest("a.hcl"), Ok(FileDigest::of(b"one")));
        assert_eq!(replay.list("."), disk.list("."));
        assert!(replay.exists("m") && !replay.exists("n"));
        assert_eq!(replay.read("m/b.hcl"), Err("the plan file does not hold it".to_owned()));
    }
}
