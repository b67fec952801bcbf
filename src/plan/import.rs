//! `import` blocks: objects that exist are taken for the records of their blocks, so that everything else plans them as ours.
//!
//! Such a record is *claimed*: it has no intent yet. Applying the plan writes the owner marker first, where the type has one, and only then
//! what differs.

use super::Mode;
use super::input::PlanInput;
use crate::config::{Address, Import, Stack};
use crate::diagnostics::{Diagnostic, Diagnostics};
use crate::domain;
use crate::resources::firewall::FIREWALL;
use crate::resources::subnet::SUBNET;
use crate::resources::vnet::VNET;
use crate::resources::{Found, Lookup, ObjectType, Origin, Sighting};
use crate::state::{Completeness, Identity, Record, State};
use crate::value::{Type, Value};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Returns the state with a claimed record for each object that an `import` block names and that is not ours yet; `None` if there is none.
pub(super) fn claimed(input: &PlanInput) -> (Option<State>, Diagnostics) {
    let mut diagnostics = Diagnostics::new();
    let mut records: BTreeMap<Address, Record> = BTreeMap::new();
    if input.options.mode == Mode::Destroy || input.observed.is_none() {
        return (None, diagnostics);
    }
    let is_open =
        |import: &&Import| !input.state.records.contains_key(&import.to) && !input.in_progress.contains_key(&import.to);
    for import in input.stack.imports.iter().filter(is_open) {
        match claim(input, import, &records) {
            Ok(record) => records.extend(record.map(|record| (import.to.clone(), record))),
            Err(diagnostic) => {
                let place = diagnostic.span.unwrap_or(import.span);
                diagnostics.push(diagnostic.at(place).about(&import.to));
            }
        }
    }
    let state = (!records.is_empty()).then(|| {
        let mut state = input.state.clone();
        state.records.extend(records);
        state
    });
    (state, diagnostics)
}

/// Judges `import` blocks by the files alone.
pub(super) fn judge(stack: &Stack) -> Diagnostics {
    let mut diagnostics = Diagnostics::new();
    let wrong = |import: &Import| Some(declared(stack, import).err()?.at(import.span).about(&import.to));
    diagnostics.extend(stack.imports.iter().filter_map(wrong));
    diagnostics
}

/// Returns the type of what a block imports, and where it should be.
pub(super) fn declared(stack: &Stack, import: &Import) -> Result<(&'static ObjectType, Identity), Diagnostic> {
    let Import { to, id, .. } = import;
    let object = type_of(stack, to).ok_or_else(|| nothing_there(stack, to))?;
    let (_, parse) = object.import_id.ok_or_else(|| {
        Diagnostic::error(format!("a `{}` cannot be imported", object.name)).hint(match object.name {
            "provision" => {
                "leave the `import` out: the next apply runs its playbook again, which changes only what is not so yet"
            }
            _ => {
                "leave the `import` out: a template that is there is adopted by its `vmid`, in a block without `image`"
            }
        })
    })?;
    let wrong = |expected| Diagnostic::error(format!("`{id}` is not the id of a `{}`: {expected}", object.name));
    Ok((object, parse(id).map_err(wrong)?))
}

fn type_of(stack: &Stack, to: &Address) -> Option<&'static ObjectType> {
    let block = stack.blocks.iter().find(|block| block.address == to.block())?;
    let instance = domain::instances(block).into_iter().find(|instance| instance.address == *to);
    instance.map(|instance| instance.object).or_else(|| {
        // Parts that a block has or has not, by what it says; the plan refuses what it does not have.
        let child = to.child.as_ref().filter(|child| child.key.is_none())?;
        match (&*to.kind, &*child.name) {
            ("vm" | "container", "firewall") => Some(&FIREWALL),
            ("tenant", "vnet") => Some(&VNET),
            ("tenant", "subnet") => Some(&SUBNET),
            _ => None,
        }
    })
}

