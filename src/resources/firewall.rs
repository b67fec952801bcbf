//! `firewall`: options and rules of the cluster's, a node's or a guest's firewall. It is always there, so making it is taking its settings
//! over, and destroying it is giving them back.

use super::row::{self, Column, Look, Row};
use super::rules::{self, LOG_LEVELS, Place};
use super::schema::{Attribute, Impact, Nested, Occurs, Schema, Takes};
use super::step::{Guard, Lock, Step, Task};
use super::{Changed, Draft, Lookup, ObjectType, Objection, Sighting};
use crate::observe::{ClusterView, GuestKind, Seen};
use crate::proxmox::call::segment;
use crate::proxmox::{Call, decode};
use crate::state::Identity;
use crate::value::{Path, Value};
use std::borrow::Cow;

/// The type. Source: API sections `/cluster/firewall`, `/nodes/{node}/firewall`, `/nodes/{node}/qemu/{vmid}/firewall` and the same of `lxc`.
pub static FIREWALL: ObjectType = ObjectType {
    name: "firewall",
    summary: "The firewall of the cluster, of a node or of a guest: its options and rules.",
    schema: &SCHEMA,
    example: r#"firewall "cluster" {
  enable    = true
  policy_in = "DROP"

  rule "management" {
    action = "ACCEPT"
    source = "198.51.100.0/24"
    macro  = "SSH"
  }
}
"#,
    reads: |identity| vec![options_table(identity), rules_table(identity)],
    check,
    import_id: Some(("`cluster`, or whose it is: `node/pve1`, `guest/5000`", by_owner)),
    identify,
    sight,
    create,
    update,
    delete,
    locks: |draft| vec![Lock::cluster_file(&format!("firewall of {}", what(draft.identity)))],
    ..ObjectType::BASE
};

const POLICIES: &[&str] = &["ACCEPT", "REJECT", "DROP"];

const fn flag(name: &'static str, documentation: &'static str) -> Attribute {
    Attribute::new(name, Takes::Bool, documentation)
}

const fn level(name: &'static str, documentation: &'static str) -> Attribute {
    Attribute::new(name, Takes::OneOf(LOG_LEVELS), documentation)
}

const ENABLE: Attribute = flag(
    "enable",
    "Whether the firewall is on. That of a guest filters only devices with `firewall = true`, and only while the cluster's is on.",
);
const POLICY_IN: Attribute = Attribute::new(
    "policy_in",
    Takes::OneOf(POLICIES),
    "What becomes of incoming packets without a rule; cluster and guest.",
);
const POLICY_OUT: Attribute = Attribute::new(
    "policy_out",
    Takes::OneOf(POLICIES),
    "What becomes of outgoing packets without a rule; cluster and guest.",
);
const LOG_LEVEL_IN: Attribute = level("log_level_in", "What is logged of incoming packets; node and guest.");
const LOG_LEVEL_OUT: Attribute = level("log_level_out", "What is logged of outgoing packets; node and guest.");
const NDP: Attribute = flag("ndp", "Whether neighbour discovery of IPv6 is let through; node and guest.");
const DHCP: Attribute = flag("dhcp", "Whether DHCP is let through; guest.");
const RADV: Attribute = flag("radv", "Whether the guest may send router advertisements; guest.");
const MACFILTER: Attribute = flag("macfilter", "Whether only the guest's own MAC addresses may send; guest.");
const IPFILTER: Attribute = flag("ipfilter", "Whether only the guest's own addresses may send; guest.");
const EXCLUSIVE: Attribute =
    Attribute::new("exclusive", Takes::Bool, "Whether rules that are not written here are removed.")
        .or("false")
        .recorded();
const RULES: Nested = Nested {
    name: "rule",
    occurs: Occurs::ByLabel("its name, e.g. ssh; it stands at the head of the rule's comment"),
    schema: &rules::RULE,
    documentation: "A rule. They are tried in the order written, before the rules of others.",
};

