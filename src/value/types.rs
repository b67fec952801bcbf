//! Types of values, as Terraform has them, plus references to our own objects.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

/// The type of a value.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Type {
    /// Not known yet, or any.
    Dynamic,
    /// `bool`
    Bool,
    /// `number`
    Number,
    /// `string`
    Text,
    /// `list(T)`
    List(Arc<Type>),
    /// `set(T)`
    Set(Arc<Type>),
    /// `map(T)`
    Map(Arc<Type>),
    /// `tuple([...])`
    Tuple(Arc<Vec<Type>>),
    /// `object({...})`
    Object(Arc<BTreeMap<Arc<str>, ObjectField>>),
    /// An object of the stack of one block type: `tenant`, `vm`, ... Only a value that carries such an address converts to it.
    Reference(Arc<String>),
}

/// One attribute of an object type.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ObjectField {
    /// Its type.
    pub of: Type,
    /// Whether it may be left out (`optional(T)`). Defaults are kept by the variable, not by the type.
    pub is_optional: bool,
}

impl Type {
    /// Returns the type of tuples with items of these types.
    pub fn tuple(items: impl IntoIterator<Item = Self>) -> Self {
        Self::Tuple(Arc::new(items.into_iter().collect()))
    }

    /// Returns the type of objects of a kind of block.
    pub fn reference(kind: impl Into<String>) -> Self {
        Self::Reference(Arc::new(kind.into()))
    }

    /// Returns the type of the items of a list, set or map.
    pub fn element(&self) -> Option<&Type> {
        match self {
            Self::List(of) | Self::Set(of) | Self::Map(of) => Some(of),
            _ => None,
        }
    }

    /// Returns whether part of the type is not known.
    pub fn has_dynamic(&self) -> bool {
        match self {
            Self::Dynamic => true,
            Self::Bool | Self::Number | Self::Text | Self::Reference(_) => false,
            Self::List(of) | Self::Set(of) | Self::Map(of) => of.has_dynamic(),
            Self::Tuple(items) => items.iter().any(Self::has_dynamic),
            Self::Object(fields) => fields.values().any(|field| field.of.has_dynamic()),
        }
    }

    /// Returns whether this type is `wanted`, where `wanted` may be dynamic in places.
    pub fn conforms_to(&self, wanted: &Type) -> bool {
        match (self, wanted) {
            (_, Self::Dynamic) => true,
            (Self::List(of), Self::List(wanted))
            | (Self::Set(of), Self::Set(wanted))
            | (Self::Map(of), Self::Map(wanted)) => of.conforms_to(wanted),
            (Self::Tuple(items), Self::Tuple(wanted)) => {
                items.len() == wanted.len()
                    && items.iter().zip(wanted.iter()).all(|(of, wanted)| of.conforms_to(wanted))
            }
            (Self::Object(fields), Self::Object(wanted)) => {
                fields.keys().eq(wanted.keys())
                    && fields.values().zip(wanted.values()).all(|(of, wanted)| of.of.conforms_to(&wanted.of))
            }
            _ => self == wanted,
        }
    }

    /// Returns this type with its dynamic parts taken from `from`, as far as the two have the same shape.
    #[must_use]
    pub fn filled_from(&self, from: &Type) -> Type {
        match (self, from) {
            (_, Self::Dynamic) => self.clone(),
            (Self::Dynamic, _) => from.clone(),
            (Self::List(of), Self::List(from) | Self::Set(from)) => Self::List(Arc::new(of.filled_from(from))),
            (Self::Set(of), Self::List(from) | Self::Set(from)) => Self::Set(Arc::new(of.filled_from(from))),
            (Self::Map(of), Self::Map(from)) => Self::Map(Arc::new(of.filled_from(from))),
            (Self::List(of), Self::Tuple(items)) => {
                Self::List(Arc::new(of.filled_from(&super::unify(items).unwrap_or(Self::Dynamic))))
            }
            (Self::Set(of), Self::Tuple(items)) => {
                Self::Set(Arc::new(of.filled_from(&super::unify(items).unwrap_or(Self::Dynamic))))
            }
            (Self::Map(of), Self::Object(fields)) => {
                let fields: Vec<_> = fields.values().map(|field| field.of.clone()).collect();
                Self::Map(Arc::new(of.filled_from(&super::unify(&fields).unwrap_or(Self::Dynamic))))
            }
            (Self::Tuple(items), Self::Tuple(from)) if items.len() == from.len() => {
                Self::tuple(items.iter().zip(from.iter()).map(|(of, from)| of.filled_from(from)))
            }
            (Self::Object(fields), Self::Object(from)) => {
                let filled = |(name, field): (&Arc<str>, &ObjectField)| {
                    let of = from.get(name).map_or_else(|| field.of.clone(), |from| field.of.filled_from(&from.of));
                    (name.clone(), ObjectField { of, is_optional: field.is_optional })
                };
                Self::Object(Arc::new(fields.iter().map(filled).collect()))
            }
            _ => self.clone(),
        }
    }

    /// Returns what a sentence calls a value of this type: `a number`, `a list of string`.
    pub fn with_article(&self) -> String {
        match self {
            Self::Dynamic => "a value".into(),
            Self::Bool => "a bool".into(),
            Self::Number => "a number".into(),
            Self::Text => "a string".into(),
            Self::List(of) if **of == Self::Dynamic => "a list".into(),
            Self::List(of) => format!("a list of {of}"),
            Self::Set(of) if **of == Self::Dynamic => "a set".into(),
            Self::Set(of) => format!("a set of {of}"),
            Self::Map(of) if **of == Self::Dynamic => "a map".into(),
            Self::Map(of) => format!("a map of {of}"),
            Self::Tuple(items) => format!("a tuple of {} elements", items.len()),
            Self::Object(_) => "an object".into(),
            Self::Reference(kind) => format!("a reference to a `{kind}` block"),
        }
    }
}

impl fmt::Display for Type {
    /// Writes the type as the user would in a type constraint.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Dynamic => f.write_str("dynamic"),
            Self::Bool => f.write_str("bool"),
            Self::Number => f.write_str("number"),
            Self::Text => f.write_str("string"),
            Self::List(of) => write!(f, "list({of})"),
            Self::Set(of) => write!(f, "set({of})"),
            Self::Map(of) => write!(f, "map({of})"),
            Self::Tuple(of) => {
                f.write_str("tuple([")?;
                for (index, item) in of.iter().enumerate() {
                    write!(f, "{}{item}", if index == 0 { "" } else { ", " })?;
                }
                f.write_str("])")
            }
            Self::Object(fields) => {
                f.write_str("object({")?;
                for (index, (name, field)) in fields.iter().enumerate() {
                    let separator = if index == 0 { "" } else { ", " };
                    match field.is_optional {
                        true => write!(f, "{separator}{name} = optional({})", field.of)?,
                        false => write!(f, "{separator}{name} = {}", field.of)?,
                    }
                }
                f.write_str("})")
            }
            Self::Reference(name) => f.write_str(name),
        }
    }
}
