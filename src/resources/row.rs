//! Objects that are one row of a table of the cluster: POST makes it, PUT changes it, DELETE removes it, and each attribute is one
//! parameter. A type declares its [`Row`]; what its attributes mean is in its own file.

use super::schema::{Attribute, Schema, Takes};
use super::step::{Expected, Guard, GuardedCall, Lock, Step, Task, Verify};
use super::{Changed, Draft, Found, Lookup, Sighting};
use crate::observe::ClusterView;
use crate::proxmox::{Call, decode};
use crate::state::{Effect, Identity};
use crate::value::{Entries, Kind, Number, Type, Value};
use serde_json::Value as Json;
use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// How a type's objects are rows.
pub struct Row {
    /// Its schema.
    pub schema: &'static Schema,
    /// Finds the row of an object.
    pub find: for<'a> fn(&'a ClusterView, &Identity) -> Look<'a>,
    /// Returns the attributes that name it, from its identity.
    pub names: fn(&Identity) -> Vec<(&'static str, Value)>,
    /// Returns the path of one object.
    pub path: fn(&Identity) -> String,
    /// Returns the call that makes it, without its columns.
    pub make: fn(&Identity) -> Call,
    /// Its attributes.
    pub columns: &'static [Column],
    /// The file of the cluster it is written in, which one writer holds at a time: `user.cfg`.
    pub file: &'static str,
    /// Where writes take a digest: how the row is read again before one.
    pub digest: Option<Rereading>,
}

/// Returns the read of a table, the column that names its rows, and the name of an object's row.
pub type Rereading = fn(&Identity) -> (Call, &'static str, String);

/// One attribute of a row.
pub struct Column {
    /// Name of the attribute, or of the nested block.
    pub attribute: &'static str,
    /// Name of the parameter, and of the member in the row.
    pub parameter: &'static str,
    /// How its value is written.
    pub form: Form,
    /// How it is unset.
    pub unset: Unset,
    /// Whether every change sends it: some calls replace the whole row.
    pub is_always_sent: bool,
}

/// How the value of an attribute is written.
#[derive(Clone, Copy)]
pub enum Form {
    /// As its kind says: 1 and 0, numbers, texts, lists with commas.
    Plain,
    /// In a way of its own.
    Own {
        /// Returns the parameter's text; `None`: not set.
        encode: fn(&Value) -> Option<String>,
        /// Returns the value from the row's member.
        decode: fn(&Json) -> Option<Value>,
    },
    /// As a parameter that is given once per item.
    Repeated {
        /// Returns the parameter's texts.
        encode: fn(&Value) -> Vec<String>,
        /// Returns the value from the row's member.
        decode: fn(&Json) -> Option<Value>,
    },
}

/// How an attribute is unset.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unset {
    /// By its name in `delete`.
    Delete,
    /// By an empty text.
    Empty,
}

/// What a look for a row found.
pub enum Look<'a> {
    /// The row.
    At(Cow<'a, Json>),
    /// There is none.
    Nowhere,
    /// The table may not be read.
    Hidden(String),
}

impl Column {
    /// An attribute whose parameter has the same name and is unset by `delete`.
    pub const fn new(name: &'static str) -> Self {
        Self { attribute: name, parameter: name, form: Form::Plain, unset: Unset::Delete, is_always_sent: false }
    }

    /// Sets the name of the parameter.
    #[must_use]
    pub const fn sent_as(mut self, parameter: &'static str) -> Self {
        self.parameter = parameter;
        self
    }

    /// Makes an empty text unset it.
    #[must_use]
    pub const fn or_empty(mut self) -> Self {
        self.unset = Unset::Empty;
        self
    }

    /// Makes every change send it.
    #[must_use]
    pub const fn always(mut self) -> Self {
        self.is_always_sent = true;
        self
    }

    /// Gives it a form of its own.
    #[must_use]
    pub const fn written(mut self, encode: fn(&Value) -> Option<String>, decode: fn(&Json) -> Option<Value>) -> Self {
        self.form = Form::Own { encode, decode };
        self
    }

    /// Gives it the form of a parameter that is given once per item.
    #[must_use]
    pub const fn repeated(mut self, encode: fn(&Value) -> Vec<String>, decode: fn(&Json) -> Option<Value>) -> Self {
        self.form = Form::Repeated { encode, decode };
        self
    }

