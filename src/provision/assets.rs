//! The playbooks that come with the program, laid out in a folder for one run. A stack's own `playbooks/GAME` wins over ours.

use crate::diagnostics::{Diagnostic, Diagnostics, Sources};
use crate::games::{self, Game};
use include_dir::{Dir, include_dir};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::{Path, PathBuf};

static EMBEDDED: Dir<'static> = include_dir!("$CARGO_MANIFEST_DIR/playbooks");

/// The folder with roles, modules and the callback that every game's playbook uses.
const SHARED: &str = "_shared";

/// A playbook as its files: those of the game and the shared ones, by path below `playbooks/`.
#[derive(Clone, Debug)]
pub struct Playbook {
    game: String,
    files: BTreeMap<String, Vec<u8>>,
}

/// Returns the names of the games there are: ours and those of the stack's own `playbooks` folder, sorted.
pub fn names(stack: &Path) -> Vec<String> {
    let own = fs::read_dir(stack.join("playbooks"))
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| entry.file_name().into_string().ok());
    let ours = EMBEDDED.dirs().filter_map(|dir| dir.path().to_str().map(str::to_owned));
    let mut names: Vec<String> = own.chain(ours).filter(|name| !name.starts_with(['_', '.'])).collect();
    names.sort();
    names.dedup();
    names
}

/// Returns the playbook of a game: the stack's own if it has one, else ours, else nothing.
///
/// # Errors
/// The stack's own folder cannot be read.
pub fn playbook(stack: &Path, game: &str) -> io::Result<Option<Playbook>> {
    // A game is a folder's name: anything else could leave the folder of playbooks.
    if game.is_empty()
        || game.starts_with(['_', '.'])
        || !game.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
    {
        return Ok(None);
    }
    let mut files = BTreeMap::new();
    let own = stack.join("playbooks").join(game);
    if own.is_dir() {
        read_folder(&own, game, &mut files)?;
    } else if let Some(dir) = EMBEDDED.get_dir(game) {
        read_embedded(dir, &mut files);
    } else {
        return Ok(None);
    }
    let shared = EMBEDDED.get_dir(SHARED).expect("the shared roles are embedded with the playbooks");
    read_embedded(shared, &mut files);
    Ok(Some(Playbook { game: game.to_owned(), files }))
}

impl Playbook {
    /// Returns the game that the playbook's manifest describes; its text is added to the sources.
    ///
    /// # Errors
    /// There is no manifest, it is not UTF-8, it is wrong, or it names another game than its folder.
    pub fn manifest(&self, sources: &mut Sources) -> Result<Game, Diagnostics> {
        let name = format!("{}/game.hcl", self.game);
        let bytes = self.files.get(&name);
        let bytes = bytes
            .ok_or_else(|| Diagnostic::error(format!("`playbooks/{name}` is missing: every game needs a manifest")))?;
        let text = str::from_utf8(bytes).map_err(|_| Diagnostic::error(format!("`playbooks/{name}` is not UTF-8")))?;
        let file = sources.add(format!("playbooks/{name}"), text);
        let game = games::parse(file, text)?;
        match *game.name == *self.game {
            true => Ok(game),
            false => Err(Diagnostic::error(format!(
                "`playbooks/{name}` names the game `{}`, expected `{}`",
                game.name, self.game
            ))
            .into()),
        }
    }

