//! Lists of firewall rules, wherever they are: rules told apart by their label, never by position, and the fewest calls that bring a list
//! from what it is to what it should be.
//!
//! Proxmox gives rules no names, so the label stands at the head of the comment: `ssh: from the office`. New rules go to the front of the
//! list and are off unless the call says otherwise. Every call is preceded by a read that must show the list as the plan expects it.

use super::Draft;
use super::row;
use super::schema::{Attribute, Presence, Schema, Takes};
use super::step::{Expected, Guard, GuardedCall, RULE_MEMBERS, Step, Task, Verify};
use crate::proxmox::{Call, decode};
use crate::state::Effect;
use crate::value::{Type, Value};
use serde_json::Value as Json;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Log levels of rules and options.
pub const LOG_LEVELS: &[&str] = &["nolog", "emerg", "alert", "crit", "err", "warning", "notice", "info", "debug"];

/// A rule in a `rule "LABEL"` block.
pub static RULE: Schema = Schema {
    attributes: &[
        Attribute::new(
            "type",
            Takes::OneOf(&["in", "out", "forward", "group"]),
            "Direction; `group`: the rules of the firewall group that `action` names.",
        )
        .or("in"),
        Attribute::new("action", Takes::Text, "`ACCEPT`, `DROP`, `REJECT`, or the name of a firewall group.")
            .required(),
        Attribute::new("enable", Takes::Bool, "Whether it counts.").or("true"),
        Attribute::new("macro", Takes::Text, "Ports of a well-known service, e.g. `SSH`."),
        Attribute::new("proto", Takes::Text, "Protocol, e.g. `tcp`."),
        Attribute::new("dport", Takes::Text, "Port it goes to: `22`, `8000:8100`, `80,443`."),
        Attribute::new("sport", Takes::Text, "Port it comes from."),
        Attribute::new("source", Takes::Text, "Where it comes from: addresses, networks, `+dc/partners`, `dc/office`."),
        Attribute::new("dest", Takes::Text, "Where it goes to."),
        Attribute::new("iface", Takes::Text, "Network device it is about; of a guest: `net0`."),
        Attribute::new("icmp_type", Takes::Text, "Kind of ICMP message, with `proto = \"icmp\"`."),
        Attribute::new("log", Takes::OneOf(LOG_LEVELS), "What of it is logged."),
        Attribute::new("comment", Takes::Text, "Remark.").or(""),
    ],
    blocks: &[],
};

/// Attributes of whatever has a list of rules; `exclusive` has another default in each.
pub const ORDER: Attribute = Attribute {
    presence: Presence::Derived,
    ..Attribute::new("order", Takes::List(&Takes::Text), "Labels of the rules as written: the order they are tried in.")
};

/// What stands in the list and is not from here.
pub const UNMANAGED: Attribute = Attribute {
    presence: Presence::Derived,
    default: Some(""),
    ..Attribute::new(
        "unmanaged_rules",
        Takes::Text,
        "Rules that somebody else added, one per line; with `exclusive` they are removed.",
    )
};

/// A rule as the server keeps it, by member.
pub type Rule = BTreeMap<String, String>;

/// One rule that is wanted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// Its label.
    pub label: String,
    /// What it says.
    pub rule: Rule,
}

/// Returns the rules of an answer in order.
pub fn read(answer: &Json) -> Vec<Rule> {
    let position = |row: &Json| row.get("pos").and_then(decode::integer).unwrap_or(i64::MAX);
    let mut rows: Vec<&Json> = answer.as_array().into_iter().flatten().filter(|row| row.is_object()).collect();
    rows.sort_by_key(|row| position(row));
    let rule = |row: &&Json| -> Rule {
        RULE_MEMBERS
            .iter()
            .filter_map(|name| Some(((*name).to_owned(), row.get(*name).and_then(decode::text)?)))
            .collect()
    };
    rows.iter().map(rule).collect()
}

fn split(rule: &Rule) -> (&str, &str) {
    let comment = rule.get("comment").map_or("", |comment| comment.trim_end());
    comment.split_once(": ").unwrap_or((comment, ""))
}

