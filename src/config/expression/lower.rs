//! From the parser's tree to ours. Templates are in `template`.

use super::limits::DEPTH_MAX;
use super::{Binary, Call, Conditional, Expression, For, Node, Reference, ReferenceStep, Step, StepKind, Unary};
use crate::config::functions;
use crate::config::grammar;
use crate::config::names::Names;
use crate::config::piece::Piece;
use crate::diagnostics::{Diagnostic, Diagnostics, FileId, Span};
use crate::value::{Kind, Number, Type, Value, convert, normalized};
use hcl::edit::Span as _;
use hcl::edit::expr::{
    BinaryOperator, ForExpr, FuncCall, Object, ObjectKey, Traversal, TraversalOperator, UnaryOperator,
};
use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

/// Lowers a parsed expression. `piece` is the text it was parsed from.
pub fn lower(parsed: &hcl::edit::expr::Expression, piece: Piece) -> Result<Expression, Diagnostics> {
    lower_with(parsed, piece, &mut Names::default())
}

/// Lowers a parsed expression; `names` are those of the file.
pub(in crate::config) fn lower_with(
    parsed: &hcl::edit::expr::Expression,
    piece: Piece,
    names: &mut Names,
) -> Result<Expression, Diagnostics> {
    let mut lowering = Lowering::new(piece, names);
    let expression = lowering.expression(parsed);
    lowering.finish(expression)
}

/// Parses and lowers a template that is a text of its own: what `templatefile` reads.
pub fn lower_template(source: &str, file: FileId) -> Result<Expression, Diagnostics> {
    let span = Span::new(file, 0, source.len() as u32);
    let parsed = grammar::template(file, source)?;
    let mut names = Names::default();
    let mut lowering = Lowering::new(Piece::whole(file, source), &mut names);
    let expression = lowering.template_text(&parsed, span);
    lowering.finish(expression)
}

pub(super) struct Lowering<'a> {
    piece: Piece<'a>,
    pub(super) names: &'a mut Names,
    /// Names of the variables in scope; the item of a splat has none.
    pub(super) locals: Vec<Option<Arc<str>>>,
    pub(super) diagnostics: Diagnostics,
    depth: usize,
    /// Spans are missing only on nodes the parser made up; those get the span of what they are part of.
    enclosing: Span,
}

impl<'a> Lowering<'a> {
    fn new(piece: Piece<'a>, names: &'a mut Names) -> Self {
        let enclosing = piece.span(&(0..0));
        Self { piece, names, locals: Vec::new(), diagnostics: Diagnostics::new(), depth: 0, enclosing }
    }

    fn finish(self, expression: Expression) -> Result<Expression, Diagnostics> {
        if self.diagnostics.has_errors() { Err(self.diagnostics) } else { Ok(expression) }
    }

    pub(super) fn span(&self, range: Option<Range<usize>>) -> Span {
        range.map_or(self.enclosing, |range| self.piece.span(&range))
    }

