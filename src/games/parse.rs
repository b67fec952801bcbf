//! From the text of `game.hcl` to a [`Game`], with every mistake at its place.

use super::manifest::{Game, Port, Protocol, Query, SecretKey, Setting, SettingType, Sizing, Stop, StopBy, Version};
use super::read::Reader;
use crate::diagnostics::{Diagnostic, Diagnostics, FileId, Span};
use hcl::edit::expr::Expression;
use hcl::edit::structure::{Block, Body};
use regex::Regex;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Longer manifests are refused unread: the parser needs about 40 bytes of memory per byte of text.
const TEXT_MAX_BYTES: usize = 1024 * 1024;

/// Returns the game that a manifest describes.
///
/// # Errors
/// All that is wrong with the text, each with its place.
pub fn parse(file: FileId, text: &str) -> Result<Game, Diagnostics> {
    let start = Span::new(file, 0, 0);
    if text.len() > TEXT_MAX_BYTES {
        return Err(Diagnostic::error("the game manifest is longer than 1 MiB").at(start).into());
    }
    let body: Body = text.parse().map_err(|error: hcl::edit::parser::Error| {
        let at = error.location().offset() as u32;
        Diagnostics::from(
            Diagnostic::error(format!("the game manifest is not HCL: {}", error.message())).at(Span::new(file, at, at)),
        )
    })?;
    let mut found = Diagnostics::new();
    let game = game(&mut Reader { file, found: &mut found }, &body, start);
    match game {
        Some(game) if !found.has_errors() => Ok(game),
        _ => Err(found),
    }
}

fn game(reader: &mut Reader<'_>, body: &Body, start: Span) -> Option<Game> {
    reader.expect_only(
        body,
        &["name", "title", "query", "saves"],
        &["port", "sizing", "stop", "version", "setting", "secret"],
    );
    let name = reader.text(body, "name");
    let name = reader.required(name, body, "name", start);
    let title = reader.text(body, "title");
    let title = reader.required(title, body, "title", start);
    let query = query(reader, body, start);
    let ports = labelled(reader, body, "port", port);
    if !body.get_blocks("port").any(|block| block.labels.first().is_some_and(|label| label.as_str() == "game")) {
        reader.error(start, "`port \"game\"` is missing: the port players connect to");
    }
    let sizing = single(reader, body, "sizing", start, sizing);
    let stop = single(reader, body, "stop", start, stop);
    let saves = reader.texts(body, "saves").unwrap_or_default();
    let versions = labelled(reader, body, "version", version);
    let settings = labelled(reader, body, "setting", setting);
    let secrets = labelled(reader, body, "secret", secret);
    ports.contains_key("game").then_some(())?;
    Some(Game {
        name: name?,
        title: title?,
        query: query?,
        ports,
        sizing: sizing?,
        stop: stop?,
        saves,
        versions,
        settings,
        secrets,
    })
}

fn query(reader: &mut Reader<'_>, body: &Body, start: Span) -> Option<Query> {
    let name = reader.text(body, "query");
    let name = reader.required(name, body, "query", start)?;
    let query = Query::ALL.into_iter().find(|query| query.as_str() == &*name);
    if query.is_none() {
        let known: Vec<_> = Query::ALL.iter().map(|query| format!("`{}`", query.as_str())).collect();
        let at = reader.span(&body.get_attribute("query")?.value);
        reader.error(at, format!("unknown query protocol `{name}`, expected one of {}", known.join(", ")));
    }
    query
}

