//! Completing a `storage_file`: its name, where it comes from, and what tells one content of it from another.
//!
//! A local file is read once per plan, for its digest: length and time alone would miss a file that was built anew in place, and times
//! differ between the machines that share a state.

use super::{Completed, Draft, Scene};
use crate::diagnostics::Diagnostic;
use crate::resources::size;
use crate::resources::storage_file::{ENDINGS, STORAGE_FILE, checksum, normalised, volume};
use crate::value::{Marks, Path, Value};
use std::collections::BTreeMap;
use std::sync::Arc;

type Attributes = BTreeMap<Arc<str>, Value>;

pub(super) fn complete(scene: &Scene, draft: &mut Draft) -> Option<Completed> {
    let mut attributes = draft.attributes();
    let text = |attributes: &Attributes, name: &str| {
        attributes.get(name).and_then(Value::as_text).unwrap_or_default().to_owned()
    };
    if text(&attributes, "content_type") == "snippets" {
        refuse_snippets(draft);
        return None;
    }
    let is_named = |name: &str| attributes.get(name).is_some_and(|value| !value.is_null());
    let (is_sent, is_fetched) = (is_named("source"), is_named("url"));
    if is_sent == is_fetched {
        let path = Path::attribute(if is_sent { "url" } else { "source" });
        draft.error("a file has one origin", &path, "write `source = \"FILE\"` or `url = \"https://...\"`");
        return None;
    }
    for path in ["decompression", "verify_certificates"].map(Path::attribute) {
        if is_sent && draft.is_written(&path) {
            draft.error(format!("`{path}` is for a file that is fetched"), &path, "take it out, or write `url`");
        }
    }
    if is_named("decompression") && text(&attributes, "content_type") != "iso" {
        let path = Path::attribute("decompression");
        draft.error("only files of the type `iso` are unpacked", &path, "unpack it first, and send it with `source`");
    }
    let origin = text(&attributes, if is_sent { "source" } else { "url" });
    let packed = text(&attributes, "decompression");
    attributes
        .entry("file_name".into())
        .or_insert_with(|| Value::text(last_part(&origin, &packed)).with_marks(Marks::CHOSEN));
    check_name(draft, &text(&attributes, "content_type"), &text(&attributes, "file_name"));
    let Ok(wanted) = checksum_of(draft, &attributes) else { return None };
    if is_sent {
        sent(scene, draft, &origin, wanted, &mut attributes)?;
    } else {
        if let Some(rest) = origin.split_once("://").filter(|(scheme, _)| !matches!(*scheme, "http" | "https")) {
            let path = Path::attribute("url");
            draft.error(format!("a node fetches nothing by `{}`", rest.0), &path, "write a URL with http or https");
        }
        let version = wanted.map_or(origin, |(algorithm, digits)| format!("{algorithm}:{digits}"));
        let marks = attributes.get("url").map_or(Marks::NONE, Value::marks);
        attributes.insert("version".into(), Value::text(version).with_marks(marks));
    }
    let of = |name: &str| text(&attributes, name);
    let id = volume(&of("storage"), &of("content_type"), &of("file_name"));
    attributes.insert("volume".into(), Value::text(id));
    warn_if_full(scene, draft, &attributes);
    let identity = (STORAGE_FILE.identify)(&Value::object(attributes.clone()));
    Some(Completed { attributes, tenant: None, identity })
}

fn refuse_snippets(draft: &mut Draft) {
    let path = Path::attribute("content_type");
    let span = draft.span_of(&path);
    draft.diagnostics.push(
        Diagnostic::error("no version of the API takes snippets")
            .at(span)
            .detail("Proxmox VE lets snippets be put on a storage only by who can write there as a file system.")
            .hint("what a guest is to be told at its first boot can stand in its `cloud_init` block")
            .hint("or copy the file by hand, `scp FILE root@NODE:/var/lib/vz/snippets/`, and name it in `cicustom`"),
    );
}

