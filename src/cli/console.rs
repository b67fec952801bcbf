//! `spawnpoint console`

use super::configuration::{self, Configuration, Given};
use super::disk::Disk;
use super::exit::Exit;
use super::failure::{Failure, Outcome};
use super::flags::Values;
use super::shell::{Ended, Shell};
use super::store::Store;
use crate::config::console::{Names, Outside, evaluate, is_open, json};
use crate::config::{Objects, World};
use crate::diagnostics::{Diagnostic, Diagnostics, Sources};
use crate::render::diagnostics;
use crate::value::{Display, Value};
use serde::Deserialize;
use serde_json::Value as Json;
use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, BufWriter, IsTerminal, Read, Write};
use std::sync::Arc;

/// Longest line that is read. An expression may have 8 MiB, of which JSON may write every character as six.
const LINE_BYTES_MAX: u64 = 64 << 20;

/// Evaluates expressions that are typed, one after the other
///
/// They may use what the stack's root module may use; objects have the values of the last apply. An open bracket goes on in the next line.
/// `exit`, or the end of the input, ends it.
#[derive(clap::Args, Debug)]
pub(super) struct Args {
    /// Reads one JSON object per line and writes one per line, for programs
    ///
    /// A question is `{"expr": "...", "vars": {...}, "locals": {...}, "unknown": {"vm.x.address": "string"}}`, of which only the first is
    /// needed; the stack is not read. An answer is `{"value": ..., "json": "...", "type": "...", "sensitive": false}`,
    /// `{"unknown": true, "type": "..."}` or `{"error": "...", "detail": "...", "line": 1}`.
    #[arg(long, verbatim_doc_comment)]
    json: bool,
    #[command(flatten)]
    values: Values,
}

/// Runs the command.
pub(super) async fn run(args: Args, shell: &Shell) -> Ended {
    let world: Arc<dyn World> = Arc::new(Disk::new(shell.folder.clone()));
    if args.json {
        return answer_questions(world, shell);
    }
    let given = Given::of_process(args.values.0);
    let configuration = configuration::load(world, &given, shell)?;
    shell.terminal.diagnostics(&configuration.warnings, &configuration.sources);
    let objects = objects(&configuration, shell).await?;
    Ok(talk(configuration, &objects, shell))
}

/// The objects of the stack as last applied. A stack without objects needs no state.
async fn objects(configuration: &Configuration, shell: &Shell) -> Outcome<Objects> {
    let stack = &configuration.stack;
    if stack.blocks.is_empty() {
        return Ok(Objects::new());
    }
    let state = Store::open(&stack.settings, shell).await?.load().await?;
    let known = stack.blocks.iter().filter_map(|block| {
        let record = state.records.get(&block.address)?;
        let attributes = record.applied.as_entries()?.clone();
        Some((block.address.clone(), Value::block(block.address.to_string(), attributes)))
    });
    Ok(known.collect())
}

fn talk(configuration: Configuration, objects: &Objects, shell: &Shell) -> Exit {
    let Configuration { stack, sources, .. } = configuration;
    let mut input = std::io::stdin().lock();
    let has_prompt = input.is_terminal() && std::io::stderr().is_terminal();
    let mut exit = Exit::Done;
    let mut text = String::new();
    loop {
        if has_prompt {
            prompt(if text.is_empty() { "> " } else { ". " });
        }
        let line = read_line(&mut input);
        let is_over = !matches!(line, Ok(Some(_)));
        match line {
            Ok(line) => text.push_str(&String::from_utf8_lossy(&line.unwrap_or_default())),
            Err(diagnostic) => {
                shell.terminal.failure(&Failure::new(diagnostic, &Sources::new()));
                exit = Exit::Error;
            }
        }
        match text.trim() {
            "" => {}
            "exit" | "quit" => return exit,
            _ if !is_over && is_open(&text) => continue,
            asked => {
                // Each answer starts from the stack's own texts: what was asked before is not kept.
                let mut sources = sources.clone();
                match stack.answer(asked, objects, &mut sources) {
                    Ok(value) => shell.terminal.line(&Display(&value).to_string()),
                    Err(found) => {
                        shell.terminal.failure(&Failure::new(found, &sources));
                        exit = if has_prompt { Exit::Done } else { Exit::Error };
                    }
                }
            }
        }
        if is_over {
            return exit;
        }
        text.clear();
    }
}

fn prompt(text: &str) {
    let mut err = std::io::stderr().lock();
    let _ = write!(err, "{text}").and_then(|()| err.flush());
}

