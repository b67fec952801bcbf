//! What a change of an object is made of: [`Step`]s, each journaled, sent and settled as a unit. Data only; `apply` runs them.

use crate::proxmox::Call;
use crate::state::Effect;
use crate::value::Value;
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

/// One step: what is journaled, sent and settled as a unit.
#[derive(Clone, Debug)]
pub struct Step {
    /// Name shown and journaled: `clone`, `configure`, `resize scsi0`, `start`, `reboot`, `shutdown`, `destroy`, `provision`.
    pub name: Arc<str>,
    /// What to do.
    pub task: Task,
    /// What the state says once it is done.
    pub effect: Effect,
    /// Expected duration.
    pub estimate_ms: u64,
}

/// What a step does.
#[derive(Clone, Debug)]
pub enum Task {
    /// Sends one call and waits for what it starts.
    Call(Box<GuardedCall>),
    /// Sends one call whose answer holds a secret that the server shows once; the record keeps it from then on.
    Reveal {
        /// The call.
        call: Box<GuardedCall>,
        /// Member of the answer.
        member: &'static str,
        /// Attribute of the record it becomes.
        attribute: &'static str,
    },
    /// Reads until the guest has this power state (after a reboot, which ends before the guest runs again).
    AwaitPower {
        /// Node.
        node: String,
        /// Guest.
        vmid: u32,
        /// `true`: running; `false`: stopped.
        is_running: bool,
        /// Give up after.
        deadline_ms: u64,
    },
    /// Reads a table until a row says what is wanted: what a task sets going and does not wait for.
    AwaitRow(Box<AwaitedRow>),
    /// Runs the playbook of a game server and waits for its status answer.
    Provision(Box<ProvisionTask>),
    /// Nothing on the cluster; the effect alone.
    Record,
}

/// A row of a table that is to come to say something.
#[derive(Clone, Debug)]
pub struct AwaitedRow {
    /// Reads the table.
    pub read: Call,
    /// Member that names the row.
    pub column: &'static str,
    /// Its name.
    pub name: String,
    /// Member that is looked at.
    pub member: &'static str,
    /// Its text in the end.
    pub wanted: Cow<'static, str>,
    /// Its text when waiting is in vain, if there is such a one.
    pub failed: Option<&'static str>,
    /// Give up after.
    pub deadline_ms: u64,
}

/// A call with what must hold before it and how its outcome is learned.
#[derive(Clone, Debug)]
pub struct GuardedCall {
    /// The call. A parameter text may hold `{volume:scsi0}`, filled from the guard's fresh read with the volume id in that slot.
    pub call: Call,
    /// What must hold before it is sent.
    pub guard: Guard,
    /// How to learn what happened when the answer is lost.
    pub verify: Verify,
    /// Give up waiting for its task after.
    pub deadline_ms: u64,
}

/// What must hold before a call is sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Guard {
    /// Nothing: the call is idempotent by content.
    None,
    /// No guest has this VMID.
    Vacant {
        /// The VMID.
        vmid: u32,
    },
    /// The guest's config has this digest, which is sent along.
    Digest {
        /// From the observation the plan was made from.
        digest: String,
    },
    /// A fresh read of the guest's config shows our marker and no lock; its digest is sent along if `sends_digest`.
    Marker {
        /// Node to read at; a guest found elsewhere is followed.
        node: String,
        /// Guest.
        vmid: u32,
        /// The marker's intent.
        intent: String,
        /// Whether the call takes a digest.
        sends_digest: bool,
    },
    /// A fresh read of the guest's config shows our marker, no lock, and the digest of the observation the plan was made from: for the
    /// first call of an operation, where that call takes no digest.
    Unchanged {
        /// Node to read at; a guest found elsewhere is followed.
        node: String,
        /// Guest.
        vmid: u32,
        /// The marker's intent.
        intent: String,
        /// From the observation.
        digest: String,
    },
    /// A fresh read of the guest's config shows a marker of this state, whichever making of the guest it is: for what belongs to the guest.
    Owned {
        /// Node to read at; a guest found elsewhere is followed.
        node: String,
        /// Guest.
        vmid: u32,
    },
    /// A fresh read of a table shows what the plan was made from.
    Table {
        /// Reads the table.
        read: Call,
        /// What it should show.
        expected: Expected,
        /// Whether the call takes the digest that every row repeats.
        sends_digest: bool,
    },
}

