//! The machine we run on: Ansible, OpenSSH's client, and space for states and downloads.

use super::{Area, Finding, Severity};
use crate::provision::Ansible;
use crate::render::amount::size;
use std::path::Path;
use tokio::process::Command;

/// With less, a state with its history or a download may not be written whole.
const SPACE_WARN_BYTES: u64 = 1 << 30;
const SPACE_ERROR_BYTES: u64 = 64 << 20;

/// Looks at this machine. Without Ansible and SSH nothing works that `needs_playbooks`; otherwise they will be missed later.
pub async fn examine(folder: &Path, needs_playbooks: bool) -> Vec<Finding> {
    let (ansible, ssh) = tokio::join!(ansible(), ssh());
    let severity = if needs_playbooks { Severity::Error } else { Severity::Warn };
    let judged = |finding: Finding| match finding.severity {
        Severity::Ok => finding,
        Severity::Warn | Severity::Error => Finding { severity, ..finding },
    };
    let space = free_bytes(folder).map(|free| space(&folder.display().to_string(), free));
    [judged(ansible), judged(ssh)].into_iter().chain(space).collect()
}

async fn ansible() -> Finding {
    let found = match Ansible::find() {
        Ok(found) => found,
        Err(error) => {
            let remedy = error.hints().join("; ");
            return Finding::error(Area::Ansible, error.to_string(), remedy);
        }
    };
    let program = found.program().display().to_string();
    match first_line(Command::new(found.program()).arg("--version")).await {
        // `ansible-playbook [core 2.19.1]`
        Ok(line) => {
            let version = line.split_once('[').and_then(|(_, rest)| rest.split(']').next()).unwrap_or(&line);
            Finding::ok(Area::Ansible, format!("{version}: {program}"))
        }
        Err(why) => Finding::error(
            Area::Ansible,
            format!("`{program}` does not run: {why}"),
            "install it anew: `pipx reinstall ansible-core`",
        ),
    }
}

async fn ssh() -> Finding {
    match first_line(Command::new("ssh").arg("-V")).await {
        Ok(line) => Finding::ok(Area::Ssh, line),
        Err(why) => Finding::error(
            Area::Ssh,
            format!("`ssh` does not run: {why}"),
            "install OpenSSH's client: game servers are set up over SSH",
        ),
    }
}

/// Returns the first line a program says, wherever it says it.
async fn first_line(command: &mut Command) -> Result<String, String> {
    let output = command.stdin(std::process::Stdio::null()).kill_on_drop(true).output().await;
    let output = output.map_err(|error| error.to_string())?;
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8_lossy(&said).into_owned();
    let line = said.lines().map(str::trim).find(|line| !line.is_empty()).unwrap_or_default().to_owned();
    match output.status.success() {
        true => Ok(line),
        false => Err(if line.is_empty() { output.status.to_string() } else { line }),
    }
}

fn free_bytes(folder: &Path) -> Option<u64> {
    let space = rustix::fs::statvfs(folder).ok()?;
    Some(space.f_bavail.saturating_mul(space.f_frsize))
}

fn space(folder: &str, free: u64) -> Finding {
    let text = format!("{} free in {folder}", size(free));
    let remedy = "free space there: the state is kept in it, with a history that is never cut";
    match free {
        0..SPACE_ERROR_BYTES => Finding::error(Area::Disk, text, remedy),
        SPACE_ERROR_BYTES..SPACE_WARN_BYTES => Finding::warn(Area::Disk, text, remedy),
        _ => Finding::ok(Area::Disk, text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn little_space_is_told_before_it_hurts() {
        let judged = [10 << 20, 64 << 20, 900 << 20, 1 << 30].map(|free| space("/srv/stack", free).severity);
        assert_eq!(judged, [Severity::Error, Severity::Warn, Severity::Warn, Severity::Ok]);
        assert_eq!(space("/srv/stack", 900 << 20).text, "900MiB free in /srv/stack");
    }
}
