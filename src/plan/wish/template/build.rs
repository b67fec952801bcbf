//! A `template` that is built: for each of its nodes a copy with a VMID of its own, and the file it is made from.

use super::super::vm::place;
use super::super::{Completed, Draft, Part, Scene};
use crate::config::Key;
use crate::resources::conform::did_you_mean;
use crate::resources::row::text_of;
use crate::resources::storage_file::{ENDINGS, STORAGE_FILE, checksum, normalised, volume};
use crate::resources::template_copy::{NETWORK, TEMPLATE_COPY, decode_copy, forecast};
use crate::value::{Marks, Path, Step, Type, Value};
use std::collections::BTreeMap;
use std::sync::Arc;

type Attributes = BTreeMap<Arc<str>, Value>;

/// Name of the children that are templates, one on each node.
pub(in crate::plan) const COPY: &str = "copy";

/// Name of the children that are files the copies are made from.
const DOWNLOAD: &str = "download";

/// The image as one node finds it.
struct Image {
    volume: String,
    version: Value,
}

pub(super) fn complete(scene: &mut Scene, draft: &mut Draft, image: &Value) -> Option<(Completed, Vec<Part>)> {
    let mut attributes = draft.attributes();
    attributes
        .entry("name".into())
        .or_insert_with(|| Value::text(draft.block.address.name.clone()).with_marks(Marks::CHOSEN));
    let nodes = nodes_of(scene, draft, &attributes)?;
    if attributes.get("disk_storage").is_none_or(Value::is_null) {
        let path = Path::attribute("disk_storage");
        draft.error("a template that is built needs `disk_storage`", &path, "name the storage its disk goes to");
        return None;
    }
    let mut parts = Vec::new();
    let images = match image.get("file").filter(|file| !file.is_null()) {
        Some(file) => given(scene, draft, image, file, &nodes)?,
        None => fetched(scene, draft, image, &nodes, &mut parts)?,
    };
    let mut vmids = BTreeMap::new();
    for (index, node) in nodes.iter().enumerate() {
        let vmid = vmid_of(scene, draft, &attributes, index, node)?;
        vmids.insert(node.clone(), vmid);
    }
    for node in &nodes {
        let Image { volume, version } = &images[node];
        let mut copy: Attributes = TEMPLATE_COPY
            .schema
            .attributes
            .iter()
            .filter_map(|attribute| Some((Arc::from(attribute.name), attributes.get(attribute.name)?.clone())))
            .collect();
        copy.insert("node".into(), Value::text(node.clone()));
        copy.insert("vmid".into(), vmids[node].clone());
        copy.insert("image".into(), Value::text(volume.clone()));
        copy.insert("version".into(), version.clone());
        let mac = mac_of(scene, draft, node, &vmids[node]);
        copy.insert("mac".into(), mac.with_marks(Marks::CHOSEN));
        parts.push(copy_of(scene, draft, node, Value::object(copy)));
    }
    attributes.insert("node".into(), Value::text(nodes[0].clone()));
    attributes.insert("vmid".into(), vmids[&nodes[0]].clone());
    attributes.insert("vmids".into(), Value::map(Type::Number, vmids));
    Some((Completed { attributes, tenant: None, identity: Default::default() }, parts))
}

/// A copy, and, where it is not there yet, what it will be for those that are cloned from it.
fn copy_of(scene: &mut Scene, draft: &Draft, node: &str, value: Value) -> Part {
    let address = draft.block.address.child(COPY, Some(Key::Text(node.into())));
    let identity = (TEMPLATE_COPY.identify)(&value);
    let is_there = scene.record(&address).is_some_and(|record| record.identity.vmid() == identity.vmid())
        && !scene.replaced.contains(&address)
        && identity.vmid().zip(scene.view(&draft.cluster)).is_some_and(|(vmid, view)| view.guests.contains_key(&vmid));
    if let (false, Some(guest)) = (is_there, forecast(&value)) {
        scene.forecasts.insert((draft.cluster.clone(), guest.vmid), Arc::new(guest));
    }
    Part { address, object: &TEMPLATE_COPY, value, identity }
}

