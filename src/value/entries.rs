//! What maps, objects and the like hold, sorted by name and in one piece: most hold a handful, and a stack holds very many of them.

use super::Value;
use foldhash::fast::RandomState;
use std::cell::RefCell;
use std::collections::{BTreeMap, HashSet};
use std::fmt;
use std::iter::Map;
use std::ops::Index;
use std::slice;
use std::sync::Arc;

/// Values, or something else, by name. Cheap to clone; what changes entries makes a map of them and new ones of that.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Entries<T = Value>(Arc<[(Arc<str>, T)]>);

type Iter<'a, T> = Map<slice::Iter<'a, (Arc<str>, T)>, fn(&'a (Arc<str>, T)) -> (&'a Arc<str>, &'a T)>;

/// As many are looked through faster than searched.
const FEW: usize = 32;

impl<T> Entries<T> {
    /// Returns the value of a name.
    pub fn get(&self, name: &str) -> Option<&T> {
        if self.0.len() <= FEW {
            // Names of other lengths need not be looked at.
            return self.0.iter().find(|(own, _)| **own == *name).map(|(_, value)| value);
        }
        let place = self.0.binary_search_by(|(own, _)| (**own).cmp(name)).ok()?;
        Some(&self.0[place].1)
    }

    /// Returns whether there is a value of this name.
    pub fn contains_key(&self, name: &str) -> bool {
        self.get(name).is_some()
    }

    /// Returns how many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Returns whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns names with values, in order of the names.
    pub fn iter(&self) -> Iter<'_, T> {
        self.0.iter().map(|(name, value)| (name, value))
    }

    /// Returns the names, in order.
    pub fn keys(&self) -> impl DoubleEndedIterator<Item = &Arc<str>> + ExactSizeIterator + Clone {
        self.0.iter().map(|(name, _)| name)
    }

    /// Returns the values, in order of their names.
    pub fn values(&self) -> impl DoubleEndedIterator<Item = &T> + ExactSizeIterator + Clone {
        self.0.iter().map(|(_, value)| value)
    }
}

impl Entries<Arc<str>> {
    /// Returns the text of a name.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.get(name).map(|text| &**text)
    }
}

impl<T: Clone> Entries<T> {
    /// Returns them with some values replaced by others; nothing if all stay, so that these can be shared.
    pub fn replaced(&self, replace: impl Fn(&T) -> Option<T>) -> Option<Self> {
        let others = replaced(&self.0, |(name, value)| Some((name.clone(), replace(value)?)))?;
        Some(Self(others.into()))
    }

    /// Returns them to be changed.
    pub fn to_map(&self) -> BTreeMap<Arc<str>, T> {
        self.0.iter().cloned().collect()
    }
}

/// Returns all of a kind with some replaced by others; nothing if all stay.
pub fn replaced<T: Clone>(all: &[T], replace: impl Fn(&T) -> Option<T>) -> Option<Vec<T>> {
    let (place, first) = all.iter().enumerate().find_map(|(place, one)| Some((place, replace(one)?)))?;
    let (before, after) = (all[..place].iter().cloned(), &all[place + 1..]);
    Some(before.chain([first]).chain(after.iter().map(|one| replace(one).unwrap_or_else(|| one.clone()))).collect())
}

thread_local! {
    static NAMES: RefCell<HashSet<Arc<str>, RandomState>> = RefCell::default();
}

/// Returns the one copy of a name. For what schemas name: that is little, and stands in every object there is.
pub fn name(name: &str) -> Arc<str> {
    NAMES.with_borrow_mut(|names| match names.get(name) {
        Some(known) => known.clone(),
        None => {
            let new: Arc<str> = name.into();
            names.insert(new.clone());
            new
        }
    })
}

impl<T> Default for Entries<T> {
    fn default() -> Self {
        Self(Arc::default())
    }
}

impl<T> FromIterator<(Arc<str>, T)> for Entries<T> {
    /// Of two with one name the later counts.
    fn from_iter<I: IntoIterator<Item = (Arc<str>, T)>>(entries: I) -> Self {
        let mut entries: Vec<(Arc<str>, T)> = entries.into_iter().collect();
        if !entries.is_sorted_by(|(one, _), (next, _)| one < next) {
            entries.sort_by(|(one, _), (other, _)| one.cmp(other));
            entries.dedup_by(|later, kept| {
                let is_again = later.0 == kept.0;
                if is_again {
                    std::mem::swap(later, kept);
                }
                is_again
            });
        }
        match entries.is_empty() {
            true => Self::default(),
            false => Self(entries.into()),
        }
    }
}

impl<T> From<BTreeMap<Arc<str>, T>> for Entries<T> {
    fn from(entries: BTreeMap<Arc<str>, T>) -> Self {
        entries.into_iter().collect()
    }
}

impl<'a, T> IntoIterator for &'a Entries<T> {
    type Item = (&'a Arc<str>, &'a T);
    type IntoIter = Iter<'a, T>;

    fn into_iter(self) -> Iter<'a, T> {
        self.iter()
    }
}

impl<T> Index<&str> for Entries<T> {
    type Output = T;

    fn index(&self, name: &str) -> &T {
        self.get(name).expect("whoever indexes knows that the name is there")
    }
}

impl<T: fmt::Debug> fmt::Debug for Entries<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn they_are_sorted_and_the_later_of_two_counts() {
        let all =
            [("b", 1), ("a", 2), ("b", 3), ("c", 4), ("b", 5)].map(|(name, value)| (name.into(), Value::from(value)));
        let entries = Entries::from_iter(all.clone());
        let map: BTreeMap<Arc<str>, Value> = all.into();
        assert_eq!(entries, map.clone().into());
        assert_eq!(entries.to_map(), map);
        assert_eq!(entries.get("b"), Some(&Value::from(5)));
        assert_eq!(
            (entries.len(), entries.contains_key("d"), Entries::<Value>::default().is_empty()),
            (3, false, true)
        );
    }
}
