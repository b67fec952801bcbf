//! What must hold before a call is sent: reads what the guard asks for and returns the call as it will be sent.

pub(super) mod table;

use super::deadline::Deadline;
use super::failure::Failure;
use super::guest::{self, Fresh, TaskSearch};
use crate::plan::{Guard, GuardedCall, Verify};
use crate::proxmox::{Call, Client, ErrorClass};
use std::time::Duration;

/// What a guard found.
pub(super) enum Prepared {
    /// The call may be sent.
    Send(Call),
    /// An earlier attempt of ours has done it already.
    AlreadyDone,
}

/// A lock that no task accounts for is stuck after this time.
const STUCK_AFTER: Duration = Duration::from_secs(60);
/// A task that holds a lock is waited for this long.
const TASK_WAIT: Duration = Duration::from_secs(15 * 60);

/// Checks the guard of a call. Nothing is written here, so nothing is journaled.
pub(super) async fn prepare(client: &Client, guarded: &GuardedCall, lineage: &str) -> Result<Prepared, Failure> {
    let call = guarded.call.clone();
    match &guarded.guard {
        Guard::None => Ok(Prepared::Send(call)),
        Guard::Digest { digest } => Ok(Prepared::Send(call.with("digest", digest))),
        Guard::Vacant { vmid } => vacant(client, guarded, *vmid, lineage).await,
        Guard::Marker { node, vmid, intent, sends_digest } => {
            let fresh = ours(client, node, *vmid, lineage, intent).await?;
            let fresh = unlocked(client, fresh, *vmid).await?;
            // The lock may have been another program's, which may have changed anything.
            is_ours(&fresh, *vmid, lineage, intent)?;
            let call = filled(&at_node(call, node, &fresh.node), &fresh)?;
            Ok(Prepared::Send(if *sends_digest { call.with("digest", &fresh.config.digest) } else { call }))
        }
        Guard::Unchanged { node, vmid, intent, digest } => {
            let fresh = unlocked(client, ours(client, node, *vmid, lineage, intent).await?, *vmid).await?;
            is_ours(&fresh, *vmid, lineage, intent)?;
            if fresh.config.digest != *digest {
                let mut failure = Failure::new(format!("VM {vmid} was changed since the plan was made"));
                failure.class = Some(ErrorClass::Stale);
                return Err(failure.hint("plan again to see what changed"));
            }
            Ok(Prepared::Send(at_node(call, node, &fresh.node)))
        }
        Guard::Owned { node, vmid } => {
            let fresh = guest::read(client, node, *vmid).await?.ok_or_else(|| gone(*vmid))?;
            match fresh.marker() {
                Some(marker) if marker.stack == lineage => Ok(Prepared::Send(at_node(call, node, &fresh.node))),
                _ => Err(Failure::new(format!("VM {vmid} on {} is not touched: it is not ours", fresh.node))
                    .hint("plan again to see what became of the guest")),
            }
        }
        Guard::Table { read, expected, sends_digest } => {
            let answer = client.read(read).await?;
            let digest = table::compare(&answer, expected)?;
            Ok(Prepared::Send(match digest.filter(|_| *sends_digest) {
                Some(digest) => call.with("digest", digest),
                None => call,
            }))
        }
    }
}

async fn vacant(client: &Client, guarded: &GuardedCall, vmid: u32, lineage: &str) -> Result<Prepared, Failure> {
    if guest::is_free(client, vmid).await? {
        return Ok(Prepared::Send(guarded.call.clone()));
    }
    let node = guest::find(client, vmid).await?;
    if let Some(node) = &node
        && let Verify::GuestPresent { intent, .. } = &guarded.verify
        && let Some(fresh) = guest::read(client, node, vmid).await?
        && fresh.lock().is_none()
        && is_ours(&fresh, vmid, lineage, intent).is_ok()
    {
        return Ok(Prepared::AlreadyDone);
    }
    let by = node.map_or("that the token may not see".to_owned(), |node| format!("on {node}"));
    let mut failure =
        Failure::new(format!("VMID {vmid} was free when the plan was made, and is now taken by a guest {by}"))
            .hint("plan again: another VMID is chosen, unless the configuration names this one");
    failure.class = Some(ErrorClass::Exists);
    Err(failure)
}

/// Reads a guest and returns it if it is ours.
async fn ours(client: &Client, node: &str, vmid: u32, lineage: &str, intent: &str) -> Result<Fresh, Failure> {
    let fresh = guest::read(client, node, vmid).await?.ok_or_else(|| gone(vmid))?;
    is_ours(&fresh, vmid, lineage, intent)?;
    Ok(fresh)
}

