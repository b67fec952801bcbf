//! Rules of the house that a machine can check. Each test names every place that breaks its rule, so that one run is enough to mend all.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// Who may know whom: a room, and the rooms (or parts of rooms) it may name. `cli` may name everything and is not listed.
///
/// This is the floor plan's only form that a machine reads. A new arrow is a design decision: add it here, and say why in the commit.
const ARROWS: &[(&str, &[&str])] = &[
    ("value", &[]),
    ("diagnostics", &[]),
    ("config", &["value", "diagnostics"]),
    ("games", &["value", "diagnostics", "config"]),
    ("graph", &["config", "diagnostics"]),
    ("state", &["value", "config"]),
    ("proxmox", &[]),
    (
        "resources",
        &[
            "value",
            "config",
            "diagnostics",
            "games",
            "state",
            "observe",
            "proxmox::call",
            "proxmox::decode",
            "proxmox::property",
            "proxmox::Call",
        ],
    ),
    ("domain", &["value", "config", "diagnostics", "games", "resources"]),
    ("observe", &["proxmox", "value"]),
    ("lookups", &["value", "config", "diagnostics", "observe", "resources", "state"]),
    ("history", &["state", "value", "config"]),
    (
        "plan",
        &[
            "value",
            "proxmox::Method",
            "config",
            "diagnostics",
            "games",
            "graph",
            "domain",
            "state",
            "resources",
            "observe",
            "history",
            "proxmox::call",
            "proxmox::property",
        ],
    ),
    (
        "apply",
        &["value", "games", "config", "diagnostics", "plan", "state", "resources", "observe", "proxmox", "provision"],
    ),
    ("fetch", &["config", "proxmox::https"]),
    ("provision", &["value", "config", "diagnostics", "games", "proxmox"]),
    ("simulator", &["proxmox"]),
    ("checks", &["proxmox"]),
    ("doctor", &["proxmox", "observe", "plan::demand", "plan::permissions", "provision", "render"]),
    (
        "render",
        &[
            "value",
            "config",
            "diagnostics",
            "plan",
            "resources",
            "state",
            "apply::Event",
            "apply::OperationResult",
            "apply::Summary",
        ],
    ),
    ("secrets", &["value", "diagnostics", "config"]),
    ("notify", &["value", "diagnostics"]),
];

/// The functional core: files and folders below `src` that compute and do nothing else.
const CORE: [&str; 17] = [
    "value",
    "diagnostics",
    "config",
    "domain",
    "games",
    "graph",
    "state",
    "resources",
    "lookups",
    "plan",
    "render",
    "history",
    "apply/schedule.rs",
    "apply/recover.rs",
    "apply/recover",
    "observe/decode.rs",
    "simulator/machine",
];

/// What the core never does.
const IMPURE: [&str; 7] = ["async fn", "async move", "std::fs", "std::env::", "SystemTime", "Instant::now", "tokio::"];

/// Rooms that may look at a secret in clear: those that send it, and the simulator that receives it.
const REVEALING: [&str; 5] = ["src/apply/", "src/checks/", "src/proxmox/", "src/provision/", "src/simulator/"];

const LINES_MAX: usize = 600;
const FUNCTION_LINES_MAX: usize = 70;

struct File {
    /// Path from the root of the workspace, with `/`.
    path: String,
    text: String,
}

impl File {
    /// Lines that are code, with their numbers: no comments, nothing of the tests at the end of the file.
    fn code(&self) -> impl Iterator<Item = (usize, &str)> {
        let end = self.text.find("\n#[cfg(test)]\nmod ").or_else(|| self.text.find("\n#[cfg(test)]\npub"));
        let code = &self.text[..end.unwrap_or(self.text.len())];
        code.lines()
            .enumerate()
            .map(|(at, line)| (at + 1, line))
            .filter(|(_, line)| !line.trim_start().starts_with("//"))
    }

    fn is_within(&self, place: &str) -> bool {
        let below = self.path.strip_prefix("src/").and_then(|path| path.strip_prefix(place));
        below.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    }
}

fn sources() -> Vec<File> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut files = Vec::new();
    for folder in ["src", "state-backends/src", "tests/it"] {
        collect(root, &root.join(folder), &mut files);
    }
    assert!(files.len() > 50, "the sources were found");
    files
}