/// Reads every block of one kind by its label.
fn labelled<T>(
    reader: &mut Reader<'_>,
    body: &Body,
    kind: &str,
    read: fn(&mut Reader<'_>, &Block) -> Option<T>,
) -> BTreeMap<Arc<str>, T> {
    let mut all = BTreeMap::new();
    let mut names: Vec<Arc<str>> = Vec::new();
    for block in body.get_blocks(kind) {
        let Some(label) = reader.label(block) else {
            continue;
        };
        if names.contains(&label) {
            let at = reader.header(block);
            reader.error(at, format!("`{kind} \"{label}\"` is there twice"));
        }
        names.push(label.clone());
        if let Some(item) = read(reader, block) {
            all.insert(label, item);
        }
    }
    all
}

/// Reads the block of a kind that is there exactly once.
fn single<T>(
    reader: &mut Reader<'_>,
    body: &Body,
    kind: &str,
    start: Span,
    read: fn(&mut Reader<'_>, &Block) -> Option<T>,
) -> Option<T> {
    let mut blocks = body.get_blocks(kind);
    let Some(block) = blocks.next() else {
        reader.error(start, format!("the block `{kind}` is missing"));
        return None;
    };
    if let Some(second) = blocks.next() {
        let at = reader.header(second);
        reader.error(at, format!("the block `{kind}` is there twice"));
    }
    read(reader, block)
}

fn port(reader: &mut Reader<'_>, block: &Block) -> Option<Port> {
    let (body, header) = (&block.body, reader.header(block));
    reader.expect_only(body, &["protocol", "default", "stride", "description"], &[]);
    let protocol = reader.text(body, "protocol");
    let protocol = match &*reader.required(protocol, body, "protocol", header)? {
        "tcp" => Some(Protocol::Tcp),
        "udp" => Some(Protocol::Udp),
        other => {
            let at = reader.span(&body.get_attribute("protocol")?.value);
            reader.error(at, format!("unknown protocol `{other}`, expected `tcp` or `udp`"));
            None
        }
    };
    let default = reader.number(body, "default");
    let default = reader.required(default, body, "default", header);
    let stride = reader.number(body, "stride").unwrap_or(1);
    let description = description(reader, body, header);
    Some(Port { protocol: protocol?, default: default?, stride, description: description? })
}

fn sizing(reader: &mut Reader<'_>, block: &Block) -> Option<Sizing> {
    let (body, header) = (&block.body, reader.header(block));
    reader.expect_only(body, &["cores", "memory_mib", "disk_gib"], &[]);
    let cores = reader.number(body, "cores");
    let memory_mib = reader.number(body, "memory_mib");
    let disk_gib = reader.number(body, "disk_gib");
    Some(Sizing {
        cores: reader.required(cores, body, "cores", header)?,
        memory_mib: reader.required(memory_mib, body, "memory_mib", header)?,
        disk_gib: reader.required(disk_gib, body, "disk_gib", header)?,
    })
}

fn stop(reader: &mut Reader<'_>, block: &Block) -> Option<Stop> {
    let (body, header) = (&block.body, reader.header(block));
    reader.expect_only(body, &["console", "signal", "timeout_seconds"], &[]);
    let timeout = reader.number(body, "timeout_seconds");
    let timeout_seconds = reader.required(timeout, body, "timeout_seconds", header);
    let by = match (reader.texts(body, "console"), reader.text(body, "signal")) {
        (Some(commands), None) => StopBy::Console(commands),
        (None, Some(signal)) => StopBy::Signal(signal),
        (None, None) | (Some(_), Some(_)) => {
            reader.error(header, "`stop` needs either `console` or `signal`");
            return None;
        }
    };
    Some(Stop { by, timeout_seconds: timeout_seconds? })
}

fn version(reader: &mut Reader<'_>, block: &Block) -> Option<Version> {
    let (body, header) = (&block.body, reader.header(block));
    reader.expect_only(body, &["url", "sha256", "packages"], &[]);
    let url = reader.text(body, "url");
    let url = reader.required(url, body, "url", header);
    let sha256 = reader.text(body, "sha256");
    let sha256 = reader.required(sha256, body, "sha256", header)?;
    if sha256.len() != 64 || !sha256.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f')) {
        let at = reader.span(&body.get_attribute("sha256")?.value);
        reader.error(at, "`sha256` must be 64 lower-case hexadecimal digits");
    }
    let packages = reader.texts(body, "packages").unwrap_or_default();
    Some(Version { url: url?, sha256, packages })
}

fn secret(reader: &mut Reader<'_>, block: &Block) -> Option<SecretKey> {
    let (body, header) = (&block.body, reader.header(block));
    reader.expect_only(body, &["required", "description"], &[]);
    let is_required = reader.flag(body, "required").unwrap_or(false);
    Some(SecretKey { is_required, description: description(reader, body, header)? })
}

fn setting(reader: &mut Reader<'_>, block: &Block) -> Option<Setting> {
    let (body, header) = (&block.body, reader.header(block));
    reader.expect_only(
        body,
        &[
            "type",
            "values",
            "min",
            "max",
            "length_max",
            "pattern",
            "default",
            "required",
            "consent",
            "restart",
            "sensitive",
            "file",
            "description",
        ],
        &[],
    );
    let of = setting_type(reader, body, header)?;
    let default = reader.value(body, "default").and_then(|value| match super::validate::convert(&of, &value) {
        Ok(value) => Some(value),
        Err(expected) => {
            let at = reader.span(&body.get_attribute("default")?.value);
            reader.error(at, format!("the default is not allowed: expected {expected}"));
            None
        }
    });
    Some(Setting {
        of,
        default,
        is_required: reader.flag(body, "required").unwrap_or(false),
        is_consent: reader.flag(body, "consent").unwrap_or(false),
        needs_restart: reader.flag(body, "restart").unwrap_or(true),
        is_sensitive: reader.flag(body, "sensitive").unwrap_or(false),
        file: reader.text(body, "file"),
        description: description(reader, body, header)?,
    })
}

fn setting_type(reader: &mut Reader<'_>, body: &Body, header: Span) -> Option<SettingType> {
    let Some(attribute) = body.get_attribute("type") else {
        reader.error(header, "`type` is missing");
        return None;
    };
    let name = match &attribute.value {
        Expression::Variable(name) => name.as_str(),
        Expression::FuncCall(call) if call.name.name.as_str() == "list" => "list",
        _ => "",
    };
    let values = reader.value(body, "values");
    match name {
        "bool" => {
            Some(SettingType::Bool { only: values.as_ref().and_then(|values| values.as_items()?.first()?.as_bool()) })
        }
        "number" => Some(SettingType::Number { min: reader.number(body, "min"), max: reader.number(body, "max") }),
        "string" if values.is_some() => reader.texts(body, "values").map(SettingType::Choice),
        "string" => {
            Some(SettingType::Text { length_max: reader.number(body, "length_max"), pattern: pattern(reader, body) })
        }
        "list" => Some(SettingType::Texts),
        _ => {
            let at = reader.span(&attribute.value);
            reader.error(at, "unknown type, expected `bool`, `number`, `string` or `list(string)`");
            None
        }
    }
}

/// Reads a pattern and anchors it: a value matches as a whole or not at all.
fn pattern(reader: &mut Reader<'_>, body: &Body) -> Option<Regex> {
    let text = reader.text(body, "pattern")?;
    match Regex::new(&format!("^(?:{text})$")) {
        Ok(pattern) => Some(pattern),
        Err(error) => {
            let at = reader.span(&body.get_attribute("pattern")?.value);
            reader.error(at, format!("`pattern` is not a regular expression: {error}"));
            None
        }
    }
}

fn description(reader: &mut Reader<'_>, body: &Body, header: Span) -> Option<Arc<str>> {
    let text = reader.text(body, "description");
    reader.required(text, body, "description", header)
}
