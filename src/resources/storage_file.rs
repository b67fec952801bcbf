//! `storage_file`: a file on a storage of a node, sent from here or fetched by the node. A file carries no marker: it is ours by its record,
//! is made only where nothing of its name is, and goes only while it is as long as it was when the plan was made.

use super::row::{plain, text_of};
use super::schema::{Attribute, Impact, Schema, Takes};
use super::step::{Expected, Guard, GuardedCall, Lock, Step, Task, Verify};
use super::{Draft, Found, Lookup, ObjectType, Objection, Sighting, conform, size};
use crate::observe::ClusterView;
use crate::proxmox::call::{Upload, segment};
use crate::proxmox::{Call, decode};
use crate::state::{Effect, Identity};
use crate::value::{Path, Value};
use serde_json::Value as Json;
use std::collections::BTreeMap;

/// The type. Source: API sections `/nodes/{node}/storage/{storage}/{content,upload,download-url}`.
pub static STORAGE_FILE: ObjectType = ObjectType {
    name: "storage_file",
    summary: "A file on a storage: sent from this machine, or fetched by the node from a URL.",
    schema: &SCHEMA,
    example: r#"storage_file "debian13" {
  node         = "pve1"
  storage      = "local"
  content_type = "import"
  url          = "https://example.org/debian-13-genericcloud-amd64.qcow2"
}
"#,
    reads: |identity| vec![listing(identity)],
    check,
    import_id: Some(("its node and volume, for example `pve1/local:iso/debian-13.iso`", parse_import)),
    identify,
    sight,
    create,
    delete,
    is_replaced_first: true,
    // More files at once only share the storage's bandwidth.
    locks: |draft| vec![Lock { name: format!("files on {}", storage(draft.identity)), limit: 2 }],
    ..ObjectType::BASE
};

/// Algorithms the server knows, and how many hexadecimal digits their results have.
pub const ALGORITHMS: [(&str, usize); 6] =
    [("md5", 32), ("sha1", 40), ("sha224", 56), ("sha256", 64), ("sha384", 96), ("sha512", 128)];

/// What a file may be for, and how its name ends then.
pub const ENDINGS: [(&str, &[&str]); 3] = [
    ("iso", &[".iso", ".img"]),
    ("vztmpl", &[".tar.gz", ".tar.xz", ".tar.zst", ".tar"]),
    ("import", &[".qcow2", ".raw", ".vmdk", ".ova"]),
];

/// Types of storages that hold files.
const FILE_STORAGES: [&str; 5] = ["dir", "nfs", "cifs", "cephfs", "btrfs"];

