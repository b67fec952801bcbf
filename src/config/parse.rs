//! Bytes of a file to [`syntax::Body`]: checks of the text, the parser, lowering of every expression.
//!
//! What the parser rejects is named by `explain`; its own messages are used only where that finds nothing better.

use super::constraint;
use super::expression::{self, Expression};
use super::names::Names;
use super::piece::Piece;
use super::syntax::{self, LiteralContent};
use super::{grammar, place};
use crate::diagnostics::{Diagnostic, Diagnostics, FileId, Sources, Span};
use crate::value::{Type, Value};
use hcl::edit::Span as _;
use hcl::edit::expr::Expression as Tree;
use hcl::edit::structure::{Attribute, Block, BlockLabel, Body, Structure};
use std::ops::Range;
use std::sync::Arc;

/// Largest file that is read. The parser needs about 40 bytes of memory for each byte of text that cannot be taken in pieces, so this bounds
/// a run at a third of a gigabyte; the largest real file seen is 4.5 MB, for ten thousand machines.
pub(super) const FILE_SIZE_MAX_BYTES: usize = 8 << 20;

/// Adds a file to the sources if it is text.
pub(super) fn read(name: &str, bytes: &[u8], sources: &mut Sources, diagnostics: &mut Diagnostics) -> Option<FileId> {
    if bytes.len() > FILE_SIZE_MAX_BYTES {
        let (size, limit) = (bytes.len() >> 20, FILE_SIZE_MAX_BYTES >> 20);
        let summary = format!("`{name}` is too large: {size} MiB, expected at most {limit} MiB");
        diagnostics.push(Diagnostic::error(summary).hint("split it: every `*.hcl` file of the folder is read"));
        return None;
    }
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let text = match std::str::from_utf8(bytes) {
        Ok(text) => text,
        Err(error) => {
            diagnostics.push(not_utf8(name, bytes, error.valid_up_to(), sources));
            return None;
        }
    };
    let file = sources.add(name, text);
    if let Some(at) = text.find('\0') {
        let span = Span::new(file, at as u32, at as u32 + 1);
        diagnostics.push(
            Diagnostic::error("found a NUL character, expected text").at(span).hint("save the file as UTF-8 text"),
        );
        return None;
    }
    Some(file)
}

fn not_utf8(name: &str, bytes: &[u8], at: usize, sources: &mut Sources) -> Diagnostic {
    let file = sources.add(name, String::from_utf8_lossy(bytes));
    // Everything before the first bad byte is the same in the lossy text, which puts U+FFFD (three bytes) in its place.
    let span = Span::new(file, at as u32, at as u32 + 3);
    Diagnostic::error(format!("byte 0x{:02x} is not UTF-8, expected UTF-8 text", bytes[at]))
        .at(span)
        .hint("save the file as UTF-8")
}

/// Parses a file that is in the sources already. `object_types` may be named as types of variables.
pub(super) fn parse(
    file: FileId,
    object_types: &[&str],
    sources: &Sources,
    diagnostics: &mut Diagnostics,
) -> Option<syntax::Body> {
    let text = sources.get(file).text.clone();
    let whole = Piece::whole(file, &text);
    in_pieces(whole, object_types, diagnostics).or_else(|| match grammar::whole_body(file, &text) {
        Ok(body) => {
            let mut lowering = Lowering { piece: whole, object_types, names: &mut Names::default(), diagnostics };
            Some(lowering.body(&body, &[]))
        }
        Err(found) => {
            diagnostics.extend(found);
            None
        }
    })
}

/// Parses a large file piece by piece. Nothing, if that cannot be done: then the whole shows what it is.
fn in_pieces(whole: Piece, object_types: &[&str], diagnostics: &mut Diagnostics) -> Option<syntax::Body> {
    let mut sum = syntax::Body::default();
    let mut found = Diagnostics::new();
    let mut names = Names::default();
    let is_read = whole.read_each(|piece| match grammar::sound_body(piece.file, piece.text) {
        // Attributes outside of blocks could be there twice, each in another piece.
        Some(body) if body.attributes().next().is_none() => {
            let mut lowering = Lowering { piece, object_types, names: &mut names, diagnostics: &mut found };
            let lowered = lowering.body(&body, &[]);
            sum.blocks.extend(lowered.blocks);
            true
        }
        Some(_) | None => false,
    });
    diagnostics.extend(found.into_iter().filter(|_| is_read));
    is_read.then_some(sum)
}