/// The `firewall` block of a guest: the same without saying whose.
pub static GUEST: Schema = Schema {
    attributes: &[
        EXCLUSIVE,
        rules::ORDER,
        rules::UNMANAGED,
        ENABLE,
        POLICY_IN,
        POLICY_OUT,
        LOG_LEVEL_IN,
        LOG_LEVEL_OUT,
        NDP,
        DHCP,
        RADV,
        MACFILTER,
        IPFILTER,
    ],
    blocks: &[RULES],
};

static SCHEMA: Schema = Schema {
    attributes: &[
        Attribute::new("node", Takes::Text, "The node whose firewall it is.").on_change(Impact::Recreate),
        Attribute::new("vm", Takes::Reference("vm"), "The virtual machine whose firewall it is.")
            .on_change(Impact::None)
            .recorded(),
        Attribute::new(
            "container",
            Takes::Reference("container"),
            "The container whose firewall it is; with neither node nor guest, it is the cluster's.",
        )
        .on_change(Impact::None)
        .recorded(),
        Attribute::new("vmid", Takes::Integer(100, 999_999_999), "VMID of the guest.")
            .on_change(Impact::Recreate)
            .derived(),
        Attribute::new("guest_node", Takes::Text, "Node of the guest.").on_change(Impact::None).derived().recorded(),
        EXCLUSIVE,
        rules::ORDER,
        rules::UNMANAGED,
        ENABLE,
        POLICY_IN,
        POLICY_OUT,
        Attribute::new(
            "policy_forward",
            Takes::OneOf(&["ACCEPT", "DROP"]),
            "What happens to forwarded packets; cluster.",
        ),
        flag("ebtables", "Whether rules below IP are made too; cluster."),
        Attribute::new(
            "log_ratelimit",
            Takes::Text,
            "Limit of the log, e.g. `enable=1,burst=5,rate=1/second`; cluster.",
        ),
        LOG_LEVEL_IN,
        LOG_LEVEL_OUT,
        level("log_level_forward", "What is logged of forwarded packets; node."),
        NDP,
        DHCP,
        RADV,
        MACFILTER,
        IPFILTER,
        flag("nftables", "Whether the firewall is the one made with nftables; node."),
        flag("nosmurfs", "Whether packets with forged broadcast sources are dropped; node."),
        level("smurf_log_level", "What is logged of those; node."),
        flag("tcpflags", "Whether illegal combinations of TCP flags are dropped; node."),
        level("tcp_flags_log_level", "What is logged of those; node."),
        flag("protection_synflood", "Whether floods of SYN packets are limited; node."),
        Attribute::new(
            "protection_synflood_rate",
            Takes::Integer(1, i64::MAX),
            "SYN packets per second and source; node.",
        ),
        Attribute::new(
            "protection_synflood_burst",
            Takes::Integer(1, i64::MAX),
            "SYN packets at once and source; node.",
        ),
        flag("log_nf_conntrack", "Whether connections are logged; node."),
        flag("nf_conntrack_allow_invalid", "Whether packets of no known connection are let through; node."),
        Attribute::new(
            "nf_conntrack_helpers",
            Takes::Set(&Takes::Text),
            "Helpers of connection tracking, e.g. `[\"ftp\"]`; node.",
        ),
        Attribute::new("nf_conntrack_max", Takes::Integer(32_768, i64::MAX), "Connections at most; node."),
        Attribute::new(
            "nf_conntrack_tcp_timeout_established",
            Takes::Integer(7_875, i64::MAX),
            "Seconds until an idle connection is forgotten; node.",
        ),
        Attribute::new(
            "nf_conntrack_tcp_timeout_syn_recv",
            Takes::Integer(30, 60),
            "Seconds until a half-open connection is forgotten; node.",
        ),
    ],
    blocks: &[RULES],
};

