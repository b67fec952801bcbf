//! [`Value`] itself: construction, looking inside, and a `Debug` that cannot leak.

use super::{Entries, Marks, Number, Step, Type};
use std::fmt;
use std::sync::Arc;

/// A value of the language. Cheap to clone.
///
/// What is inside is summed up when a value is made, so that asking for deep marks, unknowns or the weight never walks the value: values
/// share their insides, and a walk over a value that holds itself twice at each level would never end.
#[derive(Clone)]
pub struct Value {
    kind: Kind,
    summary: Summary,
}

// A stack holds millions of values, most of them in slices, so what one takes is what the program takes. A kind that carries more than two
// words keeps it behind one pointer.
const _: () = assert!(size_of::<Value>() <= 32, "a value takes at most four words");

/// What is known about a value and the values inside it; packed, for there are many.
#[derive(Clone, Copy)]
struct Summary {
    /// Marks of the value itself.
    own: Marks,
    /// Marks of the values inside.
    inside: Marks,
    has_unknown: bool,
    weight: u32,
}

/// What a value is.
///
/// Collections carry their element type, so that an empty list of numbers is still one.
#[derive(Clone, PartialEq)]
pub enum Kind {
    /// No value, of a type.
    Null(Type),
    /// `true` or `false`.
    Bool(bool),
    /// A number.
    Number(Number),
    /// Text in Unicode normal form C.
    Text(Arc<str>),
    /// Items of one type, in order.
    List(Arc<Items>),
    /// Distinct items of one type, in the language's order.
    Set(Arc<Items>),
    /// Items of any types, in order.
    Tuple(Arc<[Value]>),
    /// Items of one type by key.
    Map(Arc<Map>),
    /// Attributes.
    Object(Arc<Object>),
    /// Will be known later; what is known already is in the type and the refinement.
    Unknown(Type, Option<Arc<Refinement>>),
}

/// Items of one type. Without `Debug`, for they do not know whether the value they are inside of is sensitive.
#[derive(PartialEq)]
pub struct Items {
    /// Type of the items.
    pub of: Type,
    /// The items.
    pub items: Box<[Value]>,
}

/// Items of one type by key. Without `Debug`, like [`Items`].
#[derive(PartialEq)]
pub struct Map {
    /// Type of the items.
    pub of: Type,
    /// Items by key.
    pub entries: Entries,
}

/// Attributes, and the address of the block they are, if they are one. Without `Debug`, like [`Items`].
///
/// The address makes the value a reference: it survives conditionals, indexing and variables, and is lost when an object is rebuilt.
#[derive(Clone, Default, PartialEq)]
pub struct Object {
    /// Attributes by name.
    pub attributes: Entries,
    /// Address of the block instance (`tenant.acme`, `module.a.vm.x["k"]`), if this value is one.
    pub address: Option<Arc<str>>,
}

/// What is known about an unknown value.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Refinement {
    /// It will not be null.
    pub is_not_null: bool,
    /// It will begin with this text.
    pub prefix: Option<Arc<str>>,
    /// It will have at least this many items.
    pub length_min: Option<u64>,
    /// It will have at most this many items.
    pub length_max: Option<u64>,
}

impl Value {
    /// Returns an unmarked value.
    pub fn new(kind: Kind) -> Self {
        let summary = match &kind {
            Kind::List(list) | Kind::Set(list) => Summary::of(list.items.iter()),
            Kind::Tuple(items) => Summary::of(items.iter()),
            Kind::Map(map) => Summary::of(map.entries.values()),
            Kind::Object(object) => Summary::of(object.attributes.values()),
            Kind::Unknown(..) => Summary { has_unknown: true, ..Summary::ONE },
            Kind::Text(text) => Summary { weight: 1 + (text.len() >> 6) as u32, ..Summary::ONE },
            Kind::Null(_) | Kind::Bool(_) | Kind::Number(_) => Summary::ONE,
        };
        Self { kind, summary }
    }

    /// Returns null of a type.
    pub fn null(of: Type) -> Self {
        Self::new(Kind::Null(of))
    }

    /// Returns an unknown value of a type.
    pub fn unknown(of: Type) -> Self {
        Self::new(Kind::Unknown(of, None))
    }

    /// Returns text. The text must already be in normal form C.
    pub fn text(text: impl Into<Arc<str>>) -> Self {
        Self::new(Kind::Text(text.into()))
    }

    /// Returns a tuple.
    pub fn tuple(items: impl IntoIterator<Item = Value>) -> Self {
        Self::new(Kind::Tuple(items.into_iter().collect()))
    }

    /// Returns a list of items that are all of type `of`.
    pub fn list(of: Type, items: impl IntoIterator<Item = Value>) -> Self {
        Self::new(Kind::List(Arc::new(Items { of, items: items.into_iter().collect() })))
    }

