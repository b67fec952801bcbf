//! The method table: every path and method of the Proxmox VE 9.2 API, with parameters and permissions where we model them.
//!
//! `api.txt` holds facts only, one line each: `METHOD path flags`, then `check ...`, then one line per parameter.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use regex::Regex;
use serde::Deserialize;
use serde_json::Value;

use super::state::GuestType;

const TABLE: &str = include_str!("api.txt");

/// The whole table, parsed once.
pub(super) struct Api {
    routes: Vec<Route>,
    formats: BTreeMap<&'static str, Vec<Field>>,
}

/// One method of one path.
pub(super) struct Route {
    pub(super) method: &'static str,
    pub(super) template: &'static str,
    /// Runs in the privileged daemon, whose answers carry two `Connection` lines.
    pub(super) is_protected: bool,
    /// Runs on the node named in the path.
    pub(super) is_node_scoped: bool,
    pub(super) allows_token: bool,
    pub(super) needs_login: bool,
    pub(super) check: Option<Value>,
    pub(super) parameters: Vec<Field>,
}

/// A parameter, or a key inside a property string.
pub(super) struct Field {
    pub(super) name: &'static str,
    pub(super) is_optional: bool,
    pub(super) rule: Rule,
}

/// What a value must look like.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Rule {
    #[serde(rename = "type")]
    pub(super) kind: Kind,
    pub(super) format: Option<String>,
    #[serde(rename = "enum")]
    pub(super) choices: Vec<String>,
    pub(super) pattern: Option<String>,
    minimum: Value,
    maximum: Value,
    #[serde(rename = "minLength")]
    pub(super) min_length: Option<usize>,
    #[serde(rename = "maxLength")]
    pub(super) max_length: Option<usize>,
    pub(super) requires: Option<String>,
    pub(super) items: Option<Box<Rule>>,
    pub(super) default_key: u8,
    pub(super) alias: Option<String>,
    #[serde(rename = "keyAlias")]
    pub(super) key_alias: Option<String>,
    #[serde(skip)]
    compiled: OnceLock<Option<Regex>>,
}

/// The JSON type of a value.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Kind {
    #[default]
    String,
    Integer,
    Number,
    Boolean,
    Array,
    Object,
    Null,
    Any,
}

impl Kind {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::String => "string",
            Self::Integer => "integer",
            Self::Number => "number",
            Self::Boolean => "boolean",
            Self::Array => "array",
            Self::Object => "object",
            Self::Null => "null",
            Self::Any => "any",
        }
    }
}

impl Rule {
    /// Returns a rule that only asks for a format.
    pub(super) fn of_format(format: &str) -> Self {
        Self { format: Some(format.to_owned()), ..Self::default() }
    }

    pub(super) fn minimum(&self) -> Option<f64> {
        number(&self.minimum)
    }

    pub(super) fn maximum(&self) -> Option<f64> {
        number(&self.maximum)
    }

    /// Returns the pattern anchored at both ends, as the server applies it.
    pub(super) fn regex(&self) -> Option<&Regex> {
        let compile = || {
            // The server's classes are ASCII; Unicode ones would also make some patterns too big to compile.
            let pattern = self.pattern.as_deref()?.replace("\\d", "[0-9]");
            let pattern = pattern.replace("\\w", "[0-9A-Za-z_]").replace("\\s", "[\t\n\r ]");
            Some(Regex::new(&format!("^(?:{pattern})$")).expect("every pattern in api.txt compiles; a test says so"))
        };
        self.compiled.get_or_init(compile).as_ref()
    }
}

fn number(value: &Value) -> Option<f64> {
    match value {
        Value::String(text) => text.parse().ok(),
        other => other.as_f64(),
    }
}

impl Api {
    /// Returns the table.
    pub(super) fn get() -> &'static Self {
        static API: OnceLock<Api> = OnceLock::new();
        API.get_or_init(|| Self::parse(TABLE))
    }

    /// Finds the route for a decoded path and the values of its placeholders.
    pub(super) fn find(&self, method: &str, segments: &[String]) -> Option<(&Route, Vec<(&'static str, String)>)> {
        self.routes.iter().filter(|route| route.method == method).find_map(|route| {
            let values = matched(route.template, segments)?;
            Some((route, values))
        })
    }

    /// Returns the parameters of a call.
    pub(super) fn parameters(&self, method: &str, template: &str) -> &[Field] {
        let route = self.routes.iter().find(|route| route.method == method && route.template == template);
        route.map_or(&[], |route| route.parameters.as_slice())
    }

    /// Returns the names right below a path, placeholders included.
    pub(super) fn children<'a>(&'a self, template: &'a str) -> impl Iterator<Item = &'static str> + 'a {
        let below = |route: &'a Route| route.template.strip_prefix(template.trim_end_matches('/'))?.strip_prefix('/');
        self.routes.iter().filter_map(below).filter_map(|rest| rest.split('/').next()).filter(|name| !name.is_empty())
    }

    /// Returns the keys of a property string format such as `$net-2`.
    pub(super) fn format(&self, name: &str) -> Option<&[Field]> {
        self.formats.get(name).map(Vec::as_slice)
    }

    /// Returns the rule of a key of a guest's configuration, e.g. of `net3`.
    pub(super) fn config_rule(&self, kind: GuestType, key: &str) -> Option<&Field> {
        static QEMU: OnceLock<Option<usize>> = OnceLock::new();
        static LXC: OnceLock<Option<usize>> = OnceLock::new();
        let (position, end) = match kind {
            GuestType::Qemu => (&QEMU, "/qemu/{vmid}/config"),
            GuestType::Lxc => (&LXC, "/lxc/{vmid}/config"),
        };
        let is_config = |route: &Route| route.method == "PUT" && route.template.ends_with(end);
        let position = position.get_or_init(|| self.routes.iter().position(is_config));
        field(&self.routes[(*position)?].parameters, key)
    }

    fn parse(text: &'static str) -> Self {
        let mut api = Self { routes: Vec::new(), formats: BTreeMap::new() };
        let mut open_format = None;
        for line in text.lines() {
            if let Some(name) = line.strip_prefix("format ") {
                open_format = Some(name);
                api.formats.insert(name, Vec::new());
            } else if let Some(check) = line.strip_prefix("  check ") {
                let route = api.routes.last_mut().expect("a check follows its route");
                route.check = Some(serde_json::from_str(check).expect("a check is JSON"));
            } else if let Some(text) = line.strip_prefix("  ") {
                let field = Field::parse(text);
                match open_format {
                    Some(name) => api.formats.entry(name).or_default().push(field),
                    None => api.routes.last_mut().expect("a parameter follows its route").parameters.push(field),
                }
            } else {
                open_format = None;
                api.routes.push(Route::parse(line));
            }
        }
        api
    }
}