/// Returns the label of each rule that has one of its own: the first of each label.
fn labels(list: &[Rule], is_ours: impl Fn(&str) -> bool) -> Vec<Option<String>> {
    let mut seen = BTreeSet::new();
    let label = |rule: &Rule| {
        let label = split(rule).0;
        (!label.is_empty() && is_ours(label) && seen.insert(label.to_owned())).then(|| label.to_owned())
    };
    list.iter().map(label).collect()
}

/// Returns labels that an object was last applied with; `None`: it was not, so every label counts.
pub fn known_labels(applied: &Value) -> Option<BTreeSet<Arc<str>>> {
    let rules = (!applied.is_null()).then(|| applied.get("rule").and_then(Value::as_entries))?;
    Some(rules.map(|rules| rules.keys().cloned().collect()).unwrap_or_default())
}

/// Returns the attributes `rule`, `order` and `unmanaged_rules` of a list. Where it is shared, nobody minds the rules of others.
fn decoded(list: &[Rule], applied: &Value) -> [(&'static str, Value); 3] {
    let known = known_labels(applied);
    let all = labels(list, |_| true);
    let is_known = |label: &str| known.as_ref().is_none_or(|known| known.contains(label));
    let rules = list.iter().zip(&all).filter_map(|(rule, label)| Some((label.as_deref()?, value(rule))));
    let ours = all.iter().flatten().filter(|label| is_known(label));
    let order = Value::list(Type::Text, ours.map(|label| Value::text(label.as_str())));
    let is_stranger = |label: &Option<String>| !label.as_deref().is_some_and(is_known);
    let strangers: Vec<String> =
        list.iter().zip(&all).filter(|(_, label)| is_stranger(label)).map(|(rule, _)| shown(rule)).collect();
    let is_shared = applied.get("exclusive").and_then(Value::as_bool) == Some(false);
    let strangers = if is_shared { String::new() } else { strangers.join("\n") };
    [("rule", Value::object(rules)), ("order", order), ("unmanaged_rules", Value::text(strangers))]
}

fn value(rule: &Rule) -> Value {
    let attribute = |attribute: &'static Attribute| {
        let value = match attribute.name {
            "comment" => Value::text(split(rule).1),
            name => row::read(attribute, &Json::from(rule.get(&member(name))?.as_str()))?,
        };
        Some((attribute.name, value))
    };
    Value::object(RULE.attributes.iter().filter_map(attribute))
}

fn member(attribute: &str) -> String {
    attribute.replace('_', "-")
}

/// Writes a rule on one line, for people.
fn shown(rule: &Rule) -> String {
    let get = |name: &str| rule.get(name).map_or("", String::as_str);
    let rest = rule.iter().filter(|(name, _)| !matches!(&***name, "type" | "action" | "enable"));
    let off = if get("enable") == "1" { "" } else { " (off)" };
    let mut text = format!("{} {}", get("type"), get("action"));
    rest.for_each(|(name, value)| text.push_str(&format!(" {name}={value}")));
    text + off
}

/// Returns the rules that an object wants, in order.
pub fn wanted(object: &Value) -> Vec<Wanted> {
    let order = object.get("order").and_then(Value::as_items).unwrap_or_default();
    let labels = order.iter().filter_map(Value::as_text);
    let rule =
        |label: &str| Some(Wanted { label: label.to_owned(), rule: encoded(label, object.get("rule")?.get(label)?) });
    labels.filter_map(rule).collect()
}

fn encoded(label: &str, block: &Value) -> Rule {
    let mut rule: Rule = BTreeMap::new();
    for attribute in RULE.attributes.iter().filter(|attribute| attribute.name != "comment") {
        let text = block.get(attribute.name).filter(|value| !value.is_null()).map(row::plain);
        if let Some(text) = text.filter(|text| !text.is_empty()) {
            rule.insert(member(attribute.name), text);
        }
    }
    let comment = row::text_of(block, "comment").trim_end();
    rule.insert(
        "comment".to_owned(),
        if comment.is_empty() { label.to_owned() } else { format!("{label}: {comment}") },
    );
    rule
}

/// Where a list is.
#[derive(Clone, Debug)]
pub struct Place {
    /// Reads the list, and POST adds to it; one rule is below it, by position.
    pub path: String,
    /// Where the list is among the tables that were read.
    pub table: String,
    /// What must hold before a list is touched that was not read: for a guest, that it is ours.
    pub proof: Guard,
}

