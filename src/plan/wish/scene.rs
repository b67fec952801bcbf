//! What blocks are evaluated in: objects so far, what is taken, and the facts a block type may ask for.

use super::template::build::COPY;
use super::{Wish, choose, written};
use crate::config::{Address, Block, Evaluated, Key, ModulePath, Objects};
use crate::diagnostics::{Diagnostic, Diagnostics, Span};
use crate::observe::{ClusterView, GuestView};
use crate::plan::input::PlanInput;
use crate::resources::conform::Places;
use crate::resources::{is_guest, takes_vmid};
use crate::state::Record;
use crate::value::{Entries, Path, Value};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// The evaluation so far.
pub(in crate::plan) struct Scene<'a> {
    /// Input of the planner.
    pub(in crate::plan) input: PlanInput<'a>,
    /// Objects by address, for expressions.
    pub(in crate::plan) objects: Objects,
    /// What is wanted.
    pub(in crate::plan) wishes: BTreeMap<Address, Box<Wish>>,
    /// What is taken.
    pub(in crate::plan) ledger: choose::Ledger,
    /// Tenants met so far.
    pub(in crate::plan) tenants: BTreeMap<Address, TenantFacts>,
    /// Guests that get a new VMID.
    pub(super) replaced: BTreeSet<Address>,
    /// Those of them that are made before the old one goes, and so share nothing with it.
    made_first: BTreeSet<Address>,
    /// Objects that are replaced because another one changes, with that one.
    pub(in crate::plan) triggered: BTreeMap<Address, Address>,
    /// Templates as this plan will have made them, by cluster and VMID.
    pub(super) forecasts: BTreeMap<(Arc<str>, u32), Arc<GuestView>>,
    default_cluster: Option<Arc<str>>,
    /// Blocks that have errors, or depend on such a block.
    pub(super) broken: BTreeSet<Address>,
    /// What must be known while planning and is not.
    pub(in crate::plan) refused: Diagnostics,
    /// Blocks with preconditions that are not decided yet.
    pub(in crate::plan) open_preconditions: BTreeSet<Address>,
    /// Blocks with postconditions that are not decided yet.
    pub(in crate::plan) open_postconditions: BTreeSet<Address>,
}

/// What of the evaluation is needed to the end.
pub(in crate::plan) struct Lasting {
    /// Objects by address, for expressions.
    pub(in crate::plan) objects: Objects,
    /// Blocks with preconditions that are not decided yet.
    pub(in crate::plan) open_preconditions: BTreeSet<Address>,
    /// Blocks with postconditions that are not decided yet.
    pub(in crate::plan) open_postconditions: BTreeSet<Address>,
}

impl From<Scene<'_>> for Lasting {
    fn from(scene: Scene) -> Self {
        let Scene { objects, open_preconditions, open_postconditions, .. } = scene;
        Self { objects, open_preconditions, open_postconditions }
    }
}

/// What guests are cloned from: seen, or to be made.
#[derive(Clone)]
pub(super) enum Source<'a> {
    /// It is there.
    Seen(&'a GuestView),
    /// It will be there.
    Forecast(Arc<GuestView>),
}

impl std::ops::Deref for Source<'_> {
    type Target = GuestView;

    fn deref(&self) -> &GuestView {
        match self {
            Self::Seen(guest) => guest,
            Self::Forecast(guest) => guest,
        }
    }
}

/// A tenant as quota and capacity need it.
#[derive(Clone)]
pub(in crate::plan) struct TenantFacts {
    /// Its address.
    pub(in crate::plan) address: Address,
    /// Its cluster.
    pub(in crate::plan) cluster: Arc<str>,
    /// Its pool.
    pub(in crate::plan) pool: String,
    /// Its tier; null if it has none.
    pub(in crate::plan) tier: Value,
    /// Where the tier is written.
    pub(in crate::plan) span: Span,
}

impl<'a> Scene<'a> {
    pub(super) fn new(
        input: &PlanInput<'a>,
        replaced: &BTreeSet<Address>,
        triggered: BTreeMap<Address, Address>,
    ) -> Self {
        let clusters = &input.stack.clusters;
        let declared = clusters
            .values()
            .find(|cluster| cluster.is_default)
            .or_else(|| clusters.values().next().filter(|_| clusters.len() == 1));
        let mut scene = Self {
            input: *input,
            objects: Objects::new(),
            wishes: BTreeMap::new(),
            ledger: choose::Ledger::default(),
            tenants: BTreeMap::new(),
            replaced: replaced.clone(),
            triggered,
            made_first: made_first(input, replaced),
            forecasts: BTreeMap::new(),
            default_cluster: declared.map(|cluster| cluster.name.clone()),
            broken: BTreeSet::new(),
            refused: Diagnostics::new(),
            open_preconditions: BTreeSet::new(),
            open_postconditions: BTreeSet::new(),
        };
        for name in clusters.keys() {
            let address = Address::new(ModulePath::default(), "cluster", name.clone());
            let value =
                Value::block(address.to_string(), BTreeMap::from([(Arc::from("name"), Value::text(name.clone()))]));
            scene.objects.insert(address, value);
        }
        for (name, view) in input.observed.into_iter().flat_map(|observed| &observed.clusters) {
            scene.ledger.note_cluster(name, view);
        }
        for vmid in input.avoided_vmids {
            for name in clusters.keys() {
                scene.ledger.keep_vmid(name, *vmid, "a half-made clone");
            }
        }
        for (address, record) in &input.state.records {
            scene.keep(address, record);
        }
        scene
    }

