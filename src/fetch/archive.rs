//! Archives unpacked in memory. What is not a file or a folder is refused, not left out: who packs a link means something by it.

use super::FetchError;
use super::tree::{Tree, TreeError};
use crate::config::ArchiveKind;
use flate2::read::GzDecoder;
use std::io::{Cursor, Read};
use tar::EntryType;

/// Bytes that the entries of a tar archive may take besides the files: headers, padding, long names.
const OVERHEAD_BYTES_MAX: u64 = 16 << 20;

/// Returns the files of an archive.
pub(super) fn unpack(kind: ArchiveKind, bytes: &[u8]) -> Result<Tree, FetchError> {
    match kind {
        ArchiveKind::Tar => tar(bytes),
        ArchiveKind::TarGz => tar(GzDecoder::new(bytes)),
        ArchiveKind::Zip => zip(bytes),
    }
}

fn damaged(error: &dyn std::fmt::Display) -> FetchError {
    FetchError::new(format!("the archive cannot be read: {error}"))
}

fn tar(reader: impl Read) -> Result<Tree, FetchError> {
    let mut tree = Tree::default();
    // A gzip bomb may be all headers: what is behind the limit is as if it ended there.
    let limited = reader.take(tree.bytes_to_read() + OVERHEAD_BYTES_MAX);
    let mut archive = tar::Archive::new(limited);
    for entry in archive.entries().map_err(|error| damaged(&error))? {
        let mut entry = entry.map_err(|error| damaged(&error))?;
        let path = String::from_utf8(entry.path_bytes().into_owned())
            .map_err(|error| TreeError::Path(String::from_utf8_lossy(error.as_bytes()).into_owned()))?;
        let what = match entry.header().entry_type() {
            EntryType::Regular | EntryType::Continuous => {
                tree.add(&path, content(&mut entry, &tree)?)?;
                continue;
            }
            EntryType::Directory | EntryType::XGlobalHeader => continue,
            EntryType::Symlink => "the symbolic link",
            EntryType::Link => "the hard link",
            _ => "the special file",
        };
        return Err(TreeError::Kind { what, path }.into());
    }
    Ok(tree)
}

fn zip(bytes: &[u8]) -> Result<Tree, FetchError> {
    let mut tree = Tree::default();
    let mut archive = zip::ZipArchive::new(Cursor::new(bytes)).map_err(|error| damaged(&error))?;
    for index in 0..archive.len() {
        let mut entry = archive.by_index(index).map_err(|error| damaged(&error))?;
        let path = std::str::from_utf8(entry.name_raw())
            .map_err(|_| TreeError::Path(String::from_utf8_lossy(entry.name_raw()).into_owned()))?
            .to_owned();
        if entry.is_symlink() {
            return Err(TreeError::Kind { what: "the symbolic link", path }.into());
        }
        if !entry.is_dir() {
            tree.add(&path, content(&mut entry, &tree)?)?;
        }
    }
    Ok(tree)
}

/// Reads a file of an archive, and not much more than the tree can still take: its size is only what the archive claims.
fn content(entry: &mut impl Read, tree: &Tree) -> Result<Vec<u8>, FetchError> {
    let mut content = Vec::new();
    entry.take(tree.bytes_to_read()).read_to_end(&mut content).map_err(|error| damaged(&error))?;
    Ok(content)
}

#[cfg(test)]
mod tests {
    use super::*;
    use flate2::Compression;
    use flate2::write::GzEncoder;
    use std::io::Write;

    fn header(kind: EntryType, path: &str, size: u64) -> tar::Header {
        let mut header = tar::Header::new_gnu();
        // The crate refuses such paths itself, but whoever attacks uses another program.
        let name = &mut header.as_gnu_mut().expect("it is a GNU header").name;
        name[..path.len()].copy_from_slice(path.as_bytes());
        header.set_entry_type(kind);
        header.set_size(size);
        header.set_mode(0o644);
        header.set_cksum();
        header
    }

