//! Named sections of the cluster's configuration files: jobs, mappings, zones and the like are all kept and shown alike.
//!
//! What may be in them, and what they mean, is the business of the file of each area.

use serde_json::{Map, Value, json};

use super::Machine;
use super::api::{Api, Field, Kind, field};
use super::config::sha1_hex;
use super::request::Fault;
use super::routes::Context;
use super::schema::Parameters;
use super::state::{Object, Setting};

/// What the server says when a digest is not the current one.
pub(super) const STALE: &str = "detected modified configuration - file changed by other user? Try again.";

/// A configuration file with sections.
pub(super) struct File {
    /// Name in the store; never shown.
    pub(super) name: &'static str,
    /// Parameter that names a section.
    pub(super) id: &'static str,
    /// Path of the call that makes one: its parameters say what is a number.
    pub(super) created_by: &'static str,
}

impl File {
    fn fields(&self) -> &'static [Field] {
        Api::get().parameters("POST", self.created_by)
    }

    fn key(&self, id: &str) -> String {
        format!("{}/{id}", self.name)
    }
}

/// Returns a value with the type its schema gives it.
pub(super) fn typed(fields: &[Field], name: &str, setting: &Setting) -> Value {
    match setting {
        Setting::List(items) => json!(items),
        Setting::Text(text) => {
            let kind = field(fields, name).map(|field| field.rule.kind);
            let is_number = matches!(kind, Some(Kind::Integer | Kind::Boolean | Kind::Number));
            match serde_json::from_str(text) {
                Ok(number @ Value::Number(_)) if is_number => number,
                _ => json!(text),
            }
        }
    }
}

/// Returns all that a section says, typed.
pub(super) fn typed_all(fields: &[Field], object: &Object) -> Map<String, Value> {
    object.iter().map(|(name, setting)| (name.clone(), typed(fields, name, setting))).collect()
}

/// Returns the text of a setting.
pub(super) fn text<'a>(object: &'a Object, name: &str) -> Option<&'a str> {
    match object.get(name) {
        Some(Setting::Text(text)) => Some(text),
        Some(Setting::List(_)) | None => None,
    }
}

/// Removes what a call deletes and sets what it sets, apart from the names that are no settings.
pub(super) fn change(parameters: &Parameters, object: &mut Object, no_settings: &[&str]) {
    let is_setting = |name: &str| !matches!(name, "digest" | "delete" | "lock-token") && !no_settings.contains(&name);
    for name in deleted(parameters) {
        object.remove(name);
    }
    for (name, value) in parameters.iter().filter(|(name, _)| is_setting(name)) {
        object.insert(name.to_owned(), Setting::Text(value.to_owned()));
    }
    for (name, items) in parameters.lists().filter(|(name, _)| is_setting(name)) {
        object.insert(name.to_owned(), Setting::List(items.to_vec()));
    }
}

/// Returns the names a call deletes, however it lists them.
pub(super) fn deleted(parameters: &Parameters) -> Vec<&str> {
    let listed = parameters.list("delete").iter().flat_map(|item| super::schema::split_list(item));
    parameters.items("delete").into_iter().chain(listed).collect()
}

impl Machine {
    pub(super) fn object(&self, file: &File, id: &str) -> Option<&Object> {
        self.objects.get(&file.key(id))
    }

    /// Returns the sections of a file by name.
    pub(super) fn objects_of<'a>(&'a self, file: &'a File) -> impl DoubleEndedIterator<Item = (&'a str, &'a Object)> {
        let split = |(key, object): (&'a String, &'a Object)| {
            let (name, id) = key.split_once('/')?;
            (name == file.name).then_some((id, object))
        };
        self.objects.iter().filter_map(split)
    }

    pub(super) fn save_object(&mut self, file: &File, id: &str, object: Object) {
        self.objects.insert(file.key(id), object);
    }

    pub(super) fn remove_object(&mut self, file: &File, id: &str) -> Option<Object> {
        self.objects.remove(&file.key(id))
    }

    /// Returns the digest of a file, which all of its sections share.
    pub(super) fn file_digest(&self, file: &File) -> String {
        let text: String = self.objects_of(file).map(|(id, object)| format!("{id}: {}\n", json!(object))).collect();
        sha1_hex(text.as_bytes())
    }

    /// Returns a section as the API shows it, with its name and the file's digest.
    pub(super) fn object_row(&self, file: &File, id: &str, object: &Object) -> Map<String, Value> {
        let mut row = typed_all(file.fields(), object);
        row.insert(file.id.to_owned(), json!(id));
        row.insert("digest".to_owned(), json!(self.file_digest(file)));
        row
    }

    /// Refuses a call whose digest is not the file's; `prefix` says which call it was.
    pub(super) fn check_file(&self, context: &Context, file: &File, prefix: &str) -> Result<(), Fault> {
        check_digest(context, &self.file_digest(file), prefix)
    }
}

/// Refuses a call whose digest is not the current one.
pub(super) fn check_digest(context: &Context, current: &str, prefix: &str) -> Result<(), Fault> {
    match context.parameters.get("digest") {
        Some(digest) if digest != current => Err(Fault::text(format!("{prefix}{STALE}"))),
        _ => Ok(()),
    }
}
