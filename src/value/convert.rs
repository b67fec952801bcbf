//! Conversion of values to types, by Terraform's rules, plus our references to objects.

use super::unify::{can_convert, unify};
use super::{Entries, Kind, Map, Number, ObjectField, Path, Refinement, Step, Type, Value};
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

/// Why a value does not convert to a type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mismatch {
    /// Where inside the value; empty for the value itself.
    pub path: Path,
    /// What was expected: `a number is required`.
    pub message: String,
}

impl Mismatch {
    /// Returns a mismatch of the value itself.
    pub fn new(message: impl Into<String>) -> Self {
        Self { path: Path::default(), message: message.into() }
    }

    fn under(mut self, step: Step) -> Self {
        self.path.0.insert(0, step);
        self
    }
}

impl fmt::Display for Mismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.path.0.is_empty() {
            true => f.write_str(&self.message),
            false => write!(f, "at `{}`: {}", self.path, self.message),
        }
    }
}

/// Converts a value to a type.
///
/// Marks stay where they are, except that a set takes the marks of its items. Null and unknown values of a type that could be converted
/// become null and unknown of the wanted type. Missing optional attributes become null; attributes the type does not have are dropped.
pub fn convert(value: &Value, to: &Type) -> Result<Value, Mismatch> {
    let converted = match (value.kind(), to) {
        (_, Type::Dynamic)
        | (Kind::Bool(_), Type::Bool)
        | (Kind::Number(_), Type::Number)
        | (Kind::Text(_), Type::Text) => return Ok(value.clone()),
        (Kind::Null(of), _) => match can_convert(of, to) {
            true => Value::null(without_optional(&to.filled_from(of))),
            false => return Err(mismatch(of, to)),
        },
        (Kind::Unknown(of, refinement), _) => match can_convert(of, to) {
            true => unknown(refinement.as_deref(), of, to),
            false => return Err(mismatch(of, to)),
        },
        (Kind::Bool(flag), Type::Text) => Value::text(if *flag { "true" } else { "false" }),
        (Kind::Number(number), Type::Text) => Value::text(number.to_string()),
        (Kind::Text(text), Type::Bool) => Value::from(bool_of(text)?),
        (Kind::Text(text), Type::Number) => {
            Value::from(Number::parse(text).ok_or_else(|| Mismatch::new("a number is required"))?)
        }
        (Kind::Object(_), Type::Reference(kind)) => return reference(value, kind),
        (Kind::List(list), Type::List(wanted)) | (Kind::Set(list), Type::Set(wanted)) if list.of == **wanted => {
            return Ok(value.clone());
        }
        (Kind::Map(map), Type::Map(wanted)) if map.of == **wanted => return Ok(value.clone()),
        (Kind::List(_) | Kind::Set(_) | Kind::Tuple(_), Type::List(wanted)) => {
            let (of, items) = items(value, wanted)?;
            Value::list(of, items)
        }
        (Kind::List(_) | Kind::Set(_) | Kind::Tuple(_), Type::Set(wanted)) => {
            let (of, items) = items(value, wanted)?;
            Value::set(of, items)
        }
        (Kind::Tuple(items), Type::Tuple(wanted)) if items.len() == wanted.len() => {
            let converted =
                items.iter().zip(wanted.iter()).enumerate().map(|(index, (item, of))| {
                    convert(item, of).map_err(|mismatch| mismatch.under(Step::Index(index)))
                });
            Value::tuple(converted.collect::<Result<Vec<_>, _>>()?)
        }
        (Kind::Map(_) | Kind::Object(_), Type::Map(wanted)) => {
            let (of, entries) = entries(value, wanted)?;
            Value::new(Kind::Map(Arc::new(Map { of, entries })))
        }
        (Kind::Map(_) | Kind::Object(_), Type::Object(fields)) => object(value, fields)?,
        _ => return Err(mismatch(&value.type_of(), to)),
    };
    Ok(converted.with_marks(value.marks()))
}

