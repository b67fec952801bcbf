//! Creating a guest from nothing, with new disks or imported ones.

use serde::{Deserialize, Serialize};
use serde_json::json;

use super::Machine;
use super::auth::Caller;
use super::config::{Changes, is_network_key};
use super::disks::{is_cdrom, is_disk_key};
use super::request::{Answer, Fault};
use super::routes::Context;
use super::state::{Config, Guest, GuestType};
use super::task::{Spawn, Step, Work, exclusive};

/// How long the call itself waits for the id's lock, and how long its worker does.
const CLAIM_WAIT_MS: u64 = 5000;
const WORKER_WAIT_MS: u64 = 1000;

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct CreateWork {
    vmid: u32,
    node: String,
    settings: Config,
    pool: Option<String>,
    starts: bool,
    caller: (String, Option<String>),
    /// Settings with their volumes, once the first stage made them.
    realised: Option<Config>,
}

impl Machine {
    pub(super) fn create_guest(&mut self, context: &Context) -> Answer {
        if context.parameters.get("archive").is_some() {
            return self.restore_guest(context);
        }
        let vmid = context.parameters.vmid();
        let node = context.node().to_owned();
        let pool = context.parameters.get("pool").map(str::to_owned);
        self.check_may_allocate(&context.caller, vmid, pool.as_deref())?;
        let mut parameters = context.parameters.clone();
        let starts = parameters.remove("start").as_deref() == Some("1");
        for name in ["node", "vmid", "pool", "storage", "unique", "force", "bwlimit"] {
            parameters.remove(name);
        }
        for name in ["live-restore", "ha-managed", "import-working-storage"] {
            if parameters.remove(name).is_some() {
                return Err(Fault::not_modelled("POST", &format!("/nodes/{node}/qemu with {name}")));
            }
        }
        let mut settings: Config = parameters.iter().map(|(key, value)| (key.to_owned(), value.to_owned())).collect();
        if let Some(value) = settings.remove("cdrom") {
            settings.insert("ide2".to_owned(), value);
        }
        let path = match &pool {
            Some(pool) => format!("/pool/{pool}"),
            None => format!("/vms/{vmid}"),
        };
        let changes = Changes { set: settings.clone(), ..Changes::default() };
        self.check_settings(&context.caller, &node, &path, &changes)?;
        self.claim(vmid, &node)?;
        let caller = (context.caller.user.clone(), context.caller.token.clone());
        let work = CreateWork { vmid, node: node.clone(), settings, pool, starts, caller, realised: None };
        let spawn = Spawn {
            node: &node,
            kind: "qmcreate",
            id: vmid.to_string(),
            locks: exclusive(vmid),
            wait_ms: WORKER_WAIT_MS,
            work: Work::Create(work),
        };
        Ok(json!(self.spawn(&context.caller, spawn)).into())
    }

    /// A new guest needs the right to its id, or to the pool it goes to.
    pub(super) fn check_may_allocate(&self, caller: &Caller, vmid: u32, pool: Option<&str>) -> Result<(), Fault> {
        if let Some(pool) = pool {
            self.check_pool_exists(pool)?;
        }
        let may = self.has(caller, &format!("/vms/{vmid}"), "VM.Allocate")
            || pool.is_some_and(|pool| self.has(caller, &format!("/pool/{pool}"), "VM.Allocate"));
        if may { Ok(()) } else { Err(Fault::denied_without_path()) }
    }

    /// Takes the id: the only reservation the API has.
    fn claim(&mut self, vmid: u32, node: &str) -> Result<(), Fault> {
        let refuse = |text: String| Fault::text(format!("unable to create VM {vmid} - {text}"));
        self.wait_for_lock(vmid, CLAIM_WAIT_MS).map_err(refuse)?;
        self.check_id_unused(vmid).map_err(|fault| refuse(fault.message))?;
        let stub = Config::from([("lock".to_owned(), "create".to_owned())]);
        self.add_guest(vmid, Guest::new(node, stub));
        Ok(())
    }

