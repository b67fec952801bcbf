//! Operators.

use super::evaluate::Evaluator;
use super::{Binary, Expression, Unary};
use crate::diagnostics::Diagnostic;
use crate::value::{Kind, Marks, Number, Type, Value, convert, equals};

impl Evaluator<'_> {
    pub(super) fn unary(&mut self, operator: Unary, operand: &Expression) -> Value {
        let of = match operator {
            Unary::Negate => Type::Number,
            Unary::Not => Type::Bool,
        };
        let Some(value) = self.operand(operand, &of) else { return Value::unknown(of) };
        let result = match value.kind() {
            Kind::Number(number) => Value::from(number.negated()),
            Kind::Bool(flag) => Value::from(!flag),
            _ => Value::unknown(of),
        };
        result.with_marks(value.marks())
    }

    pub(super) fn binary(
        &mut self,
        operator: Binary,
        left: &Expression,
        right: &Expression,
        expression: &Expression,
    ) -> Value {
        match operator {
            Binary::Equal | Binary::NotEqual => self.equality(operator, left, right),
            Binary::And | Binary::Or => {
                let (left, right) = (self.operand(left, &Type::Bool), self.operand(right, &Type::Bool));
                let (Some(left), Some(right)) = (left, right) else { return Value::unknown(Type::Bool) };
                let result = match (left.as_bool(), right.as_bool()) {
                    (Some(left), Some(right)) => {
                        Value::from(if operator == Binary::And { left && right } else { left || right })
                    }
                    // As in Terraform 1.11, `false && unknown` is unknown.
                    _ => Value::unknown(Type::Bool),
                };
                result.with_marks(left.marks() | right.marks())
            }
            _ => self.arithmetic(operator, left, right, expression),
        }
    }

    fn equality(&mut self, operator: Binary, left: &Expression, right: &Expression) -> Value {
        let (left, right) = (self.value(left), self.value(right));
        // Whether something is null does not tell what is inside.
        let marks = match left.is_null() != right.is_null() {
            true => left.marks() | right.marks(),
            false => left.deep_marks() | right.deep_marks(),
        };
        match equals(&left, &right) {
            Some(are_equal) => Value::from(are_equal == (operator == Binary::Equal)).with_marks(marks),
            None => Value::unknown(Type::Bool).with_marks(marks),
        }
    }

    fn arithmetic(
        &mut self,
        operator: Binary,
        left: &Expression,
        right: &Expression,
        expression: &Expression,
    ) -> Value {
        let is_comparison =
            matches!(operator, Binary::Less | Binary::LessOrEqual | Binary::Greater | Binary::GreaterOrEqual);
        let of = if is_comparison { Type::Bool } else { Type::Number };
        let sides = (self.operand(left, &Type::Number), self.operand(right, &Type::Number));
        let (Some(left), Some(right_value)) = sides else { return Value::unknown(of) };
        let marks: Marks = left.marks() | right_value.marks();
        let (Kind::Number(left), Kind::Number(right_number)) = (left.kind(), right_value.kind()) else {
            return Value::unknown(of).with_marks(marks);
        };
        let result = match operator {
            Binary::Less => return Value::from(left < right_number).with_marks(marks),
            Binary::LessOrEqual => return Value::from(left <= right_number).with_marks(marks),
            Binary::Greater => return Value::from(left > right_number).with_marks(marks),
            Binary::GreaterOrEqual => return Value::from(left >= right_number).with_marks(marks),
            Binary::Divide | Binary::Remainder if *right_number == Number::from(0) => {
                return self.fail(right, Diagnostic::error("division by zero"));
            }
            Binary::Add => left.plus(right_number),
            Binary::Subtract => left.minus(right_number),
            Binary::Multiply => left.times(right_number),
            Binary::Divide => left.divided_by(right_number),
            Binary::Remainder => left.remainder(right_number),
            Binary::Or | Binary::And | Binary::Equal | Binary::NotEqual => {
                unreachable!("only called for operators on numbers")
            }
        };
        match result {
            Some(number) => Value::from(number).with_marks(marks),
            None => self.fail(expression, Diagnostic::error("result is out of the range of numbers")),
        }
    }

    /// Evaluates an operand and converts it; `None` after an error.
    fn operand(&mut self, operand: &Expression, of: &Type) -> Option<Value> {
        let (value, is_fine) = self.checked(operand);
        if !is_fine {
            return None;
        }
        if value.is_null() {
            self.fail(
                operand,
                Diagnostic::error(format!("null cannot be an operand; {} is required", of.with_article())),
            );
            return None;
        }
        match convert(&value, of) {
            Ok(converted) => Some(converted),
            Err(mismatch) => {
                let given = value.type_of().with_article();
                let diagnostic = Diagnostic::error(format!("operand is {given}: {mismatch}"));
                self.fail(operand, diagnostic);
                None
            }
        }
    }
}