static SCHEMA: Schema = Schema {
    attributes: &[
        Attribute::new("node", Takes::Text, "Node it is put on; of a shared storage, any that has it.")
            .required()
            .on_change(Impact::Recreate),
        Attribute::new("storage", Takes::Text, "Storage it is put on.").required().on_change(Impact::Recreate),
        Attribute::new(
            "content_type",
            Takes::OneOf(&["iso", "vztmpl", "import", "snippets"]),
            "What it is for: `iso` a CD image, `vztmpl` a template of containers, `import` a disk image. The API takes no `snippets`.",
        )
        .required()
        .on_change(Impact::Recreate),
        Attribute::new("file_name", Takes::Text, "Its name on the storage; default: the last part of `source` or `url`.")
            .chosen()
            .on_change(Impact::Recreate),
        Attribute::new(
            "source",
            Takes::Text,
            "A file of this machine, relative to the working folder; this or `url`. It is sent again when its content changes.",
        )
        .deciding()
        .on_change(Impact::None)
        .recorded(),
        Attribute::new("url", Takes::Text, "Where the node fetches it from; this or `source`.")
            .deciding()
        .on_change(Impact::None)
            .recorded(),
        Attribute::new(
            "checksum",
            Takes::Text,
            "What the content must be, e.g. `sha512:` and the digits. With it, another `url` alone fetches nothing anew.",
        )
        .deciding()
        .on_change(Impact::None)
        .recorded(),
        Attribute::new(
            "decompression",
            Takes::OneOf(&["gz", "lzo", "zst", "bz2"]),
            "How what is fetched is compressed; it is kept unpacked. Only of an `iso` with `url`.",
        )
        .on_change(Impact::Recreate)
        .recorded(),
        Attribute::new(
            "verify_certificates",
            Takes::Bool,
            "Whether the node checks the certificate of the server it fetches from.",
        )
        .or("true")
        .on_change(Impact::None)
        .recorded(),
        Attribute::new("timeout", Takes::Duration, "How long sending or fetching it may take.")
            .or("1h")
            .on_change(Impact::None)
            .recorded(),
        Attribute::new(
            "version",
            Takes::Text,
            "What tells one content from another: the digest of `source`, the `checksum`, or else the `url`.",
        )
        .derived()
        .on_change(Impact::Recreate)
        .recorded(),
        Attribute::new("size", Takes::Size, "Length of `source`; a file of another length on the storage is replaced.")
            .derived()
            .on_change(Impact::Recreate),
        Attribute::new("volume", Takes::Text, "Its volume id, for `cdrom`, `import_from` and `ostemplate`.")
            .derived()
            .on_change(Impact::Recreate),
    ],
    blocks: &[],
};

/// Returns the volume id of a file.
pub fn volume(storage: &str, content_type: &str, file_name: &str) -> String {
    format!("{storage}:{content_type}/{file_name}")
}

/// Where a file is. The node is a part of it: another node's storage of the same name is another place.
fn identify(file: &Value) -> Identity {
    Identity::of([("at", text_of(file, "node").to_owned()), ("volume", text_of(file, "volume").to_owned())])
}

fn parse_import(id: &str) -> Result<Identity, String> {
    let parts = id.split_once('/').filter(|(_, volume)| volume.contains(':') && volume.contains('/'));
    let (node, volume) = parts.ok_or("expected a node, a slash and a volume id, `pve1/local:iso/debian-13.iso`")?;
    Ok(Identity::of([("at", node.to_owned()), ("volume", volume.to_owned())]))
}

fn part<'a>(identity: &'a Identity, name: &str) -> &'a str {
    identity.get(name).unwrap_or_default()
}

/// Splits `local:iso/x.iso` into storage, content type and name.
fn parts(identity: &Identity) -> (&str, &str, &str) {
    let (storage, rest) = part(identity, "volume").split_once(':').unwrap_or_default();
    let (content_type, name) = rest.split_once('/').unwrap_or_default();
    (storage, content_type, name)
}

fn storage(identity: &Identity) -> &str {
    parts(identity).0
}

fn path(identity: &Identity, rest: &str) -> String {
    format!("/nodes/{}/storage/{}/{rest}", segment(part(identity, "at")), segment(storage(identity)))
}

fn listing(identity: &Identity) -> String {
    format!("{}?content={}", path(identity, "content"), parts(identity).1)
}

/// Returns the path of the list of all files of a kind, as look-ups of tables are named.
pub fn table(node: &str, storage: &str, content_type: &str) -> String {
    listing(&Identity::of([("at", node.to_owned()), ("volume", volume(storage, content_type, ""))]))
}

fn read(identity: &Identity) -> Call {
    Call::get(path(identity, "content")).with("content", parts(identity).1)
}

fn row<'a>(view: &'a ClusterView, identity: &Identity) -> Option<&'a Json> {
    let rows = view.tables.get(&listing(identity))?.as_array()?;
    rows.iter().find(|row| row.get("volid").and_then(decode::text).as_deref() == Some(part(identity, "volume")))
}

