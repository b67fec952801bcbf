//! The plan as text: an overview by harm, each change, outputs, what is left free, and the sentence parsers wait for.

use super::amount;
use super::change;
use super::diff::{Harm, Object, Schemas, objects};
use super::limits;
use super::style::{Role, Style};
use super::table::{Cell, lines};
use super::value;
use crate::plan::{Action, Cause, Counts, Mode, Operation, OutputChange, Plan};
use std::fmt::Write as _;

/// Returns the text of a plan.
pub fn text(plan: &Plan, schemas: Schemas, style: Style) -> String {
    let objects = objects(plan, schemas);
    let mut text = warnings(plan, style);
    if plan.is_empty() {
        text.push_str(&nothing(plan, style));
        return text;
    }
    if !objects.is_empty() {
        text.push_str(&overview(&objects, style));
        for object in &objects {
            text.push('\n');
            text.push_str(&change::text(object, style));
        }
    }
    text.push_str(&moves(plan));
    text.push_str(&outputs(plan, style));
    text.push_str(&limits::text(plan, style));
    if has_drift(plan) {
        text.push_str(
            "\nNote: Objects have changed outside of Spawnpoint. Lines with `drift` or `conflict` say which.\n",
        );
    }
    text.push_str(&work(plan, style));
    let _ = writeln!(
        text,
        "\n{}",
        harm(&objects).map_or_else(String::new, |line| style.paint(Role::Remove, &line) + "\n") + &summary(plan, style)
    );
    text
}

/// Returns the sentence that Terraform's consumers read.
pub fn sentence(counts: Counts) -> String {
    let import = if counts.import > 0 { format!("{} to import, ", counts.import) } else { String::new() };
    let forget = if counts.forget > 0 { format!(", {} to forget", counts.forget) } else { String::new() };
    format!("Plan: {import}{} to add, {} to change, {} to destroy{forget}.", counts.add, counts.change, counts.destroy)
}

fn summary(plan: &Plan, style: Style) -> String {
    let counts = plan.counts();
    if counts == Counts::default() && plan.moved.is_empty() {
        return "You can apply this plan to save these new output values; no object changes.".into();
    }
    let sentence = sentence(counts);
    let rest = sentence.strip_prefix("Plan:").expect("the sentence begins with it");
    style.paint(Role::Strong, "Plan:") + rest
}

fn nothing(plan: &Plan, style: Style) -> String {
    let why = match plan.mode {
        Mode::Destroy => "Nothing of this stack exists.",
        Mode::RefreshOnly => "The state matches what is on the cluster.",
        Mode::Apply if !plan.has_looked => "What is recorded matches the configuration.",
        Mode::Apply if !plan.unreachable.is_empty() => "What could be read matches the configuration.",
        Mode::Apply => "Everything matches the configuration.",
    };
    format!("{} {why}\n{}", style.paint(Role::Add, "No changes."), limits::text(plan, style))
}

/// What the reader must know before anything else: what could not be seen.
fn warnings(plan: &Plan, style: Style) -> String {
    let mut text = String::new();
    if !plan.has_looked {
        let line = "! made without a look at what is recorded: changes from outside are not in it; apply looks before it does anything";
        let _ = writeln!(text, "{}", style.paint(Role::Change, line));
    }
    for (node, guests) in &plan.unreachable {
        let guests = amount::count(*guests, "managed guest");
        let line = format!("! node {node} did not answer: {guests} there not checked, and nothing is planned for them");
        let _ = writeln!(text, "{}", style.paint(Role::Change, &line));
    }
    for line in &plan.in_progress {
        let _ = writeln!(text, "{}", style.paint(Role::Change, &format!("! {line}: not planned")));
    }
    if !text.is_empty() {
        text.push('\n');
    }
    text
}

fn overview(objects: &[Object<'_>], style: Style) -> String {
    let heading = ["", "object", "tenant", "where", "effect"].map(|text| Cell::words(text, Role::Quiet)).to_vec();
    let row = |object: &Object<'_>| {
        let change = object.change;
        let role = if object.harm > Harm::Live { Role::Remove } else { Role::Text };
        vec![
            Cell::number(change.action.symbol(), Role::of(change.action)),
            Cell::words(change.address.to_string(), Role::Text),
            Cell::words(change.tenant.as_deref().unwrap_or("-"), Role::Text),
            Cell::words(change::place(&change.kind, &change.identity), Role::Quiet),
            Cell::words(change::effect(object), role),
        ]
    };
    let rows: Vec<Vec<Cell>> = std::iter::once(heading).chain(objects.iter().map(row)).collect();
    let actions: std::collections::BTreeSet<Action> = objects.iter().map(|object| object.change.action).collect();
    let legend: Vec<String> = actions.into_iter().map(legend).collect();
    format!("Spawnpoint will do this ({}):\n\n{}", legend.join(", "), lines(&rows, style))
}