impl Route {
    fn parse(line: &'static str) -> Self {
        let mut words = line.split(' ');
        let method = words.next().unwrap_or_default();
        let template = words.next().unwrap_or_default();
        let flags: Vec<&str> = words.collect();
        Self {
            method,
            template,
            is_protected: flags.contains(&"protected"),
            is_node_scoped: flags.contains(&"node"),
            allows_token: !flags.contains(&"no-token"),
            needs_login: !flags.contains(&"world"),
            check: None,
            parameters: Vec::new(),
        }
    }
}

impl Field {
    fn parse(text: &'static str) -> Self {
        let (name, rule) = text.split_once(' ').unwrap_or((text, "{}"));
        let rule = serde_json::from_str(rule).expect("a rule in api.txt is JSON");
        let is_optional = name.ends_with('?');
        Self { name: name.trim_end_matches('?'), is_optional, rule }
    }
}

/// Finds a field by name; `net[n]` stands for `net0`, `net1` and so on.
pub(super) fn field<'a>(fields: &'a [Field], name: &str) -> Option<&'a Field> {
    fields.iter().find(|field| field.name == name).or_else(|| {
        let stem = name.trim_end_matches(|letter: char| letter.is_ascii_digit());
        let is_numbered = |field: &&Field| field.name.strip_suffix("[n]") == Some(stem);
        (stem != name).then(|| fields.iter().find(is_numbered)).flatten()
    })
}

fn matched(template: &'static str, segments: &[String]) -> Option<Vec<(&'static str, String)>> {
    let mut values = Vec::new();
    let mut parts = template.split('/').filter(|part| !part.is_empty());
    let mut rest = segments.iter();
    loop {
        match (parts.next(), rest.next()) {
            (None, None) => return Some(values),
            (Some(part), Some(segment)) => match part.strip_prefix('{').and_then(|part| part.strip_suffix('}')) {
                // These placeholders take the rest of the path, slashes included.
                Some(name @ ("volume" | "cidr")) => {
                    let tail: Vec<&str> = std::iter::once(segment).chain(rest.by_ref()).map(String::as_str).collect();
                    values.push((name, tail.join("/")));
                    return parts.next().is_none().then_some(values);
                }
                Some(name) => values.push((name, segment.clone())),
                None if part == segment => {}
                None => return None,
            },
            _ => return None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_pattern_compiles_and_every_named_format_exists() {
        let api = Api::get();
        let fields = api.routes.iter().flat_map(|route| &route.parameters).chain(api.formats.values().flatten());
        let mut count = 0;
        for field in fields {
            field.rule.regex();
            if let Some(name) = field.rule.format.as_deref().filter(|name| name.starts_with('$')) {
                assert!(api.format(name).is_some(), "{} refers to {name}", field.name);
            }
            count += 1;
        }
        assert!(count > 1000, "only {count} fields were read");
    }

    #[test]
    fn paths_are_matched_with_their_placeholders() {
        let path = ["nodes", "pve1", "storage", "local", "content", "local:9000", "base-9000-disk-0.qcow2"];
        let segments = path.map(str::to_owned);
        let (route, values) = Api::get().find("GET", &segments).expect("the path is in the table");
        assert_eq!(route.template, "/nodes/{node}/storage/{storage}/content/{volume}");
        assert_eq!(values.last(), Some(&("volume", "local:9000/base-9000-disk-0.qcow2".to_owned())));
        let has_rule = |kind, key| Api::get().config_rule(kind, key).is_some();
        assert!(has_rule(GuestType::Qemu, "net3") && !has_rule(GuestType::Qemu, "nosuch"));
        assert!(has_rule(GuestType::Lxc, "mp7") && !has_rule(GuestType::Lxc, "scsi0"));
    }
}
