//! Where a called module is from: a folder, an archive or a Git repository. Read from the text of `source`; fetching is `fetch`'s.

use super::input::{join_path, normal_path};
use sha2::{Digest, Sha256};
use std::fmt;
use std::sync::Arc;

/// Folder of fetched modules, below the working folder.
pub(super) const MODULES: &str = ".spawnpoint/modules";
/// How archives end.
const ARCHIVES: [(&str, ArchiveKind); 4] = [
    (".tar.gz", ArchiveKind::TarGz),
    (".tgz", ArchiveKind::TarGz),
    (".tar", ArchiveKind::Tar),
    (".zip", ArchiveKind::Zip),
];

/// What `source` says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Source {
    /// A folder, from the working folder.
    Folder(Arc<str>),
    /// Something that has to be fetched first.
    Remote(Remote),
}

/// A module that has to be fetched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Remote {
    /// Where it is fetched from.
    pub origin: Origin,
    /// Folder of the module in what is fetched; empty for the whole.
    pub subfolder: String,
}

/// Where something is fetched from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// An archive at an `https://` address, or a file at a path from the working folder.
    Archive {
        /// The address or path.
        location: String,
        /// What kind of archive it is.
        kind: ArchiveKind,
        /// SHA-256 of the archive in hexadecimal.
        sha256: String,
    },
    /// A Git repository.
    Git {
        /// What `git fetch` takes.
        url: String,
        /// Branch, tag or commit; the repository's default branch if none is named.
        reference: Option<String>,
    },
}

/// A kind of archive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ArchiveKind {
    /// A tar archive.
    Tar,
    /// A tar archive, compressed by gzip.
    TarGz,
    /// A zip archive.
    Zip,
}

/// What is wrong with a source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct WrongSource {
    pub(super) summary: String,
    pub(super) hint: String,
    /// Whether it is the checksum that is wrong.
    pub(super) is_checksum: bool,
}

impl Remote {
    /// Returns the folder of what is fetched, from the working folder.
    pub fn place(&self) -> String {
        let mut text = self.origin.to_string();
        if let Origin::Archive { sha256, .. } = &self.origin {
            text.push_str(sha256);
        }
        let digest = Sha256::digest(text.as_bytes());
        let name: String = digest.iter().take(8).map(|byte| format!("{byte:02x}")).collect();
        format!("{MODULES}/{name}")
    }

    /// Returns the folder of the module.
    pub(super) fn folder(&self) -> String {
        join_path(&self.place(), &self.subfolder)
    }
}

/// As in `source`, without the folder in it.
impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Archive { location, .. } => f.write_str(location),
            Self::Git { url, reference: None } => write!(f, "git::{url}"),
            Self::Git { url, reference: Some(reference) } => write!(f, "git::{url}?ref={reference}"),
        }
    }
}

impl WrongSource {
    fn new(summary: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { summary: summary.into(), hint: hint.into(), is_checksum: false }
    }
}

/// Reads the `source` and `checksum` of a call in the module of `folder`.
pub(super) fn read(folder: &str, source: &str, checksum: Option<&str>) -> Result<Source, WrongSource> {
    let source = if let Some(rest) = source.strip_prefix("git::") {
        Source::Remote(git(rest)?)
    } else if source.contains("://") {
        Source::Remote(archive_at(source, checksum)?)
    } else if source.starts_with("./") || source.starts_with("../") || source.starts_with('/') {
        path(folder, source, checksum)?
    } else {
        let is_host = source.split('/').next().is_some_and(|host| host.contains('.')) || source.starts_with("git@");
        let hint = match source.strip_prefix("git@") {
            Some(rest) => format!("a repository is `git::ssh://git@{}`", rest.replacen(':', "/", 1)),
            None if is_host => format!("a repository is `git::https://{source}`"),
            None => {
                "an archive is `https://.../x.tar.gz`, a repository `git::https://...`; there is no registry".into()
            }
        };
        let summary = format!("`{source}` is not a folder, expected a path that begins with `./` or `../`");
        return Err(WrongSource::new(summary, hint));
    };
    let takes_checksum = matches!(&source, Source::Remote(Remote { origin: Origin::Archive { .. }, .. }));
    if checksum.is_some() && !takes_checksum {
        let summary = "only an archive has a `checksum`";
        let hint = "a folder is what it is, and the commit of a repository is kept in `spawnpoint.lock.hcl`";
        return Err(WrongSource { is_checksum: true, ..WrongSource::new(summary, hint) });
    }
    Ok(source)
}

