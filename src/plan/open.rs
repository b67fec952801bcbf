//! Attributes that are not known while planning: which of an object they are, which may not be, and whether what became of one fits what
//! was planned.

use crate::config::Block;
use crate::diagnostics::{Diagnostic, Diagnostics};
use crate::domain::Role;
use crate::resources::conform::Places;
use crate::resources::schema::{Attribute, Presence, Schema, Takes};
use crate::value::{Kind, Path, Step, Value};

/// Returns the attributes of an object that are not wholly known, those that nobody writes left out.
pub(super) fn paths(schema: &Schema, object: &Value) -> Vec<Path> {
    let mut found = Vec::new();
    walk(schema, object, &Path::default(), &mut |attribute, path, value| match (attribute.takes, value.as_entries()) {
        (Takes::Map(_) | Takes::Any, Some(entries)) => {
            let open = entries.iter().filter(|(_, item)| !is_known(item));
            found.extend(open.map(|(key, _)| path.then(Step::Key(key.clone()))));
        }
        _ => found.push(path),
    });
    found
}

/// Refuses what must be known while planning and is not.
pub(super) fn refuse(role: Role, schema: &Schema, block: &Block, object: &Value, places: &Places) -> Diagnostics {
    let mut found = Diagnostics::new();
    walk(schema, object, &Path::default(), &mut |attribute, path, value| {
        let is_free = match role {
            Role::Object(_) => !attribute.decides(),
            // What a composite or a setting says is worked into other objects while planning.
            Role::Composite(_) => matches!(attribute.takes, Takes::Map(_) | Takes::Any),
            Role::Setting => false,
        };
        // Which entries there are must be known; what they say need not.
        let has_entries = !matches!(attribute.takes, Takes::Map(_) | Takes::Any) || !value.is_unknown();
        if !is_free || !has_entries {
            found.push(refusal(block, &path, places));
        }
    });
    found
}

fn refusal(block: &Block, path: &Path, places: &Places) -> Diagnostic {
    let diagnostic = Diagnostic::error(format!("`{path}` of {} is not known before apply", block.address))
        .at(places.span_of(path))
        .detail("It decides what the plan is: where objects go, how big they are, which of them are made anew. So it must be known now.")
        .hint("use a value that is known now: a variable, a fixed or `auto` address instead of `dhcp`, `plantimestamp()` instead of `timestamp()`")
        .about(&block.address);
    match &*block.dependencies {
        [] => diagnostic,
        [first, ..] => diagnostic.hint(format!(
            "if it is found out by making another object, make that one first: `spawnpoint apply -target={first}`"
        )),
    }
}

fn walk(schema: &Schema, object: &Value, at: &Path, visit: &mut dyn FnMut(&Attribute, Path, &Value)) {
    for (name, value) in object.as_entries().into_iter().flatten().filter(|(_, value)| !is_known(value)) {
        let path = at.then(Step::Attribute(name.clone()));
        if let Some(attribute) = schema.attribute(name) {
            if attribute.presence != Presence::Computed {
                visit(attribute, path, value);
            }
        } else if let Some(nested) = schema.block(name) {
            match value.kind() {
                Kind::Tuple(items) => {
                    for (index, item) in items.iter().enumerate() {
                        walk(nested.schema, item, &path.then(Step::Index(index)), visit);
                    }
                }
                _ if matches!(nested.occurs, crate::resources::schema::Occurs::Once) => {
                    walk(nested.schema, value, &path, visit);
                }
                _ => {
                    for (label, item) in value.as_entries().into_iter().flatten() {
                        walk(nested.schema, item, &path.then(Step::Key(label.clone())), visit);
                    }
                }
            }
        }
    }
}

/// Whether a value is known; a reference to an object is, whatever that object does not know of itself.
fn is_known(value: &Value) -> bool {
    if value.address().is_some() || value.is_wholly_known() {
        return true;
    }
    let inside = value.as_entries().map(|entries| entries.values().all(is_known));
    inside.or_else(|| value.as_items().map(|items| items.iter().all(is_known))).unwrap_or(false)
}

/// Returns an object without what is open, for a sketch of its operation.
pub(super) fn known_part(object: &Value, open: &[Path]) -> Value {
    open.iter().fold(object.clone(), |object, path| replaced(&object, &path.0, None))
}

/// Returns a value with another one at a path, or without what is there.
pub(super) fn replaced(value: &Value, path: &[Step], with: Option<&Value>) -> Value {
    let Some((step, rest)) = path.split_first() else { return with.cloned().unwrap_or_else(|| value.clone()) };
    let put = |inner: Option<&Value>| match (rest.is_empty(), inner) {
        (true, _) => with.cloned(),
        (false, Some(inner)) => Some(replaced(inner, rest, with)),
        (false, None) => None,
    };
    let marks = value.marks();
    let made = match (step, value.kind()) {
        (Step::Attribute(name) | Step::Key(name), Kind::Object(object)) => {
            let mut attributes = object.attributes.to_map();
            match put(object.attributes.get(name)) {
                Some(inner) => drop(attributes.insert(name.clone(), inner)),
                None => drop(attributes.remove(name)),
            }
            match &object.address {
                Some(address) => Value::block(address.clone(), attributes),
                None => Value::object(attributes),
            }
        }
        (Step::Attribute(name) | Step::Key(name), Kind::Map(map)) => {
            let mut changed = map.entries.to_map();
            match put(map.entries.get(name)) {
                Some(inner) => drop(changed.insert(name.clone(), inner)),
                None => drop(changed.remove(name)),
            }
            Value::map(map.of.clone(), changed)
        }
        (Step::Index(at), Kind::Tuple(items)) => {
            let item = |(index, item): (usize, &Value)| match index == *at {
                true => put(Some(item)),
                false => Some(item.clone()),
            };
            Value::tuple(items.iter().enumerate().filter_map(item).collect::<Vec<_>>())
        }
        _ => return value.clone(),
    };
    made.with_marks(marks)
}

/// Whether a value that is known by now is one that the planned value, parts of it unknown, allowed.
pub(super) fn allows(planned: Option<&Value>, now: Option<&Value>) -> bool {
    match (planned, now) {
        (Some(planned), _) if planned.is_unknown() => true,
        (Some(planned), Some(now)) if !is_known(planned) => {
            if let (Some(planned), Some(now)) = (planned.as_entries(), now.as_entries()) {
                return planned.keys().chain(now.keys()).all(|name| allows(planned.get(name), now.get(name)));
            }
            match (planned.as_items(), now.as_items()) {
                (Some(planned), Some(now)) => {
                    planned.len() == now.len()
                        && planned.iter().zip(now).all(|(planned, now)| allows(Some(planned), Some(now)))
                }
                _ => false,
            }
        }
        (planned, now) => super::difference::is_same(planned, now),
    }
}
