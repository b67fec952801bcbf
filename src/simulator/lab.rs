//! Lab files: which cluster the simulator plays. HCL text in, [`Lab`] or a readable error out; nothing is opened here.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::path::PathBuf;

use serde::Deserialize;

use super::faults::Rule;

mod parts;

pub(super) use parts::{Container, Firewall, IpSet, Setting, Settings, Snapshot};

/// The lab that runs when nobody names another one.
const BUILT_IN: &str = include_str!("labs/built-in.lab.hcl");

/// A cluster to simulate.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Lab {
    /// Cluster name; also the name of the file its state is kept in.
    pub cluster: String,
    /// Version profile: `9.2` in full, or `8.4` for what differs in it.
    #[serde(default = "default_version")]
    pub version: String,
    /// Decides every id, MAC and secret the simulator makes up.
    #[serde(default)]
    pub seed: u64,
    /// Nodes by name, in alphabetical order.
    pub node: BTreeMap<String, Node>,
    /// Storages by name.
    pub storage: BTreeMap<String, Storage>,
    /// Bridges by name; every node has all of them.
    #[serde(default)]
    pub bridge: BTreeMap<String, Bridge>,
    /// Guests and templates by name.
    #[serde(default)]
    pub guest: BTreeMap<String, Guest>,
    /// Containers by host name.
    #[serde(default)]
    pub container: BTreeMap<String, Container>,
    /// Firewalls by what they are of: `cluster`, `node/NAME`, `guest/VMID`, `group/NAME` (a security group) or `vnet/NAME`.
    #[serde(default)]
    pub firewall: BTreeMap<String, Firewall>,
    /// What high availability cares for, by `vm:VMID` or `ct:VMID`.
    #[serde(default)]
    pub ha_resource: BTreeMap<String, Settings>,
    /// Its rules by name; version 9 only.
    #[serde(default)]
    pub ha_rule: BTreeMap<String, Settings>,
    /// Its groups by name; before version 9.
    #[serde(default)]
    pub ha_group: BTreeMap<String, Settings>,
    /// Zones of the network that is defined by software, which runs as it is said here.
    #[serde(default)]
    pub zone: BTreeMap<String, Settings>,
    /// Its VNets by name.
    #[serde(default)]
    pub vnet: BTreeMap<String, Settings>,
    /// Its subnets by id: `ZONE-NETWORK-PREFIX`.
    #[serde(default)]
    pub subnet: BTreeMap<String, Settings>,
    /// Pools by name.
    #[serde(default)]
    pub pool: BTreeMap<String, Pool>,
    /// Users by id, e.g. `kim@pve`.
    #[serde(default)]
    pub user: BTreeMap<String, User>,
    /// Files on storages by volume id, e.g. `local:iso/debian.iso`.
    #[serde(default)]
    pub file: BTreeMap<String, File>,
    /// What downloads find, by URL.
    #[serde(default)]
    pub url: BTreeMap<String, Url>,
    /// Datacenter options.
    #[serde(default)]
    pub options: BTreeMap<String, String>,
    /// Faults by name.
    #[serde(default)]
    pub fault: BTreeMap<String, Rule>,
}

/// A node.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Node {
    /// Processor cores.
    pub cores: u32,
    /// Memory in GiB.
    pub memory_gib: u64,
    /// Network cards by name: `up`, `configured` (in the file, but not there) or `present` (there, but not in the file).
    #[serde(default)]
    pub cards: BTreeMap<String, Card>,
    /// `online` or `offline`.
    #[serde(default)]
    pub status: NodeStatus,
    /// Day on which its certificate ends, e.g. `2026-12-24`; two years after the lab begins when absent.
    pub certificate_ends: Option<String>,
}

impl Node {
    /// Returns when its certificate ends, in seconds since 1970, if the lab says so.
    pub fn certificate_ends_s(&self) -> Option<u64> {
        let day: jiff::civil::Date = self.certificate_ends.as_ref()?.parse().ok()?;
        let midnight = day.to_zoned(jiff::tz::TimeZone::UTC).ok()?;
        u64::try_from(midnight.timestamp().as_second()).ok()
    }
}

/// Whether a node answers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum NodeStatus {
    /// It answers.
    #[default]
    Online,
    /// Calls for it are answered 595 and its guests have an unknown status.
    Offline,
}

/// State of a network card.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Card {
    /// It is there and configured.
    Up,
    /// The configuration names it, but it is not there.
    Configured,
    /// It is there, but the configuration does not name it.
    Present,
}

/// A storage.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Storage {
    /// `dir`, `nfs`, `lvmthin`, `lvm`, `zfspool` or `rbd`.
    #[serde(rename = "type")]
    pub kind: String,
    /// Content types it takes.
    pub content: BTreeSet<String>,
    /// Capacity per node, or of the whole when shared.
    pub size_gib: u64,
    /// What is taken by things the simulator does not know.
    #[serde(default)]
    pub used_gib: u64,
    /// One storage for all nodes.
    #[serde(default)]
    pub shared: bool,
    /// Nodes that have it; all when absent.
    pub nodes: Option<BTreeSet<String>>,
    /// Further settings such as `path`, shown by the API as they are.
    #[serde(default)]
    pub options: BTreeMap<String, String>,
}