/// Returns the steps that fill a list of which nothing is known: the last rule first, because each goes to the front.
pub fn fill(place: &Place, wanted: &[Wanted]) -> Vec<Step> {
    let step = |wanted: &Wanted| {
        let call = with(Call::post(&place.path), &wanted.rule);
        let verify = Verify::ByContent { read: Call::get(&place.path), is_present: true };
        made(format!("add rule {}", wanted.label), call, place.proof.clone(), verify)
    };
    wanted.iter().rev().map(step).collect()
}

/// Returns an object with the attributes that its list is.
pub fn with_list(object: &Value, list: &[Rule], applied: &Value) -> Value {
    let mut attributes = row::attributes(object);
    attributes.extend(decoded(list, applied).map(|(name, value)| (Arc::from(name), value)));
    Value::object(attributes)
}

/// Returns the steps that bring the list of an object that is there to what is wanted of it.
pub fn change(place: &Place, draft: &Draft) -> Vec<Step> {
    let list = draft.view.tables.get(&place.table).map(read).unwrap_or_default();
    let known = known_labels(draft.applied).unwrap_or_default();
    let is_exclusive = draft.desired.get("exclusive").and_then(Value::as_bool).unwrap_or(false);
    steps(place, &list, &wanted(draft.desired), &known, is_exclusive)
}

/// Returns the steps that bring a list from what it is to what is wanted. Rules labelled with one of `known` are ours; others stay, unless
/// the list is all ours.
pub fn steps(
    place: &Place,
    list: &[Rule],
    wanted: &[Wanted],
    known: &BTreeSet<Arc<str>>,
    is_exclusive: bool,
) -> Vec<Step> {
    let mut edit = Edit { place, list: list.to_vec(), steps: Vec::new() };
    let is_wanted = |label: &str| wanted.iter().any(|wanted| wanted.label == label);
    let is_ours = |label: &str| is_wanted(label) || known.contains(label);
    let ours = labels(list, is_ours);
    // Each rule is followed by what it is called now: positions change with every call.
    let mut names: Vec<Name> = ours
        .into_iter()
        .zip(list)
        .map(|(label, rule)| match label {
            Some(label) if is_wanted(&label) => Name::Wanted(label),
            Some(label) => Name::Dropped(label),
            // A second rule with a label of ours would be taken for the first one day.
            None if is_ours(split(rule).0) => Name::Dropped(format!("{} (twice)", split(rule).0)),
            None if is_exclusive => Name::Dropped("of somebody else".to_owned()),
            None => Name::Stranger,
        })
        .collect();
    for wanted in wanted {
        let is_it = |name: &Name| matches!(name, Name::Wanted(label) if *label == wanted.label);
        if let Some(at) = names.iter().position(is_it) {
            edit.change(at, wanted);
        }
    }
    arrange(&mut edit, &mut names, wanted);
    // What goes is taken out last: a gap in a list of rules lets in what nobody wants, or keeps out who is playing.
    for at in (0..names.len()).rev() {
        if let Name::Dropped(label) = &names[at] {
            edit.remove(at, label);
        }
    }
    edit.steps
}

enum Name {
    Wanted(String),
    Dropped(String),
    Stranger,
}

/// Adds what is missing and moves what stands in the wrong place, the last rule first.
fn arrange(edit: &mut Edit, names: &mut Vec<Name>, wanted: &[Wanted]) {
    let index_of = |label: &str| wanted.iter().position(|wanted| wanted.label == label);
    let present: Vec<usize> = names
        .iter()
        .filter_map(|name| match name {
            Name::Wanted(label) => index_of(label),
            Name::Dropped(_) | Name::Stranger => None,
        })
        .collect();
    let mut placed: BTreeSet<usize> = longest_rising(&present);
    for index in (0..wanted.len()).rev() {
        if placed.contains(&index) {
            continue;
        }
        let label = &wanted[index].label;
        let place_of = |names: &[Name], index: usize| {
            let is_it = |name: &Name| matches!(name, Name::Wanted(label) if *label == wanted[index].label);
            names.iter().position(is_it)
        };
        let at = match place_of(names, index) {
            Some(at) => at,
            None => {
                edit.add(&wanted[index]);
                names.insert(0, Name::Wanted(label.clone()));
                0
            }
        };
        let places = placed.iter().filter_map(|other| Some((*other, place_of(names, *other)?)));
        let (before, after): (Vec<_>, Vec<_>) = places.partition(|(other, _)| *other < index);
        let is_right = before.iter().all(|(_, place)| *place < at) && after.iter().all(|(_, place)| *place > at);
        if !is_right {
            let to = match (after.iter().map(|(_, place)| *place).min(), before.iter().map(|(_, place)| *place).max()) {
                (Some(next), _) => next,
                (None, Some(last)) => last + 1,
                (None, None) => at,
            };
            edit.shift(at, to, label);
            let name = names.remove(at);
            names.insert(if to > at { to - 1 } else { to }, name);
        }
        placed.insert(index);
    }
}

