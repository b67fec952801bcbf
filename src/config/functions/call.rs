//! What a function is, and how one is called: the rules about null, unknown and marked arguments that all functions share.

use crate::config::expression::FunctionWorld;
use crate::diagnostics::Span;
use crate::value::{Kind, Marks, Refinement, Type, Value};
use std::fmt;
use std::sync::{Arc, LazyLock};

/// A function of the language.
pub struct Function {
    /// Its name.
    pub name: &'static str,
    /// Parameters that must be given.
    pub parameters: &'static [Parameter],
    /// What further arguments are, if there may be any.
    pub variadic: Option<Parameter>,
    /// What it does, one or more sentences.
    pub documentation: &'static str,
    /// A call, and what it gives: `max(1, 3)` and `3`.
    pub example: (&'static str, &'static str),
    pub(in crate::config) returns: Returns,
    pub(in crate::config) run: Run,
}

/// One parameter of a [`Function`].
#[derive(Clone, Copy)]
pub struct Parameter {
    /// Its name.
    pub name: &'static str,
    takes: Takes,
    allows: u8,
}

/// Which type a parameter has.
#[derive(Clone, Copy)]
pub(in crate::config) enum Takes {
    Any,
    Number,
    Text,
    ListOfAny,
    ListOfText,
    ListOfBool,
    SetOfAny,
    MapOfAny,
}

const NULL: u8 = 1;
const UNKNOWN: u8 = 2;
const MARKED: u8 = 4;
const DYNAMIC: u8 = 8;
const INSIDE: u8 = 16;

impl Parameter {
    pub(in crate::config) const fn new(name: &'static str, takes: Takes) -> Self {
        Self { name, takes, allows: 0 }
    }

    /// The same parameter under another name.
    pub(in crate::config) const fn named(self, name: &'static str) -> Self {
        Self { name, ..self }
    }

    /// Null is an argument like any other.
    pub(in crate::config) const fn or_null(self) -> Self {
        Self { allows: self.allows | NULL, ..self }
    }

    /// The function itself deals with an unknown argument.
    pub(in crate::config) const fn or_unknown(self) -> Self {
        Self { allows: self.allows | UNKNOWN | INSIDE | DYNAMIC, ..self }
    }

    /// The function does not look at what is inside a collection, so unknown items do no harm.
    pub(in crate::config) const fn or_unknown_inside(self) -> Self {
        Self { allows: self.allows | INSIDE, ..self }
    }

    /// The function itself moves marks to its result.
    pub(in crate::config) const fn or_marked(self) -> Self {
        Self { allows: self.allows | MARKED, ..self }
    }

    fn allows(&self, what: u8) -> bool {
        self.allows & what != 0
    }

    /// Returns the type arguments are converted to.
    pub fn expected(&self) -> &'static Type {
        static TYPES: LazyLock<[Type; 8]> = LazyLock::new(|| {
            let list = |of| Type::List(Arc::new(of));
            [
                Type::Dynamic,
                Type::Number,
                Type::Text,
                list(Type::Dynamic),
                list(Type::Text),
                list(Type::Bool),
                Type::Set(Arc::new(Type::Dynamic)),
                Type::Map(Arc::new(Type::Dynamic)),
            ]
        });
        &TYPES[self.takes as usize]
    }

    /// Returns whether null is an argument like any other.
    pub fn is_nullable(&self) -> bool {
        self.allows(NULL)
    }
}

/// Which type the result has when it is not known.
#[derive(Clone, Copy)]
pub(in crate::config) enum Returns {
    Bool,
    Number,
    Text,
    ListOfText,
    ListOfNumber,
    Dynamic,
    /// The type of the first argument.
    First,
    Computed(fn(&[Value]) -> Type),
}

/// How a function is run.
#[derive(Clone, Copy)]
pub(in crate::config) enum Run {
    /// From values.
    Values(fn(&Arguments<'_>) -> Result<Value, Problem>),
    /// `try`: the evaluator does it, from expressions.
    Try,
    /// `can`: the evaluator does it, from an expression.
    Can,
    /// `templatestring`: the evaluator checks that its argument is a reference.
    TemplateOf,
}

/// What a function gets.
pub(in crate::config) struct Arguments<'a> {
    pub(in crate::config) values: &'a [Value],
    pub(in crate::config) world: &'a dyn FunctionWorld,
    /// Where the call is written.
    pub(in crate::config) site: Span,
    /// How many templates are being rendered around this call.
    pub(in crate::config) calls: usize,
}

/// Why a function has no result.
#[derive(Debug)]
pub(in crate::config) enum Problem {
    /// One argument is wrong; what is expected, as the end of a sentence.
    Argument(usize, String),
    /// The call as a whole failed.
    Call(String),
}

pub(in crate::config) type Outcome = Result<Value, Problem>;

/// Says that an argument is wrong.
pub(in crate::config) fn wrong<T>(place: usize, text: impl Into<String>) -> Result<T, Problem> {
    Err(Problem::Argument(place, text.into()))
}

/// Says that the call failed.
pub(in crate::config) fn failed<T>(text: impl Into<String>) -> Result<T, Problem> {
    Err(Problem::Call(text.into()))
}

impl Arguments<'_> {
    /// Returns an argument that its parameter says is known text.
    pub(in crate::config) fn text(&self, place: usize) -> &str {
        self.values[place].as_text().expect("the parameter takes text only")
    }

