//! Messages that repeat each other: a block with two hundred instances has each of its mistakes two hundred times, and it is told once.

use crate::diagnostics::{Diagnostic, Diagnostics, Severity, Span};
use std::collections::{HashMap, HashSet};

/// Instances that are named besides the first.
const NAMED_MAX: usize = 3;

/// A message, and for which other instances it holds too.
pub(super) struct Gathered<'a> {
    pub(super) diagnostic: &'a Diagnostic,
    /// The first of them.
    named: Vec<&'a str>,
    /// All of them, and its own.
    seen: HashSet<&'a str>,
}

/// What is the same mistake: one of the same block at the same place, of which only the values differ.
#[derive(Clone, PartialEq, Eq, Hash)]
struct Mistake {
    severity: Severity,
    span: Span,
    block: Option<String>,
    is_of_condition: bool,
    words: String,
}

/// Returns the messages, those that repeat one for another instance of its block with it.
pub(super) fn gather(diagnostics: &Diagnostics) -> Vec<Gathered<'_>> {
    let mut gathered: Vec<Gathered<'_>> = Vec::new();
    let mut told = HashSet::new();
    // One instance may have the same mistake several times, each with another name in it.
    let mut times: HashMap<(Mistake, Option<&str>), usize> = HashMap::new();
    let mut places: HashMap<(Mistake, usize), usize> = HashMap::new();
    for diagnostic in diagnostics {
        let address = diagnostic.address.as_deref();
        let Some(span) = diagnostic.span else {
            gathered.push(Gathered::alone(diagnostic));
            continue;
        };
        if !told.insert((span, &diagnostic.summary, address)) {
            continue;
        }
        let mistake = Mistake {
            severity: diagnostic.severity,
            span,
            block: address.map(block_of),
            is_of_condition: diagnostic.condition_of.is_some(),
            words: if address.is_some() { words_of(&diagnostic.summary) } else { diagnostic.summary.clone() },
        };
        let time = times.entry((mistake.clone(), address)).or_default();
        let place = *places.entry((mistake, *time)).or_insert(gathered.len());
        *time += 1;
        match gathered.get_mut(place) {
            None => gathered.push(Gathered::alone(diagnostic)),
            Some(first) => {
                if let Some(address) = address.filter(|address| first.seen.insert(address))
                    && first.named.len() < NAMED_MAX
                {
                    first.named.push(address);
                }
            }
        }
    }
    gathered
}

impl<'a> Gathered<'a> {
    /// Returns a message that nobody repeats.
    pub(super) fn alone(diagnostic: &'a Diagnostic) -> Self {
        Self { diagnostic, named: Vec::new(), seen: diagnostic.address.as_deref().into_iter().collect() }
    }

    /// Returns for how many other instances it holds.
    pub(super) fn more(&self) -> usize {
        self.seen.len().saturating_sub(1)
    }

    /// Says which they are, if there are any.
    pub(super) fn others(&self) -> Option<String> {
        let more = self.more();
        let instances = if more == 1 { "instance" } else { "instances" };
        let rest = if more > self.named.len() { ", ..." } else { "" };
        (more > 0).then(|| format!("and {more} more {instances}: {}{rest}", self.named.join(", ")))
    }
}

/// Returns an address without the keys of instances.
fn block_of(address: &str) -> String {
    let mut block = String::with_capacity(address.len());
    let (mut is_key, mut is_text, mut is_escaped) = (false, false, false);
    for character in address.chars() {
        match character {
            _ if is_escaped => is_escaped = false,
            '\\' if is_text => is_escaped = true,
            '"' => is_text = !is_text,
            '[' if !is_text => is_key = true,
            ']' if !is_text => is_key = false,
            _ if !is_key => block.push(character),
            _ => {}
        }
    }
    block
}

/// Returns a message without the names, texts and numbers in it.
fn words_of(summary: &str) -> String {
    let mut words = String::with_capacity(summary.len());
    let mut quote = None;
    for character in summary.chars() {
        match (quote, character) {
            (None, '`' | '"') => quote = Some(character),
            (Some(open), _) if open == character => quote = None,
            (Some(_), _) => {}
            (None, _) if character.is_ascii_digit() => {}
            (None, _) => words.push(character),
        }
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostics::FileId;

    fn wrong(summary: &str, address: &str) -> Diagnostic {
        Diagnostic::error(summary).at(Span::new(FileId(0), 5, 9)).about(address)
    }

    fn lines(messages: impl IntoIterator<Item = Diagnostic>) -> Vec<String> {
        let mut found = Diagnostics::new();
        found.extend(messages);
        let line = |one: &Gathered| format!("{} ({})", one.diagnostic.summary, one.others().unwrap_or_default());
        gather(&found).iter().map(line).collect()
    }

    #[test]
    fn two_hundred_instances_have_one_mistake() {
        let each =
            (0..200).map(|at| wrong(&format!("`{at}GB` has no unit, found \"{at}\""), &format!("vm.a[\"x]{at}\"]")));
        let expected =
            "`0GB` has no unit, found \"0\" (and 199 more instances: vm.a[\"x]1\"], vm.a[\"x]2\"], vm.a[\"x]3\"], ...)";
        assert_eq!(lines(each), [expected]);
    }

    #[test]
    fn what_differs_in_more_than_values_is_told_apart() {
        let each = ["vm.a[0]", "vm.a[1]"]
            .into_iter()
            .flat_map(|address| ["needs `x`", "needs `y`", "is late"].map(|summary| wrong(summary, address)));
        let others = [wrong("is late", "vm.b"), wrong("is late", "vm.b")];
        let expected = [
            "needs `x` (and 1 more instance: vm.a[1])",
            "needs `y` (and 1 more instance: vm.a[1])",
            "is late (and 1 more instance: vm.a[1])",
            "is late ()",
        ];
        assert_eq!(lines(each.chain(others)), expected);
    }
}
