//! `ip_set`: a named set of addresses for the rules of the cluster's firewalls. The whole set is ours: a stranger's entry is taken out.

use super::firewall_alias::address_problem;
use super::row::{self, Column, Row};
use super::schema::{Attribute, Impact, Schema, Takes};
use super::step::{Guard, Step};
use super::{Changed, Draft, Lookup, ObjectType, Objection, Sighting};
use crate::observe::ClusterView;
use crate::proxmox::call::segment;
use crate::proxmox::{Call, decode};
use crate::state::Identity;
use crate::value::{Path, Type, Value};
use std::collections::BTreeSet;

const TABLE: &str = "/cluster/firewall/ipset";

/// The type. Source: API section `/cluster/firewall/ipset`.
pub static IP_SET: ObjectType = ObjectType {
    name: "ip_set",
    summary: "A named set of addresses, for use in firewall rules as `+dc/NAME`.",
    schema: &SCHEMA,
    example: r#"ip_set "partners" {
  name      = "partners"
  addresses = ["192.0.2.0/24", "!192.0.2.66"]
}
"#,
    tables: &[TABLE],
    reads: |identity| vec![path(identity)],
    check,
    import_id: Some(("its name", |id| super::named("set", id))),
    identify: |set| Identity::of([("set", row::text_of(set, "name").to_owned())]),
    sight,
    create,
    update,
    delete,
    is_replaced_first: true,
    locks: |_| ROW.locks(),
    ..ObjectType::BASE
};

static SCHEMA: Schema = Schema {
    attributes: &[
        Attribute::new("name", Takes::Text, "Name: a letter, then letters, digits, `-` and `_`.")
            .required()
            .on_change(Impact::Recreate),
        Attribute::new("comment", Takes::Text, "What it is for.").or(""),
        Attribute::new(
            "addresses",
            Takes::Set(&Takes::Text),
            "Addresses, networks and aliases (`dc/office`) in the set; `!` before one leaves it out.",
        ),
    ],
    blocks: &[],
};

static ROW: Row = Row {
    schema: &SCHEMA,
    find: |view, identity| row::find(view, TABLE, "name", name(identity)),
    names: |identity| vec![("name", Value::text(name(identity)))],
    path,
    make: |identity| Call::post(TABLE).with("name", name(identity)),
    columns: &[Column::new("comment").or_empty()],
    file: "firewall/cluster.fw",
    digest: None,
};

fn name(identity: &Identity) -> &str {
    identity.get("set").unwrap_or_default()
}

fn path(identity: &Identity) -> String {
    format!("{TABLE}/{}", segment(name(identity)))
}

fn check(set: &Value, _view: Option<&ClusterView>) -> Vec<Objection> {
    let is_alias = |text: &str| text.starts_with(|letter: char| letter.is_ascii_alphabetic()) && !text.contains(':');
    let problem = |address: &str| {
        let bare = address.trim_start_matches('!');
        let hint = match address_problem(bare) {
            None if bare.ends_with("/0") => "a set cannot hold every address: write two halves".to_owned(),
            None => return None,
            Some(_) if is_alias(bare) => return None,
            Some(hint) => hint,
        };
        let summary = format!("`{address}` cannot be in a set");
        Some(Objection { path: Path::attribute("addresses"), summary, hint })
    };
    addresses(set).iter().filter_map(|address| problem(address)).collect()
}

fn addresses(set: &Value) -> BTreeSet<String> {
    let items = set.get("addresses").and_then(Value::as_items).unwrap_or_default();
    items.iter().filter_map(|item| item.as_text().map(str::to_owned)).collect()
}

fn sight(lookup: &Lookup) -> Sighting {
    let mut sighting = ROW.sight(lookup);
    if let Sighting::Present(found) = &mut sighting {
        let rows = lookup.view.tables.get(&path(lookup.identity)).and_then(|table| table.as_array());
        let entry = |row: &serde_json::Value| {
            let is_left_out = row.get("nomatch").and_then(decode::boolean).unwrap_or(false);
            Some(format!("{}{}", if is_left_out { "!" } else { "" }, row.get("cidr").and_then(decode::text)?))
        };
        let entries: BTreeSet<String> = rows.into_iter().flatten().filter_map(entry).collect();
        let mut attributes = row::attributes(&found.value);
        let entries = entries.into_iter().map(Value::from);
        attributes.insert("addresses".into(), Value::ordered_set(Type::Text, entries));
        found.value = Value::object(attributes);
    }
    sighting
}

fn create(draft: &Draft) -> Vec<Step> {
    let mut steps = ROW.create(draft);
    steps.extend(addresses(draft.desired).iter().map(|address| add(draft, address)));
    steps
}

fn update(draft: &Draft, changed: &Changed) -> Vec<Step> {
    let mut steps = Vec::new();
    if changed.paths.contains(&Path::attribute("comment")) {
        let comment = row::text_of(draft.desired, "comment");
        let name = name(draft.identity);
        let call = Call::post(TABLE).with("name", name).with("rename", name).with("comment", comment);
        steps.push(ROW.step(draft, "update", call, Guard::None, true));
    }
    let has = draft.found.map(|found| addresses(&found.value)).unwrap_or_default();
    let wants = addresses(draft.desired);
    let bare = |address: &str| address.trim_start_matches('!').to_owned();
    let coming: BTreeSet<String> = wants.difference(&has).map(|address| bare(address)).collect();
    // What stays in another sense must go first; everything else goes last, so that no address is missing for a while.
    let (first, last): (Vec<_>, Vec<_>) = has.difference(&wants).partition(|address| coming.contains(&bare(address)));
    steps.extend(first.into_iter().map(|address| remove(draft, address)));
    steps.extend(wants.difference(&has).map(|address| add(draft, address)));
    steps.extend(last.into_iter().map(|address| remove(draft, address)));
    steps
}

fn delete(draft: &Draft) -> Vec<Step> {
    vec![ROW.step(draft, "destroy", Call::delete(path(draft.identity)).with("force", "1"), Guard::None, false)]
}

fn entry_path(draft: &Draft, address: &str) -> String {
    format!("{}/{}", path(draft.identity), segment(address.trim_start_matches('!')))
}

fn add(draft: &Draft, address: &str) -> Step {
    let mut call = Call::post(path(draft.identity)).with("cidr", address.trim_start_matches('!'));
    if address.starts_with('!') {
        call = call.with("nomatch", "1");
    }
    row::step(&format!("add {address}"), call, Guard::None, Call::get(entry_path(draft, address)), true)
}

fn remove(draft: &Draft, address: &str) -> Step {
    let path = entry_path(draft, address);
    row::step(&format!("remove {address}"), Call::delete(path.clone()), Guard::None, Call::get(path), false)
}
