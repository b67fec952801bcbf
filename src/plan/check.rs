//! Judges a finished plan: is it legal? Run in debug builds and in every test; a finding is our mistake, never the user's.

use super::{Guard, Plan, Task, Verb};
use crate::proxmox::Method;
use std::collections::BTreeSet;

/// Returns every breach of the planner's promises.
pub fn check(plan: &Plan) -> Vec<String> {
    let mut findings = Vec::new();
    let mut vmids = BTreeSet::new();
    for (index, operation) in plan.operations.iter().enumerate() {
        let name = format!("{} {:?}", operation.address, operation.verb);
        if operation.after.iter().any(|before| *before >= plan.operations.len() || *before == index) {
            findings.push(format!("{name} waits for an operation that is not there"));
        }
        if operation.steps.is_empty() {
            findings.push(format!("{name} has no step"));
        }
        let claims = operation.verb == Verb::Create && crate::resources::takes_vmid(&operation.kind);
        if let Some(vmid) = operation.identity.vmid().filter(|_| claims)
            && !vmids.insert((operation.cluster.clone(), vmid))
        {
            findings.push(format!("{name} takes VMID {vmid} a second time"));
        }
        for step in &operation.steps {
            if let Task::Call(guarded) = &step.task {
                let touches_guest = ["/qemu/", "/lxc/"].iter().any(|part| guarded.call.path.contains(part));
                let is_unproven = guarded.guard == Guard::None;
                if touches_guest && guarded.call.method != Method::Get && is_unproven {
                    findings.push(format!("{name}: `{}` reaches a guest without proof that it is ours", guarded.call));
                }
                if guarded.call.method == Method::Get {
                    findings.push(format!("{name}: a step reads only"));
                }
            }
        }
    }
    if has_cycle(plan) {
        findings.push("operations wait for each other".to_owned());
    }
    findings
}

fn has_cycle(plan: &Plan) -> bool {
    let mut waits: Vec<usize> = plan.operations.iter().map(|operation| operation.after.len()).collect();
    let mut waiting: Vec<Vec<usize>> = vec![Vec::new(); waits.len()];
    for (index, operation) in plan.operations.iter().enumerate() {
        for before in operation.after.iter().filter(|before| **before < waits.len()) {
            waiting[*before].push(index);
        }
    }
    let mut done: Vec<usize> = (0..waits.len()).filter(|index| waits[*index] == 0).collect();
    let mut count = 0;
    while let Some(index) = done.pop() {
        count += 1;
        for other in &waiting[index] {
            waits[*other] -= 1;
            if waits[*other] == 0 {
                done.push(*other);
            }
        }
    }
    count != plan.operations.len()
}
