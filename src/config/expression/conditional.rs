//! `condition ? a : b`: both results are evaluated, because the type of the whole is one that both convert to.

use super::evaluate::Evaluator;
use super::{Conditional, Expression};
use crate::diagnostics::Diagnostic;
use crate::value::{Kind, Refinement, Type, Value, convert, unify};
use std::sync::Arc;

impl Evaluator<'_> {
    pub(super) fn conditional(&mut self, conditional: &Conditional, expression: &Expression) -> Value {
        let condition = self.value(&conditional.condition);
        let chosen = match convert(&condition, &Type::Bool) {
            Ok(flag) => flag.as_bool(),
            Err(mismatch) => {
                let diagnostic = Diagnostic::error(format!("condition is wrong: {mismatch}"));
                return self.fail(&conditional.condition, diagnostic);
            }
        };
        if condition.is_null() {
            return self.fail(&conditional.condition, Diagnostic::error("condition is null; it must be true or false"));
        }
        // Only the errors of the result that is taken count; the type of the other counts even if it failed.
        let (when_true, when_false) = match chosen {
            Some(true) => (self.value(&conditional.when_true), self.hushed(&conditional.when_false).0),
            Some(false) => (self.hushed(&conditional.when_true).0, self.value(&conditional.when_false)),
            None => (self.hushed(&conditional.when_true).0, self.hushed(&conditional.when_false).0),
        };
        let marks = condition.marks() | when_true.marks() | when_false.marks();
        let Some(of) = common_type(&when_true, &when_false) else {
            let (left, right) = (when_true.type_of().with_article(), when_false.type_of().with_article());
            let diagnostic = Diagnostic::error(format!(
                "the two results of a condition must be of one type, not {left} and {right}"
            ));
            return self.fail(expression, diagnostic);
        };
        let (result, written) = match chosen {
            Some(true) => (&when_true, &conditional.when_true),
            Some(false) => (&when_false, &conditional.when_false),
            None if when_true.is_null() && when_false.is_null() => return Value::null(of).with_marks(marks),
            None => return either(&when_true, &when_false, of).with_marks(marks),
        };
        // A type that is unknown as a whole leaves the result what it is.
        match convert(result, &of) {
            Ok(result) => result.with_marks(marks),
            Err(mismatch) => {
                self.fail(written, Diagnostic::error(format!("result of the condition is wrong: {mismatch}")))
            }
        }
    }
}

fn common_type(left: &Value, right: &Value) -> Option<Type> {
    let is_untyped_null = |value: &Value| matches!(value.kind(), Kind::Null(Type::Dynamic));
    let (left_type, right_type) = (left.type_of(), right.type_of());
    match () {
        () if is_untyped_null(left) => Some(right_type),
        () if is_untyped_null(right) => Some(left_type),
        () if left_type == Type::Dynamic || right_type == Type::Dynamic => Some(Type::Dynamic),
        // Two blocks of one kind may have differing attributes and are still what the condition chooses between.
        () if left.address().is_some() && right.address().is_some() => Some(Type::Dynamic),
        () if left_type == right_type => Some(left_type),
        () => unify(&[left_type, right_type]),
    }
}

/// What is known when either may be the result.
fn either(left: &Value, right: &Value, of: Type) -> Value {
    let is_not_null = |value: &Value| match value.kind() {
        Kind::Null(_) => false,
        Kind::Unknown(_, refinement) => refinement.as_ref().is_some_and(|known| known.is_not_null),
        _ => true,
    };
    let refinement = Refinement { is_not_null: is_not_null(left) && is_not_null(right), ..Refinement::default() };
    Value::new(Kind::Unknown(of, Some(Arc::new(refinement))))
}
