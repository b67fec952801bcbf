//! A Proxmox VE 9.2 cluster as a pure state machine: a request goes in, a reply comes out, virtual time passes.
//!
//! Architecture invariant: no async, no clock, no files, no randomness beyond the seed; same calls, same bytes.

mod access;
mod acl;
mod acme;
mod agent;
mod agent_exec;
mod api;
mod areas;
mod auth;
mod backup;
mod bulk;
mod calendar;
mod clone;
mod cloudinit;
mod cluster;
mod config;
mod container_clone;
mod container_config;
mod container_restore;
mod containers;
mod create;
mod crud;
mod definitions;
mod disks;
mod dump;
mod firewall;
mod form;
mod formats;
mod guest_routes;
mod guests;
mod ha;
mod ha_manager;
mod hardware;
mod index;
mod jobs;
mod migrate;
mod moves;
mod multipart;
mod network;
mod node_settings;
mod nodes;
mod notifications;
mod objects;
mod pending;
mod pools;
mod power;
mod profile;
mod property;
mod prune;
mod realms;
mod request;
mod restore;
mod routes;
mod schema;
mod sdn;
mod sdn_fabrics;
mod sdn_view;
mod seed;
mod seed_parts;
mod snapshots;
mod state;
mod status;
mod storage;
mod table;
mod task;
mod tasks;
mod tokens;
mod trouble;
mod uploads;
mod workers;

use std::collections::{BTreeMap, BTreeSet};

pub use request::{Reply, Request};
pub(super) use routes::is_protected;
pub(super) use seed_parts::takes;
pub use table::Row;

use state::{
    Access, Binding, Clock, Config, Firewall, Guest, LogLine, Meta, Node, Object, Pool, Seen, Storage, Url, Volume,
};
use table::{Single, Table};
use task::{Event, Task};

pub use agent::{Game, SimulatedGuest};

/// Layout version of the stored rows.
const FORMAT: u32 = 1;

/// How time passes between calls.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Pace {
    /// Each poll moves virtual time to the next event.
    #[default]
    Instant,
    /// Whoever holds the machine tells it how much time passed.
    Real {
        /// How many times faster than real it passes; at least 1.
        speed: u32,
    },
}

impl Pace {
    /// Believable delays.
    pub const REAL: Self = Self::Real { speed: 1 };

    /// Returns how long a virtual time lasts; nothing where only polls move the clock.
    pub fn lasts(self, virtual_time: std::time::Duration) -> std::time::Duration {
        match self {
            Self::Instant => std::time::Duration::ZERO,
            Self::Real { speed } => virtual_time / speed.max(1),
        }
    }
}

/// A simulated cluster.
#[derive(Default)]
pub struct Machine {
    pace: Pace,
    meta: Single<Meta>,
    clock: Single<Clock>,
    access: Single<Access>,
    options: Single<Config>,
    leases: Single<BTreeMap<String, String>>,
    /// Real hosts by guest name, from the lab file.
    bindings: Single<BTreeMap<String, Binding>>,
    /// What is at which address of the world outside, from the lab file.
    urls: Single<BTreeMap<String, Url>>,
    nodes: Table<String, Node>,
    storages: Table<String, Storage>,
    volumes: Table<String, Volume>,
    guests: Table<u32, Guest>,
    pools: Table<String, Pool>,
    firewalls: Table<String, Firewall>,
    /// Sections of configuration files, by `file/name`.
    objects: Table<String, Object>,
    tasks: Table<u64, Task>,
    seen: Table<u32, Seen>,
    log: Table<u64, LogLine>,
    /// What happens when; rebuilt from tasks and guests after a restore.
    agenda: BTreeSet<(u64, Event)>,
    /// When the call that is being answered began to wait, if that was before now.
    begins_ms: Option<u64>,
    active: BTreeSet<u64>,
    upids: BTreeMap<String, u64>,
}

impl Machine {
    /// Sets how time passes between calls.
    pub fn set_pace(&mut self, pace: Pace) {
        self.pace = pace;
    }

    /// Returns virtual time in milliseconds since 1970.
    pub fn now_ms(&self) -> u64 {
        self.clock.now_ms
    }

    /// Lets `ms` milliseconds of virtual time pass.
    pub fn advance(&mut self, ms: u64) {
        self.advance_to(self.clock.now_ms + ms);
    }

    /// Answers one request. Never fails: what cannot be answered is an error status.
    pub fn handle(&mut self, request: &Request) -> Reply {
        let began_ms = self.begins_ms.unwrap_or(self.clock.now_ms).min(self.clock.now_ms);
        let reply = self.route(request);
        let took_ms = self.clock.now_ms - began_ms;
        let reply = Reply { took_ms, ..reply };
        if self.pace == Pace::Instant && request.method == "GET" {
            self.pass_time_after_poll(&request.path);
        }
        reply
    }

