//! The plain data a cluster consists of. What happens to it lives in the files named after API areas.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

pub(super) type Config = BTreeMap<String, String>;

/// One value of an [`Object`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub(super) enum Setting {
    Text(String),
    List(Vec<String>),
}

/// A section of a configuration file.
pub(super) type Object = BTreeMap<String, Setting>;

/// Facts about the lab that never change, and the version of this layout.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Meta {
    pub(super) format: u32,
    pub(super) seed: u64,
    pub(super) cluster: String,
    pub(super) booted_ms: u64,
    /// Version profile: `9.2` or `8.4`.
    #[serde(default)]
    pub(super) version: String,
}

/// Virtual time and the counters that make ids.
#[derive(Clone, Default, Serialize, Deserialize)]
pub(super) struct Clock {
    pub(super) now_ms: u64,
    pub(super) next_task: u64,
    pub(super) next_pid: u32,
    pub(super) next_random: u64,
    pub(super) next_log: u64,
    /// Guests whose lock something else than a task holds, and until when.
    #[serde(default)]
    pub(super) held: BTreeMap<u32, u64>,
    /// The same for storages.
    #[serde(default)]
    pub(super) held_storages: BTreeMap<String, u64>,
    /// Finished tasks before this number are on no list any more.
    #[serde(default)]
    pub(super) listed_from: u64,
    /// When the calls that block workers end.
    #[serde(default)]
    pub(super) blocked: Vec<u64>,
    /// Requests that act after their clients gave up.
    #[serde(default)]
    pub(super) late: Vec<Late>,
}

/// A request nobody waits for any more.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Late {
    pub(super) due_ms: u64,
    pub(super) request: super::request::Request,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Node {
    pub(super) position: u32,
    pub(super) cores: u32,
    pub(super) memory_bytes: u64,
    pub(super) is_online: bool,
    pub(super) address: String,
    pub(super) bridges: BTreeMap<String, Bridge>,
    /// Network cards by name; one that is up when the layout is from before.
    #[serde(default)]
    pub(super) cards: BTreeMap<String, Card>,
    /// When its certificate ends, in seconds since 1970; long after a lab begins when the layout is from before.
    #[serde(default)]
    pub(super) certificate_ends_s: Option<u64>,
    /// Whether it fails to bring up its networks.
    #[serde(default)]
    pub(super) has_network_trouble: bool,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Bridge {
    pub(super) is_vlan_aware: bool,
    pub(super) address: Option<String>,
    /// Cards it is on, separated by spaces; the first card when the layout is from before.
    #[serde(default)]
    pub(super) ports: Option<String>,
    /// Network a DHCP server behind this bridge hands out, in CIDR form.
    pub(super) dhcp: Option<String>,
}

/// Whether a network card is there, and whether the configuration knows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Card {
    pub(super) is_configured: bool,
    pub(super) is_present: bool,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Storage {
    pub(super) kind: String,
    pub(super) content: BTreeSet<String>,
    pub(super) is_shared: bool,
    pub(super) nodes: Option<BTreeSet<String>>,
    pub(super) total_bytes: u64,
    /// What is used besides the volumes we know.
    pub(super) other_bytes: u64,
    pub(super) options: BTreeMap<String, String>,
}

impl Storage {
    /// Returns whether volumes are files with a format, below a folder per guest.
    pub(super) fn is_file_based(&self) -> bool {
        matches!(self.kind.as_str(), "dir" | "nfs" | "cifs" | "btrfs" | "cephfs")
    }

    pub(super) fn is_on(&self, node: &str) -> bool {
        self.nodes.as_ref().is_none_or(|nodes| nodes.contains(node))
    }

    pub(super) fn path(&self) -> String {
        self.options.get("path").cloned().unwrap_or_default()
    }
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Volume {
    pub(super) storage: String,
    /// Node that holds it; empty on shared storage.
    pub(super) node: String,
    pub(super) volid: String,
    pub(super) content: String,
    pub(super) format: String,
    pub(super) size_bytes: u64,
    pub(super) used_bytes: u64,
    pub(super) vmid: Option<u32>,
    pub(super) parent: Option<String>,
    /// Name of the operating system image on it; a blank disk boots nothing.
    pub(super) image: Option<String>,
    pub(super) created_s: u64,
    #[serde(default)]
    pub(super) notes: Option<String>,
    /// Nobody may delete it.
    #[serde(default)]
    pub(super) is_protected: bool,
    /// The guest a backup holds.
    #[serde(default)]
    pub(super) archive: Option<Box<super::backup::Archive>>,
}

/// What a guest is: a virtual machine or a container.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum GuestType {
    #[default]
    Qemu,
    Lxc,
}

impl GuestType {
    /// Returns how paths and ids name it.
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Qemu => "qemu",
            Self::Lxc => "lxc",
        }
    }

    /// Returns how messages name it.
    pub(super) fn noun(self) -> &'static str {
        match self {
            Self::Qemu => "VM",
            Self::Lxc => "CT",
        }
    }

    /// Returns a worker's type: `qmstart` or `vzstart`.
    pub(super) fn task(self, action: &str) -> String {
        match self {
            Self::Qemu => format!("qm{action}"),
            Self::Lxc => format!("vz{action}"),
        }
    }

    /// Returns the text for a guest whose configuration file is not there.
    pub(super) fn missing(self, node: &str, vmid: u32) -> String {
        let folder = match self {
            Self::Qemu => "qemu-server",
            Self::Lxc => "lxc",
        };
        format!("Configuration file 'nodes/{node}/{folder}/{vmid}.conf' does not exist")
    }
}

