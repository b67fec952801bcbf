//! What a server has that checks need: nodes, storages, bridges, templates. Reads only.

use super::wire::{Place, Received, Sent};
use crate::proxmox::https::{Secret, Trust};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::RangeInclusive;

/// Which server, and what may be used there.
#[derive(Clone, Debug)]
pub struct Target {
    /// `https://host:8006`
    pub endpoint: String,
    /// How it proves who it is.
    pub trust: Trust,
    /// Credential: `user@realm!name=secret`.
    pub token: Secret,
    /// Node to work on; without one, the first that is online.
    pub node: Option<String>,
    /// Storage for disks; without one, the first that takes them, files before blocks.
    pub storage: Option<String>,
    /// Bridge for NICs; without one, the first.
    pub bridge: Option<String>,
    /// A template with an operating system and a guest agent, which is cloned and not changed; without one, the first of the node whose
    /// agent is on.
    pub image: Option<u32>,
    /// Ids that guests may be made under.
    pub disposable: RangeInclusive<u32>,
    /// How many times faster than real its clock runs.
    pub speed: u32,
}

/// What was found.
pub struct Facts {
    pub(super) place: Place,
    pub(super) token: Secret,
    /// What `{NAME}` stands for.
    pub(super) names: BTreeMap<String, String>,
    /// What the server has of the words after `needs`.
    pub(super) has: BTreeSet<&'static str>,
    pub(super) disposable: RangeInclusive<u32>,
    pub(super) taken: BTreeSet<u32>,
    pub(super) speed: u32,
}

impl Facts {
    /// Looks at a server.
    ///
    /// # Errors
    /// It cannot be reached or refuses, or lacks what every check needs.
    pub async fn gather(target: &Target) -> Result<Self, String> {
        let place = Place::new(&target.endpoint, &target.trust)?;
        let mut facts = Self {
            place,
            token: target.token.clone(),
            names: BTreeMap::new(),
            has: BTreeSet::new(),
            disposable: target.disposable.clone(),
            taken: BTreeSet::new(),
            speed: target.speed.max(1),
        };
        facts.version().await?;
        facts.nodes(target).await?;
        facts.storages(target).await?;
        facts.bridges(target).await?;
        facts.guests(target).await?;
        let caller = target.token.reveal().split('=').next().unwrap_or_default().to_owned();
        facts.name("user", caller.split('!').next().unwrap_or_default());
        facts.name("caller", &caller);
        Ok(facts)
    }

    fn name(&mut self, name: &str, value: &str) {
        self.names.insert(name.to_owned(), value.to_owned());
    }

    async fn read(&self, path: &str) -> Result<Value, String> {
        let received = self.get(path).await?;
        match received.status {
            200 => Ok(received.json()["data"].take()),
            status => Err(format!("GET {path}: {status} {}", received.reason)),
        }
    }

    async fn get(&self, path: &str) -> Result<Received, String> {
        let authorization = format!("PVEAPIToken={}", self.token.reveal());
        let sent = Sent {
            method: "GET".into(),
            target: path.into(),
            headers: vec![("Authorization".into(), authorization)],
            ..Sent::default()
        };
        self.place.ask(&sent).await
    }

    async fn version(&mut self) -> Result<(), String> {
        let version = self.read("/version").await?;
        let version = version["version"].as_str().unwrap_or_default();
        let major: u32 = version.split('.').next().and_then(|number| number.parse().ok()).unwrap_or(0);
        self.name("version", version);
        for (least, word) in [(8, "since-8"), (9, "since-9")] {
            if major >= least {
                self.has.insert(word);
            }
        }
        Ok(())
    }

    async fn nodes(&mut self, target: &Target) -> Result<(), String> {
        let nodes = self.read("/nodes").await?;
        let mut online: Vec<&str> =
            rows(&nodes).filter(|row| row["status"] == "online").filter_map(|row| row["node"].as_str()).collect();
        online.sort_unstable();
        let node = chosen("node", target.node.as_deref(), &online)?;
        let second = online.into_iter().find(|name| *name != node);
        self.name("node", &node);
        if let Some(second) = second {
            self.name("node2", second);
            self.has.insert("second-node");
        }
        Ok(())
    }

