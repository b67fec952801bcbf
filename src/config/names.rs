//! Names as they occur in the text again and again, each kept once: block types, attributes, the words of references.

use std::collections::HashSet;
use std::sync::Arc;

/// The names met so far.
#[derive(Debug, Default)]
pub(super) struct Names(HashSet<Arc<str>>);

impl Names {
    /// Returns the name, the one that is there already if it is.
    pub(super) fn get(&mut self, name: &str) -> Arc<str> {
        if let Some(known) = self.0.get(name) {
            return known.clone();
        }
        let name: Arc<str> = name.into();
        self.0.insert(name.clone());
        name
    }
}
