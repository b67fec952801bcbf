//! Type constraints of variables: `list(object({ size = optional(string, "10GiB") }))`, and the defaults inside them.
//!
//! Besides Terraform's types, a block type (`tenant`, `list(vm)`) is a type: a reference to an object of the stack.

use super::constant;
use super::expression::Expression;
use super::names::Names;
use super::parse::lowered;
use super::piece::Piece;
use super::suggest::did_you_mean;
use crate::diagnostics::{Diagnostic, Diagnostics, Span};
use crate::value::{Entries, Kind, ObjectField, Type, Value, convert};
use hcl::edit::Span as _;
use hcl::edit::expr::{Expression as Tree, FuncCall, Object, ObjectKey};
use std::collections::BTreeMap;
use std::sync::Arc;

const PRIMITIVES: [(&str, Type); 4] =
    [("string", Type::Text), ("number", Type::Number), ("bool", Type::Bool), ("any", Type::Dynamic)];

/// A type, with the defaults of optional attributes anywhere inside.
#[derive(Clone, Debug)]
pub(super) struct Constraint {
    pub of: Type,
    pub defaults: Defaults,
}

/// Defaults of optional attributes, in the shape of the type they belong to.
#[derive(Clone, Debug, Default)]
pub(super) struct Defaults {
    /// Of the attributes of an object type.
    own: BTreeMap<Arc<str>, Arc<Expression>>,
    /// Of what is inside: attributes by name, tuple items by position, items of a collection under the empty name.
    inside: BTreeMap<Arc<str>, Defaults>,
}

impl Defaults {
    fn is_empty(&self) -> bool {
        self.own.is_empty() && self.inside.is_empty()
    }

    /// Returns the value with defaults filled in where an attribute is missing or null. `evaluate` gives the value of a default.
    pub(super) fn fill(&self, value: &Value, evaluate: &mut dyn FnMut(&Expression) -> Value) -> Value {
        if self.is_empty() || value.is_null() || value.is_unknown() {
            return value.clone();
        }
        let marks = value.marks();
        let filled = match value.kind() {
            Kind::Object(object) if object.address.is_none() => self.fill_attributes(&object.attributes, evaluate),
            Kind::Map(map) if self.own.is_empty() => {
                Value::object(map.entries.iter().map(|(key, item)| (key.clone(), self.fill_inside("", item, evaluate))))
            }
            Kind::Map(map) => self.fill_attributes(&map.entries, evaluate),
            Kind::List(_) | Kind::Set(_) | Kind::Tuple(_) => {
                let items = value.as_items().into_iter().flatten().enumerate();
                Value::tuple(items.map(|(at, item)| self.fill_inside(&at.to_string(), item, evaluate)))
            }
            _ => return value.clone(),
        };
        filled.with_marks(marks)
    }

    fn fill_attributes(&self, given: &Entries, evaluate: &mut dyn FnMut(&Expression) -> Value) -> Value {
        let mut attributes = given.to_map();
        for (name, default) in &self.own {
            if given.get(name).is_none_or(Value::is_null) {
                attributes.insert(name.clone(), evaluate(default));
            }
        }
        Value::object(attributes.into_iter().map(|(name, value)| {
            let filled = self.fill_inside(&name, &value, evaluate);
            (name, filled)
        }))
    }

    fn fill_inside(&self, name: &str, value: &Value, evaluate: &mut dyn FnMut(&Expression) -> Value) -> Value {
        match self.inside.get(name).or_else(|| self.inside.get("")) {
            Some(defaults) => defaults.fill(value, evaluate),
            None => value.clone(),
        }
    }
}

/// Reads type constraints of one piece of a file.
pub(super) struct Reader<'a> {
    pub piece: Piece<'a>,
    /// Block types that may be named as types.
    pub object_types: &'a [&'a str],
    pub diagnostics: &'a mut Diagnostics,
}