    pub(super) fn text(&self, span: Span) -> &'a str {
        self.piece.at(span)
    }

    pub(super) fn expression(&mut self, parsed: &hcl::edit::expr::Expression) -> Expression {
        let span = self.span(parsed.span());
        if self.depth >= DEPTH_MAX {
            self.diagnostics.push(
                Diagnostic::error(format!("expression is nested more than {DEPTH_MAX} levels deep"))
                    .at(span)
                    .hint("move parts of it into `locals`"),
            );
            return Expression::constant(span, Value::unknown(Type::Dynamic));
        }
        let outer = std::mem::replace(&mut self.enclosing, span);
        self.depth += 1;
        let lowered = self.node(parsed, span);
        self.depth -= 1;
        self.enclosing = outer;
        lowered
    }

    fn node(&mut self, parsed: &hcl::edit::expr::Expression, span: Span) -> Expression {
        use hcl::edit::expr::Expression as Parsed;
        let node = match parsed {
            Parsed::Null(_) => Node::Literal(Value::null(Type::Dynamic)),
            Parsed::Bool(flag) => Node::Literal(Value::from(*flag.value())),
            Parsed::Number(_) => self.number(span),
            Parsed::String(text) => Node::Literal(normalized(text.as_str())),
            Parsed::Array(items) => Node::Tuple(items.iter().map(|item| self.expression(item)).collect()),
            Parsed::Object(object) => self.object(object),
            Parsed::StringTemplate(template) => return self.quoted_template(template, span),
            Parsed::HeredocTemplate(template) => return self.heredoc_template(template, span),
            Parsed::Parenthesis(inner) => return Expression { span, ..self.expression(inner.inner()) },
            Parsed::Variable(name) => self.name(name.as_str(), span),
            Parsed::Conditional(parsed) => Node::Conditional(Box::new(Conditional {
                condition: self.expression(&parsed.cond_expr),
                when_true: self.expression(&parsed.true_expr),
                when_false: self.expression(&parsed.false_expr),
            })),
            Parsed::FuncCall(call) => self.call(call, span),
            Parsed::Traversal(traversal) => return self.traversal(traversal, span),
            Parsed::UnaryOp(operation) => {
                let operator = match operation.operator.value() {
                    UnaryOperator::Neg => Unary::Negate,
                    UnaryOperator::Not => Unary::Not,
                };
                Node::Unary(operator, Box::new(self.expression(&operation.expr)))
            }
            Parsed::BinaryOp(operation) => {
                let sides = (self.expression(&operation.lhs_expr), self.expression(&operation.rhs_expr));
                Node::Binary(binary(*operation.operator.value()), Box::new(sides))
            }
            Parsed::ForExpr(parsed) => self.for_expression(parsed),
        };
        Expression::new(span, node)
    }

    /// Numbers are read from the text: the parser's own number type loses digits.
    fn number(&mut self, span: Span) -> Node {
        // A sign may stand apart from the digits.
        let text: String = self.text(span).chars().filter(|character| !character.is_whitespace()).collect();
        let number = Number::parse(&text);
        if number.is_none() {
            self.diagnostics.push(Diagnostic::error("number is out of range").at(span));
        }
        Node::Literal(Value::from(number.unwrap_or(Number::from(0))))
    }

    fn name(&mut self, name: &str, span: Span) -> Node {
        match self.locals.iter().rposition(|local| local.as_deref() == Some(name)) {
            Some(place) => Node::Local(place, self.locals[place].clone()),
            None => Node::Reference(Arc::new(Reference { root: self.names.get(name), steps: Vec::new(), span })),
        }
    }

    fn object(&mut self, object: &Object) -> Node {
        let mut entries = Vec::with_capacity(object.len());
        let mut seen: BTreeMap<Arc<str>, Span> = BTreeMap::new();
        for (key, value) in object {
            let key = match key {
                ObjectKey::Ident(name) => {
                    let span = self.span(name.span().or_else(|| key.span()));
                    Expression::constant(span, normalized(name.as_str()))
                }
                ObjectKey::Expression(parsed) => self.object_key(parsed),
            };
            let name = key.as_constant().and_then(|name| convert(name, &Type::Text).ok());
            if let Some(name) = name.as_ref().and_then(Value::as_text)
                && let Some(first) = seen.insert(name.into(), key.span)
            {
                self.diagnostics.push(
                    Diagnostic::error(format!("key `{name}` is given twice; keys of an object must be different"))
                        .at(key.span)
                        .label(first, "given here first"),
                );
            }
            let value = self.expression(value.expr());
            entries.push((key, value));
        }
        Node::Object(entries.into())
    }

    /// `true`, `null` and the like are names when they are keys.
    fn object_key(&mut self, parsed: &hcl::edit::expr::Expression) -> Expression {
        use hcl::edit::expr::Expression as Parsed;
        let span = self.span(parsed.span());
        match parsed {
            Parsed::Null(_) => Expression::constant(span, Value::text("null")),
            Parsed::Bool(flag) => Expression::constant(span, Value::from(if *flag.value() { "true" } else { "false" })),
            Parsed::Traversal(traversal) if matches!(traversal.expr, Parsed::Variable(_)) => {
                let diagnostic = Diagnostic::error("a reference as a key must be in parentheses").at(span);
                self.diagnostics.push(
                    diagnostic
                        .hint(format!("write `({}) = ...`, or quotes if it is the key itself", self.text(span).trim())),
                );
                self.expression(parsed)
            }
            other => self.expression(other),
        }
    }

    fn call(&mut self, call: &FuncCall, span: Span) -> Node {
        let name = call.name.name.as_str();
        let name_span = self.span(call.name.name.span());
        let arguments: Box<[Expression]> = call.args.iter().map(|argument| self.expression(argument)).collect();
        let is_ours = call.name.namespace.iter().all(|part| part.as_str() == "core") && call.name.namespace.len() < 2;
        let Some(function) = functions::find(name).filter(|_| is_ours) else {
            // As it is written, namespace included: a message covers as many bytes.
            let written = self.text(span).split('(').next().unwrap_or(name).trim_end();
            return Node::UnknownCall(Box::new((written.into(), arguments)));
        };
        let name_span = if name_span == self.enclosing {
            Span::new(span.file, span.start, span.start + name.len() as u32)
        } else {
            name_span
        };
        Node::Call(Box::new(Call { function, name_span, arguments, expands_last: call.args.expand_final() }))
    }

    fn for_expression(&mut self, parsed: &ForExpr) -> Node {
        let collection = self.expression(&parsed.intro.collection_expr);
        let has_key = parsed.intro.key_var.is_some();
        let outer = self.locals.len();
        self.locals.extend(parsed.intro.key_var.iter().map(|name| Some(self.names.get(name.as_str()))));
        self.locals.push(Some(self.names.get(parsed.intro.value_var.as_str())));
        let each = For {
            has_key,
            collection,
            key: parsed.key_expr.as_ref().map(|key| self.expression(key)),
            value: self.expression(&parsed.value_expr),
            condition: parsed.cond.as_ref().map(|condition| self.expression(&condition.expr)),
            is_grouping: parsed.grouping,
        };
        self.locals.truncate(outer);
        Node::For(Box::new(each))
    }

    fn traversal(&mut self, traversal: &Traversal, span: Span) -> Expression {
        let source = self.expression(&traversal.expr);
        let operators: Vec<&hcl::edit::Decorated<TraversalOperator>> = traversal.operators.iter().collect();
        let is_bare = !matches!(traversal.expr, hcl::edit::expr::Expression::Parenthesis(_));
        match &source.node {
            // The parser takes the sign for part of the number; it belongs to the whole.
            Node::Literal(literal) if is_bare && self.text(source.span).starts_with('-') => {
                let positive = match literal.kind() {
                    Kind::Number(number) => Value::from(number.negated()),
                    _ => literal.clone(),
                };
                let whole = self.steps(Expression::constant(source.span, positive), &operators, span, is_bare);
                Expression::new(span, Node::Unary(Unary::Negate, Box::new(whole)))
            }
            _ => self.steps(source, &operators, span, is_bare),
        }
    }

    /// Applies traversal operators to a source; after a splat the rest belongs to each item.
    fn steps(
        &mut self,
        source: Expression,
        operators: &[&hcl::edit::Decorated<TraversalOperator>],
        span: Span,
        may_extend: bool,
    ) -> Expression {
        let mut source = source;
        let mut extends = may_extend;
        if let Node::Reference(reference) = &mut source.node {
            Arc::make_mut(reference).steps.reserve_exact(operators.len());
        }
        let mut steps = Vec::new();
        let mut place = 0;
        while let Some(operator) = operators.get(place) {
            let step_span = self.span(operator.span());
            place += 1;
            let kind = match operator.value() {
                TraversalOperator::GetAttr(name) => StepKind::Attribute(self.names.get(name.as_str())),
                TraversalOperator::Index(key) => StepKind::Index(self.expression(key)),
                TraversalOperator::LegacyIndex(index) => {
                    StepKind::Index(Expression::constant(step_span, Value::from(*index.value() as i64)))
                }
                TraversalOperator::FullSplat(_) => {
                    let rest = &operators[place..];
                    place = operators.len();
                    StepKind::Splat(self.each(rest, step_span))
                }
                TraversalOperator::AttrSplat(_) => {
                    let rest = &operators[place..];
                    let is_of_item = |operator: &&hcl::edit::Decorated<TraversalOperator>| {
                        matches!(operator.value(), TraversalOperator::GetAttr(_) | TraversalOperator::LegacyIndex(_))
                    };
                    let count = rest.iter().take_while(|operator| is_of_item(operator)).count();
                    place += count;
                    StepKind::Splat(self.each(&rest[..count], step_span))
                }
            };
            extends = extends && extend(&mut source, &kind, step_span);
            if !extends {
                steps.push(Step { span: step_span, kind });
            }
        }
        match steps.is_empty() {
            true => Expression { span, ..source },
            false => Expression::new(span, Node::Traversal(Box::new(source), steps.into())),
        }
    }

    fn each(&mut self, operators: &[&hcl::edit::Decorated<TraversalOperator>], span: Span) -> Expression {
        self.depth += 1;
        let item = Expression::new(span, Node::Local(self.locals.len(), None));
        if self.depth >= DEPTH_MAX {
            self.diagnostics
                .push(Diagnostic::error(format!("expression has more than {DEPTH_MAX} splats in a row")).at(span));
            return item;
        }
        self.locals.push(None);
        let each = self.steps(item, operators, span, false);
        self.locals.pop();
        self.depth -= 1;
        each
    }
}

