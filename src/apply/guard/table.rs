//! Whether a table still shows what the plan was made from: a row, the absence of one, or a list of rules in order.

use super::Failure;
use crate::plan::Expected;
use crate::proxmox::ErrorClass;
use crate::proxmox::decode::{gist, text};
use crate::resources::step::RULE_MEMBERS;
use serde_json::Value;
use std::collections::BTreeMap;

/// Compares, and returns the digest of what was read.
pub(in crate::apply) fn compare(answer: &Value, expected: &Expected) -> Result<Option<String>, Failure> {
    let rows: Vec<&Value> = answer.as_array().into_iter().flatten().collect();
    let digest = |row: Option<&&Value>| row.and_then(|row| row.get("digest")).and_then(text);
    let named = |column: &str, name: &str| {
        let is_it = |row: &&&Value| row.get(column).and_then(text).as_deref() == Some(name);
        rows.iter().find(is_it).copied()
    };
    match expected {
        Expected::Row { column, name, members } => {
            let Some(row) = named(column, name) else {
                return Err(outdated(format!("`{name}` does not exist any more"), ErrorClass::Gone));
            };
            match members.iter().find(|(member, gist_then)| row.get(*member).map(gist) != **gist_then) {
                Some((member, _)) => Err(outdated(
                    format!("`{member}` of `{name}` was changed since the plan was made"),
                    ErrorClass::Stale,
                )),
                None => Ok(digest(Some(&row))),
            }
        }
        Expected::NoRow { column, name } => match named(column, name) {
            Some(_) => Err(outdated(format!("`{name}` exists since the plan was made"), ErrorClass::Exists)),
            None => Ok(None),
        },
        Expected::Rules(expected) if in_order(&rows) == *expected => Ok(digest(rows.first())),
        Expected::Rules(_) => {
            Err(outdated("the list was changed since the plan was made".to_owned(), ErrorClass::Stale))
        }
    }
}

fn outdated(text: String, class: ErrorClass) -> Failure {
    Failure { class: Some(class), ..Failure::new(text).hint("plan again to see what to do about it") }
}

fn in_order(rows: &[&Value]) -> Vec<BTreeMap<String, String>> {
    let position = |row: &Value| row.get("pos").and_then(crate::proxmox::decode::integer).unwrap_or(i64::MAX);
    let mut rows = rows.to_vec();
    rows.sort_by_key(|row| position(row));
    let texts = |row: &&Value| -> BTreeMap<String, String> {
        RULE_MEMBERS.iter().filter_map(|name| Some(((*name).to_owned(), row.get(*name).and_then(text)?))).collect()
    };
    rows.iter().map(texts).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_row_is_compared_by_what_it_says() {
        let members = BTreeMap::from([("nodes".to_owned(), Some("a,b".to_owned())), ("comment".to_owned(), None)]);
        let expected = Expected::Row { column: "rule".to_owned(), name: "r1".to_owned(), members };
        let row = |nodes: &str| json!([{"rule": "r0"}, {"rule": "r1", "nodes": nodes, "digest": "d"}]);
        assert_eq!(compare(&row("b,a"), &expected).ok(), Some(Some("d".to_owned())));
        assert_eq!(compare(&row("b"), &expected).map_err(|failure| failure.class), Err(Some(ErrorClass::Stale)));
        assert_eq!(compare(&json!([]), &expected).map_err(|failure| failure.class), Err(Some(ErrorClass::Gone)));
    }

    #[test]
    fn a_list_is_compared_in_order() {
        let rule = |action: &str| BTreeMap::from([("action".to_owned(), action.to_owned())]);
        let expected = Expected::Rules(vec![rule("ACCEPT"), rule("DROP")]);
        let list = json!([{"pos": 1, "action": "DROP", "digest": "d"}, {"pos": 0, "action": "ACCEPT", "digest": "d"}]);
        assert_eq!(compare(&list, &expected).ok(), Some(Some("d".to_owned())));
        assert!(compare(&json!([{"pos": 0, "action": "DROP"}]), &expected).is_err());
    }
}