    /// Time moves after the answer, so that the first look at a task shows it running.
    fn pass_time_after_poll(&mut self, path: &str) {
        let is_bulk = path.ends_with("/cluster/resources") || path.contains("/api2/json/pools");
        let polls = ["/status", "/status/current", "/log", "/tasks", "/config", "/pending", "/qemu", "/lxc"];
        if is_bulk || path.contains("/agent/") || polls.iter().any(|end| path.ends_with(end)) {
            self.advance_to_next(is_bulk);
        }
    }

    /// Returns the rows that changed since the last call, for the store.
    pub fn take_changes(&mut self) -> Vec<Row> {
        let mut rows = Vec::new();
        self.meta.take_changes("meta", &mut rows);
        self.clock.take_changes("clock", &mut rows);
        self.access.take_changes("access", &mut rows);
        self.options.take_changes("options", &mut rows);
        self.leases.take_changes("leases", &mut rows);
        self.bindings.take_changes("bindings", &mut rows);
        self.urls.take_changes("urls", &mut rows);
        self.nodes.take_changes("node", &mut rows);
        self.storages.take_changes("storage", &mut rows);
        self.volumes.take_changes("volume", &mut rows);
        self.guests.take_changes("guest", &mut rows);
        self.pools.take_changes("pool", &mut rows);
        self.firewalls.take_changes("firewall", &mut rows);
        self.objects.take_changes("object", &mut rows);
        self.tasks.take_changes("task", &mut rows);
        self.seen.take_changes("seen", &mut rows);
        self.log.take_changes("log", &mut rows);
        rows
    }

    /// Puts a machine together from stored rows.
    ///
    /// # Errors
    /// Names the row that cannot be read, or the layout version when it is not ours.
    pub fn restore(rows: impl IntoIterator<Item = Row>) -> Result<Self, String> {
        let mut machine = Self::default();
        for row in rows {
            let json = row.json.as_deref().unwrap_or_default();
            machine.restore_row(&row.table, &row.key, json).map_err(|error| format!("{}: {error}", row.table))?;
        }
        if machine.meta.format != FORMAT {
            return Err(format!("layout {} is not {FORMAT}", machine.meta.format));
        }
        machine.rebuild_agenda();
        Ok(machine)
    }

    fn restore_row(&mut self, table: &str, key: &str, json: &str) -> Result<(), String> {
        match (table, key) {
            ("single", "meta") => self.meta.restore(json),
            ("single", "clock") => self.clock.restore(json),
            ("single", "access") => self.access.restore(json),
            ("single", "options") => self.options.restore(json),
            ("single", "leases") => self.leases.restore(json),
            ("single", "urls") => self.urls.restore(json),
            ("single", "bindings") => self.bindings.restore(json),
            ("node", _) => self.nodes.restore(key, json),
            ("storage", _) => self.storages.restore(key, json),
            ("volume", _) => self.volumes.restore(key, json),
            ("guest", _) => self.guests.restore(key, json),
            ("pool", _) => self.pools.restore(key, json),
            ("firewall", _) => self.firewalls.restore(key, json),
            ("object", _) => self.objects.restore(key, json),
            ("task", _) => self.tasks.restore(key, json),
            ("seen", _) => self.seen.restore(key, json),
            ("log", _) => self.log.restore(key, json),
            _ => Err(format!("`{key}` is not a row of this layout")),
        }
    }

    /// Returns the next number of a sequence that only the seed decides.
    fn random(&mut self) -> u64 {
        self.clock.next_random += 1;
        // SplitMix64: a counter through a mixing function, so the state is one number.
        let mut mixed = self.meta.seed.wrapping_add(self.clock.next_random.wrapping_mul(0x9E37_79B9_7F4A_7C15));
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    fn random_uuid(&mut self) -> String {
        let bytes = (u128::from(self.random()) << 64) | u128::from(self.random());
        uuid::Builder::from_random_bytes(bytes.to_be_bytes()).into_uuid().to_string()
    }

    /// Adds a line to the cluster log, which keeps the newest thousand.
    fn log_line(&mut self, node: &str, user: &str, priority: u8, message: &str) {
        let number = self.clock.next_log;
        self.clock.next_log += 1;
        let line = LogLine {
            time_s: self.clock.now_ms / 1000,
            node: node.to_owned(),
            user: user.to_owned(),
            priority,
            message: message.replace('\n', "#010"),
        };
        self.log.insert(number, line);
        self.log.remove(&number.saturating_sub(1000));
    }
}
