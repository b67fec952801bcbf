//! Which types convert to which, and the one type that several convert to.

use super::{ObjectField, Type};
use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Returns whether values of one type can convert to another; whether a given text is a number shows only when it is converted.
pub fn can_convert(from: &Type, to: &Type) -> bool {
    match (from, to) {
        (_, Type::Dynamic)
        | (Type::Dynamic, _)
        | (Type::Bool | Type::Text, Type::Bool | Type::Text)
        | (Type::Number | Type::Text, Type::Number | Type::Text)
        | (Type::Object(_), Type::Reference(_)) => true,
        (Type::Reference(from), Type::Reference(to)) => from == to,
        (Type::List(from) | Type::Set(from), Type::List(to) | Type::Set(to)) | (Type::Map(from), Type::Map(to)) => {
            can_convert(from, to)
        }
        (Type::Tuple(items), Type::List(to) | Type::Set(to)) => match **to {
            Type::Dynamic => items.is_empty() || unify(items).is_some(),
            _ => items.iter().all(|item| can_convert(item, to)),
        },
        (Type::Object(fields), Type::Map(to)) => match **to {
            Type::Dynamic => fields.is_empty() || unify_fields(&[fields]).is_some(),
            _ => fields.values().all(|field| can_convert(&field.of, to)),
        },
        (Type::Tuple(from), Type::Tuple(to)) => {
            from.len() == to.len() && from.iter().zip(to.iter()).all(|(from, to)| can_convert(from, to))
        }
        (Type::Object(from), Type::Object(to)) => to.iter().all(|(name, wanted)| match from.get(name) {
            Some(given) => can_convert(&given.of, &wanted.of),
            None => wanted.is_optional,
        }),
        (Type::Map(from), Type::Object(to)) => {
            to.values().all(|wanted| wanted.is_optional || can_convert(from, &wanted.of))
        }
        _ => false,
    }
}

/// Returns the type that values of all these types convert to, or `None` if there is none.
pub fn unify(types: &[Type]) -> Option<Type> {
    let distinct: BTreeSet<&Type> = types.iter().collect();
    if distinct.len() == 1 {
        return types.first().cloned();
    }
    // Equal types say nothing new; the order of first appearance decides between equally good ones.
    let mut seen = BTreeSet::new();
    let types: Vec<Type> = types.iter().filter(|of| seen.insert(*of)).cloned().collect();
    if types.is_empty() {
        return None;
    }
    let count = |is: fn(&Type) -> bool| types.iter().filter(|of| is(of)).count();
    let dynamic = count(|of| matches!(of, Type::Dynamic));
    let maps = count(|of| matches!(of, Type::Map(_)));
    let lists = count(|of| matches!(of, Type::List(_)));
    let sets = count(|of| matches!(of, Type::Set(_)));
    let objects = count(|of| matches!(of, Type::Object(_)));
    let tuples = count(|of| matches!(of, Type::Tuple(_)));
    let all = types.len();
    let or_dynamic = |unified: Option<Type>| if dynamic > 0 { Some(Type::Dynamic) } else { unified };
    if maps > 0 && maps + dynamic == all {
        return or_dynamic(unify_elements(&types).map(|of| Type::Map(Arc::new(of))));
    }
    if lists > 0 && lists + dynamic == all {
        return or_dynamic(unify_elements(&types).map(|of| Type::List(Arc::new(of))));
    }
    if sets > 0 && sets + dynamic == all {
        return or_dynamic(unify_elements(&types).map(|of| Type::Set(Arc::new(of))));
    }
    if objects > 0 && objects + dynamic == all {
        return or_dynamic(unify_objects(&types));
    }
    if tuples > 0 && tuples + dynamic == all {
        return or_dynamic(unify_tuples(&types));
    }
    let as_collections =
        (maps > 0 && maps + objects + dynamic == all) || (lists > 0 && lists + tuples + dynamic == all);
    if as_collections && let Some(unified) = unify_as_collections(&types) {
        return Some(unified);
    }
    if objects > 0 && tuples > 0 {
        return None;
    }
    preferred(&types)
}

type Fields = BTreeMap<Arc<str>, ObjectField>;

fn unify_elements(types: &[Type]) -> Option<Type> {
    let elements: Option<Vec<_>> = types.iter().map(|of| of.element().cloned()).collect();
    unify(&elements?)
}

fn unify_as_collections(types: &[Type]) -> Option<Type> {
    let fields: Vec<_> =
        types.iter().filter_map(|of| if let Type::Object(fields) = of { Some(&**fields) } else { None }).collect();
    let items: Vec<Type> = types
        .iter()
        .filter_map(|of| if let Type::Tuple(items) = of { Some(items.to_vec()) } else { None })
        .flatten()
        .collect();
    let replacement = match fields.is_empty() {
        false => Type::Map(Arc::new(unify_fields(&fields)?)),
        true => Type::List(Arc::new(unify(&items)?)),
    };
    let replaced: Vec<_> = types
        .iter()
        .map(|of| match of {
            Type::Object(_) | Type::Tuple(_) => replacement.clone(),
            other => other.clone(),
        })
        .collect();
    unify(&replaced).filter(|of| matches!(of, Type::Map(_) | Type::List(_)))
}

