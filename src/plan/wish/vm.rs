//! Completing a `vm`: what it inherits from tenant and template, and its chosen identity.
//!
//! What was chosen once is kept: the record says so, and for the node the cluster does.

pub(super) mod container;
mod disks;
mod networks;
pub(in crate::plan::wish) mod place;
mod slots;

use super::scene::Source;
use super::{Completed, Draft, Scene, nested};
use crate::config::{Address, Key};
use crate::observe::GuestConfig;
use crate::resources::marker::tags_without;
use crate::resources::size;
use crate::resources::vm::decode::decode;
use crate::resources::vm::{VM, identity};
use crate::value::{Entries, Marks, Path, Step, Type, Value};
use std::cell::OnceCell;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

type Attributes = BTreeMap<Arc<str>, Value>;

/// A guest on its way, with what it inherits from.
struct Guest<'a> {
    /// Its address as text: the owner of what is chosen.
    owner: String,
    /// The evaluated tenant, or null.
    tenant: Value,
    /// The evaluated template, or null.
    template: Value,
    /// The template in the shape of a `vm`, once somebody asked for it: guests that are there keep what they have.
    model: OnceCell<Option<Value>>,
    /// The template on its node, or the first of them, if the cluster was seen.
    source: Option<Source<'a>>,
    /// VMIDs of the template by node, if there is one on each.
    copies: BTreeMap<Arc<str>, u32>,
    /// Owner scope.
    project: &'a str,
}

impl Guest<'_> {
    /// Returns the template in the shape of a `vm`, if the cluster was seen.
    fn model(&self) -> Option<&Value> {
        let read = || Some(decode(self.source.as_deref()?, self.template_config()?, self.project));
        self.model.get_or_init(read).as_ref()
    }

    /// Returns the template's configuration, if the cluster was seen.
    fn template_config(&self) -> Option<&GuestConfig> {
        self.source.as_deref()?.config.as_ref()
    }
}

pub(super) fn complete(scene: &mut Scene, draft: &mut Draft) -> Option<Completed> {
    let mut attributes = draft.attributes();
    let guest = guest_of(scene, draft, &attributes);
    inherit(scene, draft, &guest, &mut attributes);
    slots::check(draft, &attributes);
    restored(draft, &attributes);
    disks::complete(scene, draft, &guest, &mut attributes);
    networks::complete(scene, draft, &guest, &mut attributes);
    cloud_init(&guest, &mut attributes);
    if guest.tenant.get("status").and_then(Value::as_text) == Some("suspended") {
        attributes.insert("power".into(), Value::text("stopped"));
    }
    let vmid = place::vmid(scene, draft, &attributes);
    let node = place::node(scene, draft, &guest, &attributes);
    if let Some(vmid) = node.as_ref().and_then(|node| guest.copies.get(&**node)) {
        attributes.insert("template_vmid".into(), Value::from(i64::from(*vmid)));
    }
    let identity = match (&node, vmid) {
        (Some(node), Some(vmid)) => identity(node, vmid),
        _ => Default::default(),
    };
    let is_blind = scene.view(&draft.cluster).is_none();
    if !is_blind && (vmid.is_none() || node.is_none()) {
        return None;
    }
    let chosen = |value: Option<Value>, of: Type| {
        value.map_or_else(|| Value::unknown(of), |value| value.with_marks(Marks::CHOSEN))
    };
    attributes.insert("vmid".into(), chosen(vmid.map(|vmid| Value::from(i64::from(vmid))), Type::Number));
    if !draft.is_written(&Path::attribute("node")) {
        attributes.insert("node".into(), chosen(node.map(Value::from), Type::Text));
    } else if let Some(node) = node {
        // As written, unless nobody minds where it is.
        attributes.insert("node".into(), Value::from(node));
    }
    let tenant = guest.tenant.address().and_then(|address| address.parse().ok());
    Some(Completed { attributes, tenant, identity })
}

