//! Expressions that stand alone, as `spawnpoint console` reads them: their text, the names they may use, and what they give.
//!
//! An expression is read as the value of an attribute, so that it ends where one in a file would.

use super::constraint::Reader;
use super::expression::{self, Expression, FunctionWorld, Reference, Resolved, Scope, references};
use super::frame::Run;
use super::lexer::{self, TokenKind};
use super::piece::Piece;
use super::stack::{Objects, Stack};
use super::suggest::did_you_mean;
use super::{World, functions, grammar, parse};
use crate::diagnostics::{Diagnostic, Diagnostics, FileId, Sources, Span};
use crate::value::{Step, Type, Value};
use std::collections::BTreeMap;
use std::sync::Arc;

/// What makes an expression an attribute. Diagnostics are moved back by its length.
const NAME: &str = "it = ";

/// Returns what an expression gives. Its text is added to `sources`.
///
/// # Errors
///
/// Text that is not one expression, names that `scope` does not know, and whatever goes wrong while it is evaluated.
pub fn evaluate(text: &str, scope: &dyn Scope, sources: &mut Sources) -> Result<Value, Diagnostics> {
    let mut found = Diagnostics::new();
    let Some(file) = parse::read("<expression>", text.as_bytes(), sources, &mut found) else {
        return Err(found);
    };
    let attribute = format!("{NAME}{}\n", sources.get(file).text);
    let length = sources.get(file).text.len() as u32;
    let value = read(file, &attribute).and_then(|expression| {
        check(&expression, scope)?;
        expression::evaluate(&expression, scope)
    });
    value.map_err(|found| moved_back(found, file, length))
}

fn read(file: FileId, text: &str) -> Result<Expression, Diagnostics> {
    let body = grammar::body(file, text)?;
    match body.get_attribute("it") {
        Some(attribute) if body.len() == 1 => expression::lower(&attribute.value, Piece::whole(file, text)),
        _ => Err(Diagnostic::error("expected one expression, found more than one line that makes sense alone")
            .at(Span::new(file, 0, text.len() as u32))
            .hint("put it into brackets to go on in the next line")
            .into()),
    }
}

/// Names are judged before anything is evaluated: `try` does not catch a wrong one.
fn check(expression: &Expression, scope: &dyn Scope) -> Result<(), Diagnostics> {
    let mut found = Diagnostics::new();
    found.extend(references(expression).iter().filter_map(|reference| scope.resolve(reference).err()));
    if found.is_empty() { Ok(()) } else { Err(found) }
}

fn moved_back(found: Diagnostics, file: FileId, length: u32) -> Diagnostics {
    let back = |span: &mut Span| {
        if span.file == file {
            span.start = span.start.saturating_sub(NAME.len() as u32).min(length);
            span.end = span.end.saturating_sub(NAME.len() as u32).min(length);
        }
    };
    let mut moved = Diagnostics::new();
    moved.extend(found.into_iter().map(|mut diagnostic| {
        diagnostic.span.iter_mut().for_each(back);
        diagnostic.labels.iter_mut().for_each(|(span, _)| back(span));
        diagnostic
    }));
    moved
}

impl Stack {
    /// Returns what an expression gives in the root module. An object that is not in `objects` is unknown.
    ///
    /// # Errors
    ///
    /// As [`evaluate`], and what is wrong with the named values it uses.
    pub fn answer(&self, text: &str, objects: &Objects, sources: &mut Sources) -> Result<Value, Diagnostics> {
        let run = Run::new(&self.program, Some(objects));
        let value = evaluate(text, &run.frame(0), sources);
        let (value, own) = match value {
            Ok(value) => (Some(value), Diagnostics::new()),
            Err(own) => (None, own),
        };
        let found = run.finish(own);
        value.filter(|_| !found.has_errors()).ok_or(found)
    }
}

/// Returns the exact text of `jsonencode` for a value, or nothing if part of it is unknown.
pub fn json(value: &Value) -> Option<String> {
    value.is_wholly_known().then(|| functions::encode(value))
}

/// Returns whether brackets or a heredoc are still open at the end of a text: whoever types it is not done.
pub fn is_open(text: &str) -> bool {
    let depth: isize = lexer::tokens(text)
        .iter()
        .map(|token| match token.kind {
            TokenKind::OpenHeredoc => 1,
            TokenKind::CloseHeredoc => -1,
            kind => kind.bracket_change(),
        })
        .sum();
    depth > 0
}

/// The names an expression may use where there is no stack.
#[derive(Clone)]
pub struct Names {
    roots: BTreeMap<Arc<str>, Name>,
    outside: Outside,
}

/// The world around an expression that stands alone.
#[derive(Clone)]
pub struct Outside {
    /// The files.
    pub world: Arc<dyn World>,
    /// What `timestamp()` and `plantimestamp()` give.
    pub now: jiff::Timestamp,
    /// What `uuid()` and `bcrypt()` are made from.
    pub random: fn() -> [u8; 16],
}

#[derive(Clone, Debug)]
enum Name {
    Value(Value),
    /// Something with parts that have names of their own; as a whole it is not known.
    Parts(BTreeMap<Arc<str>, Name>),
}

