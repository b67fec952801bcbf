//! Collections that remember what changed, so that the store writes rows and not the whole cluster.
//!
//! Nothing is written here: [`Table::take_changes`] hands the changed rows out as JSON text.

use std::borrow::Borrow;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::{Debug, Display};
use std::ops::{Deref, DerefMut};
use std::str::FromStr;

use serde::Serialize;
use serde::de::DeserializeOwned;

/// One changed row: table, key, and the new JSON or nothing when the row is gone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// Name of the table.
    pub table: String,
    /// Key within the table.
    pub key: String,
    /// New content; `None` removes the row.
    pub json: Option<String>,
}

/// An ordered map that knows which keys were touched since it was last asked.
#[derive(Clone, Debug)]
pub(super) struct Table<K, V> {
    rows: BTreeMap<K, V>,
    touched: BTreeSet<K>,
}

impl<K, V> Default for Table<K, V> {
    fn default() -> Self {
        Self { rows: BTreeMap::new(), touched: BTreeSet::new() }
    }
}

impl<K, V> Table<K, V>
where
    K: Ord + Clone + Display + FromStr,
    V: Serialize + DeserializeOwned,
{
    pub(super) fn get<Q: Ord + ?Sized>(&self, key: &Q) -> Option<&V>
    where
        K: Borrow<Q>,
    {
        self.rows.get(key)
    }

    pub(super) fn has<Q: Ord + ?Sized>(&self, key: &Q) -> bool
    where
        K: Borrow<Q>,
    {
        self.rows.contains_key(key)
    }

    pub(super) fn get_mut<Q: Ord + ?Sized>(&mut self, key: &Q) -> Option<&mut V>
    where
        K: Borrow<Q>,
    {
        let (found, _) = self.rows.get_key_value(key)?;
        self.touched.insert(found.clone());
        self.rows.get_mut(key)
    }

    pub(super) fn insert(&mut self, key: K, value: V) {
        self.touched.insert(key.clone());
        self.rows.insert(key, value);
    }

    pub(super) fn remove<Q: Ord + ?Sized>(&mut self, key: &Q) -> Option<V>
    where
        K: Borrow<Q>,
    {
        let (key, value) = self.rows.remove_entry(key)?;
        self.touched.insert(key);
        Some(value)
    }

    pub(super) fn iter(&self) -> impl DoubleEndedIterator<Item = (&K, &V)> {
        self.rows.iter()
    }

    pub(super) fn keys(&self) -> impl DoubleEndedIterator<Item = &K> {
        self.rows.keys()
    }

    pub(super) fn values(&self) -> impl DoubleEndedIterator<Item = &V> {
        self.rows.values()
    }

    pub(super) fn len(&self) -> usize {
        self.rows.len()
    }

    /// Returns the keys of rows touched since changes were last taken.
    pub(super) fn touched(&self) -> impl Iterator<Item = &K> {
        self.touched.iter()
    }

    /// Returns the rows touched since the last call, removed ones without content.
    pub(super) fn take_changes(&mut self, table: &str, into: &mut Vec<Row>) {
        for key in std::mem::take(&mut self.touched) {
            let json = self.rows.get(&key).map(|value| to_json(value));
            into.push(Row { table: table.to_owned(), key: key.to_string(), json });
        }
    }

    /// Puts one stored row back; unreadable text is an error that names the row.
    pub(super) fn restore(&mut self, key: &str, json: &str) -> Result<(), String> {
        let parsed: K = key.parse().map_err(|_| format!("key `{key}` is not one of this table"))?;
        let value = serde_json::from_str(json).map_err(|error| format!("row `{key}`: {error}"))?;
        self.rows.insert(parsed, value);
        Ok(())
    }
}

/// A single value that knows whether it was touched.
#[derive(Clone, Debug, Default)]
pub(super) struct Single<T> {
    value: T,
    is_touched: bool,
}

impl<T: Serialize + DeserializeOwned> Single<T> {
    pub(super) fn new(value: T) -> Self {
        Self { value, is_touched: true }
    }

    pub(super) fn take_changes(&mut self, key: &str, into: &mut Vec<Row>) {
        if std::mem::take(&mut self.is_touched) {
            let json = Some(to_json(&self.value));
            into.push(Row { table: "single".to_owned(), key: key.to_owned(), json });
        }
    }

    pub(super) fn restore(&mut self, json: &str) -> Result<(), String> {
        self.value = serde_json::from_str(json).map_err(|error| error.to_string())?;
        Ok(())
    }
}

impl<T> Deref for Single<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.value
    }
}

impl<T> DerefMut for Single<T> {
    fn deref_mut(&mut self) -> &mut T {
        self.is_touched = true;
        &mut self.value
    }
}

fn to_json<T: Serialize>(value: &T) -> String {
    serde_json::to_string(value).expect("state is made of strings, numbers, lists and string-keyed maps")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_touched_rows_are_handed_out_and_restored() {
        let mut table: Table<u32, String> = Table::default();
        table.insert(1, "a".into());
        table.insert(2, "b".into());
        let mut rows = Vec::new();
        table.take_changes("letters", &mut rows);
        assert_eq!(rows.len(), 2);
        rows.clear();
        table.remove(&1);
        assert!(table.get(&2).is_some());
        table.take_changes("letters", &mut rows);
        assert_eq!(rows, [Row { table: "letters".into(), key: "1".into(), json: None }]);
        table.restore("7", "\"c\"").expect("the row is JSON text");
        assert_eq!(table.get(&7).map(String::as_str), Some("c"));
    }
}