    /// Returns the digest of all files that a run uses: another playbook, another digest. What is only for people to read changes no server.
    pub fn digest(&self) -> String {
        let mut digest = Sha256::new();
        for (path, bytes) in self.files.iter().filter(|(path, _)| !path.ends_with(".md")) {
            digest.update(format!("{path}\0{}\0", bytes.len()));
            digest.update(bytes);
        }
        digest.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// Writes all files below a folder, readable by the user alone, and returns the path of the playbook.
    ///
    /// # Errors
    /// A file or folder cannot be written.
    pub fn unpack(&self, folder: &Path) -> io::Result<PathBuf> {
        for (path, bytes) in &self.files {
            let target = folder.join(path);
            let parent = target.parent().expect("every file is below the folder");
            fs::DirBuilder::new().recursive(true).mode(0o700).create(parent)?;
            fs::write(&target, bytes)?;
            fs::set_permissions(&target, fs::Permissions::from_mode(0o600))?;
        }
        Ok(folder.join(&self.game).join("playbook.yml"))
    }
}

fn read_embedded(dir: &Dir<'_>, files: &mut BTreeMap<String, Vec<u8>>) {
    for file in dir.files() {
        files.insert(file.path().to_string_lossy().into_owned(), file.contents().to_vec());
    }
    for dir in dir.dirs() {
        read_embedded(dir, files);
    }
}

fn read_folder(folder: &Path, name: &str, files: &mut BTreeMap<String, Vec<u8>>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let name = format!("{name}/{}", entry.file_name().to_string_lossy());
        match entry.file_type()?.is_dir() {
            true => read_folder(&entry.path(), &name, files)?,
            false => {
                files.insert(name, fs::read(entry.path())?);
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_embedded_is_what_is_in_the_folder() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("playbooks");
        let mut there = BTreeMap::new();
        read_folder(&folder, "", &mut there).expect("the folder is part of the project");
        let there: BTreeMap<_, _> = there.into_iter().map(|(path, bytes)| (path[1..].to_owned(), bytes)).collect();
        let mut embedded = BTreeMap::new();
        read_embedded(&EMBEDDED, &mut embedded);
        let names = |files: &BTreeMap<String, Vec<u8>>| files.keys().cloned().collect::<Vec<_>>();
        assert_eq!(names(&embedded), names(&there), "touch src/provision/assets.rs: a new file is not embedded yet");
        assert!(embedded == there);
    }

    #[test]
    fn every_embedded_game_has_a_manifest_that_parses() {
        for name in names(Path::new("/nonexistent")) {
            let playbook =
                playbook(Path::new("/nonexistent"), &name).expect("nothing is read").expect("it is embedded");
            let game = playbook.manifest(&mut Sources::new());
            assert!(game.is_ok(), "{name}: {game:?}");
        }
    }

    #[test]
    fn a_stacks_own_game_wins_over_ours() {
        let stack = tempfile::TempDir::new().expect("there is room for a folder");
        let ours = playbook(stack.path(), "minecraft-java").expect("it can be read").expect("it is embedded");
        let own = stack.path().join("playbooks/minecraft-java");
        fs::create_dir_all(own.join("templates")).expect("the folder is ours");
        fs::write(own.join("game.hcl"), "name = \"chess\"").expect("the folder is ours");
        fs::write(own.join("templates/x.j2"), "").expect("the folder is ours");
        let theirs = playbook(stack.path(), "minecraft-java").expect("it can be read").expect("it is there");
        assert_ne!(ours.digest(), theirs.digest());
        let paths: Vec<_> = theirs.files.keys().filter(|path| path.starts_with("minecraft")).collect();
        assert_eq!(paths, ["minecraft-java/game.hcl", "minecraft-java/templates/x.j2"]);
        assert!(theirs.files.contains_key("_shared/variables.yml"), "the shared roles are always there");
        assert!(theirs.manifest(&mut Sources::new()).is_err());
        let run = tempfile::TempDir::new().expect("there is room for a folder");
        theirs.unpack(run.path()).expect("the folder is ours");
        let mode =
            fs::metadata(run.path().join("_shared/variables.yml")).expect("it was just written").permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }

    #[test]
    fn a_name_cannot_leave_the_folder() {
        for name in ["..", "../..", "_shared", "a/b", "", ".git"] {
            assert!(playbook(Path::new("/"), name).expect("nothing is read").is_none(), "{name}");
        }
    }
}