fn collect(root: &Path, folder: &Path, files: &mut Vec<File>) {
    let mut paths: Vec<PathBuf> = std::fs::read_dir(folder)
        .expect("the folder exists")
        .map(|entry| entry.expect("it can be read").path())
        .collect();
    paths.sort();
    for path in paths {
        if path.is_dir() {
            collect(root, &path, files);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let relative = path.strip_prefix(root).expect("it is below the root").to_string_lossy().replace('\\', "/");
            files.push(File { path: relative, text: std::fs::read_to_string(&path).expect("sources are text") });
        }
    }
}

fn assert_none(rule: &str, broken: &[String]) {
    assert!(broken.is_empty(), "{rule}:\n  {}", broken.join("\n  "));
}

#[test]
fn every_file_says_what_it_is() {
    let silent: Vec<String> =
        sources().into_iter().filter(|file| !file.text.starts_with("//! ")).map(|file| file.path).collect();
    assert_none("a file begins with `//!`: what lives here and what does not", &silent);
}

#[test]
fn files_stop_at_600_lines_and_functions_at_70() {
    let mut broken = Vec::new();
    for file in sources() {
        let lines: Vec<&str> = file.text.lines().collect();
        if lines.len() > LINES_MAX {
            broken.push(format!("{}: {} lines", file.path, lines.len()));
        }
        for (at, line) in lines.iter().enumerate() {
            let Some(name) = function_name(line) else {
                continue;
            };
            let length = function_lines(&lines[at..]);
            if length > FUNCTION_LINES_MAX {
                broken.push(format!("{}:{}: `{name}` has {length} lines", file.path, at + 1));
            }
        }
    }
    assert_none("split it by concept", &broken);
}

fn function_name(line: &str) -> Option<&str> {
    let mut rest = line.trim_start();
    for word in ["pub(crate) ", "pub(super) ", "pub ", "const ", "async "] {
        rest = rest.strip_prefix(word).unwrap_or(rest);
    }
    let rest = rest.strip_prefix("fn ")?;
    rest.split(['(', '<']).next()
}

/// The formatter closes a function in the column where it opened it.
fn function_lines(lines: &[&str]) -> usize {
    let indent = &lines[0][..lines[0].len() - lines[0].trim_start().len()];
    let opening = lines.iter().position(|line| line.ends_with('{') || line.ends_with(';') || line.ends_with('}'));
    let Some(opening) = opening.filter(|opening| lines[*opening].ends_with('{')) else {
        return 1;
    };
    let closing = format!("{indent}}}");
    let length = lines[opening..].iter().position(|line| *line == closing).map(|length| opening + length + 1);
    length.unwrap_or(lines.len())
}

#[test]
fn arrows_between_rooms_go_one_way() {
    let path = regex::Regex::new(r"\bcrate::([a-z_]+::)?(\{[^}]*\}|[A-Za-z_]+)").expect("the pattern is ours");
    let mut broken = Vec::new();
    for file in sources() {
        let Some((room, allowed)) = ARROWS.iter().find(|(room, _)| file.is_within(room)) else {
            continue;
        };
        let code: Vec<(usize, &str)> = file.code().collect();
        let text: String = code.iter().map(|(_, line)| format!("{line}\n")).collect();
        for found in path.captures_iter(&text) {
            let place = found.get(0).expect("the whole always matches").start();
            let number = code[text[..place].matches('\n').count()].0;
            let prefix = found.get(1).map_or("", |prefix| prefix.as_str());
            for target in names(&found[2]).map(|name| format!("{prefix}{name}")) {
                let is_within = |other: &str| target == other || target.starts_with(&format!("{other}::"));
                if !is_within(room) && !allowed.iter().any(|other| is_within(other)) {
                    broken.push(format!("{}:{number}: {room} -> {target}", file.path));
                }
            }
        }
    }
    assert_none("an arrow that the floor plan does not have", &broken);
}

/// Returns the names in `{a, b::c}` or `a`.
fn names(text: &str) -> impl Iterator<Item = &str> {
    let names = text.trim_start_matches('{').trim_end_matches('}');
    names.split(',').map(str::trim).filter(|name| !name.is_empty())
}

#[test]
fn every_room_is_on_the_floor_plan() {
    let known: BTreeSet<&str> = ARROWS.iter().map(|(room, _)| *room).chain(["cli", "main.rs", "lib.rs"]).collect();
    let rooms = sources().into_iter().filter_map(|file| file.path.strip_prefix("src/").map(str::to_owned));
    let unknown: BTreeSet<String> = rooms
        .filter_map(|path| path.split('/').next().map(str::to_owned))
        .filter(|room| !known.contains(room.as_str()))
        .collect();
    assert_none("add the room to ARROWS", &unknown.into_iter().collect::<Vec<_>>());
}

