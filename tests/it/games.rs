//! Game manifests and settings: text in, text out.

use proptest::prelude::*;
use spawnpoint::diagnostics::{Diagnostics, FileId, Sources};
use spawnpoint::games::{self, Game, Power, Server, Wanted};
use spawnpoint::provision::assets;
use spawnpoint::value::{Marks, Type, Value};
use std::collections::BTreeMap;
use std::path::Path;

fn minecraft() -> Game {
    let playbook =
        assets::playbook(Path::new("/nonexistent"), "minecraft-java").expect("nothing is read").expect("it is ours");
    playbook.manifest(&mut Sources::new()).expect("our manifest is right")
}

fn lines(found: &Diagnostics) -> Vec<String> {
    let line = |diagnostic: &spawnpoint::diagnostics::Diagnostic| {
        let hints: String = diagnostic.hints.iter().map(|hint| format!(" | {hint}")).collect();
        format!("{}{hints}", diagnostic.summary)
    };
    found.iter().map(line).collect()
}

/// Validates settings besides the EULA and returns what is wrong.
fn check_settings(settings: &[(&str, Value)], expected: &[&str]) -> BTreeMap<String, Value> {
    let mut all = vec![("accept_eula", Value::from(true))];
    all.extend_from_slice(settings);
    let wanted =
        Wanted { version: &Value::from("1.21.8"), settings: &Value::object(all), secrets: &Value::null(Type::Dynamic) };
    let (resolved, found) = minecraft().validate(&wanted, &|found, _, _| found);
    assert_eq!(lines(&found), expected);
    resolved.into_iter().map(|(key, value)| (key.to_string(), value)).collect()
}

#[test]
fn settings_are_converted_and_completed() {
    let resolved = check_settings(
        &[("max-players", Value::from("40")), ("pvp", Value::from("false")), ("motd", Value::from(7))],
        &[],
    );
    assert_eq!(resolved["max-players"], Value::from(40));
    assert_eq!(resolved["pvp"], Value::from(false));
    assert_eq!(resolved["motd"], Value::from("7"));
    assert_eq!(resolved["difficulty"], Value::from("easy"), "a default is filled in");
    assert!(!resolved.contains_key("level-seed"), "without a default the key is left alone");
}

#[test]
fn wrong_settings_are_named_with_what_was_expected() {
    check_settings(
        &[
            ("dificulty", Value::from("hard")),
            ("difficulty", Value::from("hart")),
            ("max-players", Value::from(0)),
            ("motd", Value::from("a\nrcon.password=x")),
            ("view-distance", Value::from("far")),
        ],
        &[
            "setting `difficulty` is \"hart\", expected one of `peaceful`, `easy`, `normal`, `hard` | did you mean `hard`? | How hard the world is.",
            "Minecraft: Java Edition has no setting `dificulty` | did you mean `difficulty`?",
            "setting `max-players` is 0, expected a whole number from 1 to 2147483647 | Players at the same time.",
            "setting `motd` is \"a\\nrcon.password=x\", expected one line of text of at most 256 characters | Text under the name in the server list.",
            "setting `view-distance` is \"far\", expected a whole number from 3 to 32 | How far players see, in chunks. The first thing to lower when the server is slow.",
        ],
    );
}

#[test]
fn what_is_not_known_yet_passes_and_what_is_sensitive_is_not_shown() {
    let unknown = Value::unknown(Type::Text);
    let secret = Value::from("hunter2").with_marks(Marks::SENSITIVE);
    let resolved = check_settings(
        &[("motd", unknown.clone()), ("difficulty", secret)],
        &[
            "setting `difficulty` is (sensitive), expected one of `peaceful`, `easy`, `normal`, `hard` | How hard the world is.",
        ],
    );
    assert_eq!(resolved["motd"], unknown);
}

#[test]
fn nothing_unverified_is_run() {
    check_settings(
        &[("artifact_url", Value::from("https://example.org/a.jar"))],
        &["`artifact_sha256` is missing: an artifact is run only if its checksum is right"],
    );
    let nothing = Value::null(Type::Dynamic);
    let eula = Value::object([("accept_eula", Value::from(true))]);
    let wanted = Wanted {
        version: &Value::from("1.21.9"),
        settings: &eula,
        secrets: &Value::object([("rcon", Value::from("x"))]),
    };
    let (_, found) = minecraft().validate(&wanted, &|found, _, _| found);
    assert_eq!(
        lines(&found),
        [
            "no artifact is pinned for Minecraft: Java Edition `1.21.9` | did you mean `1.21.8`? | or set `artifact_url` and `artifact_sha256` in `settings`",
            "Minecraft: Java Edition has no secret `rcon` | did you mean `rcon_password`?",
        ]
    );
    let wanted = Wanted { version: &Value::from("1.21.8"), settings: &nothing, secrets: &nothing };
    let (_, found) = minecraft().validate(&wanted, &|found, _, _| found);
    assert_eq!(
        lines(&found),
        [
            "Minecraft: Java Edition does not start without `accept_eula = true` | set `accept_eula = true` if you agree to the Minecraft EULA, https://aka.ms/MinecraftEULA"
        ]
    );
    assert!(!found.has_errors(), "a plan is possible without consent");
}