    /// What is recorded stays taken by its owner, also when its block is evaluated later.
    fn keep(&mut self, address: &Address, record: &Record) {
        let owner = address.to_string();
        if let Some(vmid) = record.identity.vmid().filter(|_| takes_vmid(&record.kind)) {
            self.ledger.keep_vmid(&record.cluster, vmid, &owner);
        }
        for nic in record.applied.get("network").and_then(Value::as_entries).into_iter().flat_map(Entries::values) {
            if let Some(mac) = nic.get("mac").and_then(Value::as_text) {
                self.ledger.keep_mac(mac);
            }
            let address =
                nic.get("address").and_then(Value::as_text).and_then(|text| text.split('/').next()?.parse().ok());
            if let (Some(address), Some(bridge)) = (address, nic.get("bridge").and_then(Value::as_text)) {
                let vlan = nic.get("vlan").and_then(Value::as_i64).unwrap_or_default();
                let domain = format!("{}/{bridge}/{vlan}", record.cluster);
                // Two records with one address were a mistake of the past; the first keeps it, the second is told when it is evaluated.
                drop(self.ledger.take_address(&domain, address, &owner));
            }
        }
    }

    /// Notes what later blocks fix in their text, so that an earlier `auto` does not take it.
    pub(super) fn note_fixed(&mut self) {
        self.note_fixed_templates();
        for block in self.input.stack.blocks.iter().filter(|block| is_guest(&block.address.kind)) {
            let body = self.input.stack.glance(&block.address, &["vmid", "network"]);
            let owner = block.address.to_string();
            if let Some(vmid) = written(&body, "vmid").and_then(|vmid| u32::try_from(vmid.value.as_i64()?).ok()) {
                self.ledger.fix_vmid(vmid, &owner);
            }
            for nic in body.blocks.iter().filter(|nested| &*nested.kind == "network") {
                let address = written(&nic.body, "address")
                    .and_then(|address| address.value.as_text()?.split('/').next()?.parse().ok());
                if let Some(address) = address {
                    self.ledger.fix_address(address, &owner);
                }
            }
        }
    }

    fn note_fixed_templates(&mut self) {
        for block in self.input.stack.blocks.iter().filter(|block| &*block.address.kind == "template") {
            let body = self.input.stack.glance(&block.address, &["vmid", "vmids", "nodes"]);
            let nodes = written(&body, "nodes").and_then(|nodes| nodes.value.as_items()).unwrap_or_default();
            let first = nodes.first().and_then(Value::as_text).map(str::to_owned);
            let alone = first.zip(written(&body, "vmid").map(|vmid| vmid.value.clone()));
            let listed = written(&body, "vmids").and_then(|vmids| vmids.value.as_entries()).into_iter().flatten();
            let listed = listed.map(|(node, vmid)| (node.to_string(), vmid.clone()));
            for (node, vmid) in alone.into_iter().chain(listed) {
                let owner = block.address.child(COPY, Some(Key::Text(node.as_str().into()))).to_string();
                if let Some(vmid) = vmid.as_i64().and_then(|vmid| u32::try_from(vmid).ok()) {
                    self.ledger.fix_vmid(vmid, &owner);
                }
            }
        }
    }