fn nodes_of(scene: &Scene, draft: &mut Draft, attributes: &Attributes) -> Option<Vec<Arc<str>>> {
    let path = Path::attribute("nodes");
    let nodes = attributes.get("nodes").and_then(Value::as_items).unwrap_or_default();
    let nodes: Vec<Arc<str>> = nodes.iter().filter_map(Value::as_text).map(Arc::from).collect();
    let known = scene.ledger.node_names(&draft.cluster);
    if nodes.is_empty() {
        let hint = match known.first() {
            Some(first) => format!(
                "name where it is made: `nodes = [\"{first}\"]`; where the storage is local, each node whose guests are cloned from it"
            ),
            None => "name where it is made: `nodes = [\"pve1\"]`".to_owned(),
        };
        draft.error("a template that is built needs `nodes`", &path, hint);
        return None;
    }
    let strangers: Vec<&Arc<str>> =
        nodes.iter().filter(|node| !known.is_empty() && !known.contains(&&***node)).collect();
    for node in &strangers {
        let hint = did_you_mean(node, known.iter().copied(), "nodes");
        draft.error(format!("there is no node `{node}` on cluster `{}`", draft.cluster), &path, hint);
    }
    strangers.is_empty().then_some(nodes)
}

/// The VMID of a copy as written, as kept, or chosen.
fn vmid_of(scene: &mut Scene, draft: &mut Draft, attributes: &Attributes, index: usize, node: &str) -> Option<Value> {
    let number = |value: &Value| value.as_i64().and_then(|vmid| u32::try_from(vmid).ok());
    let in_map = attributes.get("vmids").and_then(|vmids| vmids.get(node)).and_then(number);
    let alone = attributes.get("vmid").filter(|_| index == 0).and_then(number);
    let path = Path::attribute(if in_map.is_some() { "vmids" } else { "vmid" });
    let address = draft.block.address.child(COPY, Some(Key::Text(node.into())));
    let is_blind = scene.view(&draft.cluster).is_none();
    match place::vmid_of(scene, draft, &address, in_map.or(alone), &path) {
        Some(vmid) => Some(Value::from(i64::from(vmid)).with_marks(Marks::CHOSEN)),
        None if is_blind => Some(Value::unknown(Type::Number).with_marks(Marks::CHOSEN)),
        None => None,
    }
}

/// The MAC address of a copy as kept, as it is there already, or chosen. By it a copy whose owner marker was lost is known.
fn mac_of(scene: &mut Scene, draft: &Draft, node: &str, vmid: &Value) -> Value {
    let address = draft.block.address.child(COPY, Some(Key::Text(node.into())));
    let record = scene.record(&address).filter(|_| !scene.replaced.contains(&address));
    let vmid = vmid.as_i64().and_then(|vmid| u32::try_from(vmid).ok());
    let is_own = record.is_some_and(|record| record.identity.vmid() == vmid);
    let present = vmid.filter(|_| is_own).zip(scene.view(&draft.cluster));
    let present = present.and_then(|(vmid, view)| view.guests.get(&vmid)).and_then(|guest| {
        decode_copy(guest, guest.config.as_ref()?, &scene.input.stack.settings.project).get("mac").cloned()
    });
    let kept = scene.kept_while_it_lives(&address, &Path::attribute("mac")).or(present);
    kept.unwrap_or_else(|| {
        Value::text(scene.ledger.choose_mac(&scene.input.state.lineage, &address.to_string(), NETWORK))
    })
}

fn is_shared(scene: &Scene, draft: &Draft, node: &str, storage: &str) -> bool {
    let view = scene.view(&draft.cluster).and_then(|view| view.nodes.get(node));
    view.and_then(|node| node.storages.get(storage)).is_some_and(|storage| storage.is_shared)
}

fn inside(attribute: &str) -> Path {
    Path::attribute("image").then(Step::Attribute(attribute.into()))
}

/// An image that another block puts on a storage.
fn given(
    scene: &Scene,
    draft: &mut Draft,
    image: &Value,
    file: &Value,
    nodes: &[Arc<str>],
) -> Option<BTreeMap<Arc<str>, Image>> {
    for name in ["url", "checksum", "storage", "file_name"] {
        if image.get(name).is_some_and(|value| !value.is_null()) {
            draft.error(
                format!("`{name}` is for an image that is fetched"),
                &inside(name),
                "take it out, or take `file` out",
            );
        }
    }
    let (node, storage) = (text_of(file, "node"), text_of(file, "storage"));
    let is_local = !is_shared(scene, draft, node, storage) && scene.view(&draft.cluster).is_some();
    if let Some(other) = nodes.iter().find(|other| is_local && ***other != *node) {
        let hint =
            "put it on a shared storage, write `nodes` with its node alone, or let each node fetch it with `url`";
        draft.error(
            format!("the image is on a local storage of {node}, and {other} cannot read it"),
            &inside("file"),
            hint,
        );
        return None;
    }
    if !matches!(text_of(file, "content_type"), "import" | "") {
        let hint = "write `content_type = \"import\"` in its block";
        draft.error(
            format!("the image is a file of the type `{}`", text_of(file, "content_type")),
            &inside("file"),
            hint,
        );
        return None;
    }
    let version = file.get("version").cloned().unwrap_or_else(|| Value::unknown(Type::Text));
    let image = |_| Image { volume: text_of(file, "volume").to_owned(), version: version.clone() };
    Some(nodes.iter().map(|node| (node.clone(), image(node))).collect())
}

