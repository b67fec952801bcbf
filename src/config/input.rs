//! What reading a configuration needs from outside, as data, and [`World`], the only door to files.
//!
//! Nothing here opens a file: the shell implements [`World`] over the disk, tests over a map.

use super::lookup::Lookups;
use crate::diagnostics::{Sources, Span};
use crate::value::Value;
use sha2::{Digest as _, Sha256};
use std::collections::BTreeMap;
use std::sync::Arc;

/// The files of the working folder and below. Paths use `/` and are relative to the working folder, or absolute.
///
/// A run reads each file once: the implementation keeps what it has read, so that a plan is made from one state of the folder.
pub trait World: std::fmt::Debug + Send + Sync {
    /// Returns the content of a file, or why it cannot be read, in the system's words.
    fn read(&self, path: &str) -> Result<Vec<u8>, String>;
    /// Returns the names of the files (not folders) directly in a folder, in any order.
    fn list(&self, folder: &str) -> Result<Vec<String>, String>;
    /// Returns whether there is a file or a folder at a path.
    fn exists(&self, path: &str) -> bool;
    /// Returns all files below a folder, relative to it, with `/` between names.
    fn files_below(&self, folder: &str) -> Result<Vec<String>, String>;
    /// Returns the absolute form of a path.
    fn absolute(&self, path: &str) -> String;
    /// Returns the user's home folder.
    fn home(&self) -> Option<String>;

    /// Returns length and digest of a file, or why it cannot be read, in the system's words.
    fn digest(&self, path: &str) -> Result<FileDigest, String> {
        self.read(path).map(|content| FileDigest::of(&content))
    }

    /// Returns a path with the user's home folder for a `~/` at its beginning.
    fn expanded(&self, path: &str) -> String {
        match (path.strip_prefix("~/"), self.home()) {
            (Some(rest), Some(home)) => format!("{home}/{rest}"),
            _ => path.to_string(),
        }
    }

    /// Returns whether there is a regular file. A folder is an error.
    fn is_file(&self, path: &str) -> Result<bool, String> {
        match (self.exists(path), self.list(path).is_ok()) {
            (true, true) => Err(format!("`{path}` is a folder")),
            (is_there, _) => Ok(is_there),
        }
    }
}

/// A file as far as it is not read into memory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileDigest {
    /// Its length.
    pub bytes: u64,
    /// SHA-256 of its content, in hexadecimal digits.
    pub sha256: String,
}

impl FileDigest {
    /// Returns the digest of a content.
    pub fn of(content: &[u8]) -> Self {
        let sha256 = Sha256::digest(content).iter().map(|byte| format!("{byte:02x}")).collect();
        Self { bytes: content.len() as u64, sha256 }
    }
}

/// A [`World`] of texts by path.
#[derive(Clone, Debug, Default)]
pub struct MemoryWorld(BTreeMap<String, Vec<u8>>);

impl MemoryWorld {
    /// Returns a world with these files.
    pub fn new<P: Into<String>, C: Into<Vec<u8>>>(files: impl IntoIterator<Item = (P, C)>) -> Self {
        let normal = |path: P| normal_path(&path.into());
        Self(files.into_iter().map(|(path, content)| (normal(path), content.into())).collect())
    }
}

impl World for MemoryWorld {
    fn read(&self, path: &str) -> Result<Vec<u8>, String> {
        self.0.get(&normal_path(path)).cloned().ok_or_else(|| "no such file".to_string())
    }

    fn list(&self, folder: &str) -> Result<Vec<String>, String> {
        if !self.exists(folder) {
            return Err("no such folder".to_string());
        }
        let prefix = folder_prefix(folder);
        let inside = self.0.keys().filter_map(|path| path.strip_prefix(&prefix));
        Ok(inside.filter(|name| !name.contains('/')).map(str::to_string).collect())
    }

    fn exists(&self, path: &str) -> bool {
        let prefix = folder_prefix(path);
        self.0.contains_key(&normal_path(path)) || self.0.keys().any(|file| file.starts_with(&prefix))
    }

    fn files_below(&self, folder: &str) -> Result<Vec<String>, String> {
        let prefix = folder_prefix(folder);
        Ok(self.0.keys().filter_map(|path| path.strip_prefix(&prefix)).map(str::to_string).collect())
    }

