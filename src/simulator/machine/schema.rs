//! Checks parameters against the table and words the errors as the real server does.

use std::collections::BTreeMap;

use super::api::{Api, Field, Kind, Rule, field};
use super::form::{Raw, RawParameters};
use super::formats;
use super::request::Fault;

/// Parameters that passed their schema: plain text by name.
#[derive(Clone, Debug, Default)]
pub(super) struct Parameters {
    values: BTreeMap<String, String>,
    lists: BTreeMap<String, Vec<String>>,
}

impl Parameters {
    /// Returns parameters as they came, for permission checks, which run before the schema is looked at.
    pub(super) fn unchecked(raw: &RawParameters) -> Self {
        let mut parameters = Self::default();
        for (name, value) in raw {
            if let Raw::Text(text) = value {
                parameters.values.insert(name.clone(), text.clone());
            }
        }
        parameters
    }

    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.values.get(name).map(String::as_str)
    }

    /// Returns a parameter the schema requires.
    pub(super) fn required(&self, name: &str) -> &str {
        self.get(name).expect("the schema check refuses a call without its required parameters")
    }

    pub(super) fn vmid(&self) -> u32 {
        self.number("vmid").expect("the schema check lets only numbers through as vmid")
    }

    pub(super) fn number<T: std::str::FromStr>(&self, name: &str) -> Option<T> {
        self.get(name).and_then(|text| text.parse().ok())
    }

    pub(super) fn is_set(&self, name: &str) -> bool {
        self.get(name) == Some("1")
    }

    /// Returns the items of a `-list` parameter.
    pub(super) fn items(&self, name: &str) -> Vec<&str> {
        self.get(name).map(split_list).unwrap_or_default()
    }

    /// Returns the items of an array parameter.
    pub(super) fn list(&self, name: &str) -> &[String] {
        self.lists.get(name).map_or(&[], Vec::as_slice)
    }

    pub(super) fn lists(&self) -> impl Iterator<Item = (&str, &[String])> {
        self.lists.iter().map(|(name, items)| (name.as_str(), items.as_slice()))
    }

    pub(super) fn remove(&mut self, name: &str) -> Option<String> {
        self.values.remove(name)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.values.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }
}

/// Splits a list at comma, semicolon, space or NUL.
pub(super) fn split_list(text: &str) -> Vec<&str> {
    text.split([',', ';', ' ', '\0']).filter(|item| !item.is_empty()).collect()
}

/// Checks all parameters at once.
pub(super) fn check(fields: &[Field], raw: &RawParameters) -> Result<Parameters, Fault> {
    let mut errors = BTreeMap::new();
    let mut parameters = Parameters::default();
    for (name, value) in raw {
        let Some(field) = field(fields, name) else {
            let text = "property is not defined in schema and the schema does not allow additional properties";
            errors.insert(name.clone(), text.to_owned());
            continue;
        };
        if let Some(needed) = field.rule.requires.as_deref().filter(|needed| !raw.contains_key(*needed)) {
            errors.insert(needed.to_owned(), format!("missing property - '{name}' requires this property"));
        }
        match check_raw(&field.rule, value, name) {
            Ok(Raw::Text(text)) => drop(parameters.values.insert(name.clone(), text)),
            Ok(Raw::List(items)) => drop(parameters.lists.insert(name.clone(), items)),
            Err(text) => drop(errors.insert(name.clone(), text)),
        }
    }
    for field in fields {
        if !field.is_optional && !field.name.contains('[') && !raw.contains_key(field.name) {
            errors.insert(field.name.to_owned(), "property is missing and it is not optional".to_owned());
        }
    }
    if errors.is_empty() { Ok(parameters) } else { Err(Fault::parameters(errors)) }
}

fn check_raw(rule: &Rule, raw: &Raw, name: &str) -> Result<Raw, String> {
    match (rule.kind, raw) {
        (Kind::Array, Raw::Text(text)) => check_items(rule, std::slice::from_ref(text), name),
        (Kind::Array, Raw::List(items)) => check_items(rule, items, name),
        (_, Raw::Text(text)) => check_value(rule, text, name).map(|()| Raw::Text(text.clone())),
        (Kind::String, Raw::List(items)) if rule.format.as_deref().is_some_and(|name| name.ends_with("-list")) => {
            let joined = items.join(",");
            check_value(rule, &joined, name).map(|()| Raw::Text(joined))
        }
        (kind, Raw::List(_)) => Err(format!("type check ('{}') failed - got ARRAY", kind.as_str())),
    }
}

fn check_items(rule: &Rule, items: &[String], name: &str) -> Result<Raw, String> {
    if let Some(inner) = &rule.items {
        for item in items {
            check_value(inner, item, name)?;
        }
    }
    Ok(Raw::List(items.to_vec()))
}

/// Checks one value; the error is the text for its parameter.
pub(super) fn check_value(rule: &Rule, text: &str, name: &str) -> Result<(), String> {
    let type_error = || Err(format!("type check ('{}') failed - got '{text}'", rule.kind.as_str()));
    match rule.kind {
        Kind::Boolean if !matches!(text, "0" | "1") => return type_error(),
        Kind::Integer if text.parse::<i64>().is_err() => return type_error(),
        Kind::Number if !text.parse::<f64>().is_ok_and(f64::is_finite) => return type_error(),
        _ => {}
    }
    if let Ok(number) = text.parse::<f64>()
        && matches!(rule.kind, Kind::Integer | Kind::Number)
    {
        if let Some(minimum) = rule.minimum().filter(|minimum| number < *minimum && rule.format.is_none()) {
            return Err(format!("value must have a minimum value of {minimum}"));
        }
        if let Some(maximum) = rule.maximum().filter(|maximum| number > *maximum && rule.format.is_none()) {
            return Err(format!("value must have a maximum value of {maximum}"));
        }
    }
    if let Some(longest) = rule.max_length.filter(|longest| text.chars().count() > *longest) {
        return Err(format!("value may only be {longest} characters long"));
    }
    if let Some(shortest) = rule.min_length.filter(|shortest| text.chars().count() < *shortest) {
        return Err(format!("value must be at least {shortest} characters long"));
    }
    if !rule.choices.is_empty() && !rule.choices.iter().any(|choice| choice == text) {
        let choices = rule.choices.join(", ");
        return Err(format!("value '{text}' does not have a value in the enumeration '{choices}'"));
    }
    if rule.regex().is_some_and(|regex| !regex.is_match(text)) {
        return Err("value does not match the regex pattern".to_owned());
    }
    match rule.format.as_deref() {
        Some(format) => formats::check(format, text, name).map_err(|error| format!("invalid format - {error}\n")),
        None => Ok(()),
    }
}