/// An image that the nodes fetch: each for itself, unless they share the storage.
fn fetched(
    scene: &Scene,
    draft: &mut Draft,
    image: &Value,
    nodes: &[Arc<str>],
    parts: &mut Vec<Part>,
) -> Option<BTreeMap<Arc<str>, Image>> {
    let (url, storage) = (text_of(image, "url").to_owned(), text_of(image, "storage").to_owned());
    for (name, text) in [("url", &url), ("storage", &storage)] {
        if text.is_empty() {
            let hint = "write `url`, `checksum` and `storage`, or `file = storage_file.NAME`";
            draft.error(format!("an image needs `{name}`"), &Path::attribute("image"), hint);
            return None;
        }
    }
    let written = image.get("checksum").and_then(Value::as_text);
    let wanted = match written.map(checksum).transpose() {
        Ok(wanted) => wanted.map(|(algorithm, digits)| format!("{algorithm}:{digits}")),
        Err(hint) => {
            draft.error(format!("`{}` is not a checksum", written.unwrap_or_default()), &inside("checksum"), hint);
            return None;
        }
    };
    let version = wanted.clone().unwrap_or_else(|| url.clone());
    let name = file_name(draft, image, &url, wanted.as_deref())?;
    let mut images = BTreeMap::new();
    for node in nodes {
        let volume = volume(&storage, "import", &name);
        images.insert(node.clone(), Image { volume: volume.clone(), version: Value::text(version.clone()) });
        if *node != nodes[0] && is_shared(scene, draft, node, &storage) {
            continue;
        }
        let mut file: Attributes = [
            ("node", Value::text(node.clone())),
            ("storage", Value::text(storage.clone())),
            ("content_type", Value::text("import")),
            ("file_name", Value::text(name.clone())),
            ("url", Value::text(url.clone())),
            ("version", Value::text(version.clone())),
            ("volume", Value::text(volume)),
        ]
        .into_iter()
        .map(|(name, value)| (Arc::from(name), value))
        .collect();
        for name in ["checksum", "verify_certificates"] {
            file.extend(image.get(name).map(|value| (Arc::from(name), value.clone())));
        }
        file.extend(draft.written.get("timeout").map(|timeout| (Arc::from("timeout"), timeout.clone())));
        let value = Value::object(file);
        let address = draft.block.address.child(DOWNLOAD, Some(Key::Text(node.clone())));
        let identity = (STORAGE_FILE.identify)(&value);
        parts.push(Part { address, object: &STORAGE_FILE, value, identity });
    }
    Some(images)
}

/// The digest is part of the name, so that a new image does not have the old one's name. Images for clouds that end in `.img` are qcow2.
fn file_name(draft: &mut Draft, image: &Value, url: &str, checksum: Option<&str>) -> Option<String> {
    let endings = ENDINGS.iter().find(|(kind, _)| *kind == "import").map_or(&[][..], |(_, endings)| *endings);
    let is_fit =
        |name: &str| normalised(name) == name && endings.iter().any(|end| name.to_ascii_lowercase().ends_with(end));
    if let Some(name) = image.get("file_name").and_then(Value::as_text) {
        if !is_fit(name) {
            let hint = format!("write letters, digits, `.`, `-` and `_`, and one of {} at the end", endings.join(", "));
            draft.error(format!("`{name}` is no name for an image"), &inside("file_name"), hint);
            return None;
        }
        return Some(name.to_owned());
    }
    let name = normalised(url.split(['?', '#']).next().unwrap_or_default().rsplit('/').next().unwrap_or_default());
    let (stem, end) = name.rsplit_once('.').unwrap_or((&name, ""));
    let end = if end == "img" { "qcow2" } else { end };
    let digits = checksum.and_then(|text| text.split_once(':')).map(|(_, digits)| format!("-{}", &digits[..8]));
    let name = format!("{stem}{}.{end}", digits.unwrap_or_default());
    if !is_fit(&name) {
        let hint = format!(
            "a node unpacks nothing here: unpack it and send it with a `storage_file`, or name what it is with `file_name`, which ends in {}",
            endings.join(", ")
        );
        draft.error(format!("`{url}` is not the address of a disk image"), &inside("url"), hint);
        return None;
    }
    Some(name)
}