/// Says what was expected instead of a type.
pub(super) fn mismatch(from: &Type, to: &Type) -> Mismatch {
    if let Type::Reference(kind) = to {
        return Mismatch::new(format!("a reference to a `{kind}` block is required"));
    }
    if let (Type::Object(from), Type::Object(to)) = (from, to) {
        let missing: Vec<_> = to
            .iter()
            .filter(|(name, field)| !field.is_optional && !from.contains_key(*name))
            .map(|(name, _)| format!("`{name}`"))
            .collect();
        if !missing.is_empty() {
            return Mismatch::new(format!("attribute {} is required", missing.join(", ")));
        }
    }
    Mismatch::new(format!("{} is required", to.with_article()))
}

fn bool_of(text: &str) -> Result<bool, Mismatch> {
    match text {
        "true" | "1" => Ok(true),
        "false" | "0" => Ok(false),
        _ => match text.to_lowercase().as_str() {
            lower @ ("true" | "false") => {
                Err(Mismatch::new(format!("a bool is required; as text it is written \"{lower}\" in lower case")))
            }
            _ => Err(Mismatch::new("a bool is required")),
        },
    }
}

fn reference(value: &Value, kind: &str) -> Result<Value, Mismatch> {
    match value.address() {
        Some(address) if kind_of(address) == Some(kind) => Ok(value.clone()),
        Some(address) => {
            Err(Mismatch::new(format!("a reference to a `{kind}` block is required, and `{address}` is not one")))
        }
        None => Err(Mismatch::new(format!(
            "a reference to a `{kind}` block is required; an object that is rebuilt, by `merge`, `for` or `{{...}}`, is no longer the block it was made from"
        ))),
    }
}

/// Returns the block type in an address: `vm` of `module.a["x.y"].vm.web[0]`.
fn kind_of(address: &str) -> Option<&str> {
    let mut rest = address;
    while let Some(after) = rest.strip_prefix("module.") {
        let mut in_text = false;
        let mut is_escaped = false;
        let end = after.find(|character| {
            let ends = character == '.' && !in_text;
            in_text ^= character == '"' && !is_escaped;
            is_escaped = character == '\\' && !is_escaped;
            ends
        })?;
        rest = &after[end + 1..];
    }
    rest.split_once('.').map(|(kind, _)| kind)
}

fn unknown(refinement: Option<&Refinement>, from: &Type, to: &Type) -> Value {
    let of = without_optional(&to.filled_from(from));
    let is_same = of == *from;
    let refinement = refinement.map(|known| match is_same {
        true => known.clone(),
        false => Refinement { is_not_null: known.is_not_null, ..Refinement::default() },
    });
    Value::new(Kind::Unknown(of, refinement.map(Arc::new)))
}

fn items(value: &Value, wanted: &Type) -> Result<(Type, Vec<Value>), Mismatch> {
    let items = value.as_items().expect("only called for lists, sets and tuples");
    let of = match (wanted, value.kind()) {
        (Type::Dynamic, Kind::List(list) | Kind::Set(list)) => list.of.clone(),
        (Type::Dynamic, _) => common(items.iter())?,
        _ => wanted.clone(),
    };
    let step = |index| Step::Index(index);
    let converted = items
        .iter()
        .enumerate()
        .map(|(index, item)| convert(item, &of).map_err(|mismatch| mismatch.under(step(index))));
    let converted: Vec<_> = converted.collect::<Result<_, _>>()?;
    if !of.has_dynamic() || converted.is_empty() {
        return Ok((without_optional(&of), converted));
    }
    let of = common(converted.iter())?;
    let converted = converted.iter().map(|item| convert(item, &of)).collect::<Result<_, _>>()?;
    Ok((of, converted))
}

fn entries(value: &Value, wanted: &Type) -> Result<(Type, Entries), Mismatch> {
    let entries = value.as_entries().expect("only called for maps and objects");
    let of = match (wanted, value.kind()) {
        (Type::Dynamic, Kind::Map(map)) => map.of.clone(),
        (Type::Dynamic, _) => common(entries.values())?,
        _ => wanted.clone(),
    };
    let convert_entry = |(key, entry): (&Arc<str>, &Value), of: &Type| match convert(entry, of) {
        Ok(entry) => Ok((key.clone(), entry)),
        Err(mismatch) => Err(mismatch.under(Step::Key(key.clone()))),
    };
    let converted: Entries = entries.iter().map(|entry| convert_entry(entry, &of)).collect::<Result<_, _>>()?;
    if !of.has_dynamic() || converted.is_empty() {
        return Ok((without_optional(&of), converted));
    }
    let of = common(converted.values())?;
    let converted = converted.iter().map(|entry| convert_entry(entry, &of)).collect::<Result<_, _>>()?;
    Ok((of, converted))
}