    fn absolute(&self, path: &str) -> String {
        join_path("/stack", path)
    }

    fn home(&self) -> Option<String> {
        Some("/home/user".to_string())
    }
}

fn folder_prefix(folder: &str) -> String {
    match normal_path(folder).as_str() {
        "." => String::new(),
        other => format!("{other}/"),
    }
}

/// Resolves `.` and `..` of a path as text. A path that is empty then is `.`.
pub(super) fn normal_path(path: &str) -> String {
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." if parts.last().is_some_and(|last| *last != "..") => {
                parts.pop();
            }
            other => parts.push(other),
        }
    }
    let root = if path.starts_with('/') { "/" } else { "" };
    match (root, parts.is_empty()) {
        ("", true) => ".".to_string(),
        (root, _) => format!("{root}{}", parts.join("/")),
    }
}

/// Joins a path to the folder it is relative to.
pub(super) fn join_path(folder: &str, path: &str) -> String {
    if path.starts_with('/') { normal_path(path) } else { normal_path(&format!("{folder}/{path}")) }
}

/// One `-var` or `-var-file` of the command line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum VariableArgument {
    /// `-var name=text`
    Value {
        /// Name of the variable.
        name: String,
        /// The text as given: taken literally by a variable of type `string`, else read as an expression.
        text: String,
    },
    /// `-var-file path`
    File(String),
}

/// Everything a configuration depends on.
pub struct Input<'a> {
    /// The files.
    pub world: Arc<dyn World>,
    /// Folder of the root module, as `path.module` shows it: `.` or `stacks/home`.
    pub folder: &'a str,
    /// Texts of `SPAWNPOINT_VAR_name`, by name.
    pub environment: BTreeMap<String, String>,
    /// `-var` and `-var-file`, in the order given.
    pub arguments: Vec<VariableArgument>,
    /// Block types that are objects with an address, from the registry: `vm`, `tenant`, ...
    pub object_types: &'a [&'a str],
    /// Who answers `data` blocks.
    pub lookups: Arc<dyn Lookups>,
    /// Selected workspace: `default` if none was.
    pub workspace: &'a str,
    /// Name of the working folder: what `project` defaults to.
    pub folder_name: &'a str,
    /// The working folder as an absolute path: `path.cwd`.
    pub working_folder: &'a str,
    /// Time of the run, for functions that ask for it.
    pub now: jiff::Timestamp,
    /// What a test says about the run; none outside of tests.
    pub test: Option<&'a TestInput>,
}

/// What a test says about a run of the module it tests.
#[derive(Clone, Debug, Default)]
pub struct TestInput {
    /// Values that win over all others.
    pub values: Vec<TestValue>,
    /// The text of the test file, which the places of the values are in.
    pub sources: Sources,
    /// Whether values from outside that the module has no variable for are left out: they are for another module of the test.
    pub is_lenient: bool,
}

/// A value that a test gives a variable.
#[derive(Clone, Debug)]
pub struct TestValue {
    /// Name of the variable.
    pub name: Arc<str>,
    /// The value.
    pub value: Value,
    /// Where its name is written.
    pub name_span: Span,
    /// Where it is written.
    pub span: Span,
    /// Whether the module must have such a variable: it is given to this run alone.
    pub must_exist: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_resolved_as_text() {
        for (path, normal) in
            [("", "."), ("./", "."), ("a/./b/../c", "a/c"), ("../x", "../x"), ("a/../..", ".."), ("/a//b", "/a/b")]
        {
            assert_eq!(normal_path(path), normal);
        }
    }

    #[test]
    fn a_world_of_texts_lists_files_but_not_folders() {
        let world = MemoryWorld::new([("a.hcl", ""), ("./m/b.hcl", ""), ("m/n/c.hcl", "")]);
        assert_eq!(world.list("."), Ok(vec!["a.hcl".to_string()]));
        assert_eq!(world.list("m"), Ok(vec!["b.hcl".to_string()]));
        assert!(world.exists("m/n") && !world.exists("n"));
        assert!(world.list("n").is_err());
    }
}
