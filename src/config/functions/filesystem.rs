//! Files, read through the world the run is given.

use super::call::{Arguments, Function, Outcome, Parameter, Problem, Returns, Takes, wrong};
use super::special::render_source;
use crate::value::{Type, Value, normalized};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

const PATH: Parameter = Parameter::new("path", Takes::Text);

pub(super) static FUNCTIONS: &[Function] = &[
    Function::new(
        "abspath",
        &[PATH],
        Returns::Text,
        |call| Ok(Value::from(call.world.files().absolute(call.text(0)))),
        "Gives the absolute form of a path.",
        (r#"basename(abspath("a/b"))"#, r#""b""#),
    ),
    Function::new(
        "basename",
        &[PATH],
        Returns::Text,
        |call| Ok(Value::from(base_name(call.text(0)))),
        "Gives the last part of a path.",
        (r#"basename("keys/acme.pub")"#, r#""acme.pub""#),
    ),
    Function::new(
        "dirname",
        &[PATH],
        Returns::Text,
        |call| Ok(Value::from(folder_name(call.text(0)))),
        "Gives a path without its last part.",
        (r#"dirname("keys/acme.pub")"#, r#""keys""#),
    ),
    Function::new(
        "pathexpand",
        &[PATH],
        Returns::Text,
        expand,
        "Replaces `~` at the beginning of a path by the home folder.",
        (r#"pathexpand("/etc")"#, r#""/etc""#),
    ),
    Function::new("file", &[PATH], Returns::Text, file, "Reads a text file.", (r#"file("keys/acme.pub")"#, "the text")),
    Function::new(
        "filebase64",
        &[PATH],
        Returns::Text,
        |call| Ok(Value::from(STANDARD.encode(read(call, 0)?))),
        "Reads any file, as Base64.",
        (r#"filebase64("icon.png")"#, "the Base64"),
    ),
    Function::new(
        "fileexists",
        &[PATH],
        Returns::Bool,
        exists,
        "Gives true if there is such a file.",
        (r#"fileexists("nowhere")"#, "false"),
    ),
    Function::new(
        "fileset",
        &[PATH, PATH.named("pattern")],
        Returns::Computed(|_| Type::Set(std::sync::Arc::new(Type::Text))),
        file_set,
        "Gives the files below a folder whose path matches a pattern with `*`, `?`, `**` and `{a,b}`.",
        (r#"fileset("keys", "*.pub")"#, r#"["acme.pub"]"#),
    ),
    Function::new(
        "templatefile",
        &[PATH, Parameter::new("variables", Takes::Any).or_unknown_inside().or_marked()],
        Returns::Dynamic,
        template_file,
        "Reads a file as a template and renders it with variables.",
        (r#"templatefile("motd.tpl", { name = "Acme" })"#, "the text"),
    ),
];

pub(super) fn read(call: &Arguments<'_>, place: usize) -> Result<Vec<u8>, Problem> {
    let path = call.text(place);
    call.world.files().read(path).map_err(|error| Problem::Argument(place, format!("`{path}` cannot be read: {error}")))
}

fn text(call: &Arguments<'_>) -> Result<String, Problem> {
    match String::from_utf8(read(call, 0)?) {
        Ok(text) => Ok(text),
        Err(_) => wrong(0, format!("`{}` is not text in UTF-8; `filebase64` reads any file", call.text(0))),
    }
}

fn file(call: &Arguments<'_>) -> Outcome {
    Ok(normalized(&text(call)?))
}

fn template_file(call: &Arguments<'_>) -> Outcome {
    render_source(&text(call)?, &call.values[1], call.world, call.calls)
}

fn exists(call: &Arguments<'_>) -> Outcome {
    match call.world.files().is_file(call.text(0)) {
        Ok(is_file) => Ok(Value::from(is_file)),
        Err(error) => wrong(0, error),
    }
}

fn base_name(path: &str) -> &str {
    match path.trim_end_matches('/').rsplit('/').next() {
        _ if path.is_empty() => ".",
        Some("") | None => "/",
        Some(last) => last,
    }
}

fn folder_name(path: &str) -> String {
    let Some((folder, _)) = path.rsplit_once('/') else { return ".".into() };
    let mut parts: Vec<&str> = Vec::new();
    for part in folder.split('/') {
        match part {
            "" | "." => {}
            ".." if parts.last().is_some_and(|last| *last != "..") => {
                parts.pop();
            }
            ".." if path.starts_with('/') => {}
            other => parts.push(other),
        }
    }
    match (path.starts_with('/'), parts.is_empty()) {
        (true, _) => format!("/{}", parts.join("/")),
        (false, true) => ".".into(),
        (false, false) => parts.join("/"),
    }
}

fn expand(call: &Arguments<'_>) -> Outcome {
    let path = call.text(0);
    let Some(rest) = path.strip_prefix('~') else { return Ok(Value::from(path)) };
    match call.world.files().home() {
        _ if !(rest.is_empty() || rest.starts_with('/')) => wrong(0, "the home folder of another user is not known"),
        Some(home) => Ok(Value::from(format!("{home}{rest}"))),
        None => wrong(0, "the home folder is not known"),
    }
}

fn file_set(call: &Arguments<'_>) -> Outcome {
    let files = call.world.files().files_below(call.text(0)).map_err(|error| Problem::Argument(0, error))?;
    let alternatives = alternatives(call.text(1), 0)?;
    let matching = files
        .into_iter()
        .filter(|file| alternatives.iter().any(|pattern| matches(pattern.as_bytes(), file.as_bytes())));
    Ok(Value::set(Type::Text, matching.map(|file| normalized(&file))))
}

/// Most patterns that the braces of one pattern may stand for.
const ALTERNATIVES_MAX: usize = 1000;

/// Writes out `{a,b}`.
fn alternatives(pattern: &str, depth: usize) -> Result<Vec<String>, Problem> {
    let Some((before, rest)) = pattern.split_once('{') else { return Ok(vec![pattern.into()]) };
    let Some((inside, after)) = rest.split_once('}') else { return wrong(1, "a brace in the pattern is not closed") };
    if depth > 10 {
        return wrong(1, "the pattern has too many braces");
    }
    let mut all = Vec::new();
    for tail in alternatives(after, depth + 1)? {
        all.extend(inside.split(',').map(|choice| format!("{before}{choice}{tail}")));
    }
    if all.len() > ALTERNATIVES_MAX { wrong(1, "the pattern has too many braces") } else { Ok(all) }
}

/// Matches a path: `*` and `?` stay within a name, `**` does not. Goes back only to the last star of each kind, so it takes time in the
/// product of both lengths at most.
fn matches(pattern: &[u8], path: &[u8]) -> bool {
    let mut reachable = vec![false; path.len() + 1];
    reachable[0] = true;
    let mut rest = pattern;
    while let Some((first, after)) = rest.split_first() {
        let mut next = vec![false; path.len() + 1];
        match first {
            b'*' if after.first() == Some(&b'*') => {
                let begin = reachable.iter().position(|is_reachable| *is_reachable).unwrap_or(path.len() + 1);
                next.iter_mut().skip(begin).for_each(|is_reachable| *is_reachable = true);
                rest = &after[1..];
                // `**/` also stands for no folder at all.
                if let Some((b'/', tail)) = rest.split_first() {
                    for at in 0..path.len() {
                        next[at] = reachable[at] || (next[at] && at > 0 && path[at - 1] == b'/');
                    }
                    next[path.len()] = false;
                    rest = tail;
                }
                reachable = next;
                continue;
            }
            b'*' => {
                let mut is_running = false;
                for at in 0..=path.len() {
                    is_running |= reachable[at];
                    next[at] = is_running;
                    is_running &= path.get(at) != Some(&b'/');
                }
            }
            wanted => {
                for at in 0..path.len() {
                    next[at + 1] = reachable[at] && (path[at] == *wanted || (*wanted == b'?' && path[at] != b'/'));
                }
            }
        }
        reachable = next;
        rest = after;
    }
    reachable[path.len()]
}
