//! What must hold for any bytes at all, besides that nothing panics. The fuzz targets call these, and so does `tests/it/fuzz.rs` with the
//! corpus that is kept.

use serde_json::Value as Json;
use spawnpoint::config::console::{Names, Outside, evaluate, is_open, json};
use spawnpoint::config::expression::{FunctionWorld, Reference, Resolved, Scope};
use spawnpoint::config::fmt::format;
use spawnpoint::config::lexer::{TokenKind, tokens};
use spawnpoint::config::{Input, MemoryWorld, World, load};
use spawnpoint::diagnostics::{Diagnostic, Diagnostics, Sources, Span};
use spawnpoint::observe::{self, GuestConfig, GuestKind, decode as tables};
use spawnpoint::proxmox::property::{self, PropertyString};
use spawnpoint::proxmox::{Answer, Upid, classify, decode, task::Exit};
use spawnpoint::render::{Style, diagnostics::text as rendered, value as shown};
use spawnpoint::resources::{marker, vm};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Longest expression that is evaluated: with more, a single one may take seconds before it meets a limit.
const EXPRESSION_MAX_BYTES: usize = 4 << 10;

/// Longest result that is read back.
const RESULT_MAX_BYTES: usize = 64 << 10;

/// The tokens of a text are the text, piece by piece.
pub(crate) fn lexer(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let mut end = 0;
    for token in tokens(text) {
        assert_eq!(token.start, end, "no byte is left out or taken twice");
        assert!(token.start < token.end, "a token has a text");
        assert!(text.get(token.range()).is_some(), "a token has whole characters");
        end = token.end;
    }
    assert_eq!(end as usize, text.len(), "the last token ends with the text");
    is_open(text);
}

/// Reading a stack says what is wrong at places that are there. What the parser sees is what the lexer sees, or it is refused: that is in
/// `config::grammar`.
pub(crate) fn parser(data: &[u8]) {
    let world = MemoryWorld::new([
        ("main.hcl", data),
        ("part/main.hcl", b"variable \"size\" {\n  type = number\n}\noutput \"double\" {\n  value = var.size * 2\n}\n"),
        ("text.tpl", b"%{ for x in list ~}\n${x}\n%{ endfor ~}\n"),
    ]);
    let input = Input {
        world: Arc::new(world),
        folder: ".",
        environment: BTreeMap::new(),
        arguments: Vec::new(),
        object_types: &["game_server", "pool", "template", "tenant", "tier", "vm"],
        lookups: Arc::new(spawnpoint::lookups::Snapshot::default()),
        workspace: "default",
        folder_name: "home",
        working_folder: "/stack",
        now: jiff::Timestamp::UNIX_EPOCH,
        test: None,
    };
    let (stack, sources, diagnostics) = load(&input);
    judge(&diagnostics, &sources);
    assert_eq!(stack.is_none(), diagnostics.has_errors(), "there is a stack or an error");
}

/// What is formatted parses, formats to itself, and has the same tokens; what is refused has a reason at a place.
pub(crate) fn fmt(data: &[u8]) {
    let mut sources = Sources::new();
    let once = match format("main.hcl", data, &mut sources) {
        Ok(once) => once,
        Err(diagnostics) => return judge(&diagnostics, &sources),
    };
    let twice = format("main.hcl", once.as_bytes(), &mut sources);
    assert_eq!(twice.as_deref(), Ok(&*once), "what is formatted stays");
    let text = std::str::from_utf8(data.strip_prefix(b"\xef\xbb\xbf").unwrap_or(data)).expect("it was taken as text");
    let (before, after) = (essence(text), essence(&once));
    // Types of old (`type = list`) become those of today.
    if !text.contains("variable") {
        assert_eq!(before, after, "nothing is lost");
    }
}

