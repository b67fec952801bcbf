//! Numbers.

use super::call::{Arguments, Function, Outcome, Parameter, Returns, Run, Takes, failed};
use crate::value::Value;

const NUMBER: Parameter = Parameter::new("number", Takes::Number);

pub(super) static FUNCTIONS: &[Function] = &[
    Function {
        name: "abs",
        parameters: &[NUMBER],
        variadic: None,
        documentation: "Gives the number without its sign.",
        example: ("abs(-3)", "3"),
        returns: Returns::Number,
        run: Run::Values(|arguments| Ok(Value::from(arguments.number(0).absolute()))),
    },
    Function {
        name: "max",
        parameters: &[],
        variadic: Some(NUMBER.named("numbers")),
        documentation: "Gives the largest of the numbers.",
        example: ("max(1, 3, 2)", "3"),
        returns: Returns::Number,
        run: Run::Values(max),
    },
];

fn max(arguments: &Arguments<'_>) -> Outcome {
    match (0..arguments.values.len()).map(|place| arguments.number(place)).max() {
        Some(number) => Ok(Value::from(number.clone())),
        None => failed("at least one number is required"),
    }
}