fn sight(lookup: &Lookup) -> Sighting {
    let (identity, view) = (lookup.identity, lookup.view);
    let node = part(identity, "at");
    if view.nodes.get(node).is_some_and(|node| !node.is_online) {
        return Sighting::Unreachable { node: node.to_owned() };
    }
    let table = listing(identity);
    if view.hidden.contains(&table) {
        return Sighting::Hidden { table };
    }
    let Some(row) = row(view, identity) else { return Sighting::Absent };
    let (storage, content_type, file_name) = parts(identity);
    let mut value = vec![
        ("node", Value::text(node)),
        ("storage", Value::text(storage)),
        ("content_type", Value::text(content_type)),
        ("file_name", Value::text(file_name)),
        ("volume", Value::text(part(identity, "volume"))),
    ];
    let bytes = row.get("size").and_then(decode::integer).and_then(|bytes| u64::try_from(bytes).ok());
    value.extend(bytes.map(|bytes| ("size", Value::text(size::print(bytes)))));
    Sighting::Present(Box::new(Found {
        value: Value::object(value),
        identity: identity.clone(),
        running: None,
        digest: None,
        notes: Vec::new(),
    }))
}

/// A storage that is not there, or takes no such files, would be told by a task minutes later.
fn check(file: &Value, view: Option<&ClusterView>) -> Vec<Objection> {
    let (node, storage, content_type) =
        (text_of(file, "node"), text_of(file, "storage"), text_of(file, "content_type"));
    let known = view.and_then(|view| view.nodes.get(node)).filter(|node| node.is_online && !node.storages.is_empty());
    let object = |attribute: &str, summary: String, hint: String| {
        vec![Objection { path: Path::attribute(attribute), summary, hint }]
    };
    match (view.is_some_and(|view| !node.is_empty() && !view.nodes.contains_key(node)), known) {
        (true, _) => {
            let names = view.into_iter().flat_map(|view| view.nodes.keys()).map(String::as_str);
            object("node", format!("there is no node `{node}`"), conform::did_you_mean(node, names, "nodes"))
        }
        (false, Some(known)) => match known.storages.get(storage) {
            None => {
                let hint = conform::did_you_mean(storage, known.storages.keys().map(String::as_str), "storages");
                object("storage", format!("node {node} has no storage `{storage}`"), hint)
            }
            Some(there) if !there.content.contains(content_type) => {
                let summary = format!("storage `{storage}` takes no files of the type `{content_type}`");
                let takes = there.content.iter().map(String::as_str).collect::<Vec<_>>().join(",");
                let takers = known.storages.iter().filter(|(_, other)| other.content.contains(content_type));
                let takers = takers.map(|(name, _)| format!("`{name}`")).collect::<Vec<_>>().join(", ");
                let hint = match (FILE_STORAGES.contains(&there.kind.as_str()), takers.is_empty()) {
                    (true, _) => format!("let it take them: `pvesm set {storage} --content {takes},{content_type}`"),
                    (false, true) => format!("it takes {takes}; use a storage of files, of the type dir or nfs"),
                    (false, false) => format!("it takes {takes}; those of {node} that do are {takers}"),
                };
                object("storage", summary, hint)
            }
            Some(_) => Vec::new(),
        },
        (false, None) => Vec::new(),
    }
}