/// The texts of the tokens, but for blanks and for what is written where an old way to write something is replaced.
fn essence(text: &str) -> String {
    let is_kept = |kind: TokenKind| {
        !matches!(
            kind,
            TokenKind::Space
                | TokenKind::Newline
                | TokenKind::Comment
                | TokenKind::OpenQuote
                | TokenKind::CloseQuote
                | TokenKind::OpenInterpolation
                | TokenKind::CloseTemplate
                | TokenKind::OpenParenthesis
                | TokenKind::CloseParenthesis
        )
    };
    let kept = tokens(text).into_iter().filter(|token| is_kept(token.kind));
    kept.map(|token| text[token.range()].trim()).collect::<Vec<_>>().join("\u{1}")
}

/// An expression has a value or an error; a value that JSON can hold comes back from it the same.
pub(crate) fn evaluator(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    if text.len() > EXPRESSION_MAX_BYTES {
        return;
    }
    let scope = Planning(names());
    let mut sources = Sources::new();
    let value = match evaluate(text, &scope, &mut sources) {
        Ok(value) => value,
        Err(diagnostics) => {
            assert!(diagnostics.has_errors(), "there is a value or an error");
            return judge(&diagnostics, &sources);
        }
    };
    let Some(written) = json(&value).filter(|written| written.len() <= RESULT_MAX_BYTES) else { return };
    shown::inline(&value);
    shown::lines(&value);
    serde_json::from_str::<Json>(&written).unwrap_or_else(|error| panic!("{written} is not JSON: {error}"));
    // As everywhere, composing makes one character of a letter and the mark behind it, also of the letter of an escape.
    if spawnpoint::value::normalized(&written).as_text() != Some(&*written) {
        return;
    }
    // A byte order mark may begin a text, and stands within the next.
    let text = text.trim_start_matches('\u{feff}');
    // Not as a string in the text: reading that composes characters (NFC), and so would change escapes.
    let again = match evaluate(&format!("jsondecode(jsonencode(\n{text}\n))"), &scope, &mut sources) {
        Ok(again) => again,
        // Two levels deeper, it may be too deep.
        Err(errors) if errors.iter().all(|error| error.summary.contains("deep")) => return,
        Err(errors) => panic!("{written} does not come back: {errors:?}"),
    };
    assert_eq!(json(&again).as_ref(), Some(&written), "JSON goes both ways");
}