fn guest_of<'a>(scene: &Scene<'a>, draft: &Draft, attributes: &Attributes) -> Guest<'a> {
    let template = attributes.get("template").cloned().unwrap_or_else(|| Value::null(Type::Dynamic));
    let number = |value: &Value| value.as_i64().and_then(|vmid| u32::try_from(vmid).ok());
    let copies: BTreeMap<Arc<str>, u32> = template
        .get("vmids")
        .and_then(Value::as_entries)
        .into_iter()
        .flatten()
        .filter_map(|(node, vmid)| Some((node.clone(), number(vmid)?)))
        .collect();
    let wanted = attributes.get("node").and_then(Value::as_text).and_then(|node| copies.get(node)).copied();
    let vmid = wanted.or_else(|| template.get("vmid").and_then(number));
    let source = vmid.and_then(|vmid| scene.source(&draft.cluster, vmid));
    Guest {
        owner: draft.block.address.to_string(),
        tenant: attributes.get("tenant").cloned().unwrap_or_else(|| Value::null(Type::Dynamic)),
        model: OnceCell::new(),
        template,
        source,
        copies,
        project: &scene.input.stack.settings.project,
    }
}

/// What every guest has: name, pool, description and tags as the server keeps them.
fn common(scene: &Scene, draft: &mut Draft, guest: &Guest, attributes: &mut Attributes) {
    let address = &draft.block.address;
    attributes.entry("name".into()).or_insert_with(|| Value::text(default_name(address)));
    let path = Path::attribute("name");
    if let Some(name) = attributes["name"].as_text().filter(|name| !is_host_name(name)).map(str::to_owned) {
        draft.error(
            format!("`{name}` is not a host name"),
            &path,
            "write `name`, at most 63 letters, digits and inner dashes",
        );
    }
    if let Some(pool) = guest.tenant.get("pool") {
        attributes.entry("pool".into()).or_insert_with(|| pool.clone());
    }
    description(attributes);
    tags(scene, draft, attributes);
    whole_mebibytes(draft, attributes);
}

/// Size and connection from tenant and template.
fn inherit(scene: &Scene, draft: &mut Draft, guest: &Guest, attributes: &mut Attributes) {
    common(scene, draft, guest, attributes);
    let address = &draft.block.address;
    if let Some(connection) = guest.tenant.get("connection") {
        attributes.entry("connection".into()).or_insert_with(|| connection.clone());
    }
    // What a backup says and the block does not is kept as it is.
    let is_restored = attributes.get("restore").is_some_and(|restore| !restore.is_null());
    for (name, of) in [("cores", Type::Number), ("memory", Type::Text)].into_iter().filter(|_| !is_restored) {
        let path = Path::attribute(name);
        attributes.entry(name.into()).or_insert_with(|| {
            let is_said = guest.template.is_null() || guest.template_config().is_some();
            let usual = || VM.schema.attribute(name)?.value_if_absent().filter(|_| is_said);
            let model = || guest.model()?.get(name).cloned();
            let inherited = scene.kept(address, &path).or_else(model).or_else(usual);
            inherited.map_or_else(|| Value::unknown(of), |value| value.with_marks(Marks::CHOSEN))
        });
    }
    let template_vmid = match guest.template.is_null() {
        true => Value::null(Type::Number),
        false => guest.template.get("vmid").cloned().unwrap_or_else(|| Value::unknown(Type::Number)),
    };
    attributes.insert("template_vmid".into(), template_vmid);
}

/// A guest has one origin.
fn restored(draft: &mut Draft, attributes: &Attributes) {
    let Some(archive) = attributes.get("restore").and_then(|restore| restore.get("archive")).and_then(Value::as_text)
    else {
        return;
    };
    let archive = archive.to_owned();
    let path = Path::attribute("restore").then(Step::Attribute("archive".into()));
    if !archive.split_once(':').is_some_and(|(_, rest)| rest.contains("vzdump-qemu-") || rest.starts_with("backup/vm/"))
    {
        let hint = "name a volume such as `local:backup/vzdump-qemu-100-2026_11_20-04_00_00.vma.zst`: `pvesm list STORAGE --content backup`";
        draft.error(format!("`{archive}` is no backup of a virtual machine"), &path, hint);
    }
    if attributes.get("template").is_some_and(|template| !template.is_null()) {
        draft.error("a guest is cloned or restored, not both", &path, "take `template` or `restore` out");
    }
    for (slot, disk) in attributes.get("disk").and_then(Value::as_entries).into_iter().flatten() {
        if disk.get("import_from").is_some_and(|image| !image.is_null()) {
            let path = nested("disk", slot, "import_from");
            draft.error("a disk of a backup is not made from an image", &path, "take `import_from` or `restore` out");
        }
    }
}

