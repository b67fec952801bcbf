//! One object of a plan as text: the sentence Terraform's readers look for, why, and what differs.

use super::diff::{Content, Harm, Leaf, Name, Node, Object};
use super::style::{Role, Style};
use super::value;
use crate::config::Address;
use crate::plan::{Action, Cause, Change, Reason};
use crate::resources::schema::Impact;
use crate::state::Identity;
use std::fmt::Write as _;

/// Returns where an object is: `VM 5000 on pve1`, `pool acme`.
pub fn place(kind: &str, identity: &Identity) -> String {
    let part = |name: &str| identity.get(name).unwrap_or_default();
    let noun = if kind == "container" || part("kind") == "lxc" { "CT" } else { "VM" };
    match (kind, identity.vmid(), identity.node()) {
        ("template_copy", Some(vmid), Some(node)) => format!("template {vmid} on {node}"),
        ("template" | "template_copy", Some(vmid), _) => format!("template {vmid}"),
        ("firewall", None, Some(node)) => format!("firewall of {noun} {} on {node}", part("guest")),
        (_, Some(vmid), Some(node)) => format!("{noun} {vmid} on {node}"),
        (_, Some(vmid), None) => format!("VM {vmid}"),
        ("storage_file", None, _) => format!("{} on {}", part("volume"), part("at")),
        ("acl", None, _) => format!("{} at {}", part("role"), part("path")),
        (_, None, _) => {
            let parts = identity.0.values().map(|value| &**value);
            let words: Vec<&str> = std::iter::once(kind).chain(parts).collect();
            if words.len() == 1 { String::new() } else { words.join(" ") }
        }
    }
}

/// Returns what a change means for whoever uses the object, in a few words.
pub fn effect(object: &Object<'_>) -> String {
    let change = object.change;
    let words = match (object.harm, change.action) {
        (Harm::LosesData, Action::Delete) => {
            format!("destroyed, loses {}", change.data_loss.join(", "))
        }
        (Harm::LosesData, Action::Replace) => {
            format!("re-created, loses {}", change.data_loss.join(", "))
        }
        (Harm::LosesData, _) => format!("loses {}", change.data_loss.join(", ")),
        (Harm::Destroys, _) => "destroyed".into(),
        (Harm::Replaces, _) => "re-created".into(),
        (Harm::Stops, _) => "stops".into(),
        (Harm::Reboots, _) => "reboots".into(),
        (Harm::Restarts, _) => "restarts".into(),
        (Harm::Live, Action::Adopt) => "imported, then changed".into(),
        (Harm::Live, _) => "live".into(),
        (Harm::None, Action::Create) => "new".into(),
        (Harm::None, Action::Adopt) => "kept as it is".into(),
        (Harm::None, Action::Forget) => "left alone".into(),
        (Harm::None, _) => "recorded only".into(),
    };
    match worst_cause(change) {
        Some(Cause::Conflict) => words + ", conflict",
        Some(Cause::Drift) => words + ", drift",
        Some(Cause::Configuration) | None => words,
    }
}

fn worst_cause(change: &Change) -> Option<Cause> {
    let has = |cause| change.attributes.iter().any(|attribute| attribute.cause == cause);
    [Cause::Conflict, Cause::Drift, Cause::Configuration].into_iter().find(|cause| has(*cause))
}

/// Returns the text of one object.
pub fn text(object: &Object<'_>, style: Style) -> String {
    let change = object.change;
    let role = Role::of(change.action);
    let mut text =
        format!("  {}\n", style.paint(Role::Strong, &format!("# {} {}", change.address, change.action.words())));
    for (role, fact) in facts(object) {
        let _ = writeln!(text, "  {}", style.paint(role, &format!("# {fact}")));
    }
    let symbol = style.paint(role, &format!("{:>3}", change.action.symbol()));
    let header = header(&change.address, &change.kind);
    let hidden = match (object.hidden, change.action) {
        (0, _) | (_, Action::Delete | Action::Forget) => None,
        (count, Action::Create) => {
            Some(format!("# ({} at the default hidden)", super::amount::count(count, "attribute")))
        }
        (1, _) => Some("# (1 unchanged attribute hidden)".to_owned()),
        (count, _) => Some(format!("# ({count} unchanged attributes hidden)")),
    };
    if object.nodes.is_empty() && hidden.is_none() {
        let _ = writeln!(text, "{symbol} {header}");
        return text;
    }
    let _ = writeln!(text, "{symbol} {header} {{");
    body(&mut text, &object.nodes, 6, style);
    if let Some(hidden) = hidden {
        let _ = writeln!(text, "        {}", style.paint(Role::Quiet, &hidden));
    }
    text.push_str("    }\n");
    text
}

