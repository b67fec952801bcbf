//! The files of a fetched module: names that stay where they are put, sizes within limits, and nothing but regular files.

use std::collections::BTreeMap;
use std::path::Path;

/// Files of one module at most.
const FILES_MAX: usize = 4096;
/// Bytes of all files together at most.
const BYTES_MAX: usize = 32 << 20;
/// Bytes of a path at most.
const PATH_BYTES_MAX: usize = 512;

/// Files by path, with `/` between names.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tree {
    files: BTreeMap<String, Vec<u8>>,
    bytes: usize,
}

/// Why something cannot be part of a module.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TreeError {
    /// It would be put elsewhere.
    #[error("it holds `{0}`, which is no path inside of it")]
    Path(String),
    /// It is a link, a device, a submodule.
    #[error("it holds {what} `{path}`, expected only files and folders")]
    Kind {
        /// What it is, with its article.
        what: &'static str,
        /// Where.
        path: String,
    },
    /// There is one of the name already.
    #[error("it holds `{0}` twice")]
    Double(String),
    /// There are too many.
    #[error("it holds more than {FILES_MAX} files")]
    TooMany,
    /// They are too large.
    #[error("its files are larger than {} MiB together", BYTES_MAX >> 20)]
    TooLarge,
}

impl Tree {
    /// Returns the files.
    pub fn files(&self) -> &BTreeMap<String, Vec<u8>> {
        &self.files
    }

    /// Returns how many bytes may still be added, plus one: whoever reads so many has read too many.
    pub(super) fn bytes_to_read(&self) -> u64 {
        (BYTES_MAX - self.bytes) as u64 + 1
    }

    /// Adds a file.
    ///
    /// # Errors
    /// [`TreeError`]; nothing of the tree may be used then.
    pub fn add(&mut self, path: &str, content: Vec<u8>) -> Result<(), TreeError> {
        let path = checked(path)?;
        self.bytes += content.len();
        if self.bytes > BYTES_MAX {
            return Err(TreeError::TooLarge);
        }
        if self.files.len() == FILES_MAX {
            return Err(TreeError::TooMany);
        }
        match self.files.insert(path.clone(), content) {
            None => Ok(()),
            Some(_) => Err(TreeError::Double(path)),
        }
    }

    /// Writes all files below a folder that is not there yet. It is there as a whole or not at all.
    ///
    /// # Errors
    /// The system's.
    pub fn write(&self, folder: &Path) -> std::io::Result<()> {
        let parent = folder.parent().unwrap_or(Path::new("."));
        std::fs::create_dir_all(parent)?;
        let new = tempfile::Builder::new().prefix(".new-").tempdir_in(parent)?;
        for (path, content) in &self.files {
            let path = new.path().join(path);
            std::fs::create_dir_all(path.parent().expect("it is below a folder"))?;
            std::fs::write(path, content)?;
        }
        if folder.exists() {
            std::fs::remove_dir_all(folder)?;
        }
        std::fs::rename(new.keep(), folder)
    }
}

/// Returns a path as it is kept, if it can be nothing but a path inside.
fn checked(path: &str) -> Result<String, TreeError> {
    let wrong = || TreeError::Path(path.to_owned());
    let inside = path.strip_prefix("./").unwrap_or(path);
    let is_name = |name: &str| {
        !matches!(name, "" | "." | "..")
            && !name.chars().any(|character| character.is_control() || "\\:".contains(character))
    };
    if inside.len() > PATH_BYTES_MAX || !inside.split('/').all(is_name) {
        return Err(wrong());
    }
    Ok(inside.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_paths_inside_are_taken() {
        let mut tree = Tree::default();
        for path in ["a.hcl", "./b/c.hcl", "d..hcl", "..e/f"] {
            assert_eq!(tree.add(path, Vec::new()), Ok(()), "{path}");
        }
        for path in ["", ".", "..", "/a", "../a", "a/../../b", "a//b", "a/", "a\\..\\b", "C:a", "a\0b", "a\nb"] {
            assert_eq!(tree.add(path, Vec::new()), Err(TreeError::Path(path.to_owned())), "{path:?}");
        }
        assert_eq!(tree.add("b/c.hcl", Vec::new()), Err(TreeError::Double("b/c.hcl".into())));
    }

    #[test]
    fn limits_are_kept() {
        let mut tree = Tree::default();
        for number in 0..FILES_MAX {
            assert_eq!(tree.add(&number.to_string(), Vec::new()), Ok(()));
        }
        assert_eq!(tree.add("x", Vec::new()), Err(TreeError::TooMany));
        let mut tree = Tree::default();
        assert_eq!(tree.add("a", vec![0; BYTES_MAX]), Ok(()));
        assert_eq!(tree.add("b", vec![0]), Err(TreeError::TooLarge));
    }

    #[test]
    fn what_is_there_is_replaced() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let place = folder.path().join("modules/x");
        let tree = |path: &str| {
            let mut tree = Tree::default();
            tree.add(path, b"text".to_vec()).expect("the path is fine");
            tree
        };
        tree("a/b.hcl").write(&place).expect("it can be written");
        tree("c.hcl").write(&place).expect("it can be written");
        assert!(place.join("c.hcl").is_file() && !place.join("a").exists());
        let left = std::fs::read_dir(folder.path().join("modules")).expect("it is a folder").count();
        assert_eq!(left, 1, "no half-written folder is left");
    }
}