    /// Returns what guests are cloned from, as it will be by then.
    pub(super) fn source(&self, cluster: &Arc<str>, vmid: u32) -> Option<Source<'a>> {
        let forecast = self.forecasts.get(&(cluster.clone(), vmid)).cloned().map(Source::Forecast);
        forecast.or_else(|| self.view(cluster)?.guests.get(&vmid).map(Source::Seen))
    }

    /// Returns the record of a block.
    pub(super) fn record(&self, address: &Address) -> Option<&'a Record> {
        self.input.state.records.get(address)
    }

    /// Returns whether the new one of a replaced object is made first.
    pub(in crate::plan) fn makes_first(&self, address: &Address) -> bool {
        self.made_first.contains(&address.block())
    }

    /// Returns what was chosen for an object, unless it is made anew and may be chosen anew.
    pub(super) fn kept_while_it_lives(&self, address: &Address, path: &Path) -> Option<Value> {
        self.kept(address, path).filter(|_| !self.replaced.contains(address))
    }

    /// Returns what was chosen for an object, unless the new one stands beside the old one for a while.
    pub(super) fn kept_unless_beside(&self, address: &Address, path: &Path) -> Option<Value> {
        self.kept(address, path).filter(|_| !self.makes_first(address))
    }

    /// Returns whether a bridge is a vnet of this stack, which may be made by this very plan.
    pub(super) fn makes_vnet(&self, cluster: &str, bridge: &str) -> bool {
        let mut vnets = self.wishes.values().filter(|wish| wish.object.name == "vnet" && *wish.cluster == *cluster);
        vnets.any(|wish| wish.identity.get("vnet") == Some(bridge))
    }

    /// Returns whether an object is recorded and no block asks for it any more.
    pub(super) fn is_going(&self, address: &Address) -> bool {
        self.record(address).is_some() && self.input.stack.blocks.iter().all(|block| block.address != *address)
    }

    /// Returns what was last applied at a path.
    pub(super) fn kept(&self, address: &Address, path: &Path) -> Option<Value> {
        self.record(address)?.applied.at(&path.0).filter(|value| !value.is_null()).cloned()
    }

    /// Returns a cluster as seen; `None` when the files are judged alone.
    pub(in crate::plan) fn view(&self, cluster: &str) -> Option<&'a ClusterView> {
        self.input.observed?.clusters.get(cluster)
    }

    /// Returns the cluster of a block: its own, else its tenant's, else its template's, else its guest's, else its
    /// module call's, else the default.
    pub(super) fn cluster_of(
        &self,
        block: &Block,
        own: Option<&Evaluated>,
        written: &Value,
        places: &Places,
    ) -> Result<Arc<str>, Diagnostic> {
        if let Some(own) = own {
            let named = own.value.address().and_then(|address| address.strip_prefix("cluster.").map(Arc::from));
            return named.ok_or_else(|| {
                Diagnostic::error("`cluster` takes a cluster")
                    .at(own.span)
                    .hint("write `cluster = cluster.NAME`, the object itself")
            });
        }
        let inherited = ["tenant", "template", "vm", "container"].into_iter().find_map(|name| {
            let address = written.get(name)?.address()?.parse::<Address>().ok()?;
            self.cluster_of_block(&address)
        });
        inherited.or_else(|| block.called_cluster.clone()).or_else(|| self.default_cluster.clone()).ok_or_else(|| {
            let diagnostic = Diagnostic::error("no cluster to run on").at(places.span);
            match self.input.stack.clusters.is_empty() {
                true => {
                    diagnostic.hint("add `cluster \"lab\" { ... }` with a `simulator {}` block or with `endpoints`")
                }
                false => {
                    diagnostic.hint("mark one cluster with `default = true`, or write `cluster = cluster.NAME` here")
                }
            }
        })
    }

    fn cluster_of_block(&self, address: &Address) -> Option<Arc<str>> {
        let tenant = self.tenants.get(address).map(|tenant| tenant.cluster.clone());
        tenant.or_else(|| self.wishes.get(address).map(|wish| wish.cluster.clone()))
    }

    /// Two guests of one cluster with one name are a mistake: nobody could tell them apart.
    pub(super) fn duplicates(&self) -> Diagnostics {
        let mut seen: BTreeMap<(&Arc<str>, &str), &Wish> = BTreeMap::new();
        let mut diagnostics = Diagnostics::new();
        let path = Path::attribute("name");
        for wish in self.wishes.values().filter(|wish| is_guest(wish.object.name)) {
            let Some(name) = wish.wanted.get("name").and_then(Value::as_text) else { continue };
            if let Some(first) = seen.insert((&wish.cluster, name), wish) {
                let (here, before) = (wish.span_of(&path), first.span_of(&path));
                let both = format!("{} and {}", first.address, wish.address);
                let diagnostic = Diagnostic::error(format!("two guests are named `{name}`: {both}")).at(here);
                diagnostics.push(
                    match here == before {
                        true => diagnostic
                            .hint("make `name` from what tells them apart: `each.key`, or a variable of the module"),
                        false => diagnostic.label(before, "the first one").hint("give one of them another `name`"),
                    }
                    .about(&wish.address),
                );
            }
        }
        diagnostics
    }
}

/// Replaced blocks that say `create_before_destroy`, and replaced ones they depend on: an old one cannot go before its users.
fn made_first(input: &PlanInput, replaced: &BTreeSet<Address>) -> BTreeSet<Address> {
    let mut found = BTreeSet::new();
    if replaced.is_empty() {
        return found;
    }
    let blocks: BTreeMap<&Address, &Block> = input.stack.blocks.iter().map(|block| (&block.address, block)).collect();
    let says_so = |address: &&Address| blocks.get(*address).is_some_and(|block| block.lifecycle.create_before_destroy);
    let mut open: Vec<&Address> = replaced.iter().filter(says_so).collect();
    let mut seen = BTreeSet::new();
    while let Some(address) = open.pop() {
        if seen.insert(address) {
            if replaced.contains(address) {
                found.insert(address.clone());
            }
            open.extend(blocks.get(address).into_iter().flat_map(|block| &*block.dependencies));
        }
    }
    found
}