impl Reader<'_> {
    /// Returns the constraint an expression stands for, or nothing after reporting what is wrong with it.
    pub(super) fn constraint(&mut self, tree: &Tree) -> Option<Constraint> {
        let (of, defaults) = self.read(tree)?;
        Some(Constraint { of, defaults })
    }

    fn span(&self, tree: &Tree) -> Span {
        self.piece.span(&tree.span().expect("the parser gives every expression a range"))
    }

    fn error(&mut self, tree: &Tree, summary: impl Into<String>) -> Option<(Type, Defaults)> {
        let span = self.span(tree);
        self.diagnostics.push(Diagnostic::error(summary).at(span));
        None
    }

    fn read(&mut self, tree: &Tree) -> Option<(Type, Defaults)> {
        match tree {
            Tree::Variable(name) => self.named(tree, name.as_str()),
            Tree::FuncCall(call) => self.constructed(tree, call),
            Tree::Parenthesis(inner) => self.read(inner.inner()),
            Tree::String(text) if PRIMITIVES.iter().any(|(name, _)| *name == text.as_str()) => {
                self.error(tree, format!("expected the type `{}` without quotes", text.as_str()))
            }
            Tree::Null(_)
            | Tree::Bool(_)
            | Tree::Number(_)
            | Tree::String(_)
            | Tree::Array(_)
            | Tree::Object(_)
            | Tree::StringTemplate(_)
            | Tree::HeredocTemplate(_)
            | Tree::Conditional(_)
            | Tree::Traversal(_)
            | Tree::UnaryOp(_)
            | Tree::BinaryOp(_)
            | Tree::ForExpr(_) => self.error(tree, "expected a type, such as `string`, `list(number)` or `tenant`"),
        }
    }

    fn named(&mut self, tree: &Tree, name: &str) -> Option<(Type, Defaults)> {
        if let Some((_, of)) = PRIMITIVES.iter().find(|(primitive, _)| *primitive == name) {
            return Some((of.clone(), Defaults::default()));
        }
        if self.object_types.contains(&name) {
            return Some((Type::reference(name), Defaults::default()));
        }
        if matches!(name, "list" | "set" | "map" | "object" | "tuple") {
            return self.error(tree, format!("`{name}` needs to know of what, expected `{name}(...)`"));
        }
        let known = PRIMITIVES.iter().map(|(name, _)| *name).chain(self.object_types.iter().copied());
        let hint = did_you_mean(name, known);
        let span = self.span(tree);
        let diagnostic = Diagnostic::error(format!("there is no type `{name}`")).at(span);
        self.diagnostics.push(hint.into_iter().fold(diagnostic, Diagnostic::hint));
        None
    }

    fn constructed(&mut self, tree: &Tree, call: &FuncCall) -> Option<(Type, Defaults)> {
        let name = call.name.name.as_str();
        let arguments: Vec<&Tree> = call.args.iter().collect();
        match (name, arguments.as_slice()) {
            ("list" | "set" | "map", [of]) => {
                let (of, defaults) = self.read(of)?;
                let of = Arc::new(of);
                let collection = match name {
                    "list" => Type::List(of),
                    "set" => Type::Set(of),
                    _ => Type::Map(of),
                };
                Some((collection, inside([(Arc::from(""), defaults)])))
            }
            ("tuple", [Tree::Array(items)]) => {
                let items: Vec<_> = items.iter().map(|item| self.read(item)).collect::<Option<_>>()?;
                let (types, defaults): (Vec<Type>, Vec<Defaults>) = items.into_iter().unzip();
                let defaults = defaults.into_iter().enumerate().map(|(at, defaults)| (at.to_string().into(), defaults));
                Some((Type::tuple(types), inside(defaults)))
            }
            ("object", [Tree::Object(fields)]) => self.object(fields),
            ("list" | "set" | "map", _) => {
                self.error(tree, format!("`{name}` takes one type, such as `{name}(string)`"))
            }
            ("tuple", _) => self.error(tree, "`tuple` takes a list of types, such as `tuple([string, number])`"),
            ("object", _) => {
                self.error(tree, "`object` takes attributes with types, such as `object({ name = string })`")
            }
            ("optional", _) => self.error(tree, "`optional` is only for attributes of an `object({ ... })`"),
            (other, _) => {
                self.error(tree, format!("there is no type `{other}(...)`, expected list, set, map, tuple or object"))
            }
        }
    }

    fn object(&mut self, fields: &Object) -> Option<(Type, Defaults)> {
        let mut types = BTreeMap::new();
        let mut own = BTreeMap::new();
        let mut nested = Vec::new();
        for (key, field) in fields {
            let tree = field.expr();
            let name: Arc<str> = match key {
                ObjectKey::Ident(name) | ObjectKey::Expression(Tree::Variable(name)) => name.as_str().into(),
                ObjectKey::Expression(Tree::String(name)) => name.as_str().into(),
                ObjectKey::Expression(other) => {
                    return self
                        .error(other, "expected the name of an attribute")
                        .map(|_| unreachable!("`error` returns nothing"));
                }
            };
            let (of, is_optional, default) = self.field(tree)?;
            own.extend(default.map(|default| (name.clone(), default)));
            nested.push((name.clone(), of.1));
            types.insert(name, ObjectField { of: of.0, is_optional });
        }
        let defaults = Defaults { own, ..inside(nested) };
        Some((Type::Object(Arc::new(types)), defaults))
    }

    /// Complains about a default that its own type does not take, whether or not anybody will need it.
    fn check_default(&mut self, default: &Expression, (of, defaults): &(Type, Defaults)) {
        let Some(value) = constant::value_if_any(default) else { return };
        let filled =
            defaults.fill(&value, &mut |inner| constant::value_if_any(inner).unwrap_or(Value::unknown(Type::Dynamic)));
        if let Err(mismatch) = convert(&filled, of) {
            let summary = format!("the default of this attribute does not fit its type: {mismatch}");
            self.diagnostics.push(Diagnostic::error(summary).at(default.span));
        }
    }

    #[expect(clippy::type_complexity, reason = "the three things a field says, taken apart at the only call")]
    fn field(&mut self, tree: &Tree) -> Option<((Type, Defaults), bool, Option<Arc<Expression>>)> {
        let call = match tree {
            Tree::FuncCall(call) if call.name.name.as_str() == "optional" => call,
            _ => return Some((self.read(tree)?, false, None)),
        };
        let arguments: Vec<&Tree> = call.args.iter().collect();
        match arguments.as_slice() {
            [of] => Some((self.read(of)?, true, None)),
            [of, default] => {
                let default = lowered(default, self.piece, &mut Names::default(), self.diagnostics);
                let of = self.read(of)?;
                self.check_default(&default, &of);
                Some((of, true, Some(Arc::new(default))))
            }
            _ => {
                self.error(tree, "`optional` takes a type and perhaps a default, such as `optional(string, \"x\")`");
                None
            }
        }
    }
}

fn inside(defaults: impl IntoIterator<Item = (Arc<str>, Defaults)>) -> Defaults {
    let inside = defaults.into_iter().filter(|(_, defaults)| !defaults.is_empty()).collect();
    Defaults { own: BTreeMap::new(), inside }
}