    /// Returns the parameter's texts; none: it is not set.
    fn texts(&self, object: &Value) -> Vec<String> {
        let Some(value) = object.get(self.attribute).filter(|value| !value.is_null()) else { return Vec::new() };
        let texts = match self.form {
            Form::Plain => vec![plain(value)],
            Form::Own { encode, .. } => encode(value).into_iter().collect(),
            Form::Repeated { encode, .. } => encode(value),
        };
        texts.into_iter().filter(|text| !text.is_empty()).collect()
    }

    fn value(&self, schema: &Schema, row: &Json) -> Option<Value> {
        let member = row.get(self.parameter).filter(|member| !member.is_null())?;
        match self.form {
            Form::Plain => read(schema.attribute(self.attribute)?, member),
            Form::Own { decode, .. } | Form::Repeated { decode, .. } => decode(member),
        }
    }
}

impl Row {
    /// Says whether the object is there, and what it is like.
    pub fn sight(&self, lookup: &Lookup) -> Sighting {
        match (self.find)(lookup.view, lookup.identity) {
            Look::Nowhere => Sighting::Absent,
            Look::Hidden(table) => Sighting::Hidden { table },
            Look::At(row) => Sighting::Present(Box::new(Found {
                value: self.read(lookup.identity, &row),
                identity: lookup.identity.clone(),
                running: None,
                digest: None,
                notes: Vec::new(),
            })),
        }
    }

    /// Returns the object that a row is. What is of the wrong kind is left out.
    pub fn read(&self, identity: &Identity, row: &Json) -> Value {
        let columns = self.columns.iter();
        let columns = columns.filter_map(|column| Some((column.attribute, column.value(self.schema, row)?)));
        Value::object((self.names)(identity).into_iter().chain(columns))
    }

    /// Returns the step that makes it.
    pub fn create(&self, draft: &Draft) -> Vec<Step> {
        let call =
            self.columns.iter().fold((self.make)(draft.identity), |call, column| with(call, column, draft.desired));
        vec![self.step(draft, "create", call, Guard::None, true)]
    }

    /// Returns the step that changes these attributes.
    pub fn update(&self, draft: &Draft, changed: &Changed) -> Vec<Step> {
        let roots: BTreeSet<&str> = changed.paths.iter().filter_map(|path| path.root()).collect();
        let (mut call, mut unset, mut is_needed) = (Call::put((self.path)(draft.identity)), Vec::new(), false);
        for column in self.columns {
            let is_changed = roots.contains(column.attribute);
            is_needed |= is_changed;
            let is_set = !column.texts(draft.desired).is_empty();
            match (is_set, column.unset) {
                (true, _) if is_changed || column.is_always_sent => call = with(call, column, draft.desired),
                (false, Unset::Empty) if is_changed => call = call.with(column.parameter, ""),
                (false, Unset::Delete) if is_changed => unset.push(column.parameter),
                (true | false, Unset::Empty | Unset::Delete) => {}
            }
        }
        if !unset.is_empty() {
            call = call.with("delete", unset.join(","));
        }
        if is_needed { vec![self.step(draft, "update", call, self.guard(draft), true)] } else { Vec::new() }
    }

    /// Returns the step that destroys it.
    pub fn delete(&self, draft: &Draft) -> Vec<Step> {
        vec![self.step(draft, "destroy", Call::delete((self.path)(draft.identity)), Guard::None, false)]
    }

    /// Returns what is limited while it changes.
    pub fn locks(&self) -> Vec<Lock> {
        vec![Lock::cluster_file(self.file)]
    }

    /// A digest is of a whole file, in which others may write meanwhile: the row is read again and compared, and its digest is sent.
    fn guard(&self, draft: &Draft) -> Guard {
        let (Some(digest), Some(found)) = (self.digest, draft.found) else { return Guard::None };
        let Look::At(row) = (self.find)(draft.view, &found.identity) else { return Guard::None };
        let (read, column, name) = digest(draft.identity);
        let gist = |column: &Column| (column.parameter.to_owned(), row.get(column.parameter).map(decode::gist));
        let members = self.columns.iter().map(gist).collect();
        let expected = Expected::Row { column: column.to_owned(), name, members };
        Guard::Table { read, expected, sends_digest: true }
    }

