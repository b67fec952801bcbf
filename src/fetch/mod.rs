//! Fetching modules: archives over HTTPS or from a file, repositories through the `git` program. What comes of it is a [`Tree`] in memory,
//! judged as a whole before a file of it is written.
//!
//! Which modules are needed, and whether they are what the lock file says, is `config`'s. Nothing fetched is ever run.

mod archive;
mod git;
mod https;
mod tree;

pub use tree::{Tree, TreeError};

use crate::config::{LockedModule, Origin, digest};
use sha2::{Digest, Sha256};
use std::path::Path;

/// Largest archive, and largest repository, that is fetched, in bytes.
const ARCHIVE_BYTES_MAX: u64 = 16 << 20;

/// Why a module cannot be fetched.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{error}")]
pub struct FetchError {
    /// What happened.
    pub error: String,
    /// What the user can do next.
    pub hints: Vec<String>,
}

impl FetchError {
    fn new(error: impl Into<String>) -> Self {
        Self { error: error.into(), hints: Vec::new() }
    }

    fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hints.push(hint.into());
        self
    }
}

impl From<TreeError> for FetchError {
    fn from(error: TreeError) -> Self {
        Self::new(error.to_string())
    }
}

/// Fetches a module and returns it with what the lock file is to say. A commit that is locked already is fetched again, whatever the branch
/// or tag means by now. Paths of archives begin at `folder`.
///
/// # Errors
/// It cannot be reached, or is not what it should be.
pub async fn fetch(
    origin: &Origin,
    locked: Option<&LockedModule>,
    folder: &Path,
) -> Result<(Tree, LockedModule), FetchError> {
    let (tree, commit, sha256) = match origin {
        Origin::Archive { location, kind, sha256 } => {
            let bytes = match location.starts_with("https://") {
                true => https::download(location).await?,
                false => file(&folder.join(location), location)?,
            };
            let found: String = Sha256::digest(&bytes).iter().map(|byte| format!("{byte:02x}")).collect();
            if found != *sha256 {
                let error = format!("`{location}` has the checksum sha256:{found}, expected sha256:{sha256}");
                return Err(FetchError::new(error).hint("if the new archive is the one you want, write its checksum"));
            }
            (archive::unpack(*kind, &bytes)?, None, Some(found))
        }
        Origin::Git { url, reference } => {
            let pinned = locked.and_then(|locked| locked.commit.as_deref());
            let (tree, commit) = git::fetch(url, reference.as_deref(), pinned).await?;
            (tree, Some(commit), None)
        }
    };
    let digest = digest(tree.files());
    Ok((tree, LockedModule { commit, sha256, digest }))
}

fn file(path: &Path, shown: &str) -> Result<Vec<u8>, FetchError> {
    let cannot = |error: std::io::Error| FetchError::new(format!("cannot read `{shown}`: {error}"));
    let length = std::fs::metadata(path).map_err(cannot)?.len();
    if length > ARCHIVE_BYTES_MAX {
        return Err(too_large(shown));
    }
    std::fs::read(path).map_err(cannot)
}

fn too_large(what: &str) -> FetchError {
    let limit = ARCHIVE_BYTES_MAX >> 20;
    FetchError::new(format!("`{what}` is too large, expected at most {limit} MiB"))
        .hint("modules are text; put what else they need elsewhere")
}
