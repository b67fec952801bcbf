//! Makes the reads of one snapshot: one for the cluster, two per node, one per guest that is wanted, and whole tables.
//!
//! What the answers mean is in `decode`. How many calls run at once is the client's business. Guest agents are never asked.

use super::decode;
use super::{ClusterView, GuestConfig, GuestKind, GuestView, NodeView, Observed, PoolView, Power, Seen};
use crate::proxmox::call::segment;
use crate::proxmox::{Call, CallError, Client, ErrorClass};
use futures_util::future::join_all;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

/// What a run has to see.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Wanted {
    /// By cluster; a cluster without an entry is read without details.
    pub clusters: BTreeMap<Arc<str>, ClusterWanted>,
    /// Guests with this tag are read too: `spawnpoint-<project>`.
    pub tag: String,
}

/// Details wanted of one cluster.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ClusterWanted {
    /// Guests whose configuration is read.
    pub guests: BTreeSet<u32>,
    /// Pools whose members are read.
    pub pools: BTreeSet<String>,
    /// Further tables that are read whole: paths, with a query where the call takes one. `/guests/VMID/...` is what is below a guest,
    /// on whichever node that is.
    pub tables: BTreeSet<String>,
    /// Whether storages are read: guests will be placed.
    pub storages: bool,
    /// Whether bridges are read: guests will be placed.
    pub bridges: bool,
}

impl ClusterWanted {
    /// Adds what another wants.
    pub fn extend(&mut self, other: &Self) {
        self.guests.extend(&other.guests);
        self.pools.extend(other.pools.iter().cloned());
        self.tables.extend(other.tables.iter().cloned());
        self.storages |= other.storages;
        self.bridges |= other.bridges;
    }
}

/// A read that a plan cannot do without and that failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unread {
    /// The cluster that was asked.
    pub cluster: Arc<str>,
    /// What went wrong.
    pub error: CallError,
}

/// Answers of one look, so that another one that wants more asks only for what is new: both see the same moment.
#[derive(Debug, Default)]
pub struct Memory {
    answers: Mutex<BTreeMap<(Arc<str>, String), Value>>,
    /// When the look began, by the clocks of the clusters.
    began: Mutex<BTreeMap<Arc<str>, i64>>,
}

impl Memory {
    /// Returns what is known of a call.
    pub(super) fn get(&self, cluster: &Arc<str>, call: &Call) -> Option<Value> {
        let answers = self.answers.lock().expect("nobody panics while holding it");
        answers.get(&(cluster.clone(), call.to_string())).cloned()
    }

    /// Remembers an answer.
    pub(super) fn put(&self, cluster: &Arc<str>, call: &Call, answer: Value) {
        self.answers
            .lock()
            .expect("nobody panics while holding it")
            .insert((cluster.clone(), call.to_string()), answer);
    }

    pub(super) fn began(&self, cluster: &Arc<str>) -> Option<i64> {
        self.began.lock().expect("nobody panics while holding it").get(cluster).copied()
    }

    pub(super) fn begin(&self, cluster: &Arc<str>, time: i64) {
        self.began.lock().expect("nobody panics while holding it").insert(cluster.clone(), time);
    }
}

/// Reads every cluster, all at once.
///
/// An offline node, or one whose reads fail, makes its guests `Unreachable`. A table we may not see counts as not visible.
///
/// # Errors
/// Every read that a plan cannot do without and that failed.
pub async fn collect(clients: &BTreeMap<Arc<str>, Arc<Client>>, wanted: &Wanted) -> Result<Observed, Vec<Unread>> {
    collect_with(clients, wanted, None).await
}

/// Like [`collect()`], without asking again for what a memory holds; what is new goes there.
///
/// # Errors
/// Every read that a plan cannot do without and that failed.
pub async fn collect_with(
    clients: &BTreeMap<Arc<str>, Arc<Client>>,
    wanted: &Wanted,
    memory: Option<&Memory>,
) -> Result<Observed, Vec<Unread>> {
    let none = ClusterWanted::default();
    let views = join_all(clients.iter().map(|(name, client)| {
        let details = wanted.clusters.get(name).unwrap_or(&none);
        let reader = Reader { name, client, details, tag: &wanted.tag, memory };
        async move { (name.clone(), reader.cluster().await) }
    }))
    .await;
    let (mut observed, mut errors) = (Observed::default(), Vec::new());
    for (name, view) in views {
        match view {
            Ok(view) => drop(observed.clusters.insert(name, view)),
            Err(failed) => errors.extend(failed.into_iter().map(|error| Unread { cluster: name.clone(), error })),
        }
    }
    if errors.is_empty() { Ok(observed) } else { Err(errors) }
}

struct Reader<'a> {
    name: &'a Arc<str>,
    client: &'a Client,
    details: &'a ClusterWanted,
    tag: &'a str,
    memory: Option<&'a Memory>,
}