impl Names {
    /// Returns the names that are always there: `path` and the workspace.
    pub fn new(outside: Outside) -> Self {
        let mut names = Self { roots: BTreeMap::new(), outside };
        for name in ["module", "root"] {
            names.set(&["path", name], Value::from("."));
        }
        let folder = names.outside.world.absolute(".");
        names.set(&["path", "cwd"], Value::from(folder));
        names.set(&["terraform", "workspace"], Value::from("default"));
        names.set(&["spawnpoint", "workspace"], Value::from("default"));
        names
    }

    /// Adds a name from JSON: `var` and `size`, or `local` and `size`.
    ///
    /// # Errors
    ///
    /// A number out of range.
    pub fn set_json(&mut self, root: &str, name: &str, json: &serde_json::Value) -> Result<(), Diagnostic> {
        let value = functions::from_json(json).map_err(|problem| {
            let (functions::Problem::Argument(_, text) | functions::Problem::Call(text)) = problem;
            Diagnostic::error(format!("`{root}.{name}` cannot be read: {text}"))
        })?;
        self.set(&[root, name], value);
        Ok(())
    }

    /// Adds an object attribute whose value is not known, by its path (`vm.mc.address`) and its type as a variable would declare it.
    ///
    /// # Errors
    ///
    /// A path that is not three or more names with dots between them, or a text that is not a type.
    pub fn set_unknown(&mut self, path: &str, of: &str) -> Result<(), Diagnostics> {
        let parts: Vec<&str> = path.split('.').collect();
        if parts.len() < 3 || parts.iter().any(|part| part.is_empty()) {
            let summary = format!("`{path}` is not the path of an attribute, expected one such as `vm.mc.address`");
            return Err(Diagnostic::error(summary).into());
        }
        self.set(&parts, Value::unknown(type_of(of)?));
        Ok(())
    }

    /// Adds a name, or takes the place of one: `var` and `size`.
    pub(super) fn set(&mut self, path: &[&str], value: Value) {
        let (last, around) = path.split_last().expect("a path has names");
        let mut parts = &mut self.roots;
        for name in around {
            let inner = parts.entry((*name).into()).or_insert_with(|| Name::Parts(BTreeMap::new()));
            if let Name::Value(_) = inner {
                *inner = Name::Parts(BTreeMap::new());
            }
            let Name::Parts(inner) = inner else { unreachable!("a value was just replaced by parts") };
            parts = inner;
        }
        parts.insert((*last).into(), Name::Value(value));
    }
}

/// Reads a type as a variable declares it; `dynamic` is what unknown types are shown as.
fn type_of(text: &str) -> Result<Type, Diagnostics> {
    if text == "dynamic" {
        return Ok(Type::Dynamic);
    }
    let mut found = Diagnostics::new();
    let wrong = || Diagnostic::error(format!("`{text}` is not a type, expected one such as `string`"));
    let tree = hcl::edit::parser::parse_expr(text).map_err(|_| wrong())?;
    let mut reader = Reader { piece: Piece::whole(FileId(0), text), object_types: &[], diagnostics: &mut found };
    let constraint = reader.constraint(&tree);
    let in_words = |found: &Diagnostics| found.iter().next().map(|first| wrong().detail(&*first.summary));
    match constraint {
        Some(constraint) if !found.has_errors() => Ok(constraint.of),
        _ => Err(in_words(&found).unwrap_or_else(wrong).into()),
    }
}

impl Scope for Names {
    fn resolve(&self, reference: &Reference) -> Result<Resolved, Diagnostic> {
        let mut parts = &self.roots;
        let mut name = &reference.root;
        for steps in 0.. {
            match parts.get(name) {
                Some(Name::Value(value)) => return Ok(Resolved { value: value.clone(), steps }),
                Some(Name::Parts(inner)) => parts = inner,
                None => return Err(missing(reference, steps, parts)),
            }
            name = match reference.steps.get(steps).map(|step| &step.step) {
                Some(Step::Attribute(name)) => name,
                Some(Step::Key(name)) if steps > 0 => name,
                _ if steps > 0 => return Ok(Resolved { value: Value::unknown(Type::Dynamic), steps }),
                _ => {
                    let root = &reference.root;
                    let summary = format!("`{root}` alone is no value, expected a name after it: `{root}.name`");
                    return Err(Diagnostic::error(summary).at(reference.span));
                }
            };
        }
        unreachable!("a reference has a last step, and the names end there")
    }

    fn world(&self) -> &dyn FunctionWorld {
        &self.outside
    }
}

fn missing(reference: &Reference, steps: usize, siblings: &BTreeMap<Arc<str>, Name>) -> Diagnostic {
    let (name, shown) = match steps {
        0 => (reference.root.to_string(), reference.through(1)),
        _ => (reference.through(steps).split_off(reference.through(steps - 1).len() + 1), reference.through(steps)),
    };
    let diagnostic = Diagnostic::error(format!("there is no `{shown}`")).at(reference.span_through(steps.max(1)));
    did_you_mean(&name, siblings.keys().map(|sibling| &**sibling)).into_iter().fold(diagnostic, Diagnostic::hint)
}

impl FunctionWorld for Outside {
    fn files(&self) -> &dyn World {
        &*self.world
    }

    fn plan_time(&self) -> jiff::Timestamp {
        self.now
    }

    fn apply_time(&self) -> Option<jiff::Timestamp> {
        Some(self.now)
    }

    fn random(&self, _: Span) -> Option<[u8; 16]> {
        Some((self.random)())
    }
}