    fn packed(entries: &[(EntryType, &str, &[u8])]) -> Vec<u8> {
        let mut builder = tar::Builder::new(Vec::new());
        for (kind, path, content) in entries {
            builder.append(&header(*kind, path, content.len() as u64), *content).expect("it is in memory");
        }
        builder.into_inner().expect("it is in memory")
    }

    fn zipped(entries: &[(&str, &[u8], Option<&str>)]) -> Vec<u8> {
        let mut writer = zip::ZipWriter::new(Cursor::new(Vec::new()));
        let options = zip::write::SimpleFileOptions::default();
        for (path, content, link) in entries {
            match link {
                Some(target) => writer.add_symlink(*path, *target, options).expect("it is in memory"),
                None => {
                    writer.start_file(*path, options).expect("it is in memory");
                    writer.write_all(content).expect("it is in memory");
                }
            }
        }
        writer.finish().expect("it is in memory").into_inner()
    }

    #[test]
    fn all_kinds_hold_the_same() {
        let tar = packed(&[
            (EntryType::Directory, "a/", b""),
            (EntryType::Regular, "a/main.hcl", b"# text\n"),
            (EntryType::Regular, "./b.hcl", b""),
        ]);
        let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(&tar).expect("it is in memory");
        let gz = encoder.finish().expect("it is in memory");
        let zip = zipped(&[("a/main.hcl", b"# text\n", None), ("b.hcl", b"", None)]);
        let trees: Vec<Tree> = [(ArchiveKind::Tar, tar), (ArchiveKind::TarGz, gz), (ArchiveKind::Zip, zip)]
            .map(|(kind, bytes)| unpack(kind, &bytes).expect("it is an archive"))
            .into();
        assert_eq!(trees[0].files().keys().collect::<Vec<_>>(), ["a/main.hcl", "b.hcl"]);
        assert!(trees[0] == trees[1] && trees[1] == trees[2]);
    }

    #[test]
    fn what_leads_elsewhere_is_refused() {
        for (kind, path, expected) in [
            (EntryType::Symlink, "a", "it holds the symbolic link `a`, expected only files and folders"),
            (EntryType::Link, "a", "it holds the hard link `a`, expected only files and folders"),
            (EntryType::Fifo, "a", "it holds the special file `a`, expected only files and folders"),
            (EntryType::Regular, "../a", "it holds `../a`, which is no path inside of it"),
            (EntryType::Regular, "/etc/a", "it holds `/etc/a`, which is no path inside of it"),
        ] {
            let error = unpack(ArchiveKind::Tar, &packed(&[(kind, path, b"")])).expect_err(path);
            assert_eq!(error.error, expected);
        }
        for bytes in [zipped(&[("a", b"", Some("/etc/passwd"))]), zipped(&[("../a", b"", None)])] {
            assert!(unpack(ArchiveKind::Zip, &bytes).is_err());
        }
    }

    #[test]
    fn a_bomb_ends_at_the_limit() {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
        encoder.write_all(header(EntryType::Regular, "zeros", 1 << 40).as_bytes()).expect("it is in memory");
        for _ in 0..64 {
            encoder.write_all(&[0; 1 << 20]).expect("it is in memory");
        }
        let gz = encoder.finish().expect("it is in memory");
        assert!(gz.len() < 1 << 20);
        let error = unpack(ArchiveKind::TarGz, &gz).expect_err("it is too large");
        assert_eq!(error.error, "its files are larger than 32 MiB together");
    }

    #[test]
    fn what_is_no_archive_is_told() {
        for kind in [ArchiveKind::Tar, ArchiveKind::TarGz, ArchiveKind::Zip] {
            let error = unpack(kind, &[b'x'; 2000]).expect_err("it is no archive");
            assert!(error.error.starts_with("the archive cannot be read: "), "{error}");
        }
    }
}
