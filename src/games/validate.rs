//! Whether a server's version, settings and secrets fit the game's manifest, and what they are with defaults filled in.

use super::manifest::{Game, SettingType};
use crate::diagnostics::{Diagnostic, Diagnostics};
use crate::value::{Entries, Kind, Marks, Path, Step, Value};
use std::collections::BTreeMap;
use std::sync::Arc;

/// What a `game_server` block asks for. Each part is null if it is not written.
#[derive(Clone, Debug)]
pub struct Wanted<'a> {
    /// `version`
    pub version: &'a Value,
    /// `settings`
    pub settings: &'a Value,
    /// `secrets`
    pub secrets: &'a Value,
}

/// What of an entry a message is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Underlined {
    /// Its key.
    Key,
    /// Its value.
    Value,
}

/// Says where a message is about `version`, `settings`, `settings["KEY"]`, `secrets` or `secrets["KEY"]`: for what is not written, the block.
pub type Mark<'a> = &'a dyn Fn(Diagnostic, &Path, Underlined) -> Diagnostic;

impl Game {
    /// Returns the settings with defaults filled in and converted to their types, and everything that is wrong.
    ///
    /// Values that are not known yet pass as they are. A wrong value is left out of the result.
    pub fn validate(&self, wanted: &Wanted<'_>, mark: Mark) -> (BTreeMap<Arc<str>, Value>, Diagnostics) {
        let mut found = Diagnostics::new();
        let settings = self.settings(wanted.settings, mark, &mut found);
        self.version(wanted, mark, &mut found);
        self.secrets(wanted.secrets, mark, &mut found);
        (settings, found)
    }

    fn settings(&self, written: &Value, mark: Mark, found: &mut Diagnostics) -> BTreeMap<Arc<str>, Value> {
        let root = Path::attribute("settings");
        let mut resolved: BTreeMap<Arc<str>, Value> = self
            .settings
            .iter()
            .filter_map(|(key, setting)| {
                setting.default.clone().map(|value| (key.clone(), marked(value, setting.is_sensitive)))
            })
            .collect();
        let Some(entries) = entries(written, &root, mark, found) else {
            return resolved;
        };
        for (key, value) in &entries {
            let at = root.then(Step::Key(key.clone()));
            let Some(setting) = self.settings.get(key) else {
                let what =
                    mark(Diagnostic::error(format!("{} has no setting `{key}`", self.title)), &at, Underlined::Key);
                found.push(with_suggestion(what, key, self.settings.keys().map(|key| &**key)));
                continue;
            };
            if value.is_null() {
                continue;
            }
            let is_secret = setting.is_sensitive || value.is_sensitive();
            match convert(&setting.of, value) {
                Ok(value) => {
                    resolved.insert(key.clone(), marked(value, setting.is_sensitive));
                }
                Err(expected) => {
                    resolved.remove(key);
                    let got = if is_secret { "(sensitive)".to_owned() } else { format!("{value:?}") };
                    let what = format!("setting `{key}` is {got}, expected {expected}");
                    let at = wrong_item(&setting.of, value).map_or(at.clone(), |item| at.then(Step::Index(item)));
                    let what = mark(Diagnostic::error(what), &at, Underlined::Value);
                    found.push(suggest_choice(what, &setting.of, value).hint(&*setting.description));
                }
            }
        }
        self.omissions(&entries, &resolved, &|missing| mark(missing, &root, Underlined::Value), found);
        resolved
    }

    /// Reports what the user has to decide and did not.
    fn omissions(
        &self,
        written: &Entries,
        resolved: &BTreeMap<Arc<str>, Value>,
        at: &dyn Fn(Diagnostic) -> Diagnostic,
        found: &mut Diagnostics,
    ) {
        for (key, setting) in &self.settings {
            if setting.is_required && written.get(key).is_none_or(Value::is_null) {
                let what = format!("{} needs the setting `{key}`", self.title);
                found.push(at(Diagnostic::error(what)).hint(&*setting.description));
            }
            if setting.is_consent && resolved.get(key).is_none_or(|value| value.as_bool() == Some(false)) {
                let what = format!("{} does not start without `{key} = true`", self.title);
                found.push(at(Diagnostic::warning(what)).hint(&*setting.description));
            }
        }
    }

