//! Places in the configuration as `depends_on`, `ignore_changes`, `moved` and `import` name them: read, never evaluated.

use super::piece::Piece;
use super::syntax::{LiteralContent, Place};
use crate::diagnostics::{Diagnostic, Diagnostics};
use crate::value::{Path, Step};
use hcl::edit::Span as _;
use hcl::edit::expr::{Expression as Tree, Traversal, TraversalOperator};

/// Reads one place or a list of places; what is neither is reported.
pub(super) fn read(piece: Piece, tree: &Tree, diagnostics: &mut Diagnostics) -> LiteralContent {
    let content = match tree {
        Tree::Array(items) => {
            let places: Option<Vec<Place>> = items.iter().map(|item| place(piece, item, diagnostics)).collect();
            places.map(LiteralContent::Places)
        }
        other => place(piece, other, diagnostics).map(LiteralContent::Place),
    };
    content.unwrap_or(LiteralContent::Malformed)
}

fn place(piece: Piece, tree: &Tree, diagnostics: &mut Diagnostics) -> Option<Place> {
    let span = piece.span(&tree.span().expect("the parser gives every expression a range"));
    let path = match tree {
        Tree::Variable(name) => Some(Path::attribute(name.as_str())),
        Tree::Traversal(traversal) => traversed(traversal),
        Tree::String(text) => {
            let summary = format!("expected `{}` without quotes", text.as_str());
            diagnostics.push(Diagnostic::error(summary).at(span));
            return None;
        }
        _ => None,
    };
    if path.is_none() {
        let summary = "expected the name of a block or an attribute, such as `tenant.acme` or `vm.mc[\"a\"]`";
        diagnostics.push(
            Diagnostic::error(summary).at(span).hint("only names and fixed keys can stand here, nothing computed"),
        );
    }
    path.map(|path| Place { path, span })
}

fn traversed(traversal: &Traversal) -> Option<Path> {
    let Tree::Variable(root) = &traversal.expr else {
        return None;
    };
    traversal
        .operators
        .iter()
        .try_fold(Path::attribute(root.as_str()), |path, operator| Some(path.then(step(operator.value())?)))
}

fn step(operator: &TraversalOperator) -> Option<Step> {
    match operator {
        TraversalOperator::GetAttr(name) => Some(Step::Attribute(name.as_str().into())),
        TraversalOperator::Index(Tree::String(key)) => Some(Step::Key(key.as_str().into())),
        TraversalOperator::Index(Tree::Number(number)) => {
            let index = number.value().as_u64()?;
            Some(Step::Index(usize::try_from(index).ok()?))
        }
        TraversalOperator::LegacyIndex(index) => Some(Step::Index(usize::try_from(*index.value()).ok()?)),
        TraversalOperator::Index(_) | TraversalOperator::AttrSplat(_) | TraversalOperator::FullSplat(_) => None,
    }
}