fn path(folder: &str, source: &str, checksum: Option<&str>) -> Result<Source, WrongSource> {
    let (file, subfolder) = split(source, 0)?;
    match archive_kind(file) {
        Some(kind) => {
            let location = join_path(folder, file);
            // An address has no `./`; a path keeps it, so that nobody takes one for the other.
            let location = if location.starts_with(['/', '.']) { location } else { format!("./{location}") };
            Ok(Source::Remote(archive(location, kind, checksum, subfolder)?))
        }
        None => Ok(Source::Folder(join_path(folder, source).into())),
    }
}

fn archive_at(source: &str, checksum: Option<&str>) -> Result<Remote, WrongSource> {
    let Some(rest) = source.strip_prefix("https://") else {
        let summary = format!("`{source}` is no place for modules, expected `https://` or `git::`");
        return Err(WrongSource::new(summary, "what is fetched without encryption can be read and changed on its way"));
    };
    refuse_password(rest)?;
    let address = source.find('?').map_or(source, |at| &source[..at]);
    let (file, subfolder) = split(address, "https://".len())?;
    let Some(kind) = archive_kind(file) else {
        let summary = format!("`{file}` is not an archive, expected a name that ends in {}", endings());
        return Err(WrongSource::new(summary, format!("a Git repository is `git::{file}`")));
    };
    archive(format!("{file}{}", &source[address.len()..]), kind, checksum, subfolder)
}

fn archive(
    location: String,
    kind: ArchiveKind,
    checksum: Option<&str>,
    subfolder: String,
) -> Result<Remote, WrongSource> {
    let wrong = |summary: String| WrongSource {
        is_checksum: checksum.is_some(),
        ..WrongSource::new(summary, "`sha256sum FILE` tells it; write it as `checksum = \"sha256:...\"`")
    };
    let Some(checksum) = checksum else {
        return Err(wrong(format!("the archive `{location}` has no `checksum`")));
    };
    let sha256 = checksum.strip_prefix("sha256:").unwrap_or_default().to_ascii_lowercase();
    if sha256.len() != 64 || !sha256.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Err(wrong(format!("`{checksum}` is not a checksum, expected `sha256:` and 64 hexadecimal digits")));
    }
    Ok(Remote { origin: Origin::Archive { location, kind, sha256 }, subfolder })
}

fn git(rest: &str) -> Result<Remote, WrongSource> {
    let (address, query) = rest.split_once('?').map_or((rest, None), |(address, query)| (address, Some(query)));
    let reference = match query.map(|query| query.strip_prefix("ref=").ok_or(query)) {
        None => None,
        Some(Ok(reference)) if is_reference(reference) => Some(reference.to_owned()),
        Some(Ok(reference)) => {
            let hint = "a branch, a tag or a commit: letters, digits, `.`, `_`, `-` and `/`";
            return Err(WrongSource::new(format!("`{reference}` is not the name of a version"), hint));
        }
        Some(Err(query)) => {
            let summary = format!("`?{query}` means nothing, expected `?ref=VERSION`");
            return Err(WrongSource::new(summary, "the folder in the repository goes before it: `//folder?ref=v1`"));
        }
    };
    let scheme = address.find("://").map(|at| at + "://".len());
    let (url, subfolder) = split(address, scheme.unwrap_or(0))?;
    let host = &url[scheme.unwrap_or(0)..];
    refuse_password(host)?;
    let is_known = match scheme.map(|at| &address[..at]) {
        Some("https://" | "ssh://" | "git://" | "file://") => true,
        Some(_) => false,
        // `git@host:path`, or a path: never a word that git could take for an option or for a helper to run.
        None => url.starts_with('/') || (url.contains(':') && !url.contains("::") && !url.contains(' ')),
    };
    if !is_known || host.is_empty() || host.starts_with('-') {
        let summary = format!("`{url}` is not a repository, expected an address");
        let hint =
            "such as `git::https://...`, `git::ssh://git@host/path`, `git::git@host:path` or `git::file:///path`";
        return Err(WrongSource::new(summary, hint));
    }
    Ok(Remote { origin: Origin::Git { url: url.to_owned(), reference }, subfolder })
}

/// Splits off the folder after `//`, looked for behind the scheme.
fn split(source: &str, scheme: usize) -> Result<(&str, String), WrongSource> {
    let Some(at) = source[scheme..].find("//").map(|at| scheme + at) else {
        return Ok((source, String::new()));
    };
    let subfolder = normal_path(source[at + 2..].trim_matches('/'));
    if subfolder.starts_with("..") {
        let summary = format!("`{}` leaves what is fetched", &source[at..]);
        return Err(WrongSource::new(summary, "what follows `//` is a folder inside"));
    }
    Ok((&source[..at], if subfolder == "." { String::new() } else { subfolder }))
}