    /// Returns a step about the object.
    pub fn step(&self, draft: &Draft, name: &str, call: Call, guard: Guard, is_present: bool) -> Step {
        step(name, call, guard, Call::get((self.path)(draft.identity)), is_present)
    }
}

/// Returns a step of one call whose outcome is told by reading the object.
pub fn step(name: &str, call: Call, guard: Guard, read: Call, is_present: bool) -> Step {
    Step {
        name: name.into(),
        task: Task::Call(Box::new(GuardedCall {
            call,
            guard,
            verify: Verify::ByContent { read, is_present },
            deadline_ms: 60_000,
        })),
        effect: Effect::None,
        estimate_ms: 0,
    }
}

fn with(call: Call, column: &Column, object: &Value) -> Call {
    let is_secret = object.get(column.attribute).is_some_and(Value::is_sensitive);
    column.texts(object).into_iter().fold(call, |call, text| match is_secret {
        true => call.with_secret(column.parameter, text),
        false => call.with(column.parameter, text),
    })
}

/// Finds the row of a whole table that has this name in this column.
pub fn find<'a>(view: &'a ClusterView, table: &str, column: &str, name: &str) -> Look<'a> {
    let Some(rows) = view.tables.get(table) else {
        return if view.hidden.contains(table) { Look::Hidden(table.to_owned()) } else { Look::Nowhere };
    };
    let is_it = |row: &&Json| row.get(column).and_then(decode::text).as_deref() == Some(name);
    rows.as_array().into_iter().flatten().find(is_it).map_or(Look::Nowhere, |row| Look::At(Cow::Borrowed(row)))
}

/// Returns the text of a parameter that a value is.
pub fn plain(value: &Value) -> String {
    match value.kind() {
        Kind::Bool(flag) => if *flag { "1" } else { "0" }.to_owned(),
        Kind::Number(number) => number.to_string(),
        Kind::Text(text) => text.to_string(),
        _ => value.as_items().unwrap_or_default().iter().map(plain).collect::<Vec<_>>().join(","),
    }
}

/// Returns the value of an attribute from what the server says; `None` if it is not of its kind.
pub fn read(attribute: &Attribute, member: &Json) -> Option<Value> {
    let value = scalar(&attribute.takes, member)?;
    Some(if attribute.is_sensitive { value.with_marks(crate::value::Marks::SENSITIVE) } else { value })
}

fn scalar(takes: &Takes, member: &Json) -> Option<Value> {
    Some(match takes {
        Takes::Bool => Value::from(decode::boolean(member)?),
        Takes::Integer(..) => Value::from(decode::integer(member)?),
        Takes::Number => Value::new(Kind::Number(Number::parse(&decode::text(member)?)?)),
        Takes::Set(of) => {
            let items = words(member);
            let mut items: Vec<Value> =
                items.iter().filter_map(|item| scalar(of, &Json::from(item.as_str()))).collect();
            items.sort_by_cached_key(|item| (item.as_i64(), item.as_text().map(str::to_owned)));
            items.dedup();
            Value::ordered_set(Type::Text, items)
        }
        Takes::List(of) => {
            let items = words(member);
            let items: Vec<Value> = items.iter().filter_map(|item| scalar(of, &Json::from(item.as_str()))).collect();
            Value::list(Type::Text, items)
        }
        Takes::Text
        | Takes::OneOf(_)
        | Takes::Size
        | Takes::Duration
        | Takes::HostName
        | Takes::Cidr
        | Takes::Address
        | Takes::Port => Value::text(decode::text(member)?.trim_end_matches('\n')),
        Takes::Reference(_) | Takes::Map(_) | Takes::Any => return None,
    })
}

/// Returns the items of a list, which is an array or a text with separators.
pub fn words(member: &Json) -> Vec<String> {
    match member {
        Json::Array(items) => items.iter().filter_map(decode::text).collect(),
        other => {
            let text = decode::text(other).unwrap_or_default();
            text.split([',', ';', ' ', '\0']).filter(|item| !item.is_empty()).map(str::to_owned).collect()
        }
    }
}

/// Returns the attributes of an object.
pub fn attributes(object: &Value) -> BTreeMap<Arc<str>, Value> {
    object.as_entries().map(Entries::to_map).unwrap_or_default()
}

/// Returns a text attribute; empty if it is not there.
pub fn text_of<'a>(object: &'a Value, name: &str) -> &'a str {
    object.get(name).and_then(Value::as_text).unwrap_or_default()
}
