//! What the plan leaves free: quota of each tenant, load of each node.

use super::amount::{percent, size};
use super::style::{Role, Style};
use super::table::{Cell, lines};
use crate::plan::{Capacity, Plan, Quota, QuotaLine};

/// From this share on, a limit is worth a warning: one more guest of usual size may not fit.
const NEAR: u64 = 90;

/// Letters in a bar. Each is a tenth.
const BAR: u64 = 10;

/// Returns the tables of tenants and nodes that this plan changes or that are near their limit; empty if there are none.
pub fn text(plan: &Plan, style: Style) -> String {
    let tenants: Vec<Vec<Cell>> = plan.quotas.iter().filter(|quota| is_worth_showing(quota)).flat_map(rows).collect();
    let nodes: Vec<Vec<Cell>> = plan
        .capacity
        .iter()
        .filter(|node| {
            node.memory_before_bytes != node.memory_after_bytes || is_near(node.memory_after_bytes, node.memory_bytes)
        })
        .map(|node| row(node, plan))
        .collect();
    let table = |heading: &str, rows: &[Vec<Cell>]| match rows.is_empty() {
        true => String::new(),
        false => format!("\n{}\n{}", style.paint(Role::Strong, heading), lines(rows, style)),
    };
    table("Quota after apply", &tenants) + &table("Nodes after apply", &nodes)
}

fn is_near(after: u64, limit: u64) -> bool {
    percent(after, limit) >= NEAR && after > 0
}

fn is_worth_showing(quota: &Quota) -> bool {
    quota.lines.iter().any(|line| line.before != line.after || is_near(line.after, line.limit))
}

fn rows(quota: &Quota) -> impl Iterator<Item = Vec<Cell>> {
    quota.lines.iter().enumerate().map(|(at, line)| {
        let tenant = if at == 0 { format!("{} ({})", quota.tenant, quota.tier) } else { String::new() };
        let amount = |number| amount(line, number);
        let mut row = vec![
            Cell::words(tenant, Role::Strong),
            Cell::words(line.what.replace('_', " "), Role::Text),
            Cell::number(amount(line.before), Role::Text),
            Cell::words("->", Role::Quiet),
            Cell::number(amount(line.after), Role::Text),
            Cell::words(format!("of {}", amount(line.limit)), Role::Quiet),
        ];
        row.extend(share(line.after, line.limit));
        row
    })
}

fn amount(line: &QuotaLine, number: u64) -> String {
    match line.what {
        "memory" | "disk" => size(number),
        _ => number.to_string(),
    }
}

fn row(node: &Capacity, plan: &Plan) -> Vec<Cell> {
    let has_one_cluster = plan.capacity.iter().all(|other| other.cluster == node.cluster);
    let name = if has_one_cluster { node.node.clone() } else { format!("{} {}", node.cluster, node.node) };
    let mut row = vec![
        Cell::words(name, Role::Strong),
        Cell::words("memory", Role::Text),
        Cell::number(size(node.memory_before_bytes), Role::Text),
        Cell::words("->", Role::Quiet),
        Cell::number(size(node.memory_after_bytes), Role::Text),
        Cell::words(format!("of {}", size(node.memory_bytes)), Role::Quiet),
    ];
    row.extend(share(node.memory_after_bytes, node.memory_bytes));
    let running = super::amount::count(node.guests_after as usize, "guest");
    row.insert(
        row.len() - 1,
        Cell::words(format!("{} of {} cores, {running}", node.cores_after, node.cores), Role::Text),
    );
    row
}

/// A bar, the share in percent, and a word where it is high.
fn share(after: u64, limit: u64) -> [Cell; 3] {
    let share = percent(after, limit);
    let (role, word) = match (after, share) {
        (0, _) | (_, 0..NEAR) => (Role::Add, ""),
        (_, NEAR..=100) => (Role::Change, "near the limit"),
        (_, _) => (Role::Remove, "over the limit"),
    };
    let filled = if after == 0 { 0 } else { (share * BAR).div_ceil(100).min(BAR) };
    let bar = "#".repeat(filled as usize) + &".".repeat((BAR - filled) as usize);
    let share = if after == 0 { 0 } else { share };
    [Cell::words(bar, role), Cell::number(format!("{share}%"), role), Cell::words(word, role)]
}