/// Options of each kind of firewall.
const OF_CLUSTER: &[&str] = &["enable", "policy_in", "policy_out", "policy_forward", "ebtables", "log_ratelimit"];
const OF_GUEST: &[&str] = &[
    "enable",
    "policy_in",
    "policy_out",
    "log_level_in",
    "log_level_out",
    "ndp",
    "dhcp",
    "radv",
    "macfilter",
    "ipfilter",
];
const OF_NODE: &[&str] = &[
    "enable",
    "log_level_in",
    "log_level_out",
    "log_level_forward",
    "ndp",
    "nftables",
    "nosmurfs",
    "smurf_log_level",
    "tcpflags",
    "tcp_flags_log_level",
    "protection_synflood",
    "protection_synflood_rate",
    "protection_synflood_burst",
    "log_nf_conntrack",
    "nf_conntrack_allow_invalid",
    "nf_conntrack_helpers",
    "nf_conntrack_max",
    "nf_conntrack_tcp_timeout_established",
    "nf_conntrack_tcp_timeout_syn_recv",
];

static ROW: Row = Row {
    schema: &SCHEMA,
    find: options,
    names: |identity| {
        let node = identity.get("of").map(|node| ("node", Value::text(node)));
        let vmid =
            identity.get("guest").and_then(|vmid| vmid.parse().ok()).map(|vmid: i64| ("vmid", Value::from(vmid)));
        node.into_iter().chain(vmid).collect()
    },
    path: |identity| format!("{}/options", base(identity)),
    make: |identity| Call::put(format!("{}/options", base(identity))),
    columns: &[
        Column::new("enable"),
        Column::new("policy_in"),
        Column::new("policy_out"),
        Column::new("policy_forward"),
        Column::new("ebtables"),
        Column::new("log_ratelimit"),
        Column::new("log_level_in"),
        Column::new("log_level_out"),
        Column::new("log_level_forward"),
        Column::new("ndp"),
        Column::new("dhcp"),
        Column::new("radv"),
        Column::new("macfilter"),
        Column::new("ipfilter"),
        Column::new("nftables"),
        Column::new("nosmurfs"),
        Column::new("smurf_log_level"),
        Column::new("tcpflags"),
        Column::new("tcp_flags_log_level"),
        Column::new("protection_synflood"),
        Column::new("protection_synflood_rate"),
        Column::new("protection_synflood_burst"),
        Column::new("log_nf_conntrack"),
        Column::new("nf_conntrack_allow_invalid"),
        Column::new("nf_conntrack_helpers"),
        Column::new("nf_conntrack_max"),
        Column::new("nf_conntrack_tcp_timeout_established"),
        Column::new("nf_conntrack_tcp_timeout_syn_recv"),
    ],
    file: "firewall",
    digest: None,
};

/// `of` names a node whose own firewall it is; `guest` a guest, and `node` where that is.
fn identify(firewall: &Value) -> Identity {
    let node = row::text_of(firewall, "node").to_owned();
    let is_of_container = firewall.get("container").is_some_and(|container| !container.is_null());
    match firewall.get("vmid").and_then(Value::as_i64) {
        Some(vmid) => {
            let kind = if is_of_container { GuestKind::Lxc } else { GuestKind::Qemu };
            of_guest(kind, vmid.to_string(), row::text_of(firewall, "guest_node"))
        }
        None if node.is_empty() => Identity::of([("firewall", "cluster".to_owned())]),
        None => Identity::of([("of", node)]),
    }
}

/// Only that of a container says which kind of guest it is of.
fn of_guest(kind: GuestKind, vmid: String, node: &str) -> Identity {
    let identity = Identity::of([("guest", vmid), ("node", node.to_owned())]);
    match kind {
        GuestKind::Qemu => identity,
        GuestKind::Lxc => identity.with("kind", kind.segment()),
    }
}

fn by_owner(id: &str) -> Result<Identity, String> {
    match id.split_once('/') {
        None if id == "cluster" => Ok(Identity::of([("firewall", "cluster".to_owned())])),
        Some(("node", node)) if !node.is_empty() => Ok(Identity::of([("of", node.to_owned())])),
        Some(("guest", vmid)) if vmid.parse::<u32>().is_ok() => Ok(Identity::of([("guest", vmid.to_owned())])),
        _ => Err("expected `cluster`, `node/NAME` or `guest/VMID`".to_owned()),
    }
}

fn what(identity: &Identity) -> String {
    let guest = identity.get("guest").map(|vmid| format!("guest {vmid}"));
    guest.or_else(|| identity.get("of").map(str::to_owned)).unwrap_or_else(|| "the cluster".to_owned())
}