/// Parses a text that is one expression without blanks around it, such as the value of `-var`.
pub(super) fn parse_expression(
    file: FileId,
    sources: &Sources,
    diagnostics: &mut Diagnostics,
) -> Option<Arc<Expression>> {
    let text = sources.get(file).text.clone();
    match grammar::expression(file, &text) {
        Ok(expression) => {
            let piece = Piece::whole(file, &text);
            Some(Arc::new(lowered(&expression, piece, &mut Names::default(), diagnostics)))
        }
        Err(diagnostic) => {
            diagnostics.push(diagnostic);
            None
        }
    }
}

struct Lowering<'a> {
    piece: Piece<'a>,
    object_types: &'a [&'a str],
    names: &'a mut Names,
    diagnostics: &'a mut Diagnostics,
}

impl Lowering<'_> {
    fn span(&self, range: Option<Range<usize>>) -> Span {
        self.piece.span(&range.expect("the parser gives every parsed node a range"))
    }

    /// Lowers a body; `around` are the kinds of the blocks it is in, the outermost first.
    fn body(&mut self, body: &Body, around: &[&str]) -> syntax::Body {
        let attributes = body.attributes().count();
        let mut lowered = syntax::Body {
            attributes: Vec::with_capacity(attributes),
            literals: Vec::new(),
            blocks: Vec::with_capacity(body.len() - attributes),
        };
        for structure in body {
            match structure {
                Structure::Attribute(attribute) if is_literal(around, attribute.key.as_str()) => {
                    lowered.literals.push(self.literal(attribute));
                }
                Structure::Attribute(attribute) => {
                    lowered.attributes.push(self.attribute(attribute));
                }
                Structure::Block(block) => lowered.blocks.push(self.block(block, around)),
            }
        }
        lowered
    }

    fn literal(&mut self, attribute: &Attribute) -> syntax::Literal {
        let content = if attribute.key.as_str() == "type" {
            let (piece, object_types) = (self.piece, self.object_types);
            let mut reader = constraint::Reader { piece, object_types, diagnostics: self.diagnostics };
            reader.constraint(&attribute.value).map_or(LiteralContent::Malformed, LiteralContent::Type)
        } else {
            place::read(self.piece, &attribute.value, self.diagnostics)
        };
        let name_span = self.span(attribute.key.span());
        syntax::Literal { name: attribute.key.as_str().into(), name_span, content }
    }

    fn attribute(&mut self, attribute: &Attribute) -> syntax::Attribute {
        syntax::Attribute {
            name: self.names.get(attribute.key.as_str()),
            name_span: self.span(attribute.key.span()),
            expression: Arc::new(lowered(&attribute.value, self.piece, self.names, self.diagnostics)),
            span: self.span(attribute.value.span()),
        }
    }

    fn block(&mut self, block: &Block, around: &[&str]) -> syntax::Block {
        let inside: Vec<&str> = around.iter().copied().chain([block.ident.as_str()]).collect();
        let kind_span = self.span(block.ident.span());
        let labels: Vec<syntax::Label> = block.labels.iter().map(|label| self.label(label)).collect();
        let end = labels.last().map_or(kind_span.end, |label| label.span.end);
        syntax::Block {
            kind: self.names.get(block.ident.as_str()),
            kind_span,
            labels,
            header: Span { end, ..kind_span },
            body: self.body(&block.body, &inside),
        }
    }

    fn label(&mut self, label: &BlockLabel) -> syntax::Label {
        let range = match label {
            BlockLabel::Ident(ident) => ident.span(),
            BlockLabel::String(text) => text.span(),
        };
        syntax::Label { text: label.as_str().into(), span: self.span(range) }
    }
}

/// Returns the lowered form of an expression; what cannot be lowered is reported and stands for an unknown value.
pub(super) fn lowered(tree: &Tree, piece: Piece, names: &mut Names, diagnostics: &mut Diagnostics) -> Expression {
    expression::lower_with(tree, piece, names).unwrap_or_else(|errors| {
        diagnostics.extend(errors);
        let span = piece.span(&tree.span().expect("the parser gives every expression a range"));
        Expression::constant(span, Value::unknown(Type::Dynamic))
    })
}

/// Returns whether an attribute is read as it stands, judged by the blocks around it.
fn is_literal(around: &[&str], name: &str) -> bool {
    matches!(
        (around, name),
        (["variable"], "type")
            | (["moved"], "from" | "to")
            | (["removed"], "from")
            | (["run"], "expect_failures")
            | ([_] | ["check", "data"], "depends_on")
            | ([_, "lifecycle"], "ignore_changes" | "replace_triggered_by")
    )
}
