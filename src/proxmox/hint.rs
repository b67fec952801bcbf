//! What a user can do about an error of Proxmox VE. Which error it is was decided in `error`.

use std::sync::LazyLock;

use regex::Regex;

use super::error::ErrorClass;

/// Returns the next step for an error of `class` with the server's `text`, raised by a call to `path`.
pub(crate) fn for_class(class: ErrorClass, path: &str, text: &str) -> Option<String> {
    let hint = match class {
        ErrorClass::Forbidden => forbidden(text),
        ErrorClass::GuestBusy => guest_busy(path),
        ErrorClass::LockWait => "another task holds this lock; run again when it has finished".to_owned(),
        ErrorClass::NoSpace => "free space on the storage, or choose another one".to_owned(),
        ErrorClass::NoQuorum => {
            "most nodes of the cluster must be up before anything can change: see `pvecm status` on a node".to_owned()
        }
        ErrorClass::Stale => "it was changed by someone else meanwhile: plan again".to_owned(),
        ErrorClass::Exists => "choose another name or id, or import the existing object".to_owned(),
        ErrorClass::Hotplug => "the change is stored and takes effect at the guest's next start".to_owned(),
        ErrorClass::Protected => protected(text),
        ErrorClass::Unauthenticated => {
            "check the token id (`user@realm!name`) and its secret, and that the token has not expired".to_owned()
        }
        ErrorClass::UnknownOutcome => "the server may have acted: the next plan reads what happened".to_owned(),
        ErrorClass::Unreachable => "check that the node is up and reachable from the endpoint".to_owned(),
        ErrorClass::WorkerStart => "the node could not start a process: check its memory and load".to_owned(),
        ErrorClass::NotImplemented if text.contains("migrated to rules") => {
            "Proxmox VE 9 has no HA groups: write a `ha_rule`".to_owned()
        }
        ErrorClass::NotImplemented => {
            "this server does not know the call: Proxmox VE 8.4 or later is expected".to_owned()
        }
        ErrorClass::WrongState if text.contains("snapshots") => {
            "the guest's snapshots hold what is to change: remove its snapshots first".to_owned()
        }
        ErrorClass::Interrupted
        | ErrorClass::Gone
        | ErrorClass::BadParameter
        | ErrorClass::WrongState
        | ErrorClass::Other => return None,
    };
    Some(hint)
}

fn forbidden(text: &str) -> String {
    // The bracket may hold a sentence instead (`pool 'x' does not exist`), or an empty path.
    static DEMAND: LazyLock<Regex> =
        LazyLock::new(|| Regex::new(r"\((/[^,]*), ([A-Za-z0-9.|]+)\)").expect("the pattern is constant and tested"));
    if let Some(demand) = DEMAND.captures(text) {
        let (path, privileges) = (&demand[1], demand[2].replace('|', "` or `"));
        return format!(
            "give the API token (and, unless its privileges are not separated, its user) `{privileges}` on `{path}`"
        );
    }
    if text.to_ascii_lowercase().contains("only root") {
        return "only a password login as `root@pam` may do this; a token of root may not".to_owned();
    }
    "the API token lacks a privilege for this, or what it refers to does not exist".to_owned()
}

fn guest_busy(path: &str) -> String {
    static GUEST: LazyLock<Regex> =
        LazyLock::new(|| Regex::new(r"/(qemu|lxc)/(\d+)").expect("the pattern is constant and tested"));
    let wait = "a task is working on this guest; if none is running the lock was left behind";
    let Some(guest) = GUEST.captures(path) else {
        return wait.to_owned();
    };
    let tool = if &guest[1] == "lxc" { "pct" } else { "qm" };
    format!("{wait}: run `{tool} unlock {}` as root on its node", &guest[2])
}

fn protected(text: &str) -> String {
    let hint = if text.contains("protection mode") {
        "set `protection = false` on the guest and apply before removing it"
    } else if text.contains("linked clone") {
        "remove or fully clone the guests made from this template first"
    } else if text.contains("HA resources") {
        "remove the guest from high availability first"
    } else {
        "remove what uses it first"
    };
    hint.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hints_name_the_next_step() {
        let check = |class, path: &str, text: &str, part: &str| {
            let hint = for_class(class, path, text).unwrap_or_default();
            assert!(hint.contains(part), "{text}: {hint}");
        };
        check(ErrorClass::Forbidden, "", "Permission check failed (/vms/9000, VM.Clone)", "`VM.Clone` on `/vms/9000`");
        check(
            ErrorClass::Forbidden,
            "",
            "Permission check failed (/vms/1, VM.Config.CPU|VM.Config.Disk)",
            "`VM.Config.CPU` or `VM.Config.Disk` on",
        );
        check(ErrorClass::Forbidden, "", "Permission check failed (pool 'nope' does not exist)", "does not exist");
        check(ErrorClass::Forbidden, "", "only root can set 'args' config", "`root@pam`");
        check(ErrorClass::GuestBusy, "/nodes/pve1/qemu/100/config", "VM is locked (backup)", "`qm unlock 100`");
        check(ErrorClass::GuestBusy, "/nodes/pve1/lxc/200/config", "CT is locked (disk)", "`pct unlock 200`");
        check(ErrorClass::Protected, "", "can't remove VM 110 - protection mode enabled", "`protection = false`");
        check(
            ErrorClass::WrongState,
            "",
            "you can't move a disk with snapshots and delete the source",
            "remove its snapshots first",
        );
        check(ErrorClass::NoSpace, "", "No space left on device", "free space");
    }
}