    async fn storages(&mut self, target: &Target) -> Result<(), String> {
        let storages = self.read(&format!("/nodes/{}/storage", self.names["node"])).await?;
        let takes = |content: &str| -> Vec<(&str, &str)> {
            rows(&storages)
                .filter(|row| row["content"].as_str().is_some_and(|kinds| kinds.split(',').any(|kind| kind == content)))
                .filter(|row| row["active"] != 0)
                .filter_map(|row| Some((row["storage"].as_str()?, row["type"].as_str()?)))
                .collect()
        };
        let mut images = takes("images");
        images.sort_by_key(|(_, kind)| (!is_file_store(kind), *kind == "nfs"));
        let names: Vec<&str> = images.iter().map(|(name, _)| *name).collect();
        let storage = chosen("storage for disks", target.storage.as_deref(), &names)?;
        let kind = images.iter().find(|(name, _)| *name == storage).map(|(_, kind)| *kind).unwrap_or_default();
        if is_file_store(kind) || kind == "zfspool" || kind == "rbd" {
            self.has.insert("base-volumes");
        }
        let missing = match is_file_store(kind) {
            true => format!("{storage}:{{a}}/vm-{{a}}-disk-77.qcow2"),
            false => format!("{storage}:vm-{{a}}-disk-77"),
        };
        self.name("missing", &missing);
        self.name("storage", &storage);
        if let Some((storage, _)) = takes("backup").first() {
            self.has.insert("backup-storage");
            self.name("backup", storage);
        }
        self.container_template(&takes("vztmpl"), takes("rootdir").iter().any(|(name, _)| *name == storage)).await
    }

    async fn container_template(&mut self, storages: &[(&str, &str)], has_room: bool) -> Result<(), String> {
        for (storage, _) in storages.iter().filter(|_| has_room) {
            let path = format!("/nodes/{}/storage/{storage}/content?content=vztmpl", self.names["node"]);
            let content = self.read(&path).await?;
            if let Some(volume) = rows(&content).find_map(|row| row["volid"].as_str()) {
                self.has.insert("container-template");
                self.name("ostemplate", volume);
                break;
            }
        }
        Ok(())
    }

    async fn bridges(&mut self, target: &Target) -> Result<(), String> {
        let network = self.read(&format!("/nodes/{}/network?type=any_bridge", self.names["node"])).await?;
        let mut bridges: Vec<&str> = rows(&network).filter_map(|row| row["iface"].as_str()).collect();
        bridges.sort_unstable();
        let bridge = chosen("bridge", target.bridge.as_deref(), &bridges)?;
        let second = bridges.into_iter().find(|name| *name != bridge).unwrap_or(&bridge);
        self.name("bridge2", second);
        self.name("bridge", &bridge);
        Ok(())
    }

    async fn guests(&mut self, target: &Target) -> Result<(), String> {
        let guests = self.read("/cluster/resources?type=vm").await?;
        self.taken = rows(&guests).filter_map(vmid).collect();
        let templates = rows(&guests)
            .filter(|row| row["type"] == "qemu" && row["node"] == self.names["node"] && row["template"] == 1)
            .filter_map(vmid);
        let mut images: Vec<u32> = target.image.map_or_else(|| templates.collect(), |image| vec![image]);
        images.sort_unstable();
        for image in images {
            let config = self.get(&format!("/nodes/{}/qemu/{image}/config", self.names["node"])).await?.json();
            let agent = config["data"]["agent"].to_string();
            if agent.trim_matches('"').trim_start_matches("enabled=").starts_with('1') {
                self.has.insert("image");
                self.name("image", &image.to_string());
                break;
            }
        }
        Ok(())
    }
}

fn vmid(row: &Value) -> Option<u32> {
    row["vmid"].as_u64()?.try_into().ok()
}

fn rows(list: &Value) -> impl Iterator<Item = &Value> {
    list.as_array().into_iter().flatten()
}

fn is_file_store(kind: &str) -> bool {
    matches!(kind, "dir" | "nfs" | "cifs" | "btrfs" | "cephfs")
}

fn chosen(what: &str, wanted: Option<&str>, there: &[&str]) -> Result<String, String> {
    match (wanted, there.first()) {
        (Some(wanted), _) if there.contains(&wanted) => Ok(wanted.to_owned()),
        (Some(wanted), _) => {
            Err(format!("the server has no {what} `{wanted}` that can be used; it has {}", there.join(", ")))
        }
        (None, Some(first)) => Ok((*first).to_owned()),
        (None, None) => Err(format!("the server has no {what} that can be used")),
    }
}