fn create(draft: &Draft) -> Vec<Step> {
    let file = draft.desired;
    let (_, content_type, name) = parts(draft.identity);
    let source = text_of(file, "source");
    let version = text_of(file, "version").split_once(':').filter(|(algorithm, _)| is_algorithm(algorithm));
    let with_checksum = |call: Call| match version {
        Some((algorithm, digits)) => call.with("checksum-algorithm", algorithm).with("checksum", digits),
        None => call,
    };
    let bytes = size::parse(text_of(file, "size")).ok();
    let (step_name, call) = match bytes.filter(|_| !source.is_empty()) {
        Some(bytes) => {
            let sha256 = version.map_or("", |(_, digits)| digits).to_owned();
            let path = draft.files.absolute(&draft.files.expanded(source)).into();
            let call = Call::post(path_of(draft, "upload")).with("content", content_type);
            let upload = Upload { path, name: name.to_owned(), bytes, sha256 };
            ("upload", with_checksum(call).with_file(upload))
        }
        None => {
            let url = file.get("url").cloned().unwrap_or_else(|| Value::text(""));
            let call = Call::post(path_of(draft, "download-url"));
            let call = match url.is_sensitive() {
                true => call.with_secret("url", plain(&url)),
                false => call.with("url", plain(&url)),
            };
            let mut call = with_checksum(call.with("content", content_type).with("filename", name));
            if let Some(compression) = file.get("decompression").and_then(Value::as_text) {
                call = call.with("compression", compression);
            }
            if file.get("verify_certificates").and_then(Value::as_bool) == Some(false) {
                call = call.with("verify-certificates", "0");
            }
            ("download", call)
        }
    };
    let members = bytes.map(|bytes| ("size".to_owned(), Some(bytes.to_string()))).into_iter().collect();
    let there = expected(draft, members);
    let deadline_ms = conform::duration_ms(text_of(file, "timeout")).unwrap_or(3_600_000);
    vec![step(draft, step_name, call, absent(draft), there, deadline_ms)]
}

fn delete(draft: &Draft) -> Vec<Step> {
    let call = Call::delete(path_of(draft, &format!("content/{}", segment(part(draft.identity, "volume")))));
    let seen = row(draft.view, draft.identity).and_then(|row| row.get("size")).map(decode::gist);
    let there = expected(draft, BTreeMap::from([("size".to_owned(), seen)]));
    vec![step(draft, "destroy", call, there, absent(draft), 600_000)]
}

fn path_of(draft: &Draft, rest: &str) -> String {
    path(draft.identity, rest)
}

fn expected(draft: &Draft, members: BTreeMap<String, Option<String>>) -> Expected {
    Expected::Row { column: "volid".to_owned(), name: part(draft.identity, "volume").to_owned(), members }
}

fn absent(draft: &Draft) -> Expected {
    Expected::NoRow { column: "volid".to_owned(), name: part(draft.identity, "volume").to_owned() }
}

fn step(draft: &Draft, name: &str, call: Call, before: Expected, after: Expected, deadline_ms: u64) -> Step {
    let guard = Guard::Table { read: read(draft.identity), expected: before, sends_digest: false };
    let verify = Verify::Table { read: read(draft.identity), expected: after };
    Step {
        name: name.into(),
        task: Task::Call(Box::new(GuardedCall { call, guard, verify, deadline_ms })),
        effect: Effect::None,
        estimate_ms: 0,
    }
}

fn is_algorithm(name: &str) -> bool {
    ALGORITHMS.iter().any(|(algorithm, _)| *algorithm == name)
}

/// Reads `sha256:77aa...`; an error says what was expected.
pub fn checksum(text: &str) -> Result<(String, String), String> {
    let (algorithm, digits) = text.split_once(':').unwrap_or(("", text));
    let (algorithm, digits) = (algorithm.trim().to_ascii_lowercase(), digits.trim().to_ascii_lowercase());
    let length = ALGORITHMS.iter().find(|(name, _)| *name == algorithm).map(|(_, length)| *length);
    let names = ALGORITHMS.map(|(name, _)| name).join(", ");
    match length {
        None => Err(format!("write the algorithm, a colon and the digits; algorithms are {names}")),
        Some(length) if digits.len() != length || !digits.bytes().all(|digit| digit.is_ascii_hexdigit()) => {
            Err(format!("a checksum of {algorithm} has {length} hexadecimal digits, this has {}", digits.len()))
        }
        Some(_) => Ok((algorithm, digits)),
    }
}

/// Returns a name as the server keeps it: what it cannot hold becomes `_`.
pub fn normalised(name: &str) -> String {
    let is_kept = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '-' | '_' | '.');
    name.chars().map(|letter| if is_kept(letter) { letter } else { '_' }).collect()
}
