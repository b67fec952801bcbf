//! The areas whose sections are all handled alike: backup, realm-sync and replication jobs, metric servers, hardware mappings,
//! notification targets and matchers, ACME plugins and custom processor models.

use super::Machine;
use super::crud::{Area, Verb, as_it_is, default, not_needed};
use super::objects::{File, text};
use super::request::Fault;
use super::routes::Context;
use super::state::{Object, Setting};

pub(super) const BACKUP_JOBS: File = File { name: "jobs.vzdump", id: "id", created_by: "/cluster/backup" };
pub(super) const ACME_PLUGINS: File = File { name: "acme.plugins", id: "id", created_by: "/cluster/acme/plugins" };
pub(super) const SENDMAIL: File =
    File { name: "notifications.sendmail", id: "name", created_by: "/cluster/notifications/endpoints/sendmail" };
pub(super) const MATCHERS: File =
    File { name: "notifications.matcher", id: "name", created_by: "/cluster/notifications/matchers" };

const PLAIN: Area = Area {
    file: BACKUP_JOBS,
    list: "",
    item: "",
    exists: |id| Fault::text(format!("'{id}' already exists")),
    missing: |id, _| Some(Fault::text(format!("'{id}' does not exist"))),
    stale: "",
    constants: &[],
    hidden: &[],
    only_listed: &[],
    only_single: &[],
    named: |id| id.to_owned(),
    decorate: |_, _, _, _| (),
    complete: as_it_is,
    spare: not_needed,
};

macro_rules! endpoint {
    ($kind:literal, $hidden:expr) => {
        Area {
            file: File {
                name: concat!("notifications.", $kind),
                id: "name",
                created_by: concat!("/cluster/notifications/endpoints/", $kind),
            },
            list: concat!("/cluster/notifications/endpoints/", $kind),
            item: concat!("/cluster/notifications/endpoints/", $kind, "/{name}"),
            hidden: $hidden,
            only_single: &["digest"],
            constants: &[("origin", "user-created")],
            ..NOTIFICATION
        }
    };
}

const NOTIFICATION: Area = Area {
    exists: |id| Fault::new(400, format!("endpoint '{id}' already exists")),
    missing: |id, _| Some(Fault::new(404, format!("endpoint '{id}' does not exist"))),
    spare: spare_endpoint,
    ..PLAIN
};

macro_rules! mapping {
    ($kind:literal) => {
        Area {
            file: File { name: concat!("mapping.", $kind), id: "id", created_by: concat!("/cluster/mapping/", $kind) },
            list: concat!("/cluster/mapping/", $kind),
            item: concat!("/cluster/mapping/", $kind, "/{id}"),
            exists: |id| {
                Fault::text(format!(
                    concat!("create ", $kind, " mapping failed: ", $kind, " ID '{}' already defined"),
                    id
                ))
            },
            missing: |id, verb| match verb {
                Verb::Show => Some(Fault::text(format!("mapping '{id}' not found"))),
                Verb::Change => {
                    Some(Fault::text(format!(concat!("update ", $kind, " mapping failed: no such resource '{}'"), id)))
                }
                Verb::Remove => None,
            },
            stale: concat!("update ", $kind, " mapping failed: "),
            decorate: super::hardware::add_checks,
            constants: &[("type", $kind)],
            ..PLAIN
        }
    };
}

/// All areas.
pub(super) const AREAS: &[Area] = &[
    Area {
        file: BACKUP_JOBS,
        list: "/cluster/backup",
        item: "/cluster/backup/{id}",
        exists: |id| Fault::text(format!("Job '{id}' already exists")),
        missing: |id, verb| {
            let text = format!("No such job '{id}'");
            Some(match verb {
                Verb::Show => Fault::parameter("id", text),
                Verb::Change | Verb::Remove => wrapped("id", &text),
            })
        },
        constants: &[("type", "vzdump")],
        hidden: &["digest"],
        decorate: super::jobs::add_next_run,
        complete: complete_backup_job,
        ..PLAIN
    },
    Area {
        file: File { name: "jobs.realm-sync", id: "id", created_by: "/cluster/jobs/realm-sync/{id}" },
        list: "/cluster/jobs/realm-sync",
        item: "/cluster/jobs/realm-sync/{id}",
        exists: |id| Fault::text(format!("realm-sync job '{id}' already exists")),
        missing: |id, _| Some(Fault::text(format!("no such realm-sync job '{id}'"))),
        ..PLAIN
    },
    Area {
        file: File { name: "replication", id: "id", created_by: "/cluster/replication" },
        list: "/cluster/replication",
        item: "/cluster/replication/{id}",
        exists: |id| Fault::text(format!("replication job '{id}' already exists")),
        missing: |id, verb| match verb {
            Verb::Show => Some(Fault::parameter("id", format!("no such replication job '{id}'"))),
            Verb::Change | Verb::Remove => Some(Fault::text(format!("no such job '{id}'"))),
        },
        complete: complete_replication,
        ..PLAIN
    },
    Area {
        file: File { name: "metrics", id: "id", created_by: "/cluster/metrics/server/{id}" },
        list: "/cluster/metrics/server",
        item: "/cluster/metrics/server/{id}",
        exists: |id| Fault::text(format!("Metric server '{id}' already exists")),
        missing: |id, verb| match verb {
            Verb::Show => Some(Fault::text(format!("status server entry '{id}' does not exist"))),
            Verb::Change => Some(Fault::text(format!("no such server '{id}'"))),
            Verb::Remove => None,
        },
        hidden: &["digest", "token"],
        only_listed: &["id"],
        ..PLAIN
    },
    mapping!("pci"),
    mapping!("usb"),
    mapping!("dir"),
    endpoint!("gotify", &["token"]),
    endpoint!("sendmail", &[]),
    endpoint!("smtp", &["password"]),
    endpoint!("webhook", &["secret"]),
    Area {
        file: MATCHERS,
        list: "/cluster/notifications/matchers",
        item: "/cluster/notifications/matchers/{name}",
        exists: |id| Fault::new(400, format!("matcher '{id}' already exists")),
        missing: |id, _| Some(Fault::new(404, format!("matcher '{id}' does not exist"))),
        constants: &[("origin", "user-created")],
        complete: complete_matcher,
        ..PLAIN
    },
    Area {
        file: ACME_PLUGINS,
        list: "/cluster/acme/plugins",
        item: "/cluster/acme/plugins/{id}",
        exists: |id| Fault::text(format!("ACME plugin ID '{id}' already exists")),
        missing: |id, _| Some(Fault::text(format!("ACME plugin '{id}' not defined"))),
        // Its rows name a plugin by another member than its calls do.
        hidden: &["id"],
        decorate: super::acme::name_plugin,
        complete: complete_acme_plugin,
        ..PLAIN
    },
    Area {
        file: File { name: "cpu-models", id: "cputype", created_by: "/cluster/qemu/custom-cpu-models" },
        list: "/cluster/qemu/custom-cpu-models",
        item: "/cluster/qemu/custom-cpu-models/{cputype}",
        exists: |id| Fault::text(format!("custom CPU model '{id}' already exists")),
        missing: |id, _| Some(Fault::text(format!("Custom cputype '{id}' not found"))),
        named: |id| format!("custom-{}", id.trim_start_matches("custom-")),
        ..PLAIN
    },
];

