//! Reading a written value without a detour: a state holds ten thousands of them. What the tags mean is said where they are written.

use super::{DEPTH_MAX, FORMAT, Open, broken, type_of_json};
use crate::value::{Entries, Kind, Map, Marks, Number, Object, Value, name};
use serde::de::{Deserialize, DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::Value as Json;
use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

/// `{"format": 1, "value": ...}`.
pub(super) struct Written<'a> {
    pub(super) open: Open<'a>,
}

impl<'de> DeserializeSeed<'de> for Written<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Written<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a stored value with its format")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Value, A::Error> {
        let (mut format, mut value) = (None, None);
        while let Some(Name(member)) = members.next_key()? {
            match &*member {
                "format" => format = Some(of_this_format(members.next_value()?)?),
                "value" => value = Some(members.next_value_seed(Part { open: &mut *self.open, depth: 0 })?),
                _ => drop(members.next_value::<IgnoredAny>()?),
            }
        }
        format.ok_or_else(|| broken("it has no format"))?;
        value.ok_or_else(|| broken("it is empty"))
    }
}

/// Tells a newer format before anything of it is read.
fn of_this_format<E: Error>(format: u32) -> Result<(), E> {
    match format {
        FORMAT => Ok(()),
        _ => Err(E::custom(format_args!("stored value has format {format}; this program reads format {FORMAT}"))),
    }
}

/// A value inside.
struct Part<'a> {
    open: Open<'a>,
    depth: usize,
}

impl Part<'_> {
    fn inside(&mut self) -> Part<'_> {
        Part { open: &mut *self.open, depth: self.depth + 1 }
    }
}

impl<'de> DeserializeSeed<'de> for Part<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        match self.depth > DEPTH_MAX {
            true => Err(broken("it is too deep")),
            false => deserializer.deserialize_any(self),
        }
    }
}

impl<'de> Visitor<'de> for Part<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a stored value")
    }

    fn visit_bool<E: Error>(self, flag: bool) -> Result<Value, E> {
        Ok(Value::from(flag))
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<Value, E> {
        Ok(Value::from(number))
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<Value, E> {
        number_of(&number.to_string())
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Value, E> {
        Ok(Value::text(text))
    }

    fn visit_unit<E: Error>(self) -> Result<Value, E> {
        Err(broken("a null has no type"))
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, items: A) -> Result<Value, A::Error> {
        Ok(Value::tuple(Items(self.inside()).visit_seq(items)?))
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut members: A) -> Result<Value, A::Error> {
        let (mut content, mut of, mut address) = (None, None, None);
        while let Some(Name(tag)) = members.next_key()? {
            match &*tag {
                "of" => of = Some(type_of_json(&members.next_value::<Json>()?)?),
                "address" => address = Some(members.next_value::<Arc<str>>()?),
                tag => content = Some(self.tagged(tag, &mut members)?),
            }
        }
        let of = || of.ok_or_else(|| broken("a collection has no type"));
        Ok(match content {
            None => return Err(broken("an object has no tag")),
            Some(Content::Whole(value)) => value,
            Some(Content::List(items)) => Value::list(of()?, items),
            Some(Content::Set(items)) => Value::set(of()?, items),
            Some(Content::Map(entries)) => Value::new(Kind::Map(Arc::new(Map { of: of()?, entries }))),
            Some(Content::Object(attributes)) => Value::new(Kind::Object(Arc::new(Object { attributes, address }))),
        })
    }
}

/// What stands under the tag that says what a value is.
enum Content {
    Whole(Value),
    List(Vec<Value>),
    Set(Vec<Value>),
    Map(Entries),
    Object(Entries),
}

impl Part<'_> {
    fn tagged<'de, A: MapAccess<'de>>(&mut self, tag: &str, members: &mut A) -> Result<Content, A::Error> {
        Ok(match tag {
            "list" => Content::List(members.next_value_seed(Items(self.inside()))?),
            "set" => Content::Set(members.next_value_seed(Items(self.inside()))?),
            "map" => Content::Map(members.next_value_seed(Members(self.inside()))?),
            "object" => Content::Object(members.next_value_seed(Members(self.inside()))?),
            "null" => Content::Whole(Value::null(type_of_json(&members.next_value::<Json>()?)?)),
            "chosen" => Content::Whole(members.next_value_seed(self.inside())?.with_marks(Marks::CHOSEN)),
            "sealed" => {
                let clear = (self.open)(&members.next_value::<Cow<'de, str>>()?).map_err(A::Error::custom)?;
                let json: Json = serde_json::from_str(&clear).map_err(|_| broken("a sealed part is not JSON"))?;
                let read = self.inside().deserialize(&json).map_err(A::Error::custom)?;
                Content::Whole(read.with_marks(Marks::SENSITIVE))
            }
            // `serde_json` hands a number with all its digits over as a text under a tag of its own, which begins with `$`.
            tag if tag == "number" || tag.starts_with('$') => {
                Content::Whole(number_of(&members.next_value::<Cow<'de, str>>()?)?)
            }
            other => return Err(broken(format_args!("`{other}` is not a tag of this format"))),
        })
    }
}

fn number_of<E: Error>(text: &str) -> Result<Value, E> {
    Number::parse(text).map(Value::from).ok_or_else(|| broken("a number is out of range"))
}

struct Items<'a>(Part<'a>);

impl<'de> DeserializeSeed<'de> for Items<'_> {
    type Value = Vec<Value>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Vec<Value>, D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for Items<'_> {
    type Value = Vec<Value>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of stored values")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Vec<Value>, A::Error> {
        let mut values = Vec::new();
        while let Some(value) = items.next_element_seed(Part { open: &mut *self.0.open, depth: self.0.depth })? {
            values.push(value);
        }
        Ok(values)
    }
}

struct Members<'a>(Part<'a>);

impl<'de> DeserializeSeed<'de> for Members<'_> {
    type Value = Entries;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Entries, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Members<'_> {
    type Value = Entries;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("stored values by name")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Entries, A::Error> {
        let mut entries = Vec::new();
        while let Some(Name(key)) = members.next_key()? {
            let part = Part { open: &mut *self.0.open, depth: self.0.depth };
            entries.push((key, members.next_value_seed(part)?));
        }
        Ok(entries.into_iter().collect())
    }
}

/// A key.
struct Name(Arc<str>);

impl<'de> Deserialize<'de> for Name {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(NameVisitor).map(Self)
    }
}

struct NameVisitor;

impl Visitor<'_> for NameVisitor {
    type Value = Arc<str>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Arc<str>, E> {
        Ok(name(text))
    }
}
