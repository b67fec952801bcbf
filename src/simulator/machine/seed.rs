//! Builds the machine a lab describes: nodes, storages, virtual machines, pools and users. The rest is in `seed_parts`.

use std::collections::BTreeMap;

use uuid::Uuid;

use super::disks::{VolumeKind, is_cdrom, is_disk_key};
use super::property::{print, print_size, split};
use super::state::{
    AclEntry, Binding, Bridge, Card, Clock, Config, Guest, Meta, Node, Pool, Power, Realm, Storage, Subject, Token,
    Url, User, Volume,
};
use super::table::Single;
use super::{FORMAT, Machine};
use crate::simulator::lab::{self, Lab, NodeStatus};

/// When a lab begins: Friday 20 November 2026, 18:00 UTC.
pub(super) const EPOCH_MS: u64 = 1_795_197_600_000;
/// The token every lab has for the program: `root@pam!spawnpoint`, without privilege separation.
const TOKEN_ID: &str = "spawnpoint";
/// Name of the property format of `netN` in the method table.
pub(super) const NETWORK_FORMAT: &str = "$net-2";

impl Machine {
    /// Returns the cluster a lab describes. The same lab and seed make the same cluster.
    ///
    /// # Errors
    /// The text says which guest the lab's storages cannot hold, or which setting the API does not have.
    pub fn new(lab: &Lab, seed: u64) -> Result<Self, String> {
        let mut machine = Self::default();
        // The nodes have been up for an hour when the lab opens.
        let booted_ms = EPOCH_MS - 3_600_000;
        machine.meta = Single::new(Meta {
            format: FORMAT,
            seed,
            cluster: lab.cluster.clone(),
            booted_ms,
            version: lab.version.clone(),
        });
        machine.clock = Single::new(Clock { now_ms: EPOCH_MS, next_pid: 4000, ..Clock::default() });
        machine.options = Single::new(lab.options.clone());
        machine.leases = Single::new(BTreeMap::new());
        machine.options.entry("mac_prefix".to_owned()).or_insert("BC:24:11".to_owned());
        let url_of = |url: &lab::Url| Url {
            size_bytes: url.size_bytes,
            disk_bytes: url.disk_mib.map(|mib| mib << 20),
            mimetype: url.mimetype.clone(),
            image: url.image.clone(),
            checksums: url.checksums.clone(),
        };
        machine.urls = Single::new(lab.url.iter().map(|(address, url)| (address.clone(), url_of(url))).collect());
        machine.add_nodes(lab);
        for (name, storage) in &lab.storage {
            machine.storages.insert(name.clone(), storage_of(storage));
        }
        for (name, pool) in &lab.pool {
            let pool =
                Pool { comment: pool.comment.clone(), guests: pool.guests.clone(), storages: pool.storages.clone() };
            machine.pools.insert(name.clone(), pool);
        }
        machine.add_access(lab);
        for (volid, file) in &lab.file {
            machine.add_file(volid, file);
        }
        for (name, guest) in &lab.guest {
            machine.add_lab_guest(lab, name, guest).map_err(|error| format!("guest `{name}`: {error}"))?;
        }
        machine.add_lab_parts(lab)?;
        machine.broadcast();
        Ok(machine)
    }

    /// Returns the credential of the lab's token for the program: `USER@REALM!TOKENID=SECRET`.
    pub fn automation_token(&self) -> String {
        let token = self.access.users.get("root@pam").and_then(|user| user.tokens.get(TOKEN_ID));
        let secret = token.map_or("", |token| token.secret.as_str());
        format!("root@pam!{TOKEN_ID}={secret}")
    }

    /// Returns the cluster's name.
    pub fn cluster(&self) -> &str {
        &self.meta.cluster
    }

    fn add_nodes(&mut self, lab: &Lab) {
        for (position, (name, node)) in (1..).zip(&lab.node) {
            let bridge = |(bridge_name, bridge): (&String, &lab::Bridge)| {
                let is_first = lab.bridge.keys().next() == Some(bridge_name);
                let address = is_first.then(|| format!("10.90.0.{}/16", 10 + position));
                let bridge = Bridge {
                    is_vlan_aware: bridge.vlan_aware,
                    address: bridge.address.clone().or(address),
                    ports: bridge.ports.clone(),
                    dhcp: bridge.dhcp.clone(),
                };
                (bridge_name.clone(), bridge)
            };
            let node = Node {
                position,
                cores: node.cores,
                memory_bytes: node.memory_gib << 30,
                is_online: node.status == NodeStatus::Online,
                address: format!("10.90.0.{}", 10 + position),
                bridges: lab.bridge.iter().map(bridge).collect(),
                certificate_ends_s: node.certificate_ends_s(),
                has_network_trouble: false,
                cards: node.cards.iter().map(|(name, card)| (name.clone(), card_of(*card))).collect(),
            };
            self.nodes.insert(name.clone(), node);
        }
    }