/// A snapshot: the configuration of its time, and what was on the disks.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Snapshot {
    /// With `snaptime`, its own `description`, `parent`, and `vmstate` when it has the memory.
    pub(super) config: Config,
    pub(super) files: BTreeMap<String, String>,
    pub(super) instance_id: Option<String>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Guest {
    #[serde(default)]
    pub(super) kind: GuestType,
    pub(super) node: String,
    #[serde(default)]
    pub(super) snapshots: BTreeMap<String, Snapshot>,
    pub(super) config: Config,
    pub(super) pending: Config,
    pub(super) pending_delete: BTreeSet<String>,
    pub(super) power: Power,
    pub(super) restart_at_ms: Option<u64>,
    /// Files written through the agent; they are on the disk, so a restart keeps them.
    pub(super) files: BTreeMap<String, String>,
    /// Programs the agent was asked to run since the last boot.
    #[serde(default)]
    pub(super) processes: BTreeMap<u32, Process>,
    /// What cloud-init saw at the last boot.
    pub(super) instance_id: Option<String>,
    /// How often cloud-init ran its once-per-instance steps.
    pub(super) personalised: u32,
}

/// A program in a guest.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Process {
    pub(super) done_ms: u64,
    pub(super) exit_code: i32,
    /// What it wrote; gone once it was told.
    pub(super) output: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Power {
    Stopped,
    Running {
        since_ms: u64,
        pid: u32,
        agent_at_ms: Option<u64>,
        #[serde(default)]
        is_paused: bool,
    },
}

impl Guest {
    pub(super) fn new(node: &str, config: Config) -> Self {
        Self {
            kind: GuestType::Qemu,
            node: node.to_owned(),
            snapshots: BTreeMap::new(),
            config,
            pending: Config::new(),
            pending_delete: BTreeSet::new(),
            power: Power::Stopped,
            restart_at_ms: None,
            files: BTreeMap::new(),
            processes: BTreeMap::new(),
            instance_id: None,
            personalised: 0,
        }
    }

    pub(super) fn container(node: &str, config: Config) -> Self {
        Self { kind: GuestType::Lxc, ..Self::new(node, config) }
    }

    pub(super) fn is_running(&self) -> bool {
        self.power != Power::Stopped
    }

    pub(super) fn is_template(&self) -> bool {
        self.config.get("template").is_some_and(|value| value == "1")
    }

    pub(super) fn lock(&self) -> Option<&str> {
        self.config.get("lock").map(String::as_str)
    }

    pub(super) fn name(&self, vmid: u32) -> String {
        match self.kind {
            GuestType::Qemu => self.config.get("name").cloned().unwrap_or_else(|| format!("VM {vmid}")),
            GuestType::Lxc => self.config.get("hostname").cloned().unwrap_or_else(|| format!("CT{vmid}")),
        }
    }

