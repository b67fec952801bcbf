//! `spawnpoint functions`

use super::exit::Exit;
use super::failure::Outcome;
use super::shell::{Ended, Shell};
use crate::config::functions::{self, Function, Parameter};
use crate::config::similar;
use crate::diagnostics::Diagnostic;
use crate::value::Type;
use serde_json::{Map, Value as Json, json};

/// Shows the functions of the language
#[derive(clap::Args, Debug)]
pub(super) struct Args {
    /// Only these; without a name, all
    names: Vec<String>,
    /// Writes JSON, in the form of `terraform metadata functions -json`
    #[arg(long)]
    json: bool,
}

/// Runs the command.
pub(super) async fn run(args: Args, shell: &Shell) -> Ended {
    let chosen: Vec<&Function> = match args.names.is_empty() {
        true => functions::all().collect(),
        false => args.names.iter().map(|name| find(name)).collect::<Outcome<_>>()?,
    };
    match args.json {
        true => shell.terminal.line(&as_json(&chosen)),
        false => shell.terminal.data(&chosen.iter().map(|function| text(function)).collect::<Vec<_>>().join("\n")),
    }
    Ok(Exit::Done)
}

fn find(name: &str) -> Outcome<&'static Function> {
    functions::find(name).ok_or_else(|| {
        let diagnostic = Diagnostic::error(format!("there is no function `{name}`"));
        match similar(name, functions::names()) {
            Some(near) => diagnostic.hint(format!("did you mean `{near}`?")).into(),
            None => diagnostic.hint("`spawnpoint functions` shows all there are").into(),
        }
    })
}

fn text(function: &Function) -> String {
    let (call, gives) = function.example;
    format!("{}\n  {}\n  {call}  =>  {gives}\n", function.signature(), function.documentation)
}

fn as_json(chosen: &[&Function]) -> String {
    let signatures: Map<String, Json> =
        chosen.iter().map(|function| (function.name.to_owned(), signature(function))).collect();
    let document = json!({ "format_version": "1.0", "function_signatures": signatures });
    serde_json::to_string_pretty(&document).expect("JSON values can be written")
}

fn signature(function: &Function) -> Json {
    let (call, gives) = function.example;
    let mut signature = json!({
        "description": function.documentation,
        "summary": function.signature(),
        "return_type": type_json(&function.returned()),
        "example": { "call": call, "result": gives },
    });
    if !function.parameters.is_empty() {
        signature["parameters"] = function.parameters.iter().map(parameter).collect();
    }
    if let Some(variadic) = &function.variadic {
        signature["variadic_parameter"] = parameter(variadic);
    }
    signature
}

fn parameter(parameter: &Parameter) -> Json {
    let mut described = json!({ "name": parameter.name, "type": type_json(parameter.expected()) });
    if parameter.is_nullable() {
        described["is_nullable"] = Json::Bool(true);
    }
    described
}

/// A type as Terraform writes it in JSON: a word, or a word and what is inside.
fn type_json(of: &Type) -> Json {
    match of {
        Type::List(of) => json!(["list", type_json(of)]),
        Type::Set(of) => json!(["set", type_json(of)]),
        Type::Map(of) => json!(["map", type_json(of)]),
        Type::Tuple(items) => json!(["tuple", items.iter().map(type_json).collect::<Vec<_>>()]),
        Type::Object(fields) => {
            let fields: Map<String, Json> =
                fields.iter().map(|(name, field)| (name.to_string(), type_json(&field.of))).collect();
            json!(["object", fields])
        }
        Type::Dynamic | Type::Bool | Type::Number | Type::Text | Type::Reference(_) => json!(of.to_string()),
    }
}