    fn add_access(&mut self, lab: &Lab) {
        for (name, comment) in
            [("pam", "Linux PAM standard authentication"), ("pve", "Proxmox VE authentication server")]
        {
            let realm = Realm { kind: name.to_owned(), comment: Some(comment.to_owned()), ..Realm::default() };
            self.access.realms.insert(name.to_owned(), realm);
        }
        let root = User { is_enabled: true, ..User::default() };
        self.access.users.insert("root@pam".to_owned(), root);
        for (id, user) in &lab.user {
            let password_digest = user.password.as_ref().map(|password| self.password_digest(password));
            let tokens = user
                .tokens
                .iter()
                .map(|(id, secret)| (id.clone(), Token { secret: secret.clone(), ..Token::default() }));
            let entry = User { is_enabled: true, password_digest, tokens: tokens.collect(), ..User::default() };
            self.access.users.insert(id.clone(), entry);
            for (path, role) in &user.roles {
                let entry = AclEntry {
                    path: path.clone(),
                    kind: Subject::User,
                    subject: id.clone(),
                    role: role.clone(),
                    propagates: true,
                };
                self.access.entries.insert(entry);
            }
        }
        let name = format!("{}/{}/{TOKEN_ID}", self.meta.seed, self.meta.cluster);
        let secret = Uuid::new_v5(&Uuid::NAMESPACE_OID, name.as_bytes()).to_string();
        let token = Token { secret, comment: Some("the lab's own token".to_owned()), ..Token::default() };
        let root = self.access.users.entry("root@pam".to_owned()).or_default();
        root.tokens.entry(TOKEN_ID.to_owned()).or_insert(token);
    }

    fn add_file(&mut self, volid: &str, file: &lab::File) {
        let (storage, name) = volid.split_once(':').expect("the lab check refuses other names");
        let content = name.split('/').next().unwrap_or_default().to_owned();
        let format = super::uploads::file_format(&content, name);
        let bytes = file.file_bytes.unwrap_or(file.size_mib << 20);
        let is_shared = self.storages.get(storage).is_some_and(|storage| storage.is_shared);
        let nodes: Vec<String> = if is_shared { vec![String::new()] } else { self.nodes.keys().cloned().collect() };
        for node in nodes {
            let volume = Volume {
                storage: storage.to_owned(),
                node: node.clone(),
                volid: volid.to_owned(),
                content: content.clone(),
                format: format.clone(),
                size_bytes: if content == "import" { file.size_mib << 20 } else { bytes },
                used_bytes: bytes,
                vmid: None,
                parent: None,
                image: file.image.clone(),
                created_s: EPOCH_MS / 1000,
                notes: None,
                is_protected: false,
                archive: None,
            };
            self.volumes.insert(format!("{node}|{volid}"), volume);
        }
    }

    fn add_lab_guest(&mut self, lab: &Lab, name: &str, guest: &lab::Guest) -> Result<(), String> {
        if let Some(connect) = guest.connect {
            self.bindings.insert(name.to_owned(), Binding { connect, root: guest.root.clone() });
        }
        let Some(vmid) = guest.vmid else {
            return Ok(());
        };
        let node = guest.node.clone().or_else(|| lab.node.keys().next().cloned()).unwrap_or_default();
        let mut config = Config::from([("name".to_owned(), name.to_owned())]);
        for (key, value) in &guest.config {
            let value = if is_disk_key(key) {
                self.realise_disk(&node, vmid, key, value)?.0
            } else {
                self.normalise(key, value)
            };
            config.insert(key.clone(), value);
        }
        if let Some(storage) = &guest.storage {
            let disk = self.lab_disk(&node, vmid, storage, guest)?;
            config.entry("scsi0".to_owned()).or_insert(disk);
        }
        if let Some(image) = &guest.image {
            self.install(&node, &config, image);
        }
        let uuid = self.random_uuid();
        config.insert("smbios1".to_owned(), format!("uuid={uuid}"));
        let generation = self.random_uuid();
        config.insert("vmgenid".to_owned(), generation);
        config.insert("meta".to_owned(), format!("creation-qemu=10.2.2,ctime={}", EPOCH_MS / 1000));
        if guest.template {
            config.extend(self.make_bases(&node, &config));
            config.insert("template".to_owned(), "1".to_owned());
        }
        let entry = Guest::new(&node, config);
        self.open_guest(vmid, entry, guest.running);
        self.add_lab_snapshots(vmid, &guest.snapshot, guest.parent.as_deref())
    }

    /// Puts a guest there as the lab opens.
    pub(super) fn open_guest(&mut self, vmid: u32, mut guest: Guest, is_running: bool) {
        if is_running {
            let pid = 99_000 + vmid % 1000;
            guest.power = Power::Running { since_ms: EPOCH_MS, pid, agent_at_ms: Some(EPOCH_MS), is_paused: false };
            self.take_leases(&guest);
        }
        self.add_guest(vmid, guest);
    }

    /// Puts an operating system on the first disk.
    pub(super) fn install(&mut self, node: &str, config: &Config, image: &str) {
        let first = config.iter().find(|(key, value)| is_disk_key(key) && !is_cdrom(value) && !key.starts_with("efi"));
        let Some((_, setting)) = first else { return };
        let (volid, _) = split(setting);
        if let Some(size_bytes) = self.volume(node, &volid).map(|volume| volume.size_bytes) {
            self.fill_volume(node, &volid, image, size_bytes / 3);
        }
    }

    fn lab_disk(&mut self, node: &str, vmid: u32, storage: &str, guest: &lab::Guest) -> Result<String, String> {
        // A disk is whole sectors long.
        let size_bytes = ((guest.disk_gib * 2_097_152.0).round() as u64) * 512;
        let (volid, _) = self.allocate(node, storage, vmid, "qcow2", size_bytes, VolumeKind::Disk)?;
        let options = BTreeMap::from([("size".to_owned(), print_size(size_bytes))]);
        Ok(print(&volid, &options))
    }
}

fn card_of(card: lab::Card) -> Card {
    Card { is_configured: card != lab::Card::Present, is_present: card != lab::Card::Configured }
}

fn storage_of(storage: &lab::Storage) -> Storage {
    Storage {
        kind: storage.kind.clone(),
        content: storage.content.clone(),
        is_shared: storage.shared,
        nodes: storage.nodes.clone(),
        total_bytes: storage.size_gib << 30,
        other_bytes: storage.used_gib << 30,
        options: storage.options.clone(),
    }
}