/// Returns the next line with its end; nothing when input ends.
fn read_line(input: &mut impl BufRead) -> Result<Option<Vec<u8>>, Diagnostic> {
    let mut line = Vec::new();
    let read = input.by_ref().take(LINE_BYTES_MAX).read_until(b'\n', &mut line);
    read.map_err(|error| Diagnostic::error(format!("cannot read standard input: {error}")))?;
    if line.len() as u64 == LINE_BYTES_MAX && line.last() != Some(&b'\n') {
        let limit = LINE_BYTES_MAX >> 20;
        let skipped = input.skip_until(b'\n');
        skipped.map_err(|error| Diagnostic::error(format!("cannot read standard input: {error}")))?;
        return Err(Diagnostic::error(format!("the line is too long, expected at most {limit} MiB")));
    }
    Ok((!line.is_empty()).then_some(line))
}

/// One line of `console -json`.
#[derive(Deserialize)]
struct Question {
    expr: String,
    vars: Option<BTreeMap<String, Json>>,
    locals: Option<BTreeMap<String, Json>>,
    unknown: Option<BTreeMap<String, String>>,
}

fn answer_questions(world: Arc<dyn World>, shell: &Shell) -> Ended {
    let random = || uuid::Uuid::new_v4().into_bytes();
    let names = Names::new(Outside { world, now: shell.now, random });
    let mut input = BufReader::new(std::io::stdin());
    let mut out = BufWriter::new(std::io::stdout().lock());
    loop {
        let line = match read_line(&mut input) {
            Ok(None) => break,
            Ok(Some(line)) if line.trim_ascii().is_empty() => continue,
            line => line.map(Option::unwrap_or_default),
        };
        let mut sources = Sources::new();
        let answer = line.map_err(Diagnostics::from).and_then(|line| answer(&line, names.clone(), &mut sources));
        let text = match answer {
            Ok(value) => answer_text(&value),
            Err(found) => error_text(&found, &sources),
        };
        // Whoever waits for an answer before the next question gets it now; whoever sends many at once gets many at once.
        let written = writeln!(out, "{text}").and_then(|()| match input.buffer().is_empty() {
            true => out.flush(),
            false => Ok(()),
        });
        if written.is_err() {
            break;
        }
    }
    // A closed pipe ends nothing: nobody listens any more.
    let _ = out.flush();
    Ok(Exit::Done)
}

fn answer(line: &[u8], names: Names, sources: &mut Sources) -> Result<Value, Diagnostics> {
    let question: Question = serde_json::from_slice(line).map_err(|error| {
        Diagnostic::error("expected a JSON object with `expr`, and perhaps `vars`, `locals` and `unknown`")
            .detail(error.to_string())
    })?;
    let names = named(&question, names)?;
    evaluate(&question.expr, &names, sources)
}

/// What is not given is as where our facts about expressions were taken.
fn named(question: &Question, mut names: Names) -> Result<Names, Diagnostics> {
    for (name, value) in question.vars.iter().flatten() {
        names.set_json("var", name, value)?;
    }
    match &question.locals {
        Some(locals) => locals.iter().try_for_each(|(name, value)| names.set_json("local", name, value))?,
        None => names.set_json("local", "v2", &Json::from("lv"))?,
    }
    match &question.unknown {
        Some(unknown) => unknown.iter().try_for_each(|(path, of)| names.set_unknown(path, of))?,
        None => {
            for attribute in ["id", "input", "output", "triggers_replace"] {
                names.set_unknown(&format!("terraform_data.u.{attribute}"), "dynamic")?;
            }
        }
    }
    Ok(names)
}

/// The value is shown even if it is sensitive: it is made of nothing but what was asked.
fn answer_text(value: &Value) -> String {
    let of = Json::from(value.type_of().to_string());
    match json(value) {
        None => format!(r#"{{"unknown":true,"type":{of}}}"#),
        Some(text) => {
            let (quoted, is_sensitive) = (Json::from(&*text), value.is_sensitive());
            format!(r#"{{"value":{text},"json":{quoted},"type":{of},"sensitive":{is_sensitive}}}"#)
        }
    }
}

/// The first error: the others may follow from it in the eyes of a program.
fn error_text(found: &Diagnostics, sources: &Sources) -> String {
    let first = found.iter().next().expect("what failed says why");
    let line = first.span.map_or(1, |span| sources.get(span.file).position(span.start).line);
    let detail = diagnostics::json(first, sources)["detail"].take();
    serde_json::json!({ "error": first.summary, "detail": detail, "line": line }).to_string()
}