fn unify_fields(objects: &[&Fields]) -> Option<Type> {
    let fields: Vec<_> = objects.iter().flat_map(|fields| fields.values().map(|field| field.of.clone())).collect();
    unify(&fields)
}

fn unify_objects(types: &[Type]) -> Option<Type> {
    let objects: Vec<&Fields> =
        types.iter().filter_map(|of| if let Type::Object(fields) = of { Some(&**fields) } else { None }).collect();
    let as_map = || {
        let of = Type::Map(Arc::new(unify_fields(&objects)?));
        types.iter().all(|from| can_convert(from, &of)).then_some(of)
    };
    let (first, rest) = objects.split_first()?;
    if rest.iter().any(|fields| !fields.keys().eq(first.keys())) {
        return as_map();
    }
    let mut unified = Fields::new();
    for name in first.keys() {
        let across: Vec<_> = objects.iter().map(|fields| fields[name].of.clone()).collect();
        unified.insert(name.clone(), ObjectField { of: unify(&across)?, is_optional: false });
    }
    let unified = Type::Object(Arc::new(unified));
    if types.iter().all(|from| can_convert(from, &unified)) { Some(unified) } else { as_map() }
}

fn unify_tuples(types: &[Type]) -> Option<Type> {
    let tuples: Vec<&[Type]> =
        types.iter().filter_map(|of| if let Type::Tuple(items) = of { Some(items.as_slice()) } else { None }).collect();
    let as_list = || {
        let items: Vec<_> = tuples.iter().flat_map(|items| items.iter().cloned()).collect();
        let of = Type::List(Arc::new(unify(&items)?));
        types.iter().all(|from| can_convert(from, &of)).then_some(of)
    };
    let (first, rest) = tuples.split_first()?;
    if rest.iter().any(|items| items.len() != first.len()) {
        return as_list();
    }
    let mut unified = Vec::new();
    for place in 0..first.len() {
        let across: Vec<_> = tuples.iter().map(|items| items[place].clone()).collect();
        unified.push(unify(&across)?);
    }
    let unified = Type::tuple(unified);
    if types.iter().all(|from| can_convert(from, &unified)) { Some(unified) } else { as_list() }
}

/// Takes the first type, the most general before the less general ones, that all others convert to.
fn preferred(types: &[Type]) -> Option<Type> {
    let is_before = |left: usize, right: usize| generality(&types[left], &types[right]) == Ordering::Less;
    let mut waiting: Vec<usize> =
        (0..types.len()).map(|to| (0..types.len()).filter(|from| is_before(*from, to)).count()).collect();
    let mut queue: Vec<usize> = (0..types.len()).filter(|index| waiting[*index] == 0).collect();
    let mut next = 0;
    while let Some(index) = queue.get(next).copied() {
        next += 1;
        if types.iter().all(|from| can_convert(from, &types[index])) {
            return Some(types[index].clone());
        }
        for (to, count) in waiting.iter_mut().enumerate().filter(|(to, _)| is_before(index, *to)) {
            *count -= 1;
            if *count == 0 {
                queue.push(to);
            }
        }
    }
    None
}

/// Orders the more general type before the less general one; types that do not compare are equal.
fn generality(left: &Type, right: &Type) -> Ordering {
    match (left, right) {
        (Type::Dynamic, Type::Dynamic) => Ordering::Equal,
        (_, Type::Dynamic)
        | (Type::Text, Type::Bool | Type::Number)
        | (Type::Tuple(_) | Type::List(_), Type::Set(_))
        | (Type::List(_), Type::Tuple(_))
        | (Type::Map(_), Type::Object(_)) => Ordering::Less,
        (Type::Dynamic, _)
        | (Type::Bool | Type::Number, Type::Text)
        | (Type::Set(_), Type::Tuple(_) | Type::List(_))
        | (Type::Tuple(_), Type::List(_))
        | (Type::Object(_), Type::Map(_)) => Ordering::Greater,
        (Type::List(left), Type::List(right))
        | (Type::Set(left), Type::Set(right))
        | (Type::Map(left), Type::Map(right)) => generality(left, right),
        (Type::Object(left), Type::Object(right)) if left.keys().eq(right.keys()) => {
            agreed(left.values().zip(right.values()).map(|(left, right)| generality(&left.of, &right.of)))
        }
        (Type::Tuple(left), Type::Tuple(right)) if left.len() == right.len() => {
            agreed(left.iter().zip(right.iter()).map(|(left, right)| generality(left, right)))
        }
        _ => Ordering::Equal,
    }
}

fn agreed(orders: impl Iterator<Item = Ordering>) -> Ordering {
    let orders: BTreeSet<_> = orders.collect();
    match (orders.contains(&Ordering::Less), orders.contains(&Ordering::Greater)) {
        (true, false) => Ordering::Less,
        (false, true) => Ordering::Greater,
        _ => Ordering::Equal,
    }
}