/// Makes a literal step part of the reference it follows; returns whether it could.
fn extend(source: &mut Expression, kind: &StepKind, span: Span) -> bool {
    let Node::Reference(reference) = &mut source.node else { return false };
    let reference = Arc::make_mut(reference);
    let step = match kind {
        StepKind::Attribute(name) => crate::value::Step::Attribute(name.clone()),
        StepKind::Index(Expression { node: Node::Literal(key), .. }) => {
            match (key.as_text(), key.as_i64().map(usize::try_from)) {
                (Some(text), _) => crate::value::Step::Key(text.into()),
                (_, Some(Ok(index))) => crate::value::Step::Index(index),
                _ => return false,
            }
        }
        StepKind::Index(_) | StepKind::Splat(_) => return false,
    };
    reference.steps.push(ReferenceStep { step, span });
    reference.span.end = span.end;
    true
}

fn binary(operator: BinaryOperator) -> Binary {
    match operator {
        BinaryOperator::Or => Binary::Or,
        BinaryOperator::And => Binary::And,
        BinaryOperator::Eq => Binary::Equal,
        BinaryOperator::NotEq => Binary::NotEqual,
        BinaryOperator::Less => Binary::Less,
        BinaryOperator::LessEq => Binary::LessOrEqual,
        BinaryOperator::Greater => Binary::Greater,
        BinaryOperator::GreaterEq => Binary::GreaterOrEqual,
        BinaryOperator::Plus => Binary::Add,
        BinaryOperator::Minus => Binary::Subtract,
        BinaryOperator::Mul => Binary::Multiply,
        BinaryOperator::Div => Binary::Divide,
        BinaryOperator::Mod => Binary::Remainder,
    }
}