fn header(address: &Address, kind: &str) -> String {
    match &address.child {
        None => format!("{} {}", address.kind, value::quoted(&address.name)),
        Some(child) => match &child.key {
            Some(crate::config::Key::Text(key)) => format!("{kind} {}", value::quoted(key)),
            Some(crate::config::Key::Number(key)) => format!("{kind} \"{key}\""),
            None => format!("{kind} {}", value::quoted(&address.name)),
        },
    }
}

/// Lines between the sentence and the block, each with its role.
fn facts(object: &Object<'_>) -> Vec<(Role, String)> {
    let change = object.change;
    let tenant = change.tenant.as_ref().map(|tenant| format!("tenant {tenant}"));
    let place = Some(place(&change.kind, &change.identity)).filter(|place| !place.is_empty());
    let impact = match (object.harm, change.impact) {
        (Harm::None, _) | (_, Impact::None) => None,
        (_, Impact::Recreate) => Some("re-creates the object"),
        (_, Impact::Stop) => Some("stops the guest"),
        (_, Impact::Reboot) => Some("reboots the guest"),
        (_, Impact::Restart) => Some("restarts the game server, players are disconnected"),
        (_, Impact::Live) => Some("live, nothing is interrupted"),
    };
    let first: Vec<String> = [tenant, place, impact.map(Into::into)].into_iter().flatten().collect();
    let mut facts = Vec::new();
    if !first.is_empty() {
        facts.push((Role::Quiet, first.join(", ")));
    }
    if !change.data_loss.is_empty() {
        facts.push((Role::Remove, format!("data is lost: {}", change.data_loss.join(", "))));
    }
    facts.extend(change.reason.as_ref().map(|reason| (Role::Quiet, format!("because {}", because(reason)))));
    facts.extend(change.notes.iter().map(|note| (Role::Hint, format!("note: {note}"))));
    facts
}

fn because(reason: &Reason) -> String {
    match reason {
        Reason::CannotUpdate(paths) => {
            let paths: Vec<String> = paths.iter().map(|path| format!("`{path}`")).collect();
            format!("{} cannot change in place", paths.join(", "))
        }
        Reason::Requested => "it was asked for with -replace".into(),
        Reason::NotInConfiguration => "its block is not in the configuration".into(),
        Reason::NotInInstances => "its key is not in `for_each` or `count`".into(),
        Reason::Destroy => "`destroy` was asked for".into(),
        Reason::Vanished => "it is gone from the cluster".into(),
        Reason::Unfinished => "an interrupted run left it unfinished".into(),
        Reason::DependencyReplaced(address) => {
            format!("its `replace_triggered_by` names `{address}`, which changes")
        }
    }
}

/// Writes nodes at an indent; symbols stand in the two columns before the names, remarks one below the other.
fn body(text: &mut String, nodes: &[Node], indent: usize, style: Style) {
    let width = |node: &Node| match (&node.name, &node.content) {
        (Name::Attribute(name), Content::Leaf(_)) => value::name(name).chars().count(),
        _ => 0,
    };
    let name_width = nodes.iter().map(width).max().unwrap_or(0);
    let margin = " ".repeat(indent);
    let remark_column = nodes
        .iter()
        .filter_map(|node| match &node.content {
            Content::Leaf(leaf) if !remarks(leaf).is_empty() => Some(Row::of(leaf, Style::Plain).width()),
            Content::Leaf(_) | Content::Body(_) => None,
        })
        .max()
        .unwrap_or(0);
    for node in nodes {
        let symbol = style.paint(Role::of(node.action), node.action.symbol());
        match &node.content {
            Content::Body(inner) => {
                let _ = writeln!(text, "{margin}{symbol} {} {{", opening(&node.name));
                body(text, inner, indent + 4, style);
                let _ = writeln!(text, "{margin}  }}");
            }
            Content::Leaf(leaf) => {
                let name = match &node.name {
                    Name::Attribute(name) => value::name(name),
                    Name::Block(..) => opening(&node.name),
                };
                let row = Row::of(leaf, style);
                let remark = match remarks(leaf) {
                    remarks if remarks.is_empty() => String::new(),
                    remarks => {
                        let gap = " ".repeat(remark_column.saturating_sub(Row::of(leaf, Style::Plain).width()) + 2);
                        gap + &style.paint(Role::Hint, &format!("# {}", remarks.join("; ")))
                    }
                };
                let _ = writeln!(text, "{margin}{symbol} {name:name_width$} = {}{remark}", row.first);
                for line in &row.rest {
                    let _ = writeln!(text, "{}", format!("{margin}  {line}").trim_end());
                }
            }
        }
    }
}