#[test]
fn a_wrong_manifest_is_reported_as_a_whole() {
    let text = "name = \"x\"\ntitel = \"X\"\nquery = \"telepathy\"\nport \"web\" {\n  protocol = \"sctp\"\n  default = 70000\n}\n\
                sizing {\n  cores = 2 + 2\n}\nversion \"1\" {\n  url = \"u\"\n  sha256 = \"beef\"\n}\n\
                setting \"a\" {\n  type = number\n  max = 3\n  default = 4\n  description = \"d\"\n}\nsetting \"b\" {\n  type = colour\n}\n";
    let found = games::parse(FileId(0), text).expect_err("it is wrong in every line");
    let mut sources = Sources::new();
    let file = sources.add("game.hcl", text);
    let shown: Vec<String> = found
        .iter()
        .map(|diagnostic| {
            let position = sources.get(file).position(diagnostic.span.expect("each has a place").start);
            format!("{}:{} {}", position.line, position.column, diagnostic.summary)
        })
        .collect();
    insta::assert_snapshot!(shown.join("\n"), @r#"
    2:1 unknown attribute `titel` in a game manifest
    1:1 `title` is missing
    3:9 unknown query protocol `telepathy`, expected one of `minecraft-java`
    5:14 unknown protocol `sctp`, expected `tcp` or `udp`
    6:13 `default` must be a whole number that fits 16 bits
    4:1 `description` is missing
    1:1 `port "game"` is missing: the port players connect to
    9:11 `cores` must be a whole number that fits 32 bits
    1:1 the block `stop` is missing
    13:12 `sha256` must be 64 lower-case hexadecimal digits
    18:13 the default is not allowed: expected a whole number of at most 3
    22:10 unknown type, expected `bool`, `number`, `string` or `list(string)`
    "#);
}

fn server(motd: &str) -> Server {
    let settings = BTreeMap::from([("accept_eula".into(), Value::from(true)), ("motd".into(), Value::from(motd))]);
    let ports = BTreeMap::from([("game".into(), 25565)]);
    Server { name: "survival".into(), version: "1.21.8".into(), ports, settings, power: Power::Running, backup: None }
}

#[test]
fn the_input_hash_follows_every_input_and_no_secret() {
    let game = minecraft();
    let secrets = |password: &str| BTreeMap::from([("rcon_password".into(), Value::from(password))]);
    let keyed = |secret: &str| format!("keyed-{}", secret.len());
    let hash =
        |server: &Server, playbook: &str, password: &str| game.input_hash(server, playbook, &secrets(password), &keyed);
    let before = hash(&server("a"), "1", "x");
    assert_eq!(before, hash(&server("a"), "1", "x"));
    assert_ne!(before, hash(&server("b"), "1", "x"));
    assert_ne!(before, hash(&server("a"), "2", "x"));
    assert_ne!(before, hash(&server("a"), "1", "xx"));
    assert_eq!(before, hash(&server("a"), "1", "y"), "only the fingerprint counts");

    let mut sensitive = server("a");
    sensitive.settings.insert("level-seed".into(), Value::from("1").with_marks(Marks::SENSITIVE));
    let before = hash(&sensitive, "1", "x");
    sensitive.settings.insert("level-seed".into(), Value::from("2").with_marks(Marks::SENSITIVE));
    assert_eq!(before, hash(&sensitive, "1", "x"), "sensitive settings count by their fingerprint too");
}

proptest! {
    #[test]
    fn any_text_is_a_manifest_or_has_errors(text in ".{0,200}") {
        if let Err(found) = games::parse(FileId(0), &text) {
            prop_assert!(found.has_errors());
        }
    }

    #[test]
    fn a_damaged_manifest_is_a_manifest_or_has_errors(at in 0_usize..8000, length in 0_usize..40, junk in "[a-z0-9={}\"\\[\\]\n -]{0,6}") {
        let text = include_str!("../../playbooks/minecraft-java/game.hcl");
        let start = at.min(text.len());
        let end = (start + length).min(text.len());
        prop_assume!(text.is_char_boundary(start) && text.is_char_boundary(end));
        let damaged = format!("{}{junk}{}", &text[..start], &text[end..]);
        if let Err(found) = games::parse(FileId(0), &damaged) {
            prop_assert!(found.has_errors());
        }
    }
}