fn names() -> Names {
    let world = MemoryWorld::new([("text.tpl", "%{ for x in list ~}\n${x}\n%{ endfor ~}\n"), ("a/b.txt", "b")]);
    let now = jiff::Timestamp::UNIX_EPOCH;
    let mut names = Names::new(Outside { world: Arc::new(world), now, random: || [7; 16] });
    let values = [
        ("name", r#""web""#),
        ("names", r#"["alpha", "beta", "gamma"]"#),
        ("size", "3"),
        ("flag", "true"),
        ("nothing", "null"),
        ("object", r#"{"a": 1, "b": {"c": "deep"}, "d": [1, 2]}"#),
    ];
    for (name, value) in values {
        let value = serde_json::from_str(value).expect("the values above are JSON");
        names.set_json("var", name, &value).expect("the values above are in range");
    }
    for (path, of) in [("vm.mc.address", "string"), ("vm.mc.disks", "list(object({ size = number }))")] {
        names.set_unknown(path, of).expect("the types above are types");
    }
    names
}

/// Names while a plan is made: there is neither time nor chance, so results are the same in every run, and `bcrypt` costs nothing.
struct Planning(Names);

impl Scope for Planning {
    fn resolve(&self, reference: &Reference) -> Result<Resolved, Diagnostic> {
        self.0.resolve(reference)
    }

    fn world(&self) -> &dyn FunctionWorld {
        self
    }
}

impl FunctionWorld for Planning {
    fn files(&self) -> &dyn World {
        self.0.world().files()
    }

    fn plan_time(&self) -> jiff::Timestamp {
        self.0.world().plan_time()
    }

    fn apply_time(&self) -> Option<jiff::Timestamp> {
        None
    }

    fn random(&self, _: Span) -> Option<[u8; 16]> {
        None
    }
}

/// Diagnostics say something, at places that are there, and can be shown.
fn judge(diagnostics: &Diagnostics, sources: &Sources) {
    for diagnostic in diagnostics {
        assert!(!diagnostic.summary.is_empty(), "{diagnostic:?} says nothing");
        for span in diagnostic.span.iter().chain(diagnostic.labels.iter().map(|(span, _)| span)) {
            let text = &sources.get(span.file).text;
            let is_sound = text.get(span.start as usize..span.end as usize).is_some();
            assert!(is_sound, "{diagnostic:?} is not within a text of {} bytes", text.len());
        }
        spawnpoint::render::diagnostics::json(diagnostic, sources);
    }
    rendered(diagnostics, sources, Style::Plain);
}

/// What a server may send: a status, a line that is the reason, and a body; besides, the same bytes in each small language of the API.
pub(crate) fn proxmox(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    small_languages(&text);
    if let Ok(body) = serde_json::from_slice(data) {
        tables_of(&body);
    }
    let Some((&status, rest)) = data.split_first() else { return };
    let status = 200 + u16::from(status) * 2;
    let end = rest.iter().position(|byte| *byte == b'\n').unwrap_or(rest.len());
    let (reason, body) = (&rest[..end], rest.get(end + 1..).unwrap_or_default());
    match Answer::read(status, reason, body) {
        Ok(answer) => {
            assert_eq!(answer.status, status);
            classify(Some(status), &answer.error_text());
            tables_of(&answer.data);
        }
        Err(why) => assert!(!why.is_empty() && (200..300).contains(&status), "a refusal needs no body"),
    }
}

fn small_languages(text: &str) {
    for default_key in [None, Some("file")] {
        if let Ok(parsed) = PropertyString::parse(text, default_key) {
            assert_eq!(PropertyString::parse(&parsed.to_string(), default_key), Ok(parsed), "it goes both ways");
        }
    }
    if let Ok(upid) = text.parse::<Upid>() {
        assert_eq!(upid.to_string().parse(), Ok(upid), "it goes both ways");
    }
    if let Some(bytes) = property::size_bytes(text) {
        assert_eq!(property::size_bytes(&property::size_text(bytes)), Some(bytes), "it goes both ways");
    }
    assert_eq!(property::decode_ssh_keys(&property::encode_ssh_keys(text)).as_deref(), Some(text));
    property::decode_ssh_keys(text);
    Exit::from_status(text);
    classify(None, text);
    classify(Some(500), text);
    if let Some(found) = marker::Marker::find(text) {
        assert_eq!(marker::Marker::find(&found.line()), Some(found), "it goes both ways");
    }
    marker::tags_without(text, "home");
    vm::decode::is_disk("scsi0", text);
    vm::decode::disk_bytes(text);
    vm::decode::storage_of(text);
}

/// An answer as any of the tables: what fits is read, what does not is skipped.
fn tables_of(answer: &Json) {
    tables::version(answer);
    let mut guests = tables::resources(answer).guests;
    tables::guest_list(answer, "pve1", GuestKind::Qemu, &mut guests);
    let configs = [tables::config(answer), tables::pending(answer)];
    for guest in guests.values() {
        configs.iter().for_each(|config| machine(guest, config));
    }
    let bare = observe::GuestView { config: None, ..tables_guest() };
    configs.iter().for_each(|config| machine(&bare, config));
    tables::pools(answer);
    tables::pool(answer);
    tables::acl(answer);
    tables::users(answer);
    tables::storages(answer);
    tables::bridges(answer);
    tables::power(answer);
    decode::integer(answer);
    decode::number(answer);
    decode::boolean(answer);
    decode::text(answer);
}

fn tables_guest() -> observe::GuestView {
    let mut guests = BTreeMap::new();
    tables::guest_list(&serde_json::json!([{ "vmid": 100 }]), "pve1", GuestKind::Qemu, &mut guests);
    guests.remove(&100).expect("the list above has a guest")
}

fn machine(guest: &observe::GuestView, config: &GuestConfig) {
    vm::decode::decode(guest, config, "home");
    vm::decode::memory_mib(&config.values);
    vm::decode::has_agent(&config.values);
    vm::decode::all_disks_bytes(&config.values);
    vm::decode::networks(&config.values);
}