/// Returns the record of what one block imports; nothing for a type that adopts by itself.
fn claim(input: &PlanInput, import: &Import, others: &BTreeMap<Address, Record>) -> Result<Option<Record>, Diagnostic> {
    let Import { to, id, .. } = import;
    let (object, identity) = declared(input.stack, import)?;
    if object.origin == Origin::Adopted {
        return Ok(None);
    }
    let (cluster, found) = find(input, object, &identity, id)?;
    let same = |(_, record): &(&Address, &Record)| {
        *record.kind == *object.name && record.cluster == cluster && record.identity.is_same_object(&found.identity)
    };
    if let Some((owner, _)) = others.iter().find(same) {
        let summary = format!("{} `{id}` is imported twice, as {owner} and as {to}", object.name);
        return Err(Diagnostic::error(summary).hint("take one of the two `import` blocks out"));
    }
    if let Some((owner, _)) = input.state.records.iter().find(same) {
        return Err(Diagnostic::error(format!("{} `{id}` is {owner} already", object.name))
            .hint(format!("to have it known as {to} instead, write a `moved` block")));
    }
    let block = input.stack.blocks.iter().find(|block| block.address == to.block());
    Ok(Some(Record {
        kind: object.name.into(),
        cluster,
        identity: found.identity,
        intent: String::new(),
        applied: found.value,
        secrets: BTreeMap::new(),
        dependencies: block.map(|block| block.dependencies.to_vec()).unwrap_or_default(),
        completeness: Completeness::Complete,
        is_adopted: false,
    }))
}

fn nothing_there(stack: &Stack, to: &Address) -> Diagnostic {
    let block = stack.blocks.iter().find(|block| block.address == to.block());
    match block.map(domain::instances).filter(|instances| !instances.is_empty()) {
        None => Diagnostic::error(format!("there is no block `{to}` to import into"))
            .hint(format!("describe the object first: `{} \"{}\" {{ ... }}`", to.kind, to.name)),
        Some(instances) => {
            let known: Vec<String> = instances.iter().map(|instance| format!("`{}`", instance.address)).collect();
            Diagnostic::error(format!("`{to}` is no object by itself"))
                .hint(format!("import what it consists of, one by one: {}", known.join(", ")))
        }
    }
}

/// Looks for the object on every cluster; it must be on one.
fn find(
    input: &PlanInput,
    object: &ObjectType,
    identity: &Identity,
    id: &str,
) -> Result<(Arc<str>, Found), Diagnostic> {
    let applied = Value::null(Type::Dynamic);
    let project = &input.stack.settings.project;
    let mut there: Vec<(Arc<str>, Found)> = Vec::new();
    let mut refusal = None;
    for (name, view) in input.observed.into_iter().flat_map(|observed| &observed.clusters) {
        let lookup = Lookup { view, identity, intent: "", project, applied: &applied, is_claim: true };
        match (object.sight)(&lookup) {
            Sighting::Present(found) => there.push((name.clone(), *found)),
            Sighting::Absent => {}
            Sighting::Foreign(what) | Sighting::Unmarked(what) => {
                refusal = Some(Diagnostic::error(format!("it cannot be imported: {what}")).hint(
                    "an object has one owner; if that stack is gone, take the line that begins with `spawnpoint:` out of its notes",
                ));
            }
            Sighting::Unreachable { node } => {
                let diagnostic = Diagnostic::error(format!("it cannot be imported: node {node} does not answer"));
                refusal = Some(diagnostic.hint("try again when the node is back"));
            }
            Sighting::Hidden { table } => {
                let summary = format!("it cannot be imported: the token may not read `{table}`");
                refusal = Some(Diagnostic::error(summary).hint("give the token a role such as `PVEAuditor` on `/`"));
            }
        }
    }
    let clusters: Vec<String> = there.iter().map(|(name, _)| format!("`{name}`")).collect();
    match (there.pop(), there.is_empty()) {
        (Some(found), true) => Ok(found),
        (Some(_), false) => {
            let summary = format!("there is a {} `{id}` on several clusters: {}", object.name, clusters.join(", "));
            Err(Diagnostic::error(summary).hint("import it from a stack that declares only its cluster"))
        }
        (None, _) => Err(refusal.unwrap_or_else(|| {
            let (meaning, _) = object.import_id.expect("only types that can be imported are looked for");
            Diagnostic::error(format!("there is no {} `{id}` to import", object.name))
                .hint(format!("the id of a `{}` is {meaning}; without the import it would be made", object.name))
        })),
    }
}