fn refuse_password(host: &str) -> Result<(), WrongSource> {
    let authority = host.split('/').next().unwrap_or_default();
    match authority.rsplit_once('@') {
        Some((user, _)) if user.contains(':') => {
            // Not repeated: it is a secret.
            let hint = "git asks its credential helper; an archive has to be readable without one";
            Err(WrongSource::new("the source holds a password, expected an address without one", hint))
        }
        _ => Ok(()),
    }
}

fn archive_kind(file: &str) -> Option<ArchiveKind> {
    ARCHIVES.iter().find(|(ending, _)| file.ends_with(ending)).map(|(_, kind)| *kind)
}

fn endings() -> String {
    ARCHIVES.map(|(ending, _)| format!("`{ending}`")).join(", ")
}

fn is_reference(text: &str) -> bool {
    let is_safe = |character: char| character.is_ascii_alphanumeric() || "._-/".contains(character);
    !text.is_empty() && !text.starts_with('-') && text.chars().all(is_safe)
}

#[cfg(test)]
mod tests {
    use super::*;

    const CHECKSUM: &str = "sha256:ABCDEF0123456789abcdef0123456789abcdef0123456789abcdef0123456789";

    fn shown(source: &str, checksum: Option<&str>) -> String {
        match read("modules/web", source, checksum) {
            Ok(Source::Folder(folder)) => format!("folder {folder}"),
            Ok(Source::Remote(remote)) => format!("{} in {:?}", remote.origin, remote.subfolder),
            Err(wrong) => format!("wrong: {}", wrong.summary),
        }
    }

    #[test]
    fn a_source_is_a_folder_an_archive_or_a_repository() {
        for (source, expected) in [
            ("./x", "folder modules/web/x"),
            ("../..//x", "folder x"),
            ("git::https://example.org/a.git//b/c?ref=v1.2", "git::https://example.org/a.git?ref=v1.2 in \"b/c\""),
            ("git::ssh://git@example.org/a", "git::ssh://git@example.org/a in \"\""),
            ("git::git@example.org:a/b.git//c", "git::git@example.org:a/b.git in \"c\""),
            ("git::file:///srv/a//./b/../c", "git::file:///srv/a in \"c\""),
        ] {
            assert_eq!(shown(source, None), expected);
        }
        for (source, expected) in [
            ("https://example.org/a.tar.gz//b", "https://example.org/a.tar.gz in \"b\""),
            ("https://example.org/a.zip//b?c=//d", "https://example.org/a.zip?c=//d in \"b\""),
            ("../a.tgz//b", "./modules/a.tgz in \"b\""),
        ] {
            assert_eq!(shown(source, Some(CHECKSUM)), expected);
        }
    }

    #[test]
    fn what_could_be_something_else_is_refused() {
        for source in [
            "hashicorp/consul/aws",
            "http://example.org/a.zip",
            "https://example.org/a",
            "git::-oProxyCommand=x",
            "git::--upload-pack=x:y",
            "git::ssh://-oProxyCommand=x/y",
            "git::ext::sh -c x",
            "git::https://kim:hunter2@example.org/a",
            "git::https://example.org/a?ref=--x",
            "git::https://example.org/a?ref=a:b",
            "git::https://example.org/a?depth=1",
            "git::https://example.org/a//../b",
            "./a.zip",
            "https://example.org/a.zip//..",
        ] {
            let told = shown(source, None);
            assert!(told.starts_with("wrong: ") && !told.contains("hunter2"), "{source}: {told}");
        }
        assert!(shown("./a.zip", Some("md5:1")).starts_with("wrong: "));
        assert!(shown("./a", Some(CHECKSUM)).starts_with("wrong: "));
    }

    #[test]
    fn every_version_has_a_place_of_its_own() {
        let place = |source: &str| match read(".", source, None) {
            Ok(Source::Remote(remote)) => remote.place(),
            other => panic!("{other:?}"),
        };
        let (one, two) = (place("git::https://example.org/a?ref=v1"), place("git::https://example.org/a?ref=v2"));
        assert_ne!(one, two);
        assert_eq!(one, place("git::https://example.org/a//b?ref=v1"), "one repository is fetched once");
    }
}