fn base(identity: &Identity) -> String {
    let node = |name: &str| segment(identity.get(name).unwrap_or_default());
    match (identity.get("guest"), identity.get("of")) {
        (Some(vmid), _) => {
            let kind = identity.get("kind").unwrap_or(GuestKind::Qemu.segment());
            format!("/nodes/{}/{kind}/{vmid}/firewall", node("node"))
        }
        (None, Some(_)) => format!("/nodes/{}/firewall", node("of")),
        (None, None) => "/cluster/firewall".to_owned(),
    }
}

/// Where it is among the tables that are read: that of a guest is read wherever the guest is.
fn table(identity: &Identity) -> String {
    identity.get("guest").map_or_else(|| base(identity), |vmid| format!("/guests/{vmid}/firewall"))
}

fn options_table(identity: &Identity) -> String {
    format!("{}/options", table(identity))
}

fn rules_table(identity: &Identity) -> String {
    format!("{}/rules", table(identity))
}

fn options<'a>(view: &'a ClusterView, identity: &Identity) -> Look<'a> {
    let path = options_table(identity);
    match view.tables.get(&path) {
        Some(options) => Look::At(Cow::Borrowed(options)),
        None if view.hidden.contains(&path) => Look::Hidden(path),
        None => Look::Nowhere,
    }
}

/// What an option of another kind of firewall, or a node and a guest at once, would mean nobody knows.
fn check(firewall: &Value, _view: Option<&ClusterView>) -> Vec<Objection> {
    let is_written = |name: &str| firewall.get(name).is_some_and(|value| !value.is_null());
    let owners = ["node", "vm", "container"].into_iter().filter(|name| is_written(name)).collect::<Vec<_>>();
    if let [_, second, ..] = owners[..] {
        return vec![Objection {
            path: Path::attribute(second),
            summary: "a firewall is of one node or of one guest".to_owned(),
            hint: format!("keep one of `{}`", owners.join("`, `")),
        }];
    }
    let is_of_guest = ["vm", "container", "vmid"].into_iter().any(is_written);
    let (whose, allowed) = match (is_written("node"), is_of_guest) {
        (true, _) => ("a node", OF_NODE),
        (false, true) => ("a guest", OF_GUEST),
        (false, false) => ("the cluster", OF_CLUSTER),
    };
    let strange =
        ROW.columns.iter().map(|column| column.attribute).filter(|name| is_written(name) && !allowed.contains(name));
    let objection = |name: &str| Objection {
        path: Path::attribute(name),
        summary: format!("`{name}` is no option of the firewall of {whose}"),
        hint: format!("options here: {}", allowed.join(", ")),
    };
    strange.map(objection).collect()
}

fn sight(lookup: &Lookup) -> Sighting {
    // Nobody made it, so there is nothing to find before it is taken over.
    if lookup.applied.is_null() && !lookup.is_claim {
        return Sighting::Absent;
    }
    let guest = lookup.identity.get("guest").and_then(|vmid| lookup.view.guests.get(&vmid.parse().ok()?));
    let is_silent = |node: &str| lookup.view.nodes.get(node).is_some_and(|view| !view.is_online);
    let node = guest.map(|guest| &*guest.node).or(lookup.identity.get("of"));
    if let Some(node) = node.filter(|node| is_silent(node)) {
        return Sighting::Unreachable { node: node.to_owned() };
    }
    match guest {
        Some(guest) if guest.seen == Seen::Unreachable => return Sighting::Unreachable { node: guest.node.clone() },
        None if lookup.identity.get("guest").is_some() => return Sighting::Absent,
        Some(_) | None => {}
    }
    let mut sighting = ROW.sight(lookup);
    if let (Sighting::Absent, Some(guest)) = (&sighting, guest) {
        // It is there as long as the guest is, so it was not read.
        return Sighting::Unreachable { node: guest.node.clone() };
    }
    if let Sighting::Present(found) = &mut sighting {
        if let Some(guest) = guest {
            found.identity = of_guest(guest.kind, guest.vmid.to_string(), &guest.node);
        }
        let list = lookup.view.tables.get(&rules_table(lookup.identity)).map(rules::read).unwrap_or_default();
        found.value = rules::with_list(&found.value, &list, lookup.applied);
        found.digest = match options(lookup.view, lookup.identity) {
            Look::At(options) => options.get("digest").and_then(decode::text),
            Look::Nowhere | Look::Hidden(_) => None,
        };
    }
    sighting
}

