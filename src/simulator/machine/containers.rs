//! Containers: creating one from a template archive, and what is seen of its network. Configuration is in
//! `container_config`, clones are in `container_clone`.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::Machine;
use super::auth::Caller;
use super::config::check_plain_ssh_keys;
use super::container_config::is_bind_mount;
use super::disks::is_disk_key;
use super::power::{Action, PowerWork};
use super::request::{Answer, Fault};
use super::routes::Context;
use super::state::{Config, Guest, GuestType};
use super::task::{Spawn, Step, Work, exclusive};

/// How long the call itself waits for the id's lock, and how long its worker does.
const CLAIM_WAIT_MS: u64 = 5000;
const WORKER_WAIT_MS: u64 = 1000;
/// How long the reference server needed for its Debian archive.
const UNPACK_MS: u64 = 1000;
/// Root disk of a container that asks for none, in GiB.
const DEFAULT_ROOT_GIB: u32 = 4;

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct CreateContainerWork {
    pub(super) vmid: u32,
    pub(super) node: String,
    archive: String,
    settings: Config,
    pool: Option<String>,
    starts: bool,
    caller: (String, Option<String>),
    realised: Option<Config>,
}

impl Machine {
    pub(super) fn create_container(&mut self, context: &Context) -> Answer {
        if context.parameters.is_set("restore") {
            return self.restore_guest(context);
        }
        let vmid = context.parameters.vmid();
        let node = context.node().to_owned();
        let mut parameters = context.parameters.clone();
        for name in ["template", "ha-managed", "force"] {
            if parameters.remove(name).is_some_and(|value| value == "1") {
                return Err(Fault::not_modelled("POST", &format!("/nodes/{node}/lxc with {name}")));
            }
        }
        self.check_id_unused(vmid)?;
        if let Some(keys) = parameters.remove("ssh-public-keys") {
            check_plain_ssh_keys(&keys)?;
        }
        let pool = parameters.remove("pool");
        self.check_may_allocate(&context.caller, vmid, pool.as_deref())?;
        let starts = parameters.remove("start").as_deref() == Some("1");
        let archive = parameters.remove("ostemplate").unwrap_or_default();
        let storage = parameters.remove("storage").unwrap_or_else(|| "local".to_owned());
        for name in ["node", "vmid", "password", "unique", "bwlimit", "ignore-unpack-errors"] {
            parameters.remove(name);
        }
        let mut settings: Config = parameters.iter().map(|(key, value)| (key.to_owned(), value.to_owned())).collect();
        settings.retain(|key, _| !key.starts_with("unused"));
        let has_mount_points = settings.keys().any(|key| is_disk_key(key));
        if has_mount_points && !settings.contains_key("rootfs") {
            return Err(Fault::text("mount points configured, but 'rootfs' not set - aborting"));
        }
        settings.entry("rootfs".to_owned()).or_insert_with(|| DEFAULT_ROOT_GIB.to_string());
        for (_, value) in settings.iter_mut().filter(|(key, _)| is_disk_key(key)) {
            // A bare number is a size on the default storage.
            if value.starts_with(|letter: char| letter.is_ascii_digit()) {
                *value = format!("{storage}:{value}");
            }
        }
        let path = pool.as_ref().map_or_else(|| format!("/vms/{vmid}"), |pool| format!("/pool/{pool}"));
        self.check_container_settings(&context.caller, &node, &path, &settings, true)?;
        self.check_readable_volume(&context.caller, &node, &archive)?;
        self.claim_container(vmid, &node)?;
        let caller = (context.caller.user.clone(), context.caller.token.clone());
        let work =
            CreateContainerWork { vmid, node: node.clone(), archive, settings, pool, starts, caller, realised: None };
        let spawn = Spawn {
            node: &node,
            kind: "vzcreate",
            id: vmid.to_string(),
            locks: exclusive(vmid),
            wait_ms: WORKER_WAIT_MS,
            work: Work::CreateContainer(work),
        };
        Ok(json!(self.spawn(&context.caller, spawn)).into())
    }

    /// Refuses an id that any guest of the cluster has.
    pub(super) fn check_id_unused(&self, vmid: u32) -> Result<(), Fault> {
        match self.guests.get(&vmid) {
            Some(guest) => {
                let text = format!("{} {vmid} already exists on node '{}'", guest.kind.noun(), guest.node);
                Err(Fault::text(text))
            }
            None => Ok(()),
        }
    }

    fn claim_container(&mut self, vmid: u32, node: &str) -> Result<(), Fault> {
        let refuse = |text: String| Fault::text(format!("unable to create CT {vmid} - {text}"));
        self.wait_for_lock(vmid, CLAIM_WAIT_MS).map_err(refuse)?;
        self.check_id_unused(vmid).map_err(|fault| refuse(fault.message))?;
        let stub = Config::from([("lock".to_owned(), "create".to_owned())]);
        self.add_guest(vmid, Guest::container(node, stub));
        Ok(())
    }

    pub(super) fn run_create_container(&mut self, seq: u64, stage: u32, work: &CreateContainerWork) -> Step {
        if stage == 0 {
            return match self.unpack(seq, work) {
                Ok(config) => {
                    let work = CreateContainerWork { realised: Some(config), ..work.clone() };
                    self.replace_work(seq, Work::CreateContainer(work));
                    Step::After(UNPACK_MS)
                }
                Err(error) => {
                    self.remove_guest(work.vmid);
                    self.task_log(seq, error.clone());
                    Step::failed(format!("unable to create CT {} - {error}", work.vmid))
                }
            };
        }
        self.task_log(seq, "Detected container architecture: amd64");
        let config = work.realised.clone().unwrap_or_default();
        self.with_guest(work.vmid, |guest| guest.config = config);
        if let Some(pool) = &work.pool {
            self.join_pool(pool, work.vmid);
        }
        if work.starts {
            let caller = Caller { user: work.caller.0.clone(), token: work.caller.1.clone() };
            self.spawn_start(&caller, work.vmid, &work.node, GuestType::Lxc);
        }
        Step::DONE
    }