    /// Returns a set of items that are all of type `of`, distinct, and stay in this order; [`Value::set`] sorts.
    pub fn ordered_set(of: Type, items: impl IntoIterator<Item = Value>) -> Self {
        Self::new(Kind::Set(Arc::new(Items { of, items: items.into_iter().collect() })))
    }

    /// Returns a map of items that are all of type `of`.
    pub fn map(of: Type, items: impl IntoIterator<Item = (Arc<str>, Value)>) -> Self {
        Self::new(Kind::Map(Arc::new(Map { of, entries: items.into_iter().collect() })))
    }

    /// Returns an object without an address.
    pub fn object<K: Into<Arc<str>>>(attributes: impl IntoIterator<Item = (K, Value)>) -> Self {
        let attributes = attributes.into_iter().map(|(name, value)| (name.into(), value)).collect();
        Self::new(Kind::Object(Arc::new(Object { attributes, address: None })))
    }

    /// Returns an object that is the block instance at `address`.
    pub fn block(address: impl Into<Arc<str>>, attributes: impl Into<Entries>) -> Self {
        let attributes = attributes.into();
        Self::new(Kind::Object(Arc::new(Object { attributes, address: Some(address.into()) })))
    }

    /// Returns what it is. Callers that show it must respect the marks.
    pub fn kind(&self) -> &Kind {
        &self.kind
    }

    /// Returns the marks of the value itself, not of what is inside.
    pub fn marks(&self) -> Marks {
        self.summary.own
    }

    /// Returns the value with more marks.
    #[must_use]
    pub fn with_marks(mut self, marks: Marks) -> Self {
        self.summary.own = self.summary.own | marks;
        self
    }

    /// Returns the value with exactly these marks.
    #[must_use]
    pub fn replace_marks(mut self, marks: Marks) -> Self {
        self.summary.own = marks;
        self
    }

    /// Returns whether the value itself is sensitive.
    pub fn is_sensitive(&self) -> bool {
        self.summary.own.contains(Marks::SENSITIVE)
    }

    /// Returns whether the value itself is null.
    pub fn is_null(&self) -> bool {
        matches!(self.kind, Kind::Null(_))
    }

    /// Returns whether the value itself is unknown.
    pub fn is_unknown(&self) -> bool {
        matches!(self.kind, Kind::Unknown(..))
    }

    /// Returns the text, if it is known text. Sensitive text is returned too: only for comparing and for sending.
    pub fn as_text(&self) -> Option<&str> {
        match &self.kind {
            Kind::Text(text) => Some(text),
            _ => None,
        }
    }

    /// Returns the integer, if it is a known number without fraction.
    pub fn as_i64(&self) -> Option<i64> {
        match &self.kind {
            Kind::Number(number) => number.as_i64(),
            _ => None,
        }
    }

    /// Returns the truth value, if it is a known bool.
    pub fn as_bool(&self) -> Option<bool> {
        match self.kind {
            Kind::Bool(flag) => Some(flag),
            _ => None,
        }
    }

    /// Returns the items of a list, set or tuple.
    pub fn as_items(&self) -> Option<&[Value]> {
        match &self.kind {
            Kind::List(list) | Kind::Set(list) => Some(&list.items),
            Kind::Tuple(items) => Some(items),
            _ => None,
        }
    }

    /// Returns the entries of a map or object.
    pub fn as_entries(&self) -> Option<&Entries> {
        match &self.kind {
            Kind::Map(map) => Some(&map.entries),
            Kind::Object(object) => Some(&object.attributes),
            _ => None,
        }
    }

    /// Returns the address, if the value is a block instance.
    pub fn address(&self) -> Option<&Arc<str>> {
        match &self.kind {
            Kind::Object(object) => object.address.as_ref(),
            _ => None,
        }
    }

