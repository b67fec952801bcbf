//! `spawnpoint output`

use super::configuration::{self, Given};
use super::disk::Disk;
use super::exit::Exit;
use super::flags::Values;
use super::shell::{Ended, Shell};
use super::store::Store;
use super::terminal::{Form, now};
use crate::diagnostics::Diagnostic;
use crate::render::{json, stream, value};
use crate::state::{OutputRecord, State};
use serde_json::json;
use std::sync::Arc;

/// Shows the outputs of the last apply
///
/// Sensitive ones are shown only by name, with `-raw` or `-json`: whoever asks so wants to use the value.
#[derive(clap::Args, Debug)]
pub(super) struct Args {
    /// Only this output
    name: Option<String>,
    /// Writes JSON
    #[arg(long, conflicts_with = "raw")]
    json: bool,
    /// Writes a text, number or bool as it is, without quotes
    #[arg(long, requires = "name")]
    raw: bool,
    #[command(flatten)]
    values: Values,
}

/// Runs the command.
pub(super) async fn run(args: Args, shell: &Shell) -> Ended {
    let given = Given::of_process(args.values.0);
    let configuration = configuration::load(Arc::new(Disk::new(shell.folder.clone())), &given, shell)?;
    let state = Store::open(&configuration.stack.settings, shell).await?.load().await?;
    let Some(name) = args.name else {
        match args.json {
            true => shell.terminal.line(&all_as_json(&state)),
            false => shell.terminal.data(&lines(&state)),
        }
        return Ok(Exit::Done);
    };
    let record = state.outputs.get(name.as_str()).ok_or_else(|| unknown(&name, &state))?;
    let shown = match (args.json, args.raw) {
        (true, _) => in_clear(record).to_string(),
        (false, true) => raw(record).ok_or_else(|| {
            Diagnostic::error(format!("output `{name}` is not a text, number or bool, which `-raw` expects"))
                .hint(format!("use `spawnpoint output -json {name}`"))
        })?,
        (false, false) => line(record),
    };
    match args.raw {
        true => shell.terminal.data(&shown),
        false => shell.terminal.line(&shown),
    }
    Ok(Exit::Done)
}

/// Shows all outputs after an apply.
pub(super) fn show_all(state: &State, shell: &Shell) {
    if state.outputs.is_empty() {
        return;
    }
    match shell.terminal.form {
        Form::Text => shell.terminal.data(&format!("\nOutputs:\n\n{}", lines(state))),
        Form::Json => {
            let outputs = state.outputs.iter().map(|(name, record)| (&**name, &record.value, record.is_sensitive));
            shell.terminal.line(&stream::outputs(&now(), outputs));
        }
    }
}

fn lines(state: &State) -> String {
    let width = state.outputs.keys().map(|name| name.chars().count()).max().unwrap_or(0);
    state.outputs.iter().map(|(name, record)| format!("{name:width$} = {}\n", line(record))).collect()
}

fn line(record: &OutputRecord) -> String {
    match record.is_sensitive {
        true => "<sensitive>".into(),
        false => value::lines(&record.value).join("\n"),
    }
}

fn in_clear(record: &OutputRecord) -> serde_json::Value {
    json::value_in_clear(&record.value)
}

fn raw(record: &OutputRecord) -> Option<String> {
    match in_clear(record) {
        serde_json::Value::String(text) => Some(text),
        serde_json::Value::Number(number) => Some(number.to_string()),
        serde_json::Value::Bool(flag) => Some(flag.to_string()),
        serde_json::Value::Null | serde_json::Value::Array(_) | serde_json::Value::Object(_) => None,
    }
}

fn all_as_json(state: &State) -> String {
    let outputs: serde_json::Map<String, serde_json::Value> = state
        .outputs
        .iter()
        .map(|(name, record)| {
            let of = record.value.type_of().to_string();
            (name.to_string(), json!({ "sensitive": record.is_sensitive, "type": of, "value": in_clear(record) }))
        })
        .collect();
    serde_json::to_string_pretty(&outputs).expect("JSON values can be written")
}

fn unknown(name: &str, state: &State) -> Diagnostic {
    let names: Vec<&str> = state.outputs.keys().map(|name| &**name).collect();
    let diagnostic = Diagnostic::error(format!("there is no output `{name}` in the state"));
    match names.is_empty() {
        true => diagnostic.hint("the state has no outputs; `spawnpoint apply` writes them"),
        false => diagnostic.hint(format!("there are: {}", names.join(", "))),
    }
}