    /// A version is either pinned in the manifest, or the user pins an artifact: nothing unverified is ever run.
    fn version(&self, wanted: &Wanted<'_>, mark: Mark, found: &mut Diagnostics) {
        let brings_artifact = ["artifact_url", "artifact_file"]
            .iter()
            .any(|key| wanted.settings.get(key).is_some_and(|value| !value.is_null()));
        let at = |wrong| mark(wrong, &Path::attribute("version"), Underlined::Value);
        if brings_artifact {
            if wanted.settings.get("artifact_sha256").is_none_or(Value::is_null) {
                let what = "`artifact_sha256` is missing: an artifact is run only if its checksum is right";
                found.push(mark(Diagnostic::error(what), &Path::attribute("settings"), Underlined::Value));
            }
            return;
        }
        match wanted.version.as_text() {
            Some(version) if !self.versions.contains_key(version) => {
                let what = format!("no artifact is pinned for {} `{version}`", self.title);
                let diagnostic =
                    with_suggestion(at(Diagnostic::error(what)), version, self.versions.keys().map(|key| &**key));
                found.push(diagnostic.hint("or set `artifact_url` and `artifact_sha256` in `settings`"));
            }
            Some(_) => {}
            None if wanted.version.is_unknown() => {}
            None => {
                let what = format!("`version` must be text, expected {}", one_of(self.versions.keys()));
                found.push(at(Diagnostic::error(what)));
            }
        }
    }

    fn secrets(&self, written: &Value, mark: Mark, found: &mut Diagnostics) {
        let root = Path::attribute("secrets");
        let Some(entries) = entries(written, &root, mark, found) else {
            return;
        };
        for (key, value) in &entries {
            let at = root.then(Step::Key(key.clone()));
            if !self.secrets.contains_key(key) {
                let what = Diagnostic::error(format!("{} has no secret `{key}`", self.title));
                let what = mark(what, &at, Underlined::Key);
                found.push(with_suggestion(what, key, self.secrets.keys().map(|key| &**key)));
            } else if value.as_text().is_none() && !value.is_unknown() && !value.is_null() {
                let what = Diagnostic::error(format!("secret `{key}` must be text"));
                found.push(mark(what, &at, Underlined::Value));
            }
        }
        for (key, secret) in &self.secrets {
            if secret.is_required && entries.get(key).is_none_or(Value::is_null) {
                let what = format!("{} needs the secret `{key}`", self.title);
                let what = mark(Diagnostic::error(what), &root, Underlined::Value);
                found.push(what.hint(&*secret.description));
            }
        }
    }
}

/// Returns the entries of a map that may be left out; nothing if they are not known yet or it is no map.
fn entries(written: &Value, root: &Path, mark: Mark, found: &mut Diagnostics) -> Option<Entries> {
    if written.is_null() {
        return Some(Entries::default());
    }
    let entries = written.as_entries().cloned();
    if entries.is_none() && !written.is_unknown() {
        let what = Diagnostic::error(format!("`{root}` must be a map of keys to values"));
        found.push(mark(what, root, Underlined::Value));
    }
    entries
}

fn marked(value: Value, is_sensitive: bool) -> Value {
    if is_sensitive { value.with_marks(Marks::SENSITIVE) } else { value }
}