/// What a table should show.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Expected {
    /// A row, of which these members count.
    Row {
        /// Member that names it.
        column: String,
        /// Its name.
        name: String,
        /// Gist of each member (`proxmox::decode::gist`); `None`: it has none.
        members: BTreeMap<String, Option<String>>,
    },
    /// No row of this name: nobody else's object is in the way.
    NoRow {
        /// Member that names it.
        column: String,
        /// The name.
        name: String,
    },
    /// These firewall rules in the order of their `pos`, each as the texts of its [`RULE_MEMBERS`].
    Rules(Vec<BTreeMap<String, String>>),
}

/// What a firewall rule says; everything else in a row is about the list.
pub const RULE_MEMBERS: [&str; 13] = [
    "type",
    "action",
    "enable",
    "macro",
    "proto",
    "dport",
    "sport",
    "source",
    "dest",
    "iface",
    "icmp-type",
    "log",
    "comment",
];

/// How to learn the outcome of a call whose answer or task was lost.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verify {
    /// The guest exists with our marker and without a lock; tasks of `task_kind` under `task_subject` may still make it.
    GuestPresent {
        /// Node it will be on.
        node: String,
        /// Node the task would run on.
        task_node: String,
        /// New guest.
        vmid: u32,
        /// Its marker's intent.
        intent: String,
        /// `qmclone`, `qmcreate`.
        task_kind: String,
        /// VMID in the UPID: the source of a clone.
        task_subject: String,
    },
    /// The guest is gone.
    GuestAbsent {
        /// Node.
        node: String,
        /// Guest.
        vmid: u32,
    },
    /// The config has these values.
    Config {
        /// Node.
        node: String,
        /// Guest.
        vmid: u32,
        /// Keys and the values they should have; `None`: not set.
        wanted: Vec<(String, Option<String>)>,
    },
    /// The disk is at least this big.
    DiskSize {
        /// Node.
        node: String,
        /// Guest.
        vmid: u32,
        /// `scsi0`
        slot: String,
        /// Bytes.
        bytes: u64,
    },
    /// The volume in this slot is on this storage.
    Volume {
        /// Node.
        node: String,
        /// Guest.
        vmid: u32,
        /// `scsi0`
        slot: String,
        /// `local-lvm`
        storage: String,
    },
    /// The guest is on another node, and nothing locks it any more.
    Migrated {
        /// Node it leaves, where the task runs.
        from: String,
        /// Node it goes to.
        to: String,
        /// Guest.
        vmid: u32,
    },
    /// The guest runs or not.
    Power {
        /// Node.
        node: String,
        /// Guest.
        vmid: u32,
        /// Whether it should run.
        is_running: bool,
    },
    /// The table shows this afterwards.
    Table {
        /// Reads the table.
        read: Call,
        /// What it should show.
        expected: Expected,
    },
    /// Sending the call again is safe after the object was read and compared: pools, rules, groups.
    ByContent {
        /// Reads the object.
        read: Call,
        /// Whether the object should be there afterwards.
        is_present: bool,
    },
}

/// One limited thing an operation holds.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Lock {
    /// What: `clones on pve1`, `storage local-lvm on pve1`, `guest 5000`, `user.cfg`.
    pub name: String,
    /// How many operations may hold it at once.
    pub limit: u32,
}

impl Lock {
    /// Returns the lock of a cluster-wide configuration file, which one writer holds at a time.
    pub fn cluster_file(name: &str) -> Self {
        Self { name: name.to_owned(), limit: 1 }
    }
}

/// What the provisioner needs to know; secrets are values marked sensitive.
#[derive(Clone, Debug)]
pub struct ProvisionTask {
    /// Game: the folder under `playbooks`.
    pub game: String,
    /// Name of the server on its guest.
    pub server: String,
    /// Node and VMID of the guest.
    pub node: String,
    /// Guest.
    pub vmid: u32,
    /// Address of the guest, without prefix length; `None`: ask the agent (DHCP).
    pub address: Option<String>,
    /// MAC of the first NIC, to find the address by.
    pub mac: Option<String>,
    /// Port the game answers on.
    pub port: u16,
    /// Version to install.
    pub version: String,
    /// Whether the server runs afterwards.
    pub is_running: bool,
    /// Settings by key, resolved against the manifest.
    pub settings: BTreeMap<Arc<str>, Value>,
    /// Secrets by key, marked sensitive.
    pub secrets: BTreeMap<Arc<str>, Value>,
    /// `connection` block: user, private_key, port, jump; null if there is none.
    pub connection: Value,
    /// Whether the server is to be removed.
    pub is_removal: bool,
    /// Give up after.
    pub deadline_ms: u64,
}