/// A bridge.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Bridge {
    /// Takes VLAN tags.
    #[serde(default)]
    pub vlan_aware: bool,
    /// Address of the node on it, e.g. `10.99.0.1/24`; for labs with one node.
    pub address: Option<String>,
    /// Cards it is on, separated by spaces; the first one when absent.
    pub ports: Option<String>,
    /// Network whose addresses a DHCP server behind the bridge hands out, e.g. `10.90.0.0/16`.
    pub dhcp: Option<String>,
}

/// A guest, or only what its lab binds it to.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Guest {
    /// Id. Without it the block only binds a guest of this name, whenever one is made.
    pub vmid: Option<u32>,
    /// Node; the first one when absent.
    pub node: Option<String>,
    /// Makes it a template.
    #[serde(default)]
    pub template: bool,
    /// Starts it with the lab.
    #[serde(default)]
    pub running: bool,
    /// Operating system image on its first disk; none means a blank disk.
    pub image: Option<String>,
    /// Storage of its disk.
    pub storage: Option<String>,
    /// Size of its disk.
    #[serde(default = "default_disk_gib")]
    pub disk_gib: f64,
    /// Configuration as the API takes it.
    #[serde(default)]
    pub config: BTreeMap<String, String>,
    /// Snapshots by name.
    #[serde(default)]
    pub snapshot: BTreeMap<String, Snapshot>,
    /// The snapshot it comes from, if it has any.
    pub parent: Option<String>,
    /// Real `address:port` of an SSH server that the program connects to instead of the simulated guest.
    pub connect: Option<SocketAddr>,
    /// Folder on that host below which everything is put, for a host where the program has no privileges: only files then, no services.
    pub root: Option<PathBuf>,
}

/// A pool.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pool {
    /// Comment.
    pub comment: Option<String>,
    /// Member guests.
    #[serde(default)]
    pub guests: BTreeSet<u32>,
    /// Member storages.
    #[serde(default)]
    pub storages: BTreeSet<String>,
}

/// A user.
#[derive(Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct User {
    /// Password for tickets; none means the user cannot log in.
    pub password: Option<String>,
    /// Role per path, propagated.
    #[serde(default)]
    pub roles: BTreeMap<String, String>,
    /// API tokens without privilege separation: id to secret.
    #[serde(default)]
    pub tokens: BTreeMap<String, String>,
}

impl std::fmt::Debug for User {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("User").field("roles", &self.roles).finish_non_exhaustive()
    }
}

/// A file on a storage.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct File {
    /// Size in MiB; of a disk image the size of the disk in it.
    #[serde(default)]
    pub size_mib: u64,
    /// Size of the file itself in bytes, where MiB are too coarse or the image in it is larger.
    pub file_bytes: Option<u64>,
    /// Operating system image in it, for files to import from.
    pub image: Option<String>,
}

/// A file of the world outside, for downloads by URL: the simulator reaches no network.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Url {
    /// Size in bytes.
    pub size_bytes: u64,
    /// Size of the disk in it in MiB, for a disk image.
    pub disk_mib: Option<u64>,
    /// Type the server names; none means `application/octet-stream`.
    pub mimetype: Option<String>,
    /// Operating system image in it, for guests made from it.
    pub image: Option<String>,
    /// Checksums by algorithm, e.g. `sha256`. An algorithm that is not here accepts any.
    #[serde(default)]
    pub checksums: BTreeMap<String, String>,
}

/// A lab file that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{file}{}: {message}", line.map(|line| format!(":{line}")).unwrap_or_default())]
pub struct LabError {
    /// File as the user named it.
    pub file: String,
    /// Line, when it is known.
    pub line: Option<usize>,
    /// What is wrong and what was expected.
    pub message: String,
}

fn default_version() -> String {
    "9.2".to_owned()
}

fn default_disk_gib() -> f64 {
    8.0
}

impl Lab {
    /// Returns the lab that runs when nobody names another one.
    pub fn built_in() -> Self {
        Self::parse("built-in.lab.hcl", BUILT_IN).expect("the built-in lab is valid; a test reads it")
    }

    /// Reads a lab file's text. `file` is only for messages.
    ///
    /// # Errors
    /// [`LabError`] with the line of the block or attribute that is wrong.
    pub fn parse(file: &str, text: &str) -> Result<Self, LabError> {
        let fail = |line, message: String| LabError { file: file.to_owned(), line, message };
        let lab: Self = hcl::from_str(text).map_err(|error| {
            let (line, message) = explain(text, &error);
            fail(line, message)
        })?;
        lab.check().map_err(|(name, message)| fail(line_of(text, &name), message))?;
        Ok(lab)
    }

