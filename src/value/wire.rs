//! The only written form of a [`Value`]: JSON in which every value tells its kind, so that types and marks survive.
//!
//! `{"text": "web"}`, `{"list": ["number", [{"number": "1"}]]}`, `{"marked": [["sensitive"], {"text": "..."}]}`. Whoever writes it
//! somewhere sees to it that sensitive values are fingerprints or sealed: here they are in clear.

use super::{Kind, Marks, Number, Object, ObjectField, Refinement, Type, Value};
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;
use std::collections::BTreeMap;
use std::sync::Arc;

/// The JSON is not a value.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a value: {0}")]
pub struct NotValue(String);

/// Returns the written form of a value.
pub fn encode(value: &Value) -> Json {
    serde_json::to_value(ValueWire::of(value)).expect("the wire types have text keys and no other way to fail")
}

/// Reads the written form of a value.
///
/// # Errors
/// [`NotValue`] for anything else.
pub fn decode(json: &Json) -> Result<Value, NotValue> {
    let wire: ValueWire = serde_json::from_value(json.clone()).map_err(|error| NotValue(error.to_string()))?;
    wire.read()
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum ValueWire {
    Null(TypeWire),
    Bool(bool),
    /// As text: JSON numbers are doubles to most readers.
    Number(String),
    Text(Arc<str>),
    List(TypeWire, Vec<ValueWire>),
    Set(TypeWire, Vec<ValueWire>),
    Tuple(Vec<ValueWire>),
    Map(TypeWire, BTreeMap<Arc<str>, ValueWire>),
    Object(BTreeMap<Arc<str>, ValueWire>),
    /// An object that is the block instance at an address.
    Block(Arc<str>, BTreeMap<Arc<str>, ValueWire>),
    Unknown(TypeWire, Option<RefinementWire>),
    Marked(Vec<MarkWire>, Box<ValueWire>),
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum TypeWire {
    Dynamic,
    Bool,
    Number,
    Text,
    List(Box<TypeWire>),
    Set(Box<TypeWire>),
    Map(Box<TypeWire>),
    Tuple(Vec<TypeWire>),
    /// Attributes: type, and whether it is optional.
    Object(BTreeMap<Arc<str>, (TypeWire, bool)>),
    Reference(Arc<str>),
}

#[derive(Serialize, Deserialize)]
struct RefinementWire {
    not_null: bool,
    prefix: Option<Arc<str>>,
    length_min: Option<u64>,
    length_max: Option<u64>,
}

#[derive(Clone, Copy, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum MarkWire {
    Sensitive,
    Ephemeral,
    Chosen,
}

const MARKS: [(MarkWire, Marks); 3] =
    [(MarkWire::Sensitive, Marks::SENSITIVE), (MarkWire::Ephemeral, Marks::EPHEMERAL), (MarkWire::Chosen, Marks::CHOSEN)];

impl ValueWire {
    fn of(value: &Value) -> Self {
        let items = |items: &[Value]| items.iter().map(Self::of).collect();
        let entries = |entries: &BTreeMap<Arc<str>, Value>| entries.iter().map(|(name, value)| (name.clone(), Self::of(value))).collect();
        let wire = match value.kind() {
            Kind::Null(of) => Self::Null(TypeWire::of(of)),
            Kind::Bool(flag) => Self::Bool(*flag),
            Kind::Number(number) => Self::Number(number.to_string()),
            Kind::Text(text) => Self::Text(text.clone()),
            Kind::List(of, list) => Self::List(TypeWire::of(of), items(list)),
            Kind::Set(of, set) => Self::Set(TypeWire::of(of), items(set)),
            Kind::Tuple(tuple) => Self::Tuple(items(tuple)),
            Kind::Map(of, map) => Self::Map(TypeWire::of(of), entries(map)),
            Kind::Object(object) => match &object.address {
                None => Self::Object(entries(&object.attributes)),
                Some(address) => Self::Block(address.clone(), entries(&object.attributes)),
            },
            Kind::Unknown(of, refinement) => {
                Self::Unknown(TypeWire::of(of), refinement.as_deref().map(RefinementWire::of))
            }
        };
        let marks: Vec<MarkWire> = MARKS.iter().filter(|(_, mark)| value.marks().contains(*mark)).map(|(wire, _)| *wire).collect();
        if marks.is_empty() { wire } else { Self::Marked(marks, Box::new(wire)) }
    }

    fn read(self) -> Result<Value, NotValue> {
        let items = |items: Vec<Self>| items.into_iter().map(Self::read).collect::<Result<Arc<[Value]>, _>>();
        let entries = |entries: BTreeMap<Arc<str>, Self>| {
            entries.into_iter().map(|(name, wire)| Ok((name, wire.read()?))).collect::<Result<BTreeMap<_, _>, NotValue>>()
        };
        let block = |address, attributes| Kind::Object(Arc::new(Object { attributes, address }));
        Ok(Value::new(match self {
            Self::Null(of) => Kind::Null(of.read()),
            Self::Bool(flag) => Kind::Bool(flag),
            Self::Number(text) => Kind::Number(Number::parse(&text).ok_or_else(|| NotValue(format!("`{text}` is not a number")))?),
            Self::Text(text) => Kind::Text(text),
            Self::List(of, list) => Kind::List(of.read(), items(list)?),
            Self::Set(of, set) => Kind::Set(of.read(), items(set)?),
            Self::Tuple(tuple) => Kind::Tuple(items(tuple)?),
            Self::Map(of, map) => Kind::Map(of.read(), Arc::new(entries(map)?)),
            Self::Object(attributes) => block(None, entries(attributes)?),
            Self::Block(address, attributes) => block(Some(address), entries(attributes)?),
            Self::Unknown(of, refinement) => Kind::Unknown(of.read(), refinement.map(|refinement| Arc::new(refinement.read()))),
            Self::Marked(marks, wire) => {
                let of = |mark: &MarkWire| match mark {
                    MarkWire::Sensitive => Marks::SENSITIVE,
                    MarkWire::Ephemeral => Marks::EPHEMERAL,
                    MarkWire::Chosen => Marks::CHOSEN,
                };
                let marks = marks.iter().map(of).fold(Marks::NONE, |all, mark| all | mark);
                return Ok(wire.read()?.with_marks(marks));
            }
        }))
    }
}

impl TypeWire {
    fn of(of: &Type) -> Self {
        match of {
            Type::Dynamic => Self::Dynamic,
            Type::Bool => Self::Bool,
            Type::Number => Self::Number,
            Type::Text => Self::Text,
            Type::List(of) => Self::List(Box::new(Self::of(of))),
            Type::Set(of) => Self::Set(Box::new(Self::of(of))),
            Type::Map(of) => Self::Map(Box::new(Self::of(of))),
            Type::Tuple(items) => Self::Tuple(items.iter().map(Self::of).collect()),
            Type::Object(fields) => {
                let field = |(name, field): (&Arc<str>, &ObjectField)| (name.clone(), (Self::of(&field.of), field.is_optional));
                Self::Object(fields.iter().map(field).collect())
            }
            Type::Reference(kind) => Self::Reference(kind.clone()),
        }
    }

    fn read(self) -> Type {
        match self {
            Self::Dynamic => Type::Dynamic,
            Self::Bool => Type::Bool,
            Self::Number => Type::Number,
            Self::Text => Type::Text,
            Self::List(of) => Type::List(Arc::new(of.read())),
            Self::Set(of) => Type::Set(Arc::new(of.read())),
            Self::Map(of) => Type::Map(Arc::new(of.read())),
            Self::Tuple(items) => Type::Tuple(items.into_iter().map(Self::read).collect()),
            Self::Object(fields) => {
                let field = |(name, (of, is_optional)): (Arc<str>, (Self, bool))| (name, ObjectField { of: of.read(), is_optional });
                Type::Object(Arc::new(fields.into_iter().map(field).collect()))
            }
            Self::Reference(kind) => Type::Reference(kind),
        }
    }
}

impl RefinementWire {
    fn of(refinement: &Refinement) -> Self {
        let Refinement { is_not_null, prefix, length_min, length_max } = refinement.clone();
        Self { not_null: is_not_null, prefix, length_min, length_max }
    }

    fn read(self) -> Refinement {
        let Self { not_null, prefix, length_min, length_max } = self;
        Refinement { is_not_null: not_null, prefix, length_min, length_max }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_type_and_mark_survives() {
        let field = ObjectField { of: Type::Reference("vm".into()), is_optional: true };
        let odd = Type::Tuple([Type::Object(Arc::new([("a".into(), field)].into())), Type::Dynamic].into());
        let refinement = Refinement { is_not_null: true, prefix: Some("a".into()), length_min: Some(1), length_max: None };
        let value = Value::object([
            ("bool", Value::from(true)),
            ("big", Value::new(Kind::Number(Number::parse("123456789012345678901234567890.5").expect("a number")))),
            ("secret", Value::from("x").with_marks(Marks::SENSITIVE | Marks::CHOSEN)),
            ("list", Value::list(Type::Number, [Value::from(1), Value::from(-2)])),
            ("set", Value::new(Kind::Set(Type::Text, [Value::from("a")].into()))),
            ("map", Value::map(Type::List(Arc::new(Type::Bool)), [("k".into(), Value::list(Type::Bool, []))])),
            ("tuple", Value::tuple([Value::null(odd), Value::new(Kind::Unknown(Type::Text, Some(Arc::new(refinement))))])),
            ("block", Value::block("vm.x[\"a\"]", BTreeMap::new()).with_marks(Marks::EPHEMERAL)),
        ]);
        let json = encode(&value);
        assert!(decode(&json) == Ok(value), "{json}");
    }

    #[test]
    fn the_form_is_what_it_is() {
        let value = Value::list(Type::Text, [Value::from("x").with_marks(Marks::SENSITIVE)]);
        assert_eq!(encode(&value).to_string(), r#"{"list":["text",[{"marked":[["sensitive"],{"text":"x"}]}]]}"#);
        assert!(decode(&serde_json::json!({"number": "one"})).is_err());
        assert!(decode(&serde_json::json!("x")).is_err());
    }
}