fn opening(name: &Name) -> String {
    match name {
        Name::Attribute(name) => format!("{} =", value::name(name)),
        Name::Block(kind, None) => kind.to_string(),
        Name::Block(kind, Some(label)) => format!("{kind} {}", value::quoted(label)),
    }
}

/// What stands to the right of `=`: one line where that can be read, else the lines that differ.
struct Row {
    first: String,
    rest: Vec<String>,
}

impl Row {
    fn of(leaf: &Leaf, style: Style) -> Self {
        let before = leaf.before.as_ref().map(value::lines);
        let after = leaf.after.as_ref().map(value::lines);
        let arrow = style.paint(Role::Change, "->");
        let one = |first: String| Self { first, rest: Vec::new() };
        match (before.as_deref(), after.as_deref()) {
            (Some([before]), Some([after])) if before == after => one(after.clone()),
            (Some([before]), Some([after])) if before.chars().count() + after.chars().count() <= 100 => {
                one(format!("{before} {arrow} {after}"))
            }
            (Some(before), Some(after)) => {
                Self { first: "(changed lines)".into(), rest: changed_lines(before, after, style) }
            }
            (Some([before]), None) => one(format!("{before} {arrow} null")),
            (Some(lines), None) | (None, Some(lines)) => Self { first: lines[0].clone(), rest: lines[1..].to_vec() },
            (None, None) => one("null".into()),
        }
    }

    fn width(&self) -> usize {
        self.first.chars().count()
    }
}

fn changed_lines(before: &[String], after: &[String], style: Style) -> Vec<String> {
    let (before, after) = (before.join("\n") + "\n", after.join("\n") + "\n");
    let diff = similar::TextDiff::from_lines(&before, &after);
    let mut lines = Vec::new();
    for (at, group) in diff.grouped_ops(2).iter().enumerate() {
        if at > 0 {
            lines.push("  ...".into());
        }
        for line in group.iter().flat_map(|operation| diff.iter_changes(operation)) {
            let (symbol, role) = match line.tag() {
                similar::ChangeTag::Delete => ("-", Role::Remove),
                similar::ChangeTag::Insert => ("+", Role::Add),
                similar::ChangeTag::Equal => (" ", Role::Text),
            };
            lines.push(style.paint(role, format!("{symbol} {}", line.value()).trim_end()));
        }
    }
    lines
}

fn remarks(leaf: &Leaf) -> Vec<&'static str> {
    let mut remarks = Vec::new();
    if leaf.forces_replacement {
        remarks.push("forces replacement");
    } else {
        match leaf.impact {
            Some(Impact::Reboot) => remarks.push("reboots"),
            Some(Impact::Restart) => remarks.push("restarts"),
            Some(Impact::Stop) => remarks.push("stops"),
            Some(Impact::Recreate) => remarks.push("re-creates"),
            Some(Impact::Live | Impact::None) | None => {}
        }
    }
    match leaf.cause {
        Some(Cause::Drift) => remarks.push("drift: changed outside Spawnpoint, apply reverts it"),
        Some(Cause::Conflict) => remarks.push("conflict: changed outside Spawnpoint too, the configuration wins"),
        Some(Cause::Configuration) | None => {}
    }
    if leaf.is_chosen {
        remarks.push("chosen");
    }
    remarks
}