/// Returns the value as the type asks for it, converting between text, numbers and truth values as the language does.
///
/// # Errors
/// What was expected, in words.
pub(super) fn convert(of: &SettingType, value: &Value) -> Result<Value, String> {
    if value.is_unknown() {
        return Ok(value.clone());
    }
    let converted = match of {
        SettingType::Bool { only } => {
            let flag = value.as_bool().or_else(|| value.as_text()?.parse().ok());
            flag.filter(|flag| only.is_none_or(|only| only == *flag)).map(Value::from)
        }
        SettingType::Number { min, max } => {
            let number = value.as_i64().or_else(|| value.as_text()?.parse().ok());
            number
                .filter(|number| min.is_none_or(|min| min <= *number) && max.is_none_or(|max| *number <= max))
                .map(Value::from)
        }
        SettingType::Text { length_max, pattern } => scalar_text(value)
            .filter(|text| length_max.is_none_or(|max| text.chars().count() as u64 <= max))
            .filter(|text| pattern.as_ref().is_none_or(|pattern| pattern.is_match(text)))
            // Settings become lines of files and of unit files: a control character could start a line of its own.
            .filter(|text| !text.chars().any(char::is_control))
            .map(Value::from),
        SettingType::Choice(choices) => {
            scalar_text(value).filter(|text| choices.iter().any(|choice| **choice == **text)).map(Value::from)
        }
        SettingType::Texts => value
            .as_items()
            .filter(|items| {
                items.iter().all(|item| {
                    item.is_unknown() || item.as_text().is_some_and(|text| !text.chars().any(char::is_control))
                })
            })
            .map(|_| value.clone()),
    };
    converted.map(|converted| converted.with_marks(value.marks())).ok_or_else(|| expectation(of))
}

/// The position of the first item that does not fit, where it is one item of a list.
fn wrong_item(of: &SettingType, value: &Value) -> Option<usize> {
    let items = value.as_items().filter(|_| matches!(of, SettingType::Texts))?;
    items
        .iter()
        .position(|item| !item.is_unknown() && item.as_text().is_none_or(|text| text.chars().any(char::is_control)))
}

fn scalar_text(value: &Value) -> Option<String> {
    match value.kind() {
        Kind::Text(text) => Some(text.to_string()),
        Kind::Bool(flag) => Some(flag.to_string()),
        Kind::Number(number) => Some(number.to_string()),
        Kind::Null(_)
        | Kind::List(_)
        | Kind::Set(_)
        | Kind::Tuple(_)
        | Kind::Map(_)
        | Kind::Object(_)
        | Kind::Unknown(..) => None,
    }
}

fn expectation(of: &SettingType) -> String {
    match of {
        SettingType::Bool { only: Some(only) } => format!("`{only}`"),
        SettingType::Bool { only: None } => "`true` or `false`".to_owned(),
        SettingType::Number { min: Some(min), max: Some(max) } => format!("a whole number from {min} to {max}"),
        SettingType::Number { min: Some(min), max: None } => format!("a whole number of at least {min}"),
        SettingType::Number { min: None, max: Some(max) } => format!("a whole number of at most {max}"),
        SettingType::Number { min: None, max: None } => "a whole number".to_owned(),
        SettingType::Text { length_max, pattern } => {
            let length = length_max.map(|max| format!(" of at most {max} characters")).unwrap_or_default();
            let shape =
                pattern.as_ref().map(|pattern| format!(" that matches `{}`", pattern.as_str())).unwrap_or_default();
            format!("one line of text{length}{shape}")
        }
        SettingType::Choice(choices) => one_of(choices),
        SettingType::Texts => "a list of texts, each on one line".to_owned(),
    }
}

fn one_of<'a>(names: impl IntoIterator<Item = &'a Arc<str>>) -> String {
    let names: Vec<_> = names.into_iter().map(|name| format!("`{name}`")).collect();
    format!("one of {}", names.join(", "))
}

fn suggest_choice(diagnostic: Diagnostic, of: &SettingType, value: &Value) -> Diagnostic {
    match (of, value.as_text()) {
        (SettingType::Choice(choices), Some(text)) if !value.is_sensitive() => {
            with_suggestion(diagnostic, text, choices.iter().map(|choice| &**choice))
        }
        _ => diagnostic,
    }
}

/// Adds "did you mean" if one of the known names is near.
pub(super) fn with_suggestion<'a>(
    diagnostic: Diagnostic,
    name: &str,
    known: impl Iterator<Item = &'a str>,
) -> Diagnostic {
    let near =
        known.map(|known| (strsim::jaro_winkler(name, known), known)).max_by(|left, right| left.0.total_cmp(&right.0));
    match near {
        Some((likeness, known)) if likeness > 0.8 => diagnostic.hint(format!("did you mean `{known}`?")),
        _ => diagnostic,
    }
}
