//! How objects of the network are shown: as configured, as running, or as what an apply would change.

use serde_json::{Map, Value, json};

use super::Machine;
use super::objects::File;
use super::sdn::{Kind, described};
use super::state::Object;

impl Machine {
    /// Returns the rows of one kind in one of the three views.
    pub(super) fn sdn_rows(&self, kind: &'static Kind, is_pending: bool, is_running: bool) -> Vec<Value> {
        if is_pending {
            return self.pending_rows(kind);
        }
        let file = if is_running { &kind.running } else { &kind.file };
        let digest = self.file_digest(&kind.file);
        let rows = self.objects_of(file).map(|(id, object)| {
            let mut row = described(kind, id, object);
            row.insert("digest".to_owned(), json!(digest));
            Value::Object(row)
        });
        rows.collect()
    }

    fn pending_rows(&self, kind: &'static Kind) -> Vec<Value> {
        let configured = self.objects_of(&kind.file).map(|(id, object)| {
            let new = described(kind, id, object);
            match self.object(&kind.running, id) {
                Some(running) => changed(described(kind, id, running), &new),
                None => added(kind, new),
            }
        });
        let removed = self.objects_of(&kind.running).filter(|(id, _)| self.object(&kind.file, id).is_none());
        let removed = removed.map(|(id, object)| {
            let mut row = described(kind, id, object);
            row.insert("state".to_owned(), json!("deleted"));
            row.insert("pending".to_owned(), json!({}));
            row
        });
        let rows = configured.chain(removed).map(|mut row| {
            // What is not applied has no digest.
            row.insert("digest".to_owned(), Value::Null);
            Value::Object(row)
        });
        rows.collect()
    }

    /// Returns whether an apply would change anything of a kind.
    pub(super) fn is_pending(&self, kind: &'static Kind) -> bool {
        !self.objects_of(&kind.file).eq(self.objects_of(&kind.running))
    }

    /// Makes one file what another is.
    pub(super) fn copy_objects(&mut self, from: &'static File, to: &'static File) {
        let gone: Vec<String> = self.objects_of(to).map(|(id, _)| id.to_owned()).collect();
        for id in gone {
            self.remove_object(to, &id);
        }
        let objects: Vec<(String, Object)> =
            self.objects_of(from).map(|(id, object)| (id.to_owned(), object.clone())).collect();
        for (id, object) in objects {
            self.save_object(to, &id, object);
        }
    }
}

fn added(kind: &Kind, new: Map<String, Value>) -> Map<String, Value> {
    let is_identity = |name: &str| name == kind.word || kind.identity.contains(&name);
    let (mut row, pending): (Map<_, _>, Map<_, _>) = new.into_iter().partition(|(name, _)| is_identity(name));
    row.insert("state".to_owned(), json!("new"));
    row.insert("pending".to_owned(), Value::Object(pending));
    row
}

fn changed(mut row: Map<String, Value>, new: &Map<String, Value>) -> Map<String, Value> {
    let mut pending: Map<String, Value> = new
        .iter()
        .filter(|(name, value)| row.get(*name) != Some(value))
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect();
    for name in row.keys().filter(|name| !new.contains_key(*name)) {
        pending.insert(name.clone(), json!("deleted"));
    }
    if !pending.is_empty() {
        row.insert("state".to_owned(), json!("changed"));
        row.insert("pending".to_owned(), Value::Object(pending));
    }
    row
}