/// A refusal of a parameter that went through another handler: the status is lost in the text.
fn wrapped(name: &str, text: &str) -> Fault {
    Fault::text(format!("400 Parameter verification failed.\n{name}: {text}"))
}

fn complete_backup_job(machine: &Machine, context: &Context, object: &mut Object) -> Result<(), Fault> {
    let parameters = &context.parameters;
    if let Some(pool) = parameters.get("pool") {
        machine.check_pool_exists(pool)?;
    }
    let ways = ["all", "vmid", "pool"];
    let chosen: Vec<&str> = ways.into_iter().filter(|way| parameters.get(way).is_some()).collect();
    if let [first, second, ..] = chosen[..] {
        return Err(wrapped(first, &format!("option conflicts with option '{second}'")));
    }
    // Choosing guests in another way drops the way they were chosen before.
    if let [way] = chosen[..] {
        object.retain(|name, _| name == way || !ways.contains(&name.as_str()));
        if way != "all" {
            object.remove("exclude");
        }
    }
    default(object, "enabled", "1");
    Ok(())
}

/// The id of a replication job starts with its guest.
fn complete_replication(machine: &Machine, context: &Context, object: &mut Object) -> Result<(), Fault> {
    let id = context.parameters.required("id");
    let (guest, number) = id.rsplit_once('-').unwrap_or((id, "0"));
    let vmid: u32 = guest.parse().unwrap_or(0);
    let Some(source) = machine.guests.get(&vmid).map(|guest| guest.node.clone()) else {
        return Err(Fault::text(format!("no such guest '{vmid}'")));
    };
    if let Some(target) = text(object, "target") {
        if !machine.nodes.has(target) {
            return Err(Fault::parameter("target", format!("no such cluster node '{target}'")));
        }
        if target == source {
            return Err(Fault::text("can't sync to own node"));
        }
    }
    for (name, value) in [("guest", guest), ("jobnum", number), ("source", source.as_str())] {
        object.insert(name.to_owned(), Setting::Text(value.to_owned()));
    }
    Ok(())
}

fn complete_matcher(machine: &Machine, context: &Context, object: &mut Object) -> Result<(), Fault> {
    let exists = |name: &String| {
        let is_endpoint = |key: &&String| key.starts_with("notifications.") && key.ends_with(&format!("/{name}"));
        name == "mail-to-root"
            || machine.objects.keys().filter(is_endpoint).any(|key| !key.starts_with("notifications.matcher/"))
    };
    match context.parameters.list("target").iter().find(|name| !exists(name)) {
        Some(name) => Err(Fault::new(404, format!("endpoint '{name}' does not exist"))),
        None => {
            default(object, "mode", "all");
            Ok(())
        }
    }
}

fn spare_endpoint(machine: &Machine, id: &str) -> Result<(), Fault> {
    let names = |object: &Object| matches!(object.get("target"), Some(Setting::List(items)) if items.iter().any(|item| item == id));
    let users: Vec<&str> =
        machine.objects_of(&MATCHERS).filter(|(_, object)| names(object)).map(|(name, _)| name).collect();
    match users.is_empty() {
        true => Ok(()),
        false => Err(Fault::new(400, format!("cannot delete '{id}', referenced by: {}", users.join(", ")))),
    }
}

/// The data of a DNS plugin arrives in base64 and is kept as it is meant.
fn complete_acme_plugin(_machine: &Machine, context: &Context, object: &mut Object) -> Result<(), Fault> {
    use base64::Engine;
    let Some(data) = context.parameters.get("data") else {
        return Ok(());
    };
    let bytes = base64::engine::general_purpose::STANDARD.decode(data).ok();
    let decoded = bytes.and_then(|bytes| String::from_utf8(bytes).ok());
    let decoded = decoded.ok_or_else(|| Fault::parameter("data", "invalid format - invalid base64\n"))?;
    object.insert("data".to_owned(), Setting::Text(decoded));
    Ok(())
}