/// A file that is there: its length and digest are what the plan is about.
fn sent(
    scene: &Scene,
    draft: &mut Draft,
    source: &str,
    wanted: Option<(String, String)>,
    attributes: &mut Attributes,
) -> Option<()> {
    let path = Path::attribute("source");
    let files = scene.input.stack.files();
    let file = match files.digest(&files.expanded(source)) {
        Ok(file) => file,
        Err(error) => {
            draft.error(
                format!("`{source}` cannot be read: {error}"),
                &path,
                "name a file, relative to the working folder",
            );
            return None;
        }
    };
    match wanted {
        Some((algorithm, digits)) if algorithm == "sha256" && digits != file.sha256 => {
            let hint = format!("it has `sha256:{}`", file.sha256);
            draft.error(format!("`{source}` is not what its checksum says"), &Path::attribute("checksum"), hint);
        }
        Some((algorithm, _)) if algorithm != "sha256" => {
            let hint = format!("write `sha256:{}`", file.sha256);
            draft.error("a file that is sent is checked by sha256", &Path::attribute("checksum"), hint);
        }
        _ => {}
    }
    attributes.insert("version".into(), Value::text(format!("sha256:{}", file.sha256)));
    attributes.insert("size".into(), Value::text(size::print(file.bytes)));
    Some(())
}

fn checksum_of(draft: &mut Draft, attributes: &Attributes) -> Result<Option<(String, String)>, ()> {
    let Some(text) = attributes.get("checksum").and_then(Value::as_text) else { return Ok(None) };
    checksum(text).map(Some).map_err(|hint| {
        draft.error(format!("`{text}` is not a checksum"), &Path::attribute("checksum"), hint);
    })
}

/// Returns the last part of a path or URL, without the ending that unpacking takes away.
fn last_part(origin: &str, packed: &str) -> String {
    let bare = origin.split(['?', '#']).next().unwrap_or_default();
    let bare = if origin.contains("://") { bare } else { origin };
    let name = bare.rsplit('/').next().unwrap_or_default();
    let name = percent_encoding::percent_decode_str(name).decode_utf8_lossy();
    let unpacked = (!packed.is_empty()).then(|| name.strip_suffix(packed)?.strip_suffix('.')).flatten();
    normalised(unpacked.unwrap_or(&name))
}

/// The server changes names in silence; a name that it would change would never be found again.
fn check_name(draft: &mut Draft, content_type: &str, name: &str) {
    let path = Path::attribute("file_name");
    let kept = normalised(name);
    if kept != name {
        draft.error(
            format!("`{name}` is not a name the server keeps"),
            &path,
            format!("write `file_name = \"{kept}\"`"),
        );
        return;
    }
    let endings = ENDINGS.iter().find(|(kind, _)| *kind == content_type).map_or(&[][..], |(_, endings)| *endings);
    let lower = name.to_ascii_lowercase();
    if !endings.is_empty() && !endings.iter().any(|end| lower.ends_with(end) && lower.len() > end.len()) {
        let hint = format!("write a `file_name` that ends in {}", endings.join(", "));
        draft.error(format!("`{name}` is no name for a file of the type `{content_type}`"), &path, hint);
    }
}

fn warn_if_full(scene: &Scene, draft: &mut Draft, attributes: &Attributes) {
    let text = |name: &str| attributes.get(name).and_then(Value::as_text);
    let storage = text("node")
        .and_then(|node| scene.view(&draft.cluster)?.nodes.get(node))
        .and_then(|node| node.storages.get(text("storage")?));
    let (Some(storage), Some(bytes)) = (storage, text("size").and_then(|size| size::parse(size).ok())) else { return };
    let free = storage.total_bytes.saturating_sub(storage.used_bytes);
    let is_there = scene.record(&draft.block.address).is_some();
    if bytes > free && storage.total_bytes > 0 && !is_there {
        let span = draft.span_of(&Path::attribute("storage"));
        let needs = size::print(bytes);
        draft.diagnostics.push(
            Diagnostic::warning(format!("the file takes {needs}, and its storage has {} left", size::print(free)))
                .at(span)
                .hint("free some space there, or choose another `storage`"),
        );
    }
}