    /// Makes the volumes and fills the first one from the archive; returns the configuration.
    fn unpack(&mut self, seq: u64, work: &CreateContainerWork) -> Result<Config, String> {
        let mut config = Config::new();
        let mut made = Vec::new();
        let result = self.make_mount_points(seq, work, &mut config, &mut made).and_then(|()| {
            let archive = self.volume(&work.node, &work.archive).cloned();
            archive.ok_or_else(|| format!("volume '{}' does not exist", work.archive))
        });
        let archive = match result {
            Ok(archive) => archive,
            Err(error) => {
                for volid in made {
                    self.free_volume(&work.node, &volid);
                }
                return Err(error);
            }
        };
        let name = super::disks::file_name(&work.archive);
        self.task_log(seq, format!("extracting archive '/var/lib/vz/template/cache/{name}'"));
        let root = config.get("rootfs").and_then(|value| super::disks::volume_in(value)).unwrap_or_default().to_owned();
        let image = archive.image.clone().unwrap_or_else(|| system_of(name).to_owned());
        self.fill_volume(&work.node, &root, &image, archive.size_bytes * 3);
        for (key, value) in work.settings.iter().filter(|(key, _)| !is_disk_key(key)) {
            let value = self.normalise_container(key, value);
            if !value.is_empty() {
                config.insert(key.clone(), value);
            }
        }
        if config.get("unprivileged").map_or("1", String::as_str) == "1" {
            config.insert("unprivileged".to_owned(), "1".to_owned());
        } else {
            config.remove("unprivileged");
        }
        let defaults = [
            ("arch", "amd64".to_owned()),
            ("hostname", format!("CT{}", work.vmid)),
            ("memory", "512".to_owned()),
            ("ostype", system_of(name).to_owned()),
            ("swap", "512".to_owned()),
        ];
        for (key, value) in defaults {
            config.entry(key.to_owned()).or_insert(value);
        }
        Ok(config)
    }

    fn make_mount_points(
        &mut self,
        seq: u64,
        work: &CreateContainerWork,
        config: &mut Config,
        made: &mut Vec<String>,
    ) -> Result<(), String> {
        let is_root = |key: &&(&String, &String)| key.0 == "rootfs";
        let (roots, others): (Vec<_>, Vec<_>) =
            work.settings.iter().filter(|(key, _)| is_disk_key(key)).partition(|entry| is_root(&entry));
        for (key, value) in roots.into_iter().chain(others) {
            let (setting, lines) = self.realise_mount_point(&work.node, work.vmid, key, value)?;
            lines.into_iter().for_each(|line| self.task_log(seq, line));
            if !is_bind_mount(value) && !value.starts_with(setting.split(',').next().unwrap_or_default()) {
                made.push(setting.split(',').next().unwrap_or_default().to_owned());
            }
            config.insert(key.clone(), setting);
        }
        Ok(())
    }

    /// Starts the worker that starts a guest.
    pub(super) fn spawn_start(&mut self, caller: &Caller, vmid: u32, node: &str, kind: GuestType) -> String {
        let work = Work::Power(PowerWork { vmid, node: node.to_owned(), kind, action: Action::Start });
        let task = kind.task("start");
        let spawn = Spawn { node, kind: &task, id: vmid.to_string(), locks: exclusive(vmid), wait_ms: 10_000, work };
        self.spawn(caller, spawn)
    }

    /// A container's addresses are seen from outside; a stopped one has none.
    pub(super) fn container_interfaces(&mut self, context: &Context) -> Answer {
        let guest = self.named_guest(context)?.clone();
        if !guest.is_running() {
            return Ok(().into());
        }
        let address = |kind: &str, address: &str, prefix: u8| json!({ "ip-address": address, "ip-address-type": kind, "prefix": prefix });
        let lo = "00:00:00:00:00:00";
        let mut rows = vec![json!({
            "name": "lo", "hwaddr": lo, "hardware-address": lo, "inet": "127.0.0.1/8", "inet6": "::1/128",
            "ip-addresses": [address("inet", "127.0.0.1", 8), address("inet6", "::1", 128)],
        })];
        for nic in self.nics(&guest) {
            let local = super::agent::link_local(&nic.mac);
            let mut row = json!({
                "name": nic.name, "hwaddr": nic.mac, "hardware-address": nic.mac, "inet6": format!("{local}/64"),
            });
            let mut addresses = Vec::new();
            if let Some((text, prefix)) = &nic.address {
                row["inet"] = json!(format!("{text}/{prefix}"));
                addresses.push(address("inet", text, *prefix));
            }
            addresses.push(address("inet6", &local, 64));
            row["ip-addresses"] = Value::Array(addresses);
            rows.push(row);
        }
        Ok(Value::Array(rows).into())
    }
}

/// Returns the kind of system in an archive, by the name of its file.
fn system_of(name: &str) -> &'static str {
    let known =
        ["debian", "devuan", "ubuntu", "centos", "fedora", "opensuse", "archlinux", "alpine", "gentoo", "nixos"];
    known.into_iter().find(|system| name.contains(system)).unwrap_or("unmanaged")
}