    pub(super) fn run_create(&mut self, seq: u64, stage: u32, work: &CreateWork) -> Step {
        if stage == 0 {
            return self.make_disks(seq, work);
        }
        let config = work.realised.clone().unwrap_or_default();
        self.with_guest(work.vmid, |guest| guest.config = config);
        if let Some(pool) = &work.pool {
            self.join_pool(pool, work.vmid);
        }
        if work.starts {
            self.task_log(seq, "Execute autostart");
            let caller = Caller { user: work.caller.0.clone(), token: work.caller.1.clone() };
            self.spawn_start(&caller, work.vmid, &work.node, GuestType::Qemu);
        }
        Step::DONE
    }

    fn make_disks(&mut self, seq: u64, work: &CreateWork) -> Step {
        let mut config = Config::new();
        let mut disks: u64 = 0;
        for (key, value) in &work.settings {
            if !is_disk_key(key) {
                // A password is only hashed when an existing guest gets it.
                let value = if key == "cipassword" { value.clone() } else { self.normalise(key, value) };
                if !value.is_empty() {
                    config.insert(key.clone(), value);
                }
                continue;
            }
            disks += 1;
            match self.realise_disk(&work.node, work.vmid, key, value) {
                Ok((setting, lines)) => {
                    lines.into_iter().for_each(|line| self.task_log(seq, line));
                    config.insert(key.clone(), setting);
                }
                Err(error) => {
                    self.undo_disks(&work.node, &config, &work.settings);
                    self.remove_guest(work.vmid);
                    return Step::failed(format!("unable to create VM {} - {error}", work.vmid));
                }
            }
        }
        self.complete(&mut config);
        let work = CreateWork { realised: Some(config), ..work.clone() };
        self.replace_work(seq, Work::Create(work));
        Step::After(10 + disks * 60)
    }

    /// Frees the volumes a failed creation made; what it only referred to stays.
    fn undo_disks(&mut self, node: &str, made: &Config, wishes: &Config) {
        for (key, setting) in made.iter().filter(|(key, _)| is_disk_key(key)) {
            let volid = setting.split(',').next().unwrap_or_default();
            if wishes.get(key).is_none_or(|wish| !wish.starts_with(volid)) {
                self.free_volume(node, volid);
            }
        }
    }

    /// Adds what the server adds to every new guest.
    fn complete(&mut self, config: &mut Config) {
        let boot = default_boot(config);
        config.entry("boot".to_owned()).or_insert(boot);
        let uuid = self.random_uuid();
        config.entry("smbios1".to_owned()).or_insert(format!("uuid={uuid}"));
        let generation = self.random_uuid();
        config.insert("vmgenid".to_owned(), generation);
        let created_s = self.clock.now_ms / 1000;
        config.insert("meta".to_owned(), format!("creation-qemu=10.2.2,ctime={created_s}"));
    }
}

/// Returns the boot order the server chooses: first disk, first CD with a medium, first NIC.
fn default_boot(config: &Config) -> String {
    let order = ["scsi", "virtio", "ide", "sata"];
    let rank = |key: &str| order.iter().position(|stem| key.starts_with(stem)).unwrap_or(order.len());
    let mut drives: Vec<(&String, &String)> =
        config.iter().filter(|(key, _)| is_disk_key(key) && rank(key) < order.len()).collect();
    drives.sort_by_key(|(key, _)| (rank(key), (*key).clone()));
    let disk = drives.iter().find(|(_, value)| !is_cdrom(value)).map(|(key, _)| (*key).clone());
    let cdrom =
        drives.iter().find(|(_, value)| is_cdrom(value) && !value.starts_with("none")).map(|(key, _)| (*key).clone());
    let network = config.keys().find(|key| is_network_key(key)).cloned();
    let devices: Vec<String> = [disk, cdrom, network].into_iter().flatten().collect();
    if devices.is_empty() { " ".to_owned() } else { format!("order={}", devices.join(";")) }
}