fn common<'a>(values: impl ExactSizeIterator<Item = &'a Value>) -> Result<Type, Mismatch> {
    if values.len() == 0 {
        return Ok(Type::Dynamic);
    }
    let (mut types, mut has_untyped_null) = (Vec::new(), false);
    for value in values {
        match value.kind() {
            Kind::Null(Type::Dynamic) => has_untyped_null = true,
            _ => types.push(value.type_of()),
        }
    }
    if has_untyped_null && types.is_empty() {
        return Ok(Type::Dynamic);
    }
    unify(&types).ok_or_else(|| Mismatch::new("all elements must be of one type, or convert to one"))
}

fn object(value: &Value, fields: &BTreeMap<Arc<str>, ObjectField>) -> Result<Value, Mismatch> {
    let given = value.as_entries().expect("only called for maps and objects");
    let mut attributes = BTreeMap::new();
    for (name, field) in fields {
        let attribute = match given.get(name) {
            Some(attribute) => {
                convert(attribute, &field.of).map_err(|mismatch| mismatch.under(Step::Attribute(name.clone())))?
            }
            None if field.is_optional => Value::null(without_optional(&field.of)),
            None => return Err(Mismatch::new(format!("attribute `{name}` is required"))),
        };
        attributes.insert(name.clone(), attribute);
    }
    // An object type that asks for all a block has is met by the block itself, which stays a reference.
    match value.address() {
        Some(address) if attributes.len() == given.len() => Ok(Value::block(address.clone(), attributes)),
        _ => Ok(Value::object(attributes)),
    }
}

/// Returns the type with every attribute required: values always have all attributes of their type.
fn without_optional(of: &Type) -> Type {
    match of {
        Type::Dynamic | Type::Bool | Type::Number | Type::Text | Type::Reference(_) => of.clone(),
        Type::List(item) => Type::List(Arc::new(without_optional(item))),
        Type::Set(item) => Type::Set(Arc::new(without_optional(item))),
        Type::Map(item) => Type::Map(Arc::new(without_optional(item))),
        Type::Tuple(items) => Type::tuple(items.iter().map(without_optional)),
        Type::Object(fields) => Type::Object(Arc::new(
            fields
                .iter()
                .map(|(name, field)| {
                    (name.clone(), ObjectField { of: without_optional(&field.of), is_optional: false })
                })
                .collect(),
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reference_takes_only_the_block_itself() {
        let vm = |address: &str| Value::block(address, BTreeMap::from([("name".into(), Value::from("a"))]));
        let to = Type::reference("vm");
        for address in ["vm.a", "vm.a[0]", r#"module.x["a.vm\".b"].vm.a"#, "module.x.module.y[1].vm.a[\"k\"]"] {
            assert_eq!(convert(&vm(address), &to), Ok(vm(address)), "{address}");
        }
        let rebuilt = Value::object([("name", Value::from("a"))]);
        for (value, says) in [
            (vm("tenant.vm"), "`tenant.vm` is not one"),
            (vm("module.vm.tenant.a"), "is not one"),
            (rebuilt, "rebuilt"),
            (Value::from("vm.a"), "a reference to a `vm` block is required"),
        ] {
            let mismatch = convert(&value, &to).expect_err("it is not a vm");
            assert!(mismatch.message.contains(says), "{mismatch}");
        }
    }

    #[test]
    fn an_object_type_fills_what_is_optional_and_says_where_it_does_not_fit() {
        let field = |of, is_optional| ObjectField { of, is_optional };
        let to = Type::Object(Arc::new(BTreeMap::from([
            ("port".into(), field(Type::Number, false)),
            ("note".into(), field(Type::Text, true)),
        ])));
        let given = |port: &str| Value::object([("port", Value::from(port)), ("extra", Value::from(true))]);
        let converted = convert(&given("25565"), &to).expect("it fits");
        assert_eq!(converted, Value::object([("port", Value::from(25_565)), ("note", Value::null(Type::Text))]));
        let mismatch = convert(&Value::tuple([given("x")]), &Type::List(Arc::new(to))).expect_err("x is no number");
        assert_eq!(mismatch.to_string(), "at `[0].port`: a number is required");
    }
}