/// Returns the values of a longest rising subsequence: the rules that need not move.
fn longest_rising(values: &[usize]) -> BTreeSet<usize> {
    let mut best: Vec<(usize, Option<usize>)> = Vec::with_capacity(values.len());
    for (at, value) in values.iter().enumerate() {
        let before = (0..at).filter(|other| values[*other] < *value).max_by_key(|other| best[*other].0);
        best.push((before.map_or(1, |before| best[before].0 + 1), before));
    }
    let mut kept = BTreeSet::new();
    let mut next = (0..values.len()).max_by_key(|at| best[*at].0);
    while let Some(at) = next {
        kept.insert(values[at]);
        next = best[at].1;
    }
    kept
}

/// A list on its way, as the server will have it.
struct Edit<'a> {
    place: &'a Place,
    list: Vec<Rule>,
    steps: Vec<Step>,
}

impl Edit<'_> {
    fn change(&mut self, at: usize, wanted: &Wanted) {
        let has = &self.list[at];
        if *has == wanted.rule {
            return;
        }
        let differing: Rule = wanted
            .rule
            .iter()
            .filter(|(name, text)| has.get(*name) != Some(text))
            .map(|(n, t)| (n.clone(), t.clone()))
            .collect();
        let unset: Vec<&str> = has.keys().filter(|name| !wanted.rule.contains_key(*name)).map(String::as_str).collect();
        let mut call = with(Call::put(self.rule(at)), &differing);
        if !unset.is_empty() {
            call = call.with("delete", unset.join(","));
        }
        let mut after = self.list.clone();
        after[at].clone_from(&wanted.rule);
        self.step(format!("change rule {}", wanted.label), call, after);
    }

    fn add(&mut self, wanted: &Wanted) {
        let mut after = self.list.clone();
        after.insert(0, wanted.rule.clone());
        self.step(format!("add rule {}", wanted.label), with(Call::post(&self.place.path), &wanted.rule), after);
    }

    /// `to` is counted before the rule is taken out.
    fn shift(&mut self, at: usize, to: usize, label: &str) {
        let mut after = self.list.clone();
        let rule = after.remove(at);
        after.insert(if to > at { to - 1 } else { to }, rule);
        self.step(format!("move rule {label}"), Call::put(self.rule(at)).with("moveto", to.to_string()), after);
    }

    fn remove(&mut self, at: usize, label: &str) {
        let mut after = self.list.clone();
        after.remove(at);
        self.step(format!("remove rule {label}"), Call::delete(self.rule(at)), after);
    }

    fn rule(&self, at: usize) -> String {
        format!("{}/{at}", self.place.path)
    }

    fn step(&mut self, name: String, call: Call, after: Vec<Rule>) {
        let read = || Call::get(&self.place.path);
        let sends_digest = call.method != crate::proxmox::call::Method::Post;
        let expected = Expected::Rules(std::mem::replace(&mut self.list, after.clone()));
        let guard = Guard::Table { read: read(), expected, sends_digest };
        let verify = Verify::Table { read: read(), expected: Expected::Rules(after) };
        let step = made(name, call, guard, verify);
        self.steps.push(step);
    }
}

fn with(call: Call, rule: &Rule) -> Call {
    rule.iter().fold(call, |call, (name, text)| call.with(name, text))
}