/// The server strips what ends a text, and keeps lines by a single character.
fn description(attributes: &mut Attributes) {
    if let Some(text) = attributes.get("description").and_then(|value| value.as_text().map(str::to_owned)) {
        let marks = attributes["description"].marks();
        let plain = text.replace("\r\n", "\n");
        attributes.insert("description".into(), Value::text(plain.trim_end()).with_marks(marks));
    }
}

/// Tags as the server keeps them: lower case, each once. Ours stand beside them.
fn tags(scene: &Scene, draft: &mut Draft, attributes: &mut Attributes) {
    if attributes.get("tags").is_some_and(Value::is_unknown) {
        return;
    }
    let written = attributes.get("tags").and_then(Value::as_items).unwrap_or_default();
    let written: BTreeSet<String> = written.iter().filter_map(|tag| Some(tag.as_text()?.to_lowercase())).collect();
    let fits = |character: char| character.is_ascii_alphanumeric() || "_-+.".contains(character);
    for tag in &written {
        if tag.is_empty() || tag.starts_with(['-', '+', '.']) || !tag.chars().all(fits) {
            let hint = "a tag has letters, digits and `_`, then also `-`, `+` and `.`";
            draft.error(format!("`{tag}` is not a tag"), &Path::attribute("tags"), hint);
        }
    }
    let own = tags_without(&written.into_iter().collect::<Vec<_>>().join(";"), &scene.input.stack.settings.project);
    attributes.insert("tags".into(), Value::ordered_set(Type::Text, own.into_iter().map(Value::from)));
}

/// Memory is counted in MiB on the cluster; less would be lost without a word.
fn whole_mebibytes(draft: &mut Draft, attributes: &Attributes) {
    for name in ["memory", "balloon", "swap"] {
        let bytes = attributes.get(name).and_then(Value::as_text).and_then(|text| size::parse(text).ok());
        if let Some(bytes) = bytes.filter(|bytes| !bytes.is_multiple_of(1 << 20)) {
            let whole = size::print((bytes >> 20).max(1) << 20);
            draft.error(
                format!("`{name}` is not a whole number of MiB"),
                &Path::attribute(name),
                format!("write for example `{whole}`"),
            );
        }
    }
}

/// One key a line, as the guest is told them: a file of keys ends with a line break, and may hold several.
fn key_lines(keys: &Value) -> Value {
    let texts = keys.as_items().unwrap_or_default().iter().filter_map(Value::as_text);
    let lines = texts.flat_map(str::lines).map(str::trim).filter(|line| !line.is_empty());
    let lines: Vec<Value> = lines.map(Value::text).collect();
    Value::list(Type::Text, lines).with_marks(keys.deep_marks())
}

fn default_name(address: &Address) -> String {
    match &address.key {
        None => address.name.to_string(),
        Some(Key::Number(number)) => format!("{}-{number}", address.name),
        Some(Key::Text(text)) => format!("{}-{text}", address.name),
    }
}

fn is_host_name(name: &str) -> bool {
    (1..=63).contains(&name.len())
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
        && !name.starts_with('-')
        && !name.ends_with('-')
}

/// Keys and name servers come from the tenant where the block says nothing.
fn cloud_init(guest: &Guest, attributes: &mut Attributes) {
    let inherited = [
        ("ssh_keys", guest.tenant.get("ssh_keys")),
        ("dns", guest.tenant.get("network").and_then(|network| network.get("dns"))),
    ];
    let written = attributes.get("cloud_init").and_then(Value::as_entries).map(Entries::to_map);
    if written.is_none() && inherited.iter().all(|(_, value)| value.is_none()) {
        return;
    }
    let mut block = written.unwrap_or_else(|| BTreeMap::from([(Arc::from("upgrade"), Value::from(false))]));
    for (name, value) in inherited {
        if let Some(value) = value {
            block.entry(name.into()).or_insert_with(|| value.clone());
        }
    }
    if let Some(keys) = block.get("ssh_keys").filter(|keys| keys.is_wholly_known()).map(key_lines) {
        block.insert("ssh_keys".into(), keys);
    }
    attributes.insert("cloud_init".into(), Value::object(block));
}