/// Returns where it will be when its steps are done: its guest may be moved by the same plan.
fn there(draft: &Draft) -> Identity {
    match draft.desired.get("guest_node").and_then(Value::as_text) {
        Some(node) => draft.identity.with("node", node),
        None => draft.identity.clone(),
    }
}

/// A guest's firewall is touched only if the guest is ours.
fn place(draft: &Draft) -> Place {
    let identity = there(draft);
    let vmid = identity.get("guest").and_then(|vmid| vmid.parse().ok());
    let proof = match (vmid, identity.node()) {
        (Some(vmid), Some(node)) => Guard::Owned { node: node.to_owned(), vmid },
        _ => Guard::None,
    };
    Place { path: format!("{}/rules", base(&identity)), table: rules_table(&identity), proof }
}

fn guarded(mut steps: Vec<Step>, guard: &Guard, digest: Option<&str>) -> Vec<Step> {
    for step in &mut steps {
        if let Task::Call(guarded) = &mut step.task {
            guarded.guard = guard.clone();
            if let Some(digest) = digest {
                guarded.call = guarded.call.clone().with("digest", digest);
            }
        }
    }
    steps
}

/// The rules come before the option that turns the firewall on: nobody is locked out meanwhile.
fn create(draft: &Draft) -> Vec<Step> {
    let (place, identity) = (place(draft), there(draft));
    let draft = &Draft { identity: &identity, ..*draft };
    // A list that was read is brought to what is wanted: a run that was cut off may have filled a part of it.
    let mut steps = match draft.view.tables.contains_key(&place.table) {
        true => rules::change(&place, draft),
        false => rules::fill(&place, &rules::wanted(draft.desired)),
    };
    let sets = |name: &&Column| draft.desired.get(name.attribute).is_some_and(|value| !value.is_null());
    if ROW.columns.iter().any(|column| sets(&column)) {
        let options = ROW.create(draft).into_iter().map(|step| Step { name: "set options".into(), ..step }).collect();
        steps.extend(guarded(options, &place.proof, None));
    }
    steps
}

fn update(draft: &Draft, changed: &Changed) -> Vec<Step> {
    let (place, identity) = (place(draft), there(draft));
    let draft = &Draft { identity: &identity, ..*draft };
    let mut steps = rules::change(&place, draft);
    let options =
        ROW.update(draft, changed).into_iter().map(|step| Step { name: "set options".into(), ..step }).collect();
    let digest = draft.found.and_then(|found| found.digest.as_deref());
    steps.extend(guarded(options, &place.proof, digest));
    steps
}

/// Options first: what protected nobody before is not left half way.
fn delete(draft: &Draft) -> Vec<Step> {
    let place = place(draft);
    let Some(found) = draft.found else { return Vec::new() };
    let is_ours = |column: &&Column| {
        let is_set = |object: &Value| object.get(column.attribute).is_some_and(|value| !value.is_null());
        is_set(draft.applied) && is_set(&found.value)
    };
    let unset: Vec<&str> = ROW.columns.iter().filter(is_ours).map(|column| column.parameter).collect();
    let mut steps = Vec::new();
    if !unset.is_empty() {
        let call = Call::put((ROW.path)(draft.identity)).with("delete", unset.join(","));
        let step = ROW.step(draft, "unset options", call, Guard::None, true);
        steps.extend(guarded(vec![step], &place.proof, found.digest.as_deref()));
    }
    let list = draft.view.tables.get(&place.table).map(rules::read).unwrap_or_default();
    let known = rules::known_labels(draft.applied).unwrap_or_default();
    steps.extend(rules::steps(&place, &list, &[], &known, false));
    steps
}