    /// Returns an argument that its parameter says is a known number.
    pub(in crate::config) fn number(&self, place: usize) -> &crate::value::Number {
        match self.values[place].kind() {
            Kind::Number(number) => number,
            _ => unreachable!("the parameter takes numbers only"),
        }
    }

    /// Returns an argument that must be a whole number within the range of `i64`.
    pub(in crate::config) fn integer(&self, place: usize) -> Result<i64, Problem> {
        let number = self.number(place);
        match number.as_i64() {
            Some(integer) => Ok(integer),
            None if number.is_integer() => wrong(place, "the number is too large"),
            None => wrong(place, "a whole number is required"),
        }
    }

    /// Returns the items of an argument that its parameter says is a known list or set.
    pub(in crate::config) fn items(&self, place: usize) -> &[Value] {
        self.values[place].as_items().expect("the parameter takes lists or sets only")
    }
}

impl Function {
    pub(in crate::config) const fn new(
        name: &'static str,
        parameters: &'static [Parameter],
        returns: Returns,
        run: fn(&Arguments<'_>) -> Outcome,
        documentation: &'static str,
        example: (&'static str, &'static str),
    ) -> Self {
        Self { name, parameters, variadic: None, documentation, example, returns, run: Run::Values(run) }
    }

    pub(in crate::config) const fn variadic(self, parameter: Parameter) -> Self {
        Self { variadic: Some(parameter), ..self }
    }

    /// Returns the parameter an argument is for.
    pub fn parameter(&self, place: usize) -> Option<&Parameter> {
        self.parameters.get(place).or(self.variadic.as_ref())
    }

    /// Returns how it is called: `substr(text, offset, length)`.
    pub fn signature(&self) -> String {
        let mut names: Vec<String> = self.parameters.iter().map(|parameter| parameter.name.to_string()).collect();
        names.extend(self.variadic.iter().map(|parameter| format!("{}...", parameter.name)));
        format!("{}({})", self.name, names.join(", "))
    }

    /// Returns the type of every result; dynamic if that depends on the arguments.
    pub fn returned(&self) -> Type {
        match self.returns {
            Returns::Bool => Type::Bool,
            Returns::Number => Type::Number,
            Returns::Text => Type::Text,
            Returns::ListOfText => Type::List(Arc::new(Type::Text)),
            Returns::ListOfNumber => Type::List(Arc::new(Type::Number)),
            Returns::Dynamic | Returns::First | Returns::Computed(_) => Type::Dynamic,
        }
    }

    fn unknown_result(&self, arguments: &[Value]) -> Value {
        let of = match self.returns {
            Returns::Bool
            | Returns::Number
            | Returns::Text
            | Returns::ListOfText
            | Returns::ListOfNumber
            | Returns::Dynamic => self.returned(),
            Returns::First => arguments.first().map_or(Type::Dynamic, Value::type_of),
            Returns::Computed(compute) => {
                let has_untyped = arguments.iter().enumerate().any(|(place, argument)| {
                    let is_untyped =
                        matches!(argument.kind(), Kind::Unknown(Type::Dynamic, _) | Kind::Null(Type::Dynamic));
                    is_untyped && !self.parameter(place).is_some_and(|parameter| parameter.allows(DYNAMIC))
                });
                if has_untyped { Type::Dynamic } else { compute(arguments) }
            }
        };
        let is_not_null = of != Type::Dynamic;
        Value::new(Kind::Unknown(of, Some(Arc::new(Refinement { is_not_null, ..Refinement::default() }))))
    }
}

impl fmt::Debug for Function {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.signature())
    }
}

/// Calls a function with arguments that have the types of its parameters.
pub(in crate::config) fn call(
    function: &Function,
    arguments: &[Value],
    world: &dyn FunctionWorld,
    site: Span,
    calls: usize,
) -> Outcome {
    let Run::Values(run) = function.run else { unreachable!("the evaluator runs `{}` itself", function.name) };
    let mut marks = Marks::NONE;
    let mut is_unknown = false;
    let mut values = Vec::with_capacity(arguments.len());
    for (place, argument) in arguments.iter().enumerate() {
        let parameter = function.parameter(place).expect("the count of arguments was checked");
        if argument.is_null() && !parameter.allows(NULL) {
            return wrong(place, "it must not be null");
        }
        is_unknown |= argument.is_unknown() && !parameter.allows(UNKNOWN);
        is_unknown |= !argument.is_unknown() && !argument.is_wholly_known() && !parameter.allows(INSIDE);
        if parameter.allows(MARKED) {
            values.push(argument.clone());
        } else {
            let (bare, bare_marks) = argument.without_marks();
            marks = marks | bare_marks;
            values.push(bare);
        }
    }
    if is_unknown {
        return Ok(function.unknown_result(&values).with_marks(marks));
    }
    Ok(run(&Arguments { values: &values, world, site, calls })?.with_marks(marks))
}