fn made(name: String, call: Call, guard: Guard, verify: Verify) -> Step {
    Step {
        name: name.into(),
        task: Task::Call(Box::new(GuardedCall { call, guard, verify, deadline_ms: 60_000 })),
        effect: Effect::None,
        estimate_ms: 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proxmox::call::Method;
    use proptest::prelude::*;

    fn rule(label: &str, port: u8) -> Rule {
        BTreeMap::from([("comment".to_owned(), label.to_owned()), ("dport".to_owned(), port.to_string())])
    }

    /// Does what the server does.
    fn carry_out(mut list: Vec<Rule>, steps: &[Step]) -> Vec<Rule> {
        for step in steps {
            let Task::Call(guarded) = &step.task else { unreachable!("rules are changed by calls") };
            let Guard::Table { expected: Expected::Rules(expected), .. } = &guarded.guard else {
                unreachable!("a list is compared")
            };
            assert_eq!(*expected, list, "{}", step.name);
            let call = &guarded.call;
            let at: Option<usize> = call.path.rsplit('/').next().and_then(|last| last.parse().ok());
            let given = || call.parameters.iter().map(|(name, value)| (name.clone(), value.reveal().to_owned()));
            match (call.method, at, call.parameter("moveto")) {
                (Method::Post, None, _) => list.insert(0, given().collect()),
                (Method::Delete, Some(at), _) => drop(list.remove(at)),
                (Method::Put, Some(at), Some(to)) => {
                    let to: usize = to.parse().expect("a position");
                    let rule = list.remove(at);
                    list.insert(if to > at { to - 1 } else { to }, rule);
                }
                (Method::Put, Some(at), None) => list[at].extend(given()),
                other => unreachable!("{other:?}"),
            }
            let Verify::Table { expected: Expected::Rules(after), .. } = &guarded.verify else {
                unreachable!("a list is compared")
            };
            assert_eq!(*after, list, "after {}", step.name);
        }
        list
    }

    proptest! {
        #[test]
        fn any_list_becomes_any_other(
            has in prop::collection::vec((0_u8..12, 0_u8..3), 0..10),
            wants in prop::collection::btree_map(0_u8..12, 0_u8..3, 0..8),
            turn in 0_usize..8,
            known in prop::collection::btree_set(0_u8..12, 0..12),
            is_exclusive: bool,
        ) {
            let list: Vec<Rule> = has.iter().map(|(label, port)| rule(&format!("r{label}"), *port)).collect();
            let mut wanted: Vec<Wanted> = wants
                .iter()
                .map(|(label, port)| Wanted { label: format!("r{label}"), rule: rule(&format!("r{label}"), *port) })
                .collect();
            wanted.rotate_left(turn.min(wants.len()));
            let known: BTreeSet<Arc<str>> = known.iter().map(|label| Arc::from(format!("r{label}"))).collect();
            let place = Place { path: "/rules".to_owned(), table: "/rules".to_owned(), proof: Guard::None };
            let done = carry_out(list.clone(), &steps(&place, &list, &wanted, &known, is_exclusive));
            let is_wanted = |label: &str| wanted.iter().any(|wanted| wanted.label == label);
            let ours = labels(&done, is_wanted);
            let found: Vec<Rule> = done.iter().zip(&ours).filter(|(_, label)| label.is_some()).map(|(rule, _)| rule.clone()).collect();
            let expected: Vec<Rule> = wanted.iter().map(|wanted| wanted.rule.clone()).collect();
            prop_assert_eq!(&found, &expected);
            if is_exclusive {
                prop_assert_eq!(&done, &expected);
            }
            let again = steps(&place, &done, &wanted, &known, is_exclusive);
            let names: Vec<String> = again.iter().map(|step| step.name.to_string()).collect();
            prop_assert!(again.is_empty(), "{:?}", names);
        }
    }

    #[test]
    fn a_rule_in_the_middle_takes_two_calls() {
        let list = [rule("ssh", 22), rule("drop", 0)];
        let wanted = ["ssh", "game", "drop"]
            .map(|label| Wanted { label: label.to_owned(), rule: rule(label, if label == "ssh" { 22 } else { 0 }) });
        let place = Place { path: "/rules".to_owned(), table: "/rules".to_owned(), proof: Guard::None };
        let steps = steps(&place, &list, &wanted, &BTreeSet::new(), true);
        let names: Vec<&str> = steps.iter().map(|step| &*step.name).collect();
        assert_eq!(names, ["add rule game", "move rule game"]);
    }
}
