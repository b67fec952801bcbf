//! Functions that work on expressions and marks: `try`, `can`, `sensitive` and templates.

use super::call::{Arguments, Function, Outcome, Parameter, Problem, Returns, Run, Takes, failed, wrong};
use crate::config::expression::{FunctionWorld, Reference, Resolved, Scope, lower_template, render};
use crate::diagnostics::{Diagnostic, Diagnostics, FileId};
use crate::value::{Kind, Marks, Type, Value, convert};

const ANYTHING: Parameter = Parameter::new("value", Takes::Any).or_null().or_unknown().or_marked();

pub(super) static FUNCTIONS: &[Function] = &[
    Function {
        name: "try",
        parameters: &[],
        variadic: Some(ANYTHING.named("expressions")),
        documentation: "Gives the first of its arguments that evaluates without error. References to things that do not exist are errors all the same.",
        example: (r#"try({}.size, "small")"#, r#""small""#),
        returns: Returns::Dynamic,
        run: Run::Try,
    },
    Function {
        name: "can",
        parameters: &[ANYTHING.named("expression")],
        variadic: None,
        documentation: "Gives true if its argument evaluates without error.",
        example: ("can({}.size)", "false"),
        returns: Returns::Bool,
        run: Run::Can,
    },
    Function {
        name: "sensitive",
        parameters: &[ANYTHING],
        variadic: None,
        documentation: "Marks a value as sensitive: it is not shown, and neither is anything made from it.",
        example: (r#"issensitive(sensitive("a"))"#, "true"),
        returns: Returns::First,
        run: Run::Values(|arguments| Ok(arguments.values[0].clone().with_marks(Marks::SENSITIVE))),
    },
    Function {
        name: "nonsensitive",
        parameters: &[ANYTHING],
        variadic: None,
        documentation: "Takes the mark off a sensitive value. Use it only where the result does not give the secret away.",
        example: (r#"nonsensitive(sensitive("a"))"#, r#""a""#),
        returns: Returns::First,
        run: Run::Values(|arguments| {
            let value = &arguments.values[0];
            Ok(value.clone().replace_marks(value.marks().without(Marks::SENSITIVE)))
        }),
    },
    Function {
        name: "issensitive",
        parameters: &[ANYTHING],
        variadic: None,
        documentation: "Gives true if the value is marked as sensitive.",
        example: (r#"issensitive("a")"#, "false"),
        returns: Returns::Bool,
        run: Run::Values(is_sensitive),
    },
    Function {
        name: "templatestring",
        parameters: &[
            Parameter::new("template", Takes::Text).or_marked(),
            Parameter::new("variables", Takes::Any).or_marked(),
        ],
        variadic: None,
        documentation: "Renders a template that a reference gives as text.",
        example: (r#"templatestring(local.greeting, { name = "Kim" })"#, r#""Hello Kim""#),
        returns: Returns::Dynamic,
        run: Run::TemplateOf,
    },
];

fn is_sensitive(arguments: &Arguments<'_>) -> Outcome {
    let value = &arguments.values[0];
    match value.kind() {
        _ if value.is_sensitive() => Ok(Value::from(true)),
        Kind::Unknown(..) => Ok(Value::unknown(Type::Bool)),
        _ => Ok(Value::from(false)),
    }
}

/// Templates open at once: each may call `templatefile` again.
const TEMPLATES_MAX: usize = 16;

/// Renders a template given as a value.
pub(in crate::config) fn render_text(
    template: &Value,
    variables: &Value,
    world: &dyn FunctionWorld,
    calls: usize,
) -> Outcome {
    let text = match convert(template, &Type::Text) {
        Ok(text) => text,
        Err(mismatch) => return wrong(0, mismatch.to_string()),
    };
    if text.is_null() {
        return wrong(0, "it must not be null");
    }
    let Some(source) = text.as_text() else { return Ok(Value::unknown(Type::Dynamic).with_marks(text.marks())) };
    let rendered = render_source(source, variables, world, calls)?;
    Ok(rendered.with_marks(text.marks()))
}

pub(super) fn render_source(source: &str, variables: &Value, world: &dyn FunctionWorld, calls: usize) -> Outcome {
    if variables.is_null() {
        return wrong(1, "it must not be null");
    }
    if variables.is_unknown() {
        return Ok(Value::unknown(Type::Dynamic).with_marks(variables.marks()));
    }
    if variables.as_entries().is_none() {
        return wrong(1, "a map or an object is required");
    }
    if calls >= TEMPLATES_MAX {
        return failed(format!("more than {TEMPLATES_MAX} templates call each other"));
    }
    let expression = lower_template(source, TEMPLATE).map_err(|diagnostics| in_template(&diagnostics, source))?;
    let scope = Variables { values: variables, world };
    render(&expression, &scope, calls + 1).map_err(|diagnostics| in_template(&diagnostics, source))
}

/// Names no file of the run: positions in templates are told as text.
const TEMPLATE: FileId = FileId(u32::MAX);

fn in_template(diagnostics: &Diagnostics, source: &str) -> Problem {
    let told: Vec<String> = diagnostics
        .iter()
        .map(|diagnostic| match diagnostic.span {
            Some(span) => {
                let before = source.get(..span.start as usize).unwrap_or(source);
                format!("line {} of the template: {}", before.matches('\n').count() + 1, diagnostic.summary)
            }
            None => diagnostic.summary.clone(),
        })
        .collect();
    Problem::Call(told.join("; "))
}

struct Variables<'a> {
    values: &'a Value,
    world: &'a dyn FunctionWorld,
}

impl Scope for Variables<'_> {
    fn resolve(&self, reference: &Reference) -> Result<Resolved, Diagnostic> {
        match self.values.get(&reference.root) {
            Some(value) => Ok(Resolved { value: value.clone().with_marks(self.values.marks()), steps: 0 }),
            None => {
                Err(Diagnostic::error(format!("the template has no variable `{}`", reference.root)).at(reference.span))
            }
        }
    }

    fn world(&self) -> &dyn FunctionWorld {
        self.world
    }
}