fn legend(action: Action) -> String {
    let words = match action {
        Action::NoOp => "unchanged",
        Action::Adopt => "adopt",
        Action::Create => "create",
        Action::Update => "update in-place",
        Action::Replace => "destroy and create again",
        Action::Delete => "destroy",
        Action::Forget => "forget",
    };
    format!("{} {words}", action.symbol())
}

fn moves(plan: &Plan) -> String {
    if plan.moved.is_empty() {
        return String::new();
    }
    let lines = plan.moved.iter().map(|moved| format!("  {}, moved from {}\n", moved.to, moved.from));
    format!("\nKnown under a new address:\n{}", lines.collect::<String>())
}

fn outputs(plan: &Plan, style: Style) -> String {
    let changing: Vec<(&str, &OutputChange)> = plan
        .outputs
        .iter()
        .filter(|(_, output)| !output.is_unchanged())
        .map(|(name, output)| (&**name, output))
        .collect();
    if changing.is_empty() {
        return String::new();
    }
    let width = changing.iter().map(|(name, _)| name.chars().count()).max().unwrap_or(0);
    let mut text = format!("\n{}\n", style.paint(Role::Strong, "Changes to Outputs:"));
    for (name, output) in changing {
        let shown = |value: &crate::value::Value| match output.after.as_ref().is_some_and(|after| after.is_sensitive) {
            true => "(sensitive value)".to_owned(),
            false => value::inline(value),
        };
        let after = output.after.as_ref().map(|after| shown(&after.value));
        let (action, values) = match (output.before.as_ref().map(shown), after) {
            (None, Some(after)) => (Action::Create, after),
            (Some(before), None) => (Action::Delete, format!("{before} -> null")),
            (Some(before), Some(after)) if before == after => (Action::Update, after),
            (Some(before), Some(after)) => (Action::Update, format!("{before} -> {after}")),
            (None, None) => continue,
        };
        let symbol = style.paint(Role::of(action), action.symbol());
        let _ = writeln!(text, "  {symbol} {name:width$} = {values}");
    }
    text
}

fn has_drift(plan: &Plan) -> bool {
    let outside = |cause| matches!(cause, Cause::Drift | Cause::Conflict);
    plan.changes.iter().any(|change| change.attributes.iter().any(|attribute| outside(attribute.cause)))
}

fn work(plan: &Plan, style: Style) -> String {
    if plan.operations.is_empty() {
        return String::new();
    }
    let together = match most_at_once(&plan.operations) {
        0 | 1 => "one after the other".to_owned(),
        most => format!("up to {most} at once"),
    };
    format!(
        "\n{} {} in about {}, {together}\n",
        style.paint(Role::Strong, "Work:"),
        amount::count(plan.operations.len(), "operation"),
        amount::duration(plan.estimate_ms),
    )
}

/// Returns how many operations overlap if each starts as soon as those before it are done and takes its estimate.
fn most_at_once(operations: &[Operation]) -> usize {
    let mut ends: Vec<Option<u64>> = vec![None; operations.len()];
    let mut moments: Vec<(u64, i64)> = Vec::new();
    // Operations may be listed in any order; each round settles at least one, for a plan's operations have no cycle.
    while let Some(at) = (0..operations.len())
        .find(|at| ends[*at].is_none() && operations[*at].after.iter().all(|before| ends[*before].is_some()))
    {
        let start = operations[at].after.iter().filter_map(|before| ends[*before]).max().unwrap_or(0);
        let end = start + operations[at].estimate_ms.max(1);
        ends[at] = Some(end);
        moments.extend([(start, 1), (end, -1)]);
    }
    moments.sort_unstable();
    let running = moments.iter().scan(0i64, |running, (_, step)| {
        *running += step;
        Some(*running)
    });
    running.max().unwrap_or(0) as usize
}

/// The last line before the sentence, if somebody is hurt.
fn harm(objects: &[Object<'_>]) -> Option<String> {
    let count = |harm| objects.iter().filter(|object| object.harm == harm).count();
    let parts: Vec<String> = [
        (Harm::LosesData, "loses data", "lose data"),
        (Harm::Destroys, "is destroyed", "are destroyed"),
        (Harm::Replaces, "is re-created", "are re-created"),
        (Harm::Stops, "stops", "stop"),
        (Harm::Reboots, "reboots", "reboot"),
        (Harm::Restarts, "restarts", "restart"),
    ]
    .into_iter()
    .filter_map(|(harm, one, many)| match count(harm) {
        0 => None,
        1 => Some(format!("1 object {one}")),
        count => Some(format!("{count} objects {many}")),
    })
    .collect();
    (!parts.is_empty()).then(|| format!("Careful: {}.", parts.join(", ")))
}
