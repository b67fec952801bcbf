//! The simulated clusters of one test file: in memory, one for each `cluster` of the stack, and what became of them.

use crate::apply::Clusters;
use crate::cli::clusters::read_lab;
use crate::cli::failure::Outcome;
use crate::config::{Attributes, ClusterSettings, World};
use crate::diagnostics::{Diagnostic, Span};
use crate::proxmox::{Call, Client, Limits};
use crate::simulator::{InProcess, Lab, Pace, Store};
use crate::state::State;
use crate::value::Value;
use serde_json::Value as Json;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

/// Name of the cluster of a module that has none.
const DEFAULT: &str = "simulator";

/// Differences that are named when a lab is not as it was.
const DIFFERENCES_MAX: usize = 8;

/// The clusters of a file.
pub(super) struct Labs<'a> {
    /// The lab file that the test file names.
    lab: Option<&'a str>,
    /// By name of the cluster; the default cluster of every module is one and the same.
    open: BTreeMap<Arc<str>, OpenLab>,
}

struct OpenLab {
    client: Arc<Client>,
    store: Arc<Mutex<Store>>,
    /// What it held in the beginning.
    before: Json,
}

impl<'a> Labs<'a> {
    /// Returns no cluster yet: each is made when it is first wanted.
    pub(super) fn new(lab: Option<&'a str>) -> Self {
        Self { lab, open: BTreeMap::new() }
    }

    /// Puts a simulated cluster in the place of every cluster of a stack, and one into a stack that has none.
    ///
    /// # Errors
    /// A lab file that cannot be used.
    pub(super) fn connect(
        &mut self,
        clusters: &mut BTreeMap<Arc<str>, ClusterSettings>,
        span: Span,
        world: &dyn World,
    ) -> Outcome<Clusters> {
        if clusters.is_empty() {
            let name: Arc<str> = DEFAULT.into();
            let none = Attributes::new();
            let settings = ClusterSettings {
                name: name.clone(),
                is_default: true,
                attributes: none,
                simulator: None,
                vmid_range: None,
                span,
            };
            clusters.insert(name, settings);
        }
        let mut clients = Clusters::new();
        for (name, settings) in clusters.iter() {
            let place: Arc<str> = if settings.is_default { DEFAULT.into() } else { name.clone() };
            if !self.open.contains_key(&place) {
                let lab = self.make(settings, world)?;
                self.open.insert(place.clone(), lab);
            }
            clients.insert(name.clone(), self.open[&place].client.clone());
        }
        Ok(clients)
    }

    fn make(&self, settings: &ClusterSettings, world: &dyn World) -> Outcome<OpenLab> {
        let own = settings.simulator.as_ref().and_then(|simulator| simulator.get("lab")).and_then(Value::as_text);
        let mut lab = match self.lab.or(own) {
            Some(path) => read_lab(path, world)?,
            None => Lab::built_in(),
        };
        lab.cluster = settings.name.to_string();
        for guest in lab.guest.values_mut() {
            // A test leaves this process for nobody.
            (guest.connect, guest.root) = (None, None);
        }
        let store = Store::in_memory(&lab, Pace::Instant).map_err(|error| Diagnostic::error(error.to_string()))?;
        let before = store.machine().dump();
        let store = Arc::new(Mutex::new(store));
        let client = Arc::new(Client::new(Arc::new(InProcess::new(store.clone())), Limits::default()));
        Ok(OpenLab { client, store, before })
    }

    /// Returns what is not as it was: `lab.guests.5000`.
    pub(super) fn changed(&self) -> Vec<String> {
        let mut changed = Vec::new();
        for lab in self.open.values() {
            let after = lab.store.lock().unwrap_or_else(PoisonError::into_inner).machine().dump();
            differences("", &lab.before, &after, &mut changed);
        }
        changed.truncate(DIFFERENCES_MAX);
        changed
    }
}

/// Collects the paths of the smallest parts that differ.
fn differences(path: &str, before: &Json, after: &Json, changed: &mut Vec<String>) {
    match (before, after) {
        (Json::Object(before), Json::Object(after)) => {
            let names = before.keys().chain(after.keys().filter(|name| !before.contains_key(*name)));
            for name in names {
                let dot = if path.is_empty() { "" } else { "." };
                let (one, other) = (before.get(name), after.get(name));
                differences(
                    &format!("{path}{dot}{name}"),
                    one.unwrap_or(&Json::Null),
                    other.unwrap_or(&Json::Null),
                    changed,
                );
            }
        }
        (before, after) if before == after => {}
        _ => changed.push(path.to_owned()),
    }
}

/// Takes the protection off all guests of a state.
pub(super) async fn unprotect(state: &State, clusters: &Clusters) -> Outcome<()> {
    for record in state.records.values() {
        let is_protected = record.applied.get("protection").and_then(Value::as_bool) == Some(true);
        let place = record.identity.node().zip(record.identity.vmid()).filter(|_| is_protected);
        if let (Some((node, vmid)), Some(client)) = (place, clusters.get(&record.cluster)) {
            let call = Call::put(format!("/nodes/{node}/qemu/{vmid}/config")).with("protection", "0");
            client.write(&call).await.map_err(|error| Diagnostic::error(error.to_string()))?;
        }
    }
    Ok(())
}