impl Reader<'_> {
    async fn read(&self, call: &Call) -> Result<Value, CallError> {
        let Some(memory) = self.memory else { return self.client.read(call).await };
        if let Some(answer) = memory.get(self.name, call) {
            return Ok(answer);
        }
        let answer = self.client.read(call).await?;
        memory.put(self.name, call, answer.clone());
        Ok(answer)
    }

    async fn cluster(&self) -> Result<ClusterView, Vec<CallError>> {
        let mut view = self.tables().await?;
        self.further_tables(&mut view).await?;
        self.nodes(&mut view).await;
        self.configs(&mut view).await?;
        view.endpoint = self.client.describe();
        view.is_simulated = self.client.is_simulator();
        Ok(view)
    }

    /// What the cluster tells as a whole.
    ///
    /// The first read goes alone: where nobody answers or the token is wrong, one request finds out, not six at once. A server lets
    /// each refused one wait for three seconds, and may count them.
    async fn tables(&self) -> Result<ClusterView, Vec<CallError>> {
        let version = self.read(&Call::get("/version")).await.map_err(|error| vec![error])?;
        let resources = Call::get("/cluster/resources");
        let (resources, pools, acl, users) = tokio::join!(
            self.read(&resources),
            self.pools(),
            self.visible("/access/acl"),
            self.visible("/access/users"),
        );
        let mut errors = Vec::new();
        let mut view = ClusterView {
            version: decode::version(&version),
            pools: kept(pools, &mut errors).unwrap_or_default(),
            acl: kept(acl, &mut errors).flatten().map(|answer| decode::acl(&answer)).unwrap_or_default(),
            users: kept(users, &mut errors).flatten().map(|answer| decode::users(&answer)),
            ..ClusterView::default()
        };
        if let Some(answer) = kept(resources, &mut errors) {
            decode::Resources { nodes: view.nodes, guests: view.guests } = decode::resources(&answer);
        }
        // One cause, such as a connection that breaks, fails every read: it is told once.
        errors.dedup_by(|later, earlier| later.class == earlier.class && later.text == earlier.text);
        if errors.is_empty() { Ok(view) } else { Err(errors) }
    }

    async fn pools(&self) -> Result<BTreeMap<String, PoolView>, CallError> {
        let Some(answer) = self.visible("/pools").await? else { return Ok(BTreeMap::new()) };
        let mut pools = decode::pools(&answer);
        let wanted: Vec<String> = pools.keys().filter(|id| self.details.pools.contains(*id)).cloned().collect();
        let reads = wanted.into_iter().map(|id| async move {
            let call = Call::get("/pools").with("poolid", &id);
            Ok((id, decode::pool(&self.read(&call).await?)))
        });
        for read in join_all(reads).await {
            let (id, view) = read?;
            match view {
                Some(view) => drop(pools.insert(id, view)),
                None => drop(pools.remove(&id)),
            }
        }
        Ok(pools)
    }

    /// Lists that belong to one object are missing when it is gone, or when its node is silent; the whole tables of a type are not.
    async fn further_tables(&self, view: &mut ClusterView) -> Result<(), Vec<CallError>> {
        let there = self.details.tables.iter().filter_map(|path| Some((path, placed(view, path)?)));
        let reads = there.map(|(path, place)| async move {
            let (bare, query) = place.split_once('?').unwrap_or((&place, ""));
            let parameters = query.split('&').filter_map(|pair| pair.split_once('='));
            let call = parameters.fold(Call::get(bare), |call, (name, value)| call.with(name, value));
            (path, self.read(&call).await)
        });
        for (path, read) in join_all(reads.collect::<Vec<_>>()).await {
            match read {
                Ok(answer) => drop(view.tables.insert(path.clone(), answer)),
                Err(error) if error.class == ErrorClass::Forbidden => view.hidden.extend([path.clone()]),
                Err(error) if is_silence(error.class) || error.class == ErrorClass::NotImplemented => {}
                Err(error) => return Err(vec![error]),
            }
        }
        Ok(())
    }

    /// Reads a table; `None` where we may not see it.
    async fn visible(&self, path: &str) -> Result<Option<Value>, CallError> {
        match self.read(&Call::get(path)).await {
            Ok(answer) => Ok(Some(answer)),
            Err(error) if error.class == ErrorClass::Forbidden => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// What each node tells; a node that does not is as good as offline.
    async fn nodes(&self, view: &mut ClusterView) {
        let online: Vec<String> =
            view.nodes.iter().filter(|(_, node)| node.is_online).map(|(name, _)| name.clone()).collect();
        let answers = join_all(online.iter().map(|name| self.node(name))).await;
        for (name, answer) in online.into_iter().zip(answers) {
            let node = view.nodes.get_mut(&name).expect("its name was taken from here");
            let Ok(lists) = answer else {
                node.is_online = false;
                continue;
            };
            lists.describe(node);
            decode::guest_list(&lists.qemu, &name, GuestKind::Qemu, &mut view.guests);
            decode::guest_list(&lists.lxc, &name, GuestKind::Lxc, &mut view.guests);
        }
        let nodes = &view.nodes;
        let is_silent = |name: &str| nodes.get(name).is_none_or(|node| !node.is_online);
        for guest in view.guests.values_mut().filter(|guest| is_silent(&guest.node)) {
            guest.seen = Seen::Unreachable;
        }
    }

    async fn node(&self, name: &str) -> Result<NodeLists, CallError> {
        let read = |path: &str| Call::get(format!("/nodes/{}/{path}", segment(name)));
        let (qemu, lxc) = (read("qemu"), read("lxc"));
        let storages = self.details.storages.then(|| read("storage"));
        let bridges = self.details.bridges.then(|| read("network").with("type", "any_bridge"));
        let (qemu, lxc, storages, bridges) =
            tokio::join!(self.read(&qemu), self.read(&lxc), self.optional(storages), self.optional(bridges),);
        Ok(NodeLists { qemu: qemu?, lxc: lxc?, storages: storages?, bridges: bridges? })
    }

    async fn optional(&self, call: Option<Call>) -> Result<Option<Value>, CallError> {
        let Some(call) = call else { return Ok(None) };
        match self.read(&call).await {
            Ok(answer) => Ok(Some(answer)),
            Err(error) if error.class == ErrorClass::Forbidden => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// One read per guest that is wanted: with both views, if it runs.
    async fn configs(&self, view: &mut ClusterView) -> Result<(), Vec<CallError>> {
        let is_wanted = |guest: &&mut GuestView| {
            guest.seen == Seen::Present && (self.details.guests.contains(&guest.vmid) || guest.tags.contains(self.tag))
        };
        let reads = view.guests.values_mut().filter(is_wanted).map(|guest| async move {
            match self.config(guest).await {
                Ok(config) => guest.config = Some(config),
                // It moved or went between two reads, or its node fell silent: no conclusion is drawn from that.
                Err(error) if is_silence(error.class) => guest.seen = Seen::Unreachable,
                Err(error) => return Err(error),
            }
            Ok(())
        });
        let errors: Vec<CallError> = join_all(reads).await.into_iter().filter_map(Result::err).collect();
        self.hidden_guests(view).await;
        if errors.is_empty() { Ok(()) } else { Err(errors) }
    }

    /// Who may not see a guest is told of none: a guest that is missed is asked for by its VMID, because a refusal comes before any search.
    async fn hidden_guests(&self, view: &mut ClusterView) {
        let Some((node, _)) = view.nodes.iter().find(|(_, node)| node.is_online) else { return };
        let missing: Vec<u32> =
            self.details.guests.iter().copied().filter(|vmid| !view.guests.contains_key(vmid)).collect();
        let answers = join_all(missing.iter().map(|vmid| async move {
            self.read(&Call::get(format!("/nodes/{}/qemu/{vmid}/config", segment(node)))).await
        }));
        for (vmid, answer) in missing.iter().zip(answers.await) {
            if answer.is_err_and(|error| error.class == ErrorClass::Forbidden) {
                view.hidden.insert(super::ClusterView::guest_path(*vmid));
            }
        }
    }

    async fn config(&self, guest: &GuestView) -> Result<GuestConfig, CallError> {
        let answer = self.read(&config_call(guest)).await?;
        Ok(match guest.power {
            Power::Running => decode::pending(&answer),
            Power::Stopped | Power::Unknown => decode::config(&answer),
        })
    }
}

/// Returns the read of a guest's configuration: with both views, if it runs.
pub(super) fn config_call(guest: &GuestView) -> Call {
    let view = match guest.power {
        Power::Running => "pending",
        Power::Stopped | Power::Unknown => "config",
    };
    Call::get(format!("{}/{view}", below(guest)))
}

/// Returns the path of a guest.
fn below(guest: &super::GuestView) -> String {
    format!("/nodes/{}/{}/{}", segment(&guest.node), guest.kind.segment(), guest.vmid)
}

/// Returns the path to read for a table; `None`: it is below a guest that is not there.
fn placed(view: &ClusterView, path: &str) -> Option<String> {
    let Some(rest) = path.strip_prefix("/guests/") else { return Some(path.to_owned()) };
    let (vmid, rest) = rest.split_once('/')?;
    Some(format!("{}/{rest}", below(view.guests.get(&vmid.parse().ok()?)?)))
}

/// The answers of one node.
struct NodeLists {
    qemu: Value,
    lxc: Value,
    storages: Option<Value>,
    bridges: Option<Value>,
}

impl NodeLists {
    fn describe(&self, node: &mut NodeView) {
        node.storages = self.storages.as_ref().map(decode::storages).unwrap_or_default();
        node.bridges = self.bridges.as_ref().map(decode::bridges);
    }
}

fn kept<T>(answer: Result<T, CallError>, errors: &mut Vec<CallError>) -> Option<T> {
    answer.map_err(|error| errors.push(error)).ok()
}

fn is_silence(class: ErrorClass) -> bool {
    matches!(class, ErrorClass::Gone | ErrorClass::Unreachable | ErrorClass::Interrupted)
}
