//! What jobs come to: when they run next, which guests they cover, what a backup would be made with. The jobs themselves are areas.

use serde_json::{Map, Value, json};

use super::Machine;
use super::areas::BACKUP_JOBS;
use super::calendar::{Calendar, print_utc};
use super::objects::text;
use super::request::{Answer, Fault};
use super::routes::{Context, Entry};
use super::schema::split_list;
use super::state::{Object, Setting};

pub(super) const ROUTES: &[Entry] = &[
    ("GET", "/cluster/backup-info/not-backed-up", not_backed_up),
    ("GET", "/cluster/backup/{id}/included_volumes", included_volumes),
    ("GET", "/cluster/jobs/schedule-analyze", analyze),
    ("GET", "/nodes/{node}/replication", node_replication),
    ("GET", "/nodes/{node}/vzdump/defaults", defaults),
];

/// Adds to a job in the list when it runs next.
pub(super) fn add_next_run(machine: &Machine, context: &Context, _id: &str, row: &mut Map<String, Value>) {
    let schedule = row.get("schedule").and_then(Value::as_str).and_then(|text| Calendar::parse(text).ok());
    let is_list = context.template == "/cluster/backup";
    if let Some(next_s) = schedule.filter(|_| is_list).and_then(|schedule| schedule.next(machine.now_s())) {
        row.insert("next-run".to_owned(), json!(next_s));
    }
}

/// Returns whether a job backs a guest up.
fn covers(machine: &Machine, job: &Object, vmid: u32) -> bool {
    let lists = |key: &str| text(job, key).is_some_and(|list| split_list(list).contains(&vmid.to_string().as_str()));
    if text(job, "all") == Some("1") {
        return !lists("exclude");
    }
    match text(job, "pool") {
        Some(pool) => machine.pools.get(pool).is_some_and(|pool| pool.guests.contains(&vmid)),
        None => lists("vmid"),
    }
}

fn not_backed_up(machine: &mut Machine, context: &Context) -> Answer {
    let is_covered = |vmid: u32| machine.objects_of(&BACKUP_JOBS).any(|(_, job)| covers(machine, job, vmid));
    let rows = machine
        .guests
        .iter()
        .filter(|(vmid, _)| !is_covered(**vmid) && machine.has(&context.caller, &format!("/vms/{vmid}"), "VM.Audit"));
    let rows =
        rows.map(|(vmid, guest)| json!({ "name": guest.name(*vmid), "type": guest.kind.as_str(), "vmid": vmid }));
    Ok(Value::Array(rows.collect()).into())
}

fn included_volumes(machine: &mut Machine, context: &Context) -> Answer {
    let id = context.parameters.required("id");
    let missing = || Fault::parameter("id", format!("No such job '{id}'"));
    let job = machine.object(&BACKUP_JOBS, id).ok_or_else(missing)?;
    let guests = machine.guests.iter().filter(|(vmid, _)| covers(machine, job, **vmid));
    let children = guests.map(|(vmid, guest)| {
        let disks = guest.config.iter().filter(|(key, _)| super::disks::is_disk_key(key)).map(|(key, value)| {
            let is_included = !super::disks::is_cdrom(value) && !value.contains("backup=0");
            let reason = match (super::disks::is_cdrom(value), is_included) {
                (true, _) => "CD-ROM",
                (false, true) => "enabled",
                (false, false) => "disabled",
            };
            let name = value.split(',').next().unwrap_or_default();
            json!({ "id": key, "name": name, "included": is_included, "reason": reason, "leaf": 1 })
        });
        let disks: Vec<Value> = disks.collect();
        json!({ "id": vmid, "name": guest.name(*vmid), "type": guest.kind.as_str(), "children": disks })
    });
    Ok(json!({ "children": children.collect::<Vec<_>>() }).into())
}