fn gone(vmid: u32) -> Failure {
    let mut failure =
        Failure::new(format!("VM {vmid} does not exist any more")).hint("plan again to see what to do about it");
    failure.class = Some(ErrorClass::Gone);
    failure
}

fn is_ours(fresh: &Fresh, vmid: u32, lineage: &str, intent: &str) -> Result<(), Failure> {
    let problem = match fresh.marker() {
        Some(marker) if marker.stack == lineage && marker.intent == intent => return Ok(()),
        Some(marker) if marker.stack == lineage => format!("says it is another making of `{}`", marker.address),
        Some(_) => "belongs to another state".to_owned(),
        None => "is missing".to_owned(),
    };
    Err(Failure::new(format!("VM {vmid} on {} is not touched: its owner marker {problem}", fresh.node))
        .hint("plan again; if the description was edited by hand, put the line that begins with `spawnpoint:v1` back"))
}

/// Waits until a guest carries no lock, and returns how it is then.
async fn unlocked(client: &Client, mut fresh: Fresh, vmid: u32) -> Result<Fresh, Failure> {
    let (mut alone, whole) = (Deadline::new(client, STUCK_AFTER), Deadline::new(client, TASK_WAIT));
    while let Some(lock) = fresh.lock() {
        let subject = vmid.to_string();
        let search = TaskSearch { node: &fresh.node, kind: None, subject: &subject };
        match guest::running_task(client, search).await? {
            Some(upid) => {
                // However that task ends, the next read tells what is left of the lock.
                client.wait(&upid, TASK_WAIT, &mut |_| {}).await?;
                alone = Deadline::new(client, STUCK_AFTER);
            }
            None if alone.is_over() || whole.is_over() => return Err(stuck(vmid, lock, &fresh.node)),
            None => alone.pause(Duration::from_secs(2)).await,
        }
        fresh = guest::read(client, &fresh.node, vmid).await?.ok_or_else(|| gone(vmid))?;
    }
    Ok(fresh)
}

fn stuck(vmid: u32, lock: &str, node: &str) -> Failure {
    Failure::new(format!("VM {vmid} carries the lock `{lock}`, and no task we can see holds it")).hint(format!(
        "if nothing works on it, run `qm unlock {vmid}` on {node} as root: no API token may clear a lock"
    ))
}

/// Follows a guest that moved since the plan was made.
fn at_node(call: Call, planned: &str, actual: &str) -> Call {
    match call.path.strip_prefix(&format!("/nodes/{planned}/")) {
        Some(rest) if planned != actual => Call { path: format!("/nodes/{actual}/{rest}"), ..call },
        _ => call,
    }
}

/// Fills `{volume:SLOT}` with the volume id in that slot.
fn filled(call: &Call, fresh: &Fresh) -> Result<Call, Failure> {
    let mut result = Call { parameters: Vec::new(), ..call.clone() };
    for (name, value) in &call.parameters {
        let text = filled_text(value.reveal(), fresh)?;
        result = if value.is_secret() { result.with_secret(name, text) } else { result.with(name, text) };
    }
    Ok(result)
}

fn filled_text(text: &str, fresh: &Fresh) -> Result<String, Failure> {
    let (mut done, mut rest) = (String::new(), text);
    while let Some((before, after)) = rest.split_once("{volume:") {
        let Some((slot, after)) = after.split_once('}') else { break };
        let drive = fresh.config.values.get(slot).ok_or_else(|| {
            Failure::new(format!("the guest on {} has no disk `{slot}` any more", fresh.node)).hint("plan again")
        })?;
        let volume = drive.split(',').next().unwrap_or_default();
        done.push_str(before);
        done.push_str(volume.strip_prefix("file=").unwrap_or(volume));
        rest = after;
    }
    Ok(done + rest)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observe::GuestConfig;

    fn fresh() -> Fresh {
        let values = [("scsi0".into(), "lvm:vm-5000-disk-0,size=8G".into())].into_iter().collect();
        Fresh { node: "pve2".to_owned(), config: GuestConfig { values, ..GuestConfig::default() } }
    }

    #[test]
    fn volumes_are_filled_in_and_secrets_stay_secret() {
        let call = Call::put("/nodes/pve1/qemu/5000/config")
            .with("scsi0", "{volume:scsi0},ssd=1")
            .with_secret("cipassword", "{x}");
        let call = filled(&at_node(call, "pve1", "pve2"), &fresh()).expect("the slot is there");
        assert_eq!(
            call.to_string(),
            "PUT /nodes/pve2/qemu/5000/config scsi0=lvm:vm-5000-disk-0,ssd=1 cipassword=(sensitive)"
        );
        assert!(filled_text("{volume:scsi1}", &fresh()).is_err());
        assert_eq!(filled_text("a{volume:", &fresh()), Ok("a{volume:".to_owned()));
    }
}
