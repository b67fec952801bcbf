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
    Tuple(Arc<[Type]>),
    /// `object({...})`
    Object(Arc<BTreeMap<Arc<str>, ObjectField>>),
    /// An object of the stack of one block type: `tenant`, `vm`, ... Only a value that carries such an address converts to it.
    Reference(Arc<str>),
}

/// One attribute of an object type.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ObjectField {
    /// Its type.
    pub of: Type,
    /// Whether it may be left out (`optional(T)`). Defaults are kept by the variable, not by the type.
    pub is_optional: bool,
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