    /// Returns the text for a lock on it, if there is one.
    pub(super) fn locked(&self) -> Option<String> {
        self.lock().map(|lock| format!("{} is locked ({lock})", self.kind.noun()))
    }

    pub(super) fn is_protected(&self) -> bool {
        self.config.get("protection").is_some_and(|value| value == "1")
    }

    /// Returns whether a snapshot refers to a volume.
    pub(super) fn is_in_snapshot(&self, volid: &str) -> bool {
        let mut values = self.snapshots.values().flat_map(|snapshot| snapshot.config.values());
        values.any(|value| value.split(',').next() == Some(volid))
    }

    /// Returns the configuration as the next start would see it: what GET shows by default.
    pub(super) fn merged(&self) -> Config {
        let mut config = self.config.clone();
        config.retain(|key, _| !self.pending_delete.contains(key));
        config.extend(self.pending.clone());
        config
    }
}

/// A file of the world outside.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Url {
    pub(super) size_bytes: u64,
    /// Size of the disk in it.
    pub(super) disk_bytes: Option<u64>,
    pub(super) mimetype: Option<String>,
    /// Operating system image in it.
    pub(super) image: Option<String>,
    /// Checksums by algorithm, as far as the lab says.
    pub(super) checksums: BTreeMap<String, String>,
}

/// A real host that stands in for a guest.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Binding {
    /// Its SSH server.
    pub(super) connect: SocketAddr,
    /// Folder on it below which everything is put.
    pub(super) root: Option<PathBuf>,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Pool {
    pub(super) comment: Option<String>,
    pub(super) guests: BTreeSet<u32>,
    pub(super) storages: BTreeSet<String>,
}

/// Users, groups, roles and permissions; one small file on a real cluster too.
#[derive(Clone, Default, Serialize, Deserialize)]
pub(super) struct Access {
    pub(super) users: BTreeMap<String, User>,
    pub(super) groups: BTreeMap<String, Option<String>>,
    pub(super) roles: BTreeMap<String, BTreeSet<String>>,
    pub(super) entries: BTreeSet<AclEntry>,
    pub(super) realms: BTreeMap<String, Realm>,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Realm {
    pub(super) kind: String,
    pub(super) comment: Option<String>,
    #[serde(default)]
    pub(super) settings: Object,
}

#[derive(Clone, Default, Serialize, Deserialize)]
pub(super) struct User {
    pub(super) is_enabled: bool,
    pub(super) expires_s: u64,
    pub(super) details: BTreeMap<String, String>,
    pub(super) groups: BTreeSet<String>,
    pub(super) tokens: BTreeMap<String, Token>,
    /// SHA-256 of seed and password; a user without one cannot log in.
    pub(super) password_digest: Option<String>,
}

#[derive(Clone, Default, Serialize, Deserialize)]
pub(super) struct Token {
    pub(super) secret: String,
    pub(super) is_separated: bool,
    pub(super) expires_s: u64,
    pub(super) comment: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(super) struct AclEntry {
    pub(super) path: String,
    pub(super) kind: Subject,
    pub(super) subject: String,
    pub(super) role: String,
    pub(super) propagates: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Subject {
    User,
    Group,
    Token,
}

/// Options, rules and names of one firewall: the cluster's, a group's, a node's or a guest's.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Firewall {
    pub(super) options: Config,
    pub(super) rules: Vec<Config>,
    pub(super) comment: Option<String>,
    pub(super) aliases: BTreeMap<String, Config>,
    pub(super) sets: BTreeMap<String, AddressSet>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct AddressSet {
    pub(super) comment: Option<String>,
    pub(super) entries: BTreeMap<String, Config>,
}

/// What the status daemon last told the cluster about a guest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Seen {
    pub(super) name: String,
    pub(super) is_running: bool,
    pub(super) is_template: bool,
    pub(super) cores: u64,
    pub(super) memory_bytes: u64,
    pub(super) disk_bytes: u64,
    pub(super) uptime_since_ms: u64,
}

/// One line of the cluster log.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct LogLine {
    pub(super) time_s: u64,
    pub(super) node: String,
    pub(super) user: String,
    pub(super) priority: u8,
    pub(super) message: String,
}