    /// Returns an attribute of an object or an entry of a map.
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.as_entries()?.get(name)
    }

    /// Returns the value at the end of `steps`.
    pub fn at(&self, steps: &[Step]) -> Option<&Value> {
        steps.iter().try_fold(self, |value, step| match step {
            Step::Attribute(name) | Step::Key(name) => value.get(name),
            Step::Index(index) => value.as_items()?.get(*index),
        })
    }

    /// Returns the union of the marks of the value and of everything inside.
    pub fn deep_marks(&self) -> Marks {
        self.summary.own | self.summary.inside
    }

    /// Returns whether neither the value nor anything inside is unknown.
    pub fn is_wholly_known(&self) -> bool {
        !self.summary.has_unknown
    }

    /// Returns how many values it consists of, with shared ones counted each time and long text counted by length: what writing it out costs.
    pub fn weight(&self) -> u32 {
        self.summary.weight
    }

    /// Returns the value with no marks at any depth, and the union of those it had.
    pub fn without_marks(&self) -> (Self, Marks) {
        let marks = self.deep_marks();
        if self.summary.inside.is_empty() {
            return (self.clone().replace_marks(Marks::NONE), marks);
        }
        let bare = |value: &Value| value.without_marks().0;
        let bare_entry = |(key, value): (&Arc<str>, &Value)| (key.clone(), bare(value));
        let without = match &self.kind {
            Kind::List(list) => Self::list(list.of.clone(), list.items.iter().map(bare)),
            Kind::Set(set) => Self::ordered_set(set.of.clone(), set.items.iter().map(bare)),
            Kind::Tuple(items) => Self::tuple(items.iter().map(bare)),
            Kind::Map(map) => Self::map(map.of.clone(), map.entries.iter().map(bare_entry)),
            Kind::Object(object) => Self::new(Kind::Object(Arc::new(Object {
                attributes: object.attributes.iter().map(bare_entry).collect(),
                address: object.address.clone(),
            }))),
            Kind::Null(_) | Kind::Bool(_) | Kind::Number(_) | Kind::Text(_) | Kind::Unknown(..) => {
                unreachable!("nothing is inside")
            }
        };
        (without, marks)
    }

    /// Returns the type of the value.
    pub fn type_of(&self) -> Type {
        match &self.kind {
            Kind::Null(of) | Kind::Unknown(of, _) => of.clone(),
            Kind::Bool(_) => Type::Bool,
            Kind::Number(_) => Type::Number,
            Kind::Text(_) => Type::Text,
            Kind::List(list) => Type::List(Arc::new(list.of.clone())),
            Kind::Set(set) => Type::Set(Arc::new(set.of.clone())),
            Kind::Map(map) => Type::Map(Arc::new(map.of.clone())),
            Kind::Tuple(items) => Type::tuple(items.iter().map(Value::type_of)),
            Kind::Object(object) => Type::Object(Arc::new(
                object
                    .attributes
                    .iter()
                    .map(|(name, value)| (name.clone(), super::ObjectField { of: value.type_of(), is_optional: false }))
                    .collect(),
            )),
        }
    }
}

/// Returns text in normal form C.
pub fn normalized(text: &str) -> Value {
    use unicode_normalization::{IsNormalized, UnicodeNormalization, is_nfc_quick};
    match text.is_ascii() || is_nfc_quick(text.chars()) == IsNormalized::Yes {
        true => Value::text(text),
        false => Value::text(text.nfc().collect::<String>()),
    }
}

impl PartialEq for Value {
    /// Compares structure, types, content and marks; for the language's `==` see [`super::equals`].
    fn eq(&self, other: &Self) -> bool {
        self.marks() == other.marks() && self.summary.inside == other.summary.inside && self.kind == other.kind
    }
}

impl Summary {
    /// Of an unmarked value with nothing inside.
    const ONE: Self = Self { own: Marks::NONE, inside: Marks::NONE, has_unknown: false, weight: 1 };

    fn of<'a>(values: impl Iterator<Item = &'a Value>) -> Self {
        values.fold(Self::ONE, |sum, value| Self {
            own: Marks::NONE,
            inside: sum.inside | value.deep_marks(),
            has_unknown: sum.has_unknown || value.summary.has_unknown,
            weight: sum.weight.saturating_add(value.summary.weight),
        })
    }
}

impl From<Entries> for Value {
    /// Returns an object without an address.
    fn from(attributes: Entries) -> Self {
        Self::new(Kind::Object(Arc::new(Object { attributes, address: None })))
    }
}

impl From<Number> for Value {
    fn from(number: Number) -> Self {
        Self::new(Kind::Number(number))
    }
}

impl From<bool> for Value {
    fn from(flag: bool) -> Self {
        Self::new(Kind::Bool(flag))
    }
}

impl From<i64> for Value {
    fn from(number: i64) -> Self {
        Self::new(Kind::Number(Number::from(number)))
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::text(text)
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::text(text)
    }
}

impl fmt::Debug for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_sensitive() {
            return f.write_str("(sensitive)");
        }
        match &self.kind {
            Kind::Null(_) => f.write_str("null"),
            Kind::Bool(flag) => write!(f, "{flag}"),
            Kind::Number(number) => write!(f, "{number}"),
            Kind::Text(text) => write!(f, "{text:?}"),
            Kind::List(_) | Kind::Set(_) | Kind::Tuple(_) => {
                f.debug_list().entries(self.as_items().into_iter().flatten()).finish()
            }
            Kind::Map(_) | Kind::Object(_) => f.debug_map().entries(self.as_entries().into_iter().flatten()).finish(),
            Kind::Unknown(of, _) => write!(f, "(unknown {of})"),
        }
    }
}

impl fmt::Debug for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Kind(..)")
    }
}
