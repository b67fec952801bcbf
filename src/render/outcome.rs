//! The last words of an apply: what was done, what failed, what was not started, and what to do next.

use super::amount::count;
use super::style::{Role, Style};
use crate::apply::{OperationResult, Summary};
use crate::plan::{Counts, Mode, Plan, Verb};
use std::fmt::Write as _;

/// Returns the summary of an apply.
pub fn text(plan: &Plan, summary: &Summary, style: Style) -> String {
    if summary.is_success() {
        return style.paint(Role::Add, &headline(plan, summary)) + "\n" + &warnings(plan, summary, style);
    }
    let mut text = String::new();
    failures(&mut text, plan, summary, style);
    not_started(&mut text, plan, summary, style);
    text.push_str(&warnings(plan, summary, style));
    let _ = writeln!(text, "{}", style.paint(Role::Remove, &headline(plan, summary)));
    let hints: &[&str] = match (has_failed(summary), summary.is_interrupted) {
        (true, _) => &[
            "mend what is named above, then run `spawnpoint apply` again: it continues where this run stopped",
            "nothing that was done is undone, and nothing is done twice",
        ],
        (false, _) => &["run `spawnpoint apply` again: it continues where this run stopped"],
    };
    for hint in hints {
        let _ = writeln!(text, "  {} {hint}", style.paint(Role::Hint, "next:"));
    }
    text
}

/// Returns the one line that says how an apply ended and how much was done.
pub fn headline(plan: &Plan, summary: &Summary) -> String {
    let counts = done(plan, summary);
    match (summary.is_success(), summary.is_interrupted) {
        (true, _) => sentence(plan.mode, counts),
        (false, true) => format!("Apply interrupted. Resources: {}.", past(counts)),
        (false, false) => format!("Apply incomplete. Resources: {}.", past(counts)),
    }
}

/// The sentence that Terraform's consumers read.
fn sentence(mode: Mode, counts: Counts) -> String {
    match mode {
        Mode::Destroy => format!("Destroy complete! Resources: {} destroyed.", counts.destroy),
        Mode::Apply | Mode::RefreshOnly => format!("Apply complete! Resources: {}.", past(counts)),
    }
}

fn past(counts: Counts) -> String {
    let import = if counts.import > 0 { format!("{} imported, ", counts.import) } else { String::new() };
    let forget = if counts.forget > 0 { format!(", {} forgotten", counts.forget) } else { String::new() };
    format!("{import}{} added, {} changed, {} destroyed{forget}", counts.add, counts.change, counts.destroy)
}

/// Returns how much of the plan was done: a change counts when every operation of its object was.
pub fn done(plan: &Plan, summary: &Summary) -> Counts {
    let is_done = |result: &Option<OperationResult>| {
        matches!(result, Some(OperationResult::Done | OperationResult::DoneWithWarnings(_)))
    };
    let mut finished = plan.clone();
    finished.changes.retain(|change| {
        let mut own =
            plan.operations.iter().zip(&summary.results).filter(|(operation, _)| operation.address == change.address);
        own.all(|(_, result)| is_done(result))
    });
    finished.counts()
}

fn has_failed(summary: &Summary) -> bool {
    summary.results.iter().any(|result| matches!(result, Some(OperationResult::Failed { .. })))
}

fn failures(text: &mut String, plan: &Plan, summary: &Summary, style: Style) {
    for (operation, result) in plan.operations.iter().zip(&summary.results) {
        let Some(OperationResult::Failed { error, hints }) = result else {
            continue;
        };
        let head = format!("failed: {} ({})", operation.address, verb(operation.verb));
        let _ = writeln!(text, "{}\n  {error}", style.paint(Role::Remove, &head));
        for hint in hints {
            let _ = writeln!(text, "  {} {hint}", style.paint(Role::Hint, "next:"));
        }
        text.push('\n');
    }
}

fn not_started(text: &mut String, plan: &Plan, summary: &Summary, style: Style) {
    let mut lines = Vec::new();
    for (operation, result) in plan.operations.iter().zip(&summary.results) {
        let why = match result {
            Some(OperationResult::NotStarted { because }) => match plan.operations.get(*because) {
                Some(failed) => format!("waits for {}", failed.address),
                None => continue,
            },
            Some(OperationResult::Skipped) | None => "the run was interrupted".to_owned(),
            Some(OperationResult::Done | OperationResult::DoneWithWarnings(_) | OperationResult::Failed { .. }) => {
                continue;
            }
        };
        lines.push(format!("  {} ({}): {why}", operation.address, verb(operation.verb)));
    }
    if !lines.is_empty() {
        let head = format!("not started: {}", count(lines.len(), "operation"));
        let _ = writeln!(text, "{}\n{}\n", style.paint(Role::Change, &head), lines.join("\n"));
    }
}

fn warnings(plan: &Plan, summary: &Summary, style: Style) -> String {
    let mut text = String::new();
    for (operation, result) in plan.operations.iter().zip(&summary.results) {
        if let Some(OperationResult::DoneWithWarnings(warnings)) = result {
            for warning in warnings {
                let line = format!("warning: {}: {warning}", operation.address);
                let _ = writeln!(text, "{}", style.paint(Role::Change, &line));
            }
        }
    }
    text
}

fn verb(verb: Verb) -> &'static str {
    match verb {
        Verb::Create => "create",
        Verb::Update => "update",
        Verb::Delete => "destroy",
        Verb::Provision => "provision",
        Verb::Record => "record",
    }
}
