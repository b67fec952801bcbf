//! Values of expressions that may refer to nothing: `sensitive = true`, the default of a variable, the lines of a `.vars.hcl` file.

use super::World;
use super::expression::{self, Expression, FunctionWorld, Reference, Resolved, Scope};
use crate::diagnostics::{Diagnostic, Diagnostics, Span};
use crate::value::Value;
use jiff::Timestamp;

/// Returns the value of a constant expression, or nothing after reporting why it has none.
pub(super) fn value(expression: &Expression, diagnostics: &mut Diagnostics) -> Option<Value> {
    match expression::evaluate(expression, &Nowhere) {
        Ok(value) => Some(value),
        Err(errors) => {
            diagnostics.extend(errors);
            None
        }
    }
}

/// Returns the value of an expression if it is constant and can be evaluated; what is wrong with another is not told.
pub(super) fn value_if_any(expression: &Expression) -> Option<Value> {
    expression::evaluate(expression, &Nowhere).ok()
}

/// A place without names and files.
#[derive(Debug)]
struct Nowhere;

const NO_FILES: &str = "no files can be read where a constant is expected";

impl Scope for Nowhere {
    fn resolve(&self, reference: &Reference) -> Result<Resolved, Diagnostic> {
        let summary = format!("expected a constant, found the reference `{reference}`");
        Err(Diagnostic::error(summary).at(reference.span))
    }

    fn world(&self) -> &dyn FunctionWorld {
        self
    }
}

impl FunctionWorld for Nowhere {
    fn files(&self) -> &dyn World {
        self
    }

    fn plan_time(&self) -> Timestamp {
        Timestamp::UNIX_EPOCH
    }

    fn apply_time(&self) -> Option<Timestamp> {
        None
    }

    fn random(&self, _: Span) -> Option<[u8; 16]> {
        None
    }
}

impl World for Nowhere {
    fn read(&self, _: &str) -> Result<Vec<u8>, String> {
        Err(NO_FILES.to_string())
    }

    fn list(&self, _: &str) -> Result<Vec<String>, String> {
        Err(NO_FILES.to_string())
    }

    fn exists(&self, _: &str) -> bool {
        false
    }

    fn is_file(&self, _: &str) -> Result<bool, String> {
        Err(NO_FILES.to_string())
    }

    fn files_below(&self, _: &str) -> Result<Vec<String>, String> {
        Err(NO_FILES.to_string())
    }

    fn absolute(&self, path: &str) -> String {
        path.to_string()
    }

    fn home(&self) -> Option<String> {
        None
    }
}
