//! Calls that make, list, show, change and remove sections of configuration files, which differ only in what they are called and how they
//! word their refusals. The areas themselves are in `areas`.

use serde_json::{Map, Value, json};

use super::Machine;
use super::areas::AREAS;
use super::objects::{File, change};
use super::request::{Answer, Fault};
use super::routes::{Context, Entry};
use super::state::{Object, Setting};

/// What is done to a section.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verb {
    Show,
    Change,
    Remove,
}

/// One kind of section.
pub(super) struct Area {
    pub(super) file: File,
    /// Path of the list.
    pub(super) list: &'static str,
    /// Path of one section.
    pub(super) item: &'static str,
    /// What creating a second section of a name is answered.
    pub(super) exists: fn(&str) -> Fault,
    /// What a section that is not there is answered; nothing is a success without effect.
    pub(super) missing: fn(&str, Verb) -> Option<Fault>,
    /// What stands before the text about a stale digest.
    pub(super) stale: &'static str,
    /// Members every row has.
    pub(super) constants: &'static [(&'static str, &'static str)],
    /// Settings that are never shown.
    pub(super) hidden: &'static [&'static str],
    /// Members of a row of the list that the section itself does not show.
    pub(super) only_listed: &'static [&'static str],
    /// Members of a section that a row of the list does not show.
    pub(super) only_single: &'static [&'static str],
    /// The name a section gets for the one that a call gives it.
    pub(super) named: fn(&str) -> String,
    /// Adds what does not stand in the section.
    pub(super) decorate: fn(&Machine, &Context, &str, &mut Map<String, Value>),
    /// Looks at a section before it is saved, and completes it.
    pub(super) complete: fn(&Machine, &Context, &mut Object) -> Result<(), Fault>,
    /// Refuses to remove a section that something needs.
    pub(super) spare: fn(&Machine, &str) -> Result<(), Fault>,
}

/// Accepts any section.
pub(super) fn as_it_is(_machine: &Machine, _context: &Context, _object: &mut Object) -> Result<(), Fault> {
    Ok(())
}

/// Lets any section go.
pub(super) fn not_needed(_machine: &Machine, _id: &str) -> Result<(), Fault> {
    Ok(())
}

/// Returns the routes of all areas.
pub(super) fn routes() -> impl Iterator<Item = Entry> {
    AREAS.iter().flat_map(|area| -> [Entry; 5] {
        [
            ("GET", area.list, list),
            ("POST", area.file.created_by, create),
            ("GET", area.item, show),
            ("PUT", area.item, update),
            ("DELETE", area.item, delete),
        ]
    })
}

fn area_of(context: &Context) -> &'static Area {
    let is_its = |area: &&Area| context.template == area.list || context.template == area.item;
    AREAS.iter().find(is_its).expect("only routes of an area lead here")
}

fn id(context: &Context, area: &Area) -> String {
    (area.named)(context.parameters.required(area.file.id))
}

fn row(machine: &Machine, context: &Context, id: &str, object: &Object, is_listed: bool) -> Value {
    let area = area_of(context);
    let mut row = machine.object_row(&area.file, id, object);
    row.extend(area.constants.iter().map(|(name, value)| ((*name).to_owned(), json!(value))));
    row.retain(|name, _| !area.hidden.contains(&name.as_str()));
    let unshown = if is_listed { area.only_single } else { area.only_listed };
    row.retain(|name, _| !unshown.contains(&name.as_str()));
    (area.decorate)(machine, context, id, &mut row);
    Value::Object(row)
}

fn list(machine: &mut Machine, context: &Context) -> Answer {
    let area = area_of(context);
    let wanted = context.parameters.get("type");
    let is_wanted = |object: &Object| wanted.is_none_or(|kind| super::objects::text(object, "type") == Some(kind));
    let sections = machine.objects_of(&area.file).filter(|(_, object)| is_wanted(object));
    Ok(Value::Array(sections.map(|(id, object)| row(machine, context, id, object, true)).collect()).into())
}

fn create(machine: &mut Machine, context: &Context) -> Answer {
    let area = area_of(context);
    let name = match context.parameters.get(area.file.id) {
        Some(name) => (area.named)(name),
        None => machine.random_uuid(),
    };
    let mut object = Object::new();
    change(&context.parameters, &mut object, &[area.file.id]);
    (area.complete)(machine, context, &mut object)?;
    if machine.object(&area.file, &name).is_some() {
        return Err((area.exists)(&name));
    }
    machine.save_object(&area.file, &name, object);
    Ok(().into())
}

fn show(machine: &mut Machine, context: &Context) -> Answer {
    let area = area_of(context);
    let id = &id(context, area);
    match machine.object(&area.file, id) {
        Some(object) => Ok(row(machine, context, id, object, false).into()),
        None => (area.missing)(id, Verb::Show).map_or_else(|| Ok(().into()), Err),
    }
}

fn update(machine: &mut Machine, context: &Context) -> Answer {
    let area = area_of(context);
    let id = &id(context, area);
    machine.check_file(context, &area.file, area.stale)?;
    let Some(mut object) = machine.object(&area.file, id).cloned() else {
        return (area.missing)(id, Verb::Change).map_or_else(|| Ok(().into()), Err);
    };
    change(&context.parameters, &mut object, &[area.file.id]);
    (area.complete)(machine, context, &mut object)?;
    machine.save_object(&area.file, id, object);
    Ok(().into())
}

fn delete(machine: &mut Machine, context: &Context) -> Answer {
    let area = area_of(context);
    let id = &id(context, area);
    if machine.object(&area.file, id).is_none() {
        return (area.missing)(id, Verb::Remove).map_or_else(|| Ok(().into()), Err);
    }
    (area.spare)(machine, id)?;
    machine.remove_object(&area.file, id);
    Ok(().into())
}

/// Puts a default into a section.
pub(super) fn default(object: &mut Object, name: &str, value: &str) {
    object.entry(name.to_owned()).or_insert_with(|| Setting::Text(value.to_owned()));
}