/// Parses a property string by its format; the error lists every bad key as `name.key: text`.
pub(super) fn parse_properties(format: &str, text: &str, name: &str) -> Result<BTreeMap<String, String>, String> {
    let fields = Api::get().format(format).expect("api.txt holds every format it refers to");
    parse_fields(fields, text, name)
}

/// Parses a property string by its keys.
pub(super) fn parse_fields(fields: &[Field], text: &str, name: &str) -> Result<BTreeMap<String, String>, String> {
    let mut values = BTreeMap::new();
    let mut errors = String::new();
    for part in text.split(',').map(str::trim).filter(|part| !part.is_empty()) {
        let (key, value) = match part.split_once('=') {
            Some((key, value)) => (key, value),
            None => match fields.iter().find(|field| field.rule.default_key == 1) {
                Some(default) => (default.name, part),
                None => {
                    return Err("value without key, but schema does not define a default key\n".to_owned());
                }
            },
        };
        let Some(field) = field(fields, key) else {
            errors.push_str(&format!(
                "{name}.{key}: property is not defined in schema and the schema does not allow additional properties\n"
            ));
            continue;
        };
        if let (Some(alias), Some(key_alias)) = (&field.rule.alias, &field.rule.key_alias) {
            values.insert(key_alias.clone(), key.to_owned());
            values.insert(alias.clone(), value.to_owned());
            continue;
        }
        if values.insert(field_name(field, key), value.to_owned()).is_some() {
            return Err(format!("duplicate key in comma-separated list property: {key}\n"));
        }
    }
    for (key, value) in &values {
        if let Some(Err(error)) = field(fields, key).map(|field| check_value(&field.rule, value, key)) {
            errors.push_str(&format!("{name}.{key}: {error}\n"));
        }
    }
    for field in fields.iter().filter(|field| field.rule.alias.is_none()) {
        if !field.is_optional && !values.contains_key(field.name) {
            errors.push_str(&format!("{name}.{}: property is missing and it is not optional\n", field.name));
        }
    }
    if errors.is_empty() {
        Ok(values)
    } else {
        Err(format!("format error\n{}", errors.strip_suffix('\n').unwrap_or(&errors)))
    }
}

fn field_name(field: &Field, key: &str) -> String {
    field.rule.alias.clone().unwrap_or_else(|| key.to_owned())
}

#[cfg(test)]
mod tests {
    use super::super::form::decode;
    use super::*;

    fn check_config(form: &str, expected: &[(&str, &str)]) {
        let path = ["nodes", "pve1", "qemu", "100", "config"].map(str::to_owned);
        let (route, _) = Api::get().find("PUT", &path).expect("the route is in the table");
        let raw = decode(&format!("node=pve1&vmid=100&{form}"));
        let errors = match check(&route.parameters, &raw) {
            Ok(_) => BTreeMap::new(),
            Err(fault) => fault.errors,
        };
        let expected = expected.iter().map(|(a, b)| ((*a).to_owned(), (*b).to_owned())).collect();
        assert_eq!(errors, expected, "checking {form}");
    }

    #[test]
    fn errors_read_as_on_the_real_server() {
        check_config("cores=2&memory=512&net0=virtio%2Cbridge%3Dvmbr0", &[]);
        check_config("cores=x", &[("cores", "type check ('integer') failed - got 'x'")]);
        check_config("cores=1&cores=2", &[("cores", "type check ('integer') failed - got ARRAY")]);
        check_config("onboot=yes", &[("onboot", "type check ('boolean') failed - got 'yes'")]);
        let unknown = "property is not defined in schema and the schema does not allow additional properties";
        check_config("nosuch=1", &[("nosuch", unknown)]);
        let no_model = "invalid format - format error\nnet0.model: property is missing and it is not optional\n";
        check_config("net0=bridge%3Dvmbr0", &[("net0", no_model)]);
        let no_prefix = "invalid format - format error\nipconfig0.ip: invalid format - \
                         value does not look like a valid ipv4 network configuration\n\n";
        check_config("ipconfig0=ip%3D10.0.0.1", &[("ipconfig0", no_prefix)]);
        let vdi = "invalid format - format error\nscsi1.format: value 'vdi' does not have a value in the enumeration \
                   'raw, qcow, qed, qcow2, vmdk, cloop'\n";
        check_config("scsi1=local:1%2Cformat%3Dvdi", &[("scsi1", vdi)]);
        check_config("name=bad_name!", &[("name", "invalid format - value does not look like a valid DNS name\n")]);
        check_config("tags=a%3Bb!", &[("tags", "invalid format - invalid characters in tag\n")]);
        let raw_key = "invalid format - invalid urlencoded string: ssh-ed25519 AAAA u@h\n";
        check_config("sshkeys=ssh-ed25519+AAAA+u%40h", &[("sshkeys", raw_key)]);
    }
}
