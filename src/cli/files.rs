//! Files that are replaced as a whole: whoever reads one sees the old text or the new, never half of it.

use std::io::Write as _;
use std::path::Path;

/// Writes a file beside the one that is meant and puts it in its place. Permissions stay; a link stays a link.
///
/// # Errors
/// The system's; the old file is then as it was.
pub(super) fn replace(path: &Path, content: &[u8]) -> std::io::Result<()> {
    let path = std::fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let before = std::fs::metadata(&path).ok();
    let mut new = builder().prefix(".spawnpoint-").tempfile_in(folder)?;
    new.write_all(content)?;
    if let Some(before) = before {
        new.as_file().set_permissions(before.permissions())?;
    }
    new.as_file().sync_all()?;
    new.persist(path)?;
    Ok(())
}

/// A temporary file is for its owner only; a file that stays gets what the umask leaves of the usual.
fn builder() -> tempfile::Builder<'static, 'static> {
    #[cfg_attr(not(unix), expect(unused_mut, reason = "there is nothing to set elsewhere"))]
    let mut builder = tempfile::Builder::new();
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    builder
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;
    use std::os::unix::fs::{PermissionsExt, symlink};

    #[test]
    fn permissions_and_links_stay() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let (file, link) = (folder.path().join("a"), folder.path().join("b"));
        std::fs::write(&file, "old").expect("it can be written");
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o640)).expect("it is ours");
        symlink("a", &link).expect("links can be made");
        replace(&link, b"new").expect("it can be replaced");
        assert_eq!(std::fs::read(&file).expect("it is there"), b"new");
        let mode = std::fs::metadata(&file).expect("it is there").permissions().mode();
        assert_eq!(mode & 0o777, 0o640);
        assert!(link.is_symlink());
        assert_eq!(std::fs::read_dir(folder.path()).expect("it is a folder").count(), 2, "nothing is left over");
    }
}