#[test]
fn the_core_computes_and_does_nothing_else() {
    let mut broken = Vec::new();
    for file in sources().iter().filter(|file| CORE.iter().any(|place| file.is_within(place))) {
        for (number, line) in file.code() {
            broken.extend(
                IMPURE
                    .iter()
                    .filter(|word| line.contains(**word))
                    .map(|word| format!("{}:{number}: {word}", file.path)),
            );
        }
    }
    assert_none("the functional core has no async, files, environment or clock", &broken);
}

#[test]
fn secrets_are_revealed_only_where_they_are_sent() {
    let mut broken = Vec::new();
    for file in sources().iter().filter(|file| file.path.starts_with("src/")) {
        if !REVEALING.iter().any(|place| file.path.starts_with(place)) {
            let lines = file.code().filter(|(_, line)| line.contains(".reveal()"));
            broken.extend(lines.map(|(number, _)| format!("{}:{number}", file.path)));
        }
    }
    assert_none("`reveal()` belongs to apply, proxmox and provision", &broken);
}

#[test]
fn nothing_is_switched_off_or_put_off() {
    // In two parts, so that this file does not name what it forbids.
    let words = [
        ["#[ig", "nore"],
        ["#[should", "_panic"],
        ["#[all", "ow("],
        ["#![all", "ow("],
        ["TO", "DO"],
        ["FIX", "ME"],
        ["/sha", "red/design"],
        ["../sha", "red"],
    ];
    let mut broken = Vec::new();
    for file in sources() {
        for (at, line) in file.text.lines().enumerate() {
            let found = words.iter().map(|word| word.concat()).filter(|word| line.contains(word.as_str()));
            broken.extend(found.map(|word| format!("{}:{}: {word}", file.path, at + 1)));
        }
    }
    assert_none("do it, or say in an issue why not", &broken);
}

#[test]
fn every_test_file_is_part_of_the_binary() {
    let files = sources();
    let main = files.iter().find(|file| file.path == "tests/it/main.rs").expect("the binary has a main.rs");
    let modules: BTreeSet<&str> =
        main.text.lines().filter_map(|line| line.strip_prefix("mod ")?.strip_suffix(';')).collect();
    let names = files.iter().filter_map(|file| file.path.strip_prefix("tests/it/")?.strip_suffix(".rs"));
    let forgotten: Vec<String> = names
        .filter(|name| *name != "main" && !name.contains('/') && !modules.contains(name))
        .map(str::to_owned)
        .collect();
    assert_none("add `mod NAME;` to tests/it/main.rs", &forgotten);
}

/// Every hazard names the test that covers it, or says why there is none.
#[test]
fn every_hazard_names_a_test_that_exists() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let table = std::fs::read_to_string(root.join("docs/hazards.md")).expect("the table is there");
    let code: String = sources().into_iter().map(|file| file.text).collect();
    let exists = |name: &str| match name.strip_prefix("sim check ") {
        Some(number) => number.parse().is_ok_and(|number: u32| (1..=60).contains(&number)),
        None if name.contains('/') => root.join(name).exists(),
        None => code.contains(&format!("fn {name}(")),
    };
    let rows: Vec<Vec<&str>> = table
        .lines()
        .filter(|line| line.starts_with("| ") && !line.starts_with("| #"))
        .map(|line| line.trim_matches('|').split(" | ").map(str::trim).collect())
        .collect();
    let mut wrong = Vec::new();
    for (at, row) in rows.iter().enumerate() {
        let (number, held) = (row[0], row[row.len() - 1]);
        if number != (at + 1).to_string() {
            wrong.push(format!("row {} has number {number}", at + 1));
        }
        let names: Vec<&str> = held.split('`').skip(1).step_by(2).collect();
        let is_excused = held.strip_prefix("not tested: ").is_some_and(|why| why.len() > 20);
        if names.is_empty() && !is_excused {
            wrong.push(format!("hazard {number} names no test and gives no reason"));
        }
        wrong
            .extend(names.iter().filter(|name| !exists(name)).map(|name| format!("hazard {number}: no test `{name}`")));
    }
    assert_eq!(rows.len(), 50, "the table has fifty rows");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
