//! Objects and `for` expressions.

use super::evaluate::{Evaluator, unknown};
use super::{Expression, For};
use crate::diagnostics::Diagnostic;
use crate::value::{Kind, Marks, Type, Value, convert};
use std::collections::BTreeMap;
use std::sync::Arc;

/// What a `for` expression gathers.
#[derive(Default)]
struct Gathered {
    items: Vec<Value>,
    entries: BTreeMap<Arc<str>, Value>,
    groups: BTreeMap<Arc<str>, Vec<Value>>,
    marks: Marks,
    has_unknown_shape: bool,
}

impl Evaluator<'_> {
    pub(super) fn object(&mut self, entries: &[(Expression, Expression)], expression: &Expression) -> Value {
        let mut attributes: BTreeMap<Arc<str>, Value> = BTreeMap::new();
        let mut marks = Marks::NONE;
        let mut is_known = true;
        for (key, value) in entries {
            let name = self.key(key);
            let value = self.value(value);
            let Some(name) = name else {
                is_known = false;
                continue;
            };
            marks = marks | name.marks();
            match name.kind() {
                Kind::Text(name) => {
                    if attributes.insert(name.clone(), value).is_some() {
                        let shown = if marks.contains(Marks::SENSITIVE) { "(sensitive)" } else { name };
                        let diagnostic = Diagnostic::error(format!(
                            "key `{shown}` is given twice; keys of an object must be different"
                        ));
                        self.fail(key, diagnostic);
                    }
                }
                _ => is_known = false,
            }
        }
        match is_known {
            true => self.weighed(Value::object(attributes).with_marks(marks), expression.span),
            false => unknown().with_marks(marks),
        }
    }

    /// Evaluates a key to text; `None` after an error.
    fn key(&mut self, key: &Expression) -> Option<Value> {
        let (value, is_fine) = self.checked(key);
        if !is_fine {
            return None;
        }
        if value.is_null() {
            self.fail(key, Diagnostic::error("key is null; a string is required"));
            return None;
        }
        match convert(&value, &Type::Text) {
            Ok(text) => Some(text),
            Err(mismatch) => {
                self.fail(key, Diagnostic::error(format!("key is wrong: {mismatch}")));
                None
            }
        }
    }

    pub(super) fn for_expression(&mut self, each: &For, expression: &Expression) -> Value {
        let (collection, is_fine) = self.checked(&each.collection);
        if !is_fine {
            return unknown();
        }
        if collection.is_null() {
            return self.fail(&each.collection, Diagnostic::error("null has no items to go through"));
        }
        let may_iterate = match collection.kind() {
            Kind::Unknown(of, _) => !matches!(of, Type::Bool | Type::Number | Type::Text),
            _ => collection.as_items().is_some() || collection.as_entries().is_some(),
        };
        if !may_iterate {
            let what = collection.type_of().with_article();
            return self.fail(
                &each.collection,
                Diagnostic::error(format!("{what} has no items to go through; a list, set, map or object is required")),
            );
        }
        let mut gathered = Gathered { marks: collection.marks(), ..Gathered::default() };
        if collection.is_unknown() || !self.condition_is_plausible(each, &mut gathered.marks) {
            return unknown().with_marks(gathered.marks);
        }
        match (collection.kind(), collection.as_items(), collection.as_entries()) {
            (Kind::Set(_), Some(items), _) => {
                for item in items {
                    if !self.iteration(each, item.clone(), item.clone(), &mut gathered) {
                        return unknown();
                    }
                }
            }
            (_, Some(items), _) => {
                for (index, item) in items.iter().enumerate() {
                    if !self.iteration(each, Value::from(index as i64), item.clone(), &mut gathered) {
                        return unknown();
                    }
                }
            }
            (_, _, Some(entries)) => {
                for (key, entry) in entries {
                    if !self.iteration(each, Value::text(key.clone()), entry.clone(), &mut gathered) {
                        return unknown();
                    }
                }
            }
            _ => unreachable!("only collections get here"),
        }
        self.gathered(each, gathered, expression)
    }

    fn gathered(&mut self, each: &For, gathered: Gathered, expression: &Expression) -> Value {
        let value = match each.key {
            _ if gathered.has_unknown_shape => unknown(),
            None => Value::tuple(gathered.items),
            Some(_) if each.is_grouping => {
                Value::object(gathered.groups.into_iter().map(|(key, items)| (key, Value::tuple(items))))
            }
            Some(_) => Value::object(gathered.entries),
        };
        self.weighed(value.with_marks(gathered.marks), expression.span)
    }

    /// Checks the `if` clause once with unknown variables, so that what is wrong whatever the item is said once.
    fn condition_is_plausible(&mut self, each: &For, marks: &mut Marks) -> bool {
        let Some(condition) = &each.condition else { return true };
        let outer = self.locals.len();
        self.locals.extend(std::iter::repeat_n(unknown(), 1 + usize::from(each.has_key)));
        let (value, is_fine) = self.checked(condition);
        let is_plausible = is_fine && self.condition_value(condition, &value).is_some();
        self.locals.truncate(outer);
        if !is_plausible {
            *marks = *marks | value.marks();
        }
        is_plausible
    }

    fn condition_value(&mut self, condition: &Expression, value: &Value) -> Option<Value> {
        if value.is_null() {
            self.fail(condition, Diagnostic::error("`if` clause is null; it must be true or false"));
            return None;
        }
        match convert(value, &Type::Bool) {
            Ok(flag) => Some(flag),
            Err(mismatch) => {
                self.fail(condition, Diagnostic::error(format!("`if` clause is wrong: {mismatch}")));
                None
            }
        }
    }

    /// Evaluates one round; false when it must be the last.
    fn iteration(&mut self, each: &For, key: Value, item: Value, gathered: &mut Gathered) -> bool {
        if !self.count_item(&each.collection) {
            return false;
        }
        let outer = self.locals.len();
        if each.has_key {
            self.locals.push(key);
        }
        self.locals.push(item);
        self.gather(each, gathered);
        self.locals.truncate(outer);
        true
    }

    fn gather(&mut self, each: &For, gathered: &mut Gathered) {
        if let Some(condition) = &each.condition {
            let (value, is_fine) = self.checked(condition);
            gathered.marks = gathered.marks | value.marks();
            let flag = if is_fine { self.condition_value(condition, &value) } else { None };
            match flag.and_then(|flag| flag.as_bool()) {
                Some(true) => {}
                Some(false) => return,
                None => {
                    gathered.has_unknown_shape = true;
                    return;
                }
            }
        }
        let Some(key) = &each.key else {
            let value = self.value(&each.value);
            gathered.items.push(value);
            return;
        };
        let Some(name) = self.key(key) else {
            gathered.has_unknown_shape = true;
            return;
        };
        gathered.marks = gathered.marks | name.marks();
        let Kind::Text(text) = name.kind() else {
            gathered.has_unknown_shape = true;
            return;
        };
        let value = self.value(&each.value);
        if each.is_grouping {
            gathered.groups.entry(text.clone()).or_default().push(value);
        } else if gathered.entries.insert(text.clone(), value).is_some() {
            let shown = if name.is_sensitive() { "(sensitive)" } else { text };
            let diagnostic =
                Diagnostic::error(format!("two items have the key `{shown}`; keys of an object must be different"));
            self.fail(key, diagnostic.hint("write `...` after the value to group items by key"));
        }
    }
}