    /// Checks what one block says about another; the error names the label to look for.
    fn check(&self) -> Result<(), (String, String)> {
        let fail = |name: &str, message: String| Err((name.to_owned(), message));
        if !matches!(self.version.as_str(), "9.2" | "8.4") {
            return fail("version", format!("version `{}` is not simulated, expected `9.2` or `8.4`", self.version));
        }
        if self.node.is_empty() {
            return fail("cluster", "a lab needs at least one `node` block".to_owned());
        }
        for (name, node) in &self.node {
            if let Some(day) = node.certificate_ends.as_ref().filter(|_| node.certificate_ends_s().is_none()) {
                return fail(name, format!("`certificate_ends = \"{day}\"` is not a day such as `2026-12-24`"));
            }
        }
        for (name, storage) in &self.storage {
            let known = ["dir", "nfs", "lvmthin", "lvm", "zfspool", "rbd"];
            if !known.contains(&storage.kind.as_str()) {
                return fail(
                    name,
                    format!("storage type `{}` is not simulated, expected one of {}", storage.kind, known.join(", ")),
                );
            }
            if let Some(node) = storage.nodes.iter().flatten().find(|node| !self.node.contains_key(*node)) {
                return fail(name, format!("storage `{name}` names node `{node}`, which the lab does not have"));
            }
        }
        for (name, guest) in &self.guest {
            if let Some(node) = guest.node.as_ref().filter(|node| !self.node.contains_key(*node)) {
                return fail(name, format!("guest `{name}` is on node `{node}`, which the lab does not have"));
            }
            if let Some(storage) = guest.storage.as_ref().filter(|storage| !self.storage.contains_key(*storage)) {
                return fail(name, format!("guest `{name}` is on storage `{storage}`, which the lab does not have"));
            }
            if let Some(root) = guest.root.as_ref().filter(|root| guest.connect.is_none() || !root.is_absolute()) {
                let root = root.display();
                return fail("root", format!("`root = \"{root}\"` needs `connect` beside it, and an absolute path"));
            }
        }
        for name in self.file.keys() {
            if !name.split_once(':').is_some_and(|(storage, _)| self.storage.contains_key(storage)) {
                return fail(name, format!("file `{name}` is not `STORAGE:content/name` with a storage of the lab"));
            }
        }
        parts::check(self)
    }
}

/// Finds the line of an error: parse errors carry it, others are found by reading block by block.
fn explain(text: &str, error: &hcl::Error) -> (Option<usize>, String) {
    if let hcl::Error::Parse(parse) = error {
        return (Some(parse.location().line()), format!("this is not HCL: {}", parse.message()));
    }
    let message = error.to_string();
    let quoted = message.split('`').nth(1).unwrap_or_default().to_owned();
    (line_of(text, &quoted), message)
}

fn line_of(text: &str, word: &str) -> Option<usize> {
    let holds = |line: &str| !word.is_empty() && line.split(|letter: char| !is_word(letter)).any(|part| part == word);
    text.lines()
        .position(|line| holds(line) || (!word.is_empty() && line.contains(&format!("\"{word}\""))))
        .map(|at| at + 1)
}

fn is_word(letter: char) -> bool {
    letter.is_alphanumeric() || matches!(letter, '_' | '-')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_built_in_lab_is_what_the_documentation_says() {
        let lab = Lab::built_in();
        assert_eq!(lab.node.keys().collect::<Vec<_>>(), ["pve1", "pve2", "pve3"]);
        assert!(lab.node.values().all(|node| node.cores == 32 && node.memory_gib == 128));
        assert_eq!(lab.guest["debian-13"].vmid, Some(9000));
        assert!(lab.bridge["vmbr1"].vlan_aware);
    }

    fn check(text: &str, line: usize, words: &str) {
        let error = Lab::parse("x.lab.hcl", text).expect_err("the lab is wrong");
        assert_eq!(error.line, Some(line), "{error}");
        assert!(error.to_string().contains(words), "{error}");
    }

    #[test]
    fn errors_name_file_and_line() {
        let node = "node \"a\" {\n  cores = 4\n  memory_gib = 8\n}\n";
        check(&format!("cluster = \"x\"\n{node}storage \"s\" {{\n  kind = \"dir\"\n}}\n"), 7, "kind");

        let storage = "storage \"s\" {\n  type = \"tape\"\n  content = [\"images\"]\n  size_gib = 1\n}\n";
        check(&format!("cluster = \"x\"\n{node}{storage}"), 6, "`tape` is not simulated");
        check("cluster = \"x\"\nnode \"a\" {", 2, "this is not HCL");

        let storage = "storage \"s\" {\n  type = \"dir\"\n  content = [\"images\"]\n  size_gib = 1\n}\n";
        let bound = |what: &str| format!("cluster = \"x\"\n{node}{storage}guest \"g\" {{\n  {what}\n}}\n");
        check(&bound("root = \"/srv\""), 12, "needs `connect` beside it");
        check(&bound("connect = \"127.0.0.77:22\"\n  root = \"srv\""), 13, "an absolute path");
    }
}