fn analyze(machine: &mut Machine, context: &Context) -> Answer {
    let parameters = &context.parameters;
    let calendar =
        Calendar::parse(parameters.required("schedule")).map_err(|text| Fault::parameter("schedule", text))?;
    let mut last_s = parameters.number("starttime").unwrap_or_else(|| machine.now_s());
    let mut rows = Vec::new();
    for _ in 0..parameters.number::<usize>("iterations").unwrap_or(10) {
        let Some(next_s) = calendar.next(last_s) else {
            break;
        };
        rows.push(json!({ "timestamp": next_s, "utc": print_utc(next_s) }));
        last_s = next_s;
    }
    Ok(Value::Array(rows).into())
}

/// Replication never runs here; a node shows the jobs of its guests as not run yet.
fn node_replication(machine: &mut Machine, context: &Context) -> Answer {
    let rows = machine.objects.iter().filter_map(|(key, job)| {
        let id = key.strip_prefix("replication/")?;
        let vmid: u32 = text(job, "guest")?.parse().ok()?;
        let guest = machine.guests.get(&vmid).filter(|guest| guest.node == context.node())?;
        let is_wanted = context.parameters.number::<u32>("guest").is_none_or(|wanted| wanted == vmid);
        let is_visible = machine.has(&context.caller, &format!("/vms/{vmid}"), "VM.Audit");
        let schedule = Calendar::parse(text(job, "schedule").unwrap_or("*/15")).ok()?;
        (is_wanted && is_visible).then(|| {
            json!({
                "id": id, "guest": vmid, "jobnum": text(job, "jobnum").and_then(|number| number.parse::<u32>().ok()),
                "source": guest.node, "target": text(job, "target"), "type": "local", "vmtype": guest.kind.as_str(),
                "schedule": text(job, "schedule").unwrap_or("*/15"), "last_sync": 0, "last_try": 0, "fail_count": 0,
                "next_sync": schedule.next(machine.now_s()),
            })
        })
    });
    Ok(Value::Array(rows.collect()).into())
}

fn defaults(machine: &mut Machine, context: &Context) -> Answer {
    if let Some(storage) = context.parameters.get("storage") {
        machine.storage_on(storage, context.node())?;
    }
    Ok(json!({
        "all": 0, "bwlimit": 0, "compress": "0", "ionice": 7, "lockwait": 180, "mailnotification": "always", "mode": "snapshot",
        "notification-mode": "auto", "pigz": 0, "prune-backups": { "keep-all": "1" }, "remove": 1, "stdexcludes": 1, "stop": 0,
        "stopwait": 10, "zstd": 1,
    })
    .into())
}

impl Machine {
    /// Takes a guest out of the jobs that name it, and out of the care of the HA manager.
    pub(super) fn purge(&mut self, seq: u64, vmid: u32) {
        if let Some(sid) = self.ha_sid(vmid) {
            self.forget_ha(&sid, true);
            let noun = self.guests.get(&vmid).map_or("VM", |guest| guest.kind.noun());
            self.task_log(seq, format!("NOTE: removed {noun} {vmid} from HA resource configuration."));
        }
        let name = vmid.to_string();
        let jobs: Vec<(String, Object)> =
            self.objects_of(&BACKUP_JOBS).map(|(id, job)| (id.to_owned(), job.clone())).collect();
        for (id, mut job) in jobs {
            for key in ["vmid", "exclude"] {
                let Some(list) = text(&job, key).filter(|list| split_list(list).contains(&name.as_str())) else {
                    continue;
                };
                let rest: Vec<&str> = split_list(list).into_iter().filter(|other| *other != name).collect();
                let rest = rest.join(",");
                job.insert(key.to_owned(), Setting::Text(rest));
            }
            // A job for this guest alone has nothing left to do.
            if text(&job, "vmid") == Some("") {
                self.remove_object(&BACKUP_JOBS, &id);
            } else {
                self.save_object(&BACKUP_JOBS, &id, job);
            }
        }
    }

    /// Returns virtual time in seconds since 1970.
    pub(super) fn now_s(&self) -> i64 {
        i64::try_from(self.clock.now_ms / 1000).unwrap_or(i64::MAX)
    }
}
