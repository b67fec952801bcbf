//! Why a server could not be set up, and what the user can do about it.

use super::health::NotUp;
use std::io;
use std::path::PathBuf;
use std::time::Duration;

/// Why a run failed. The guest stays as it is: the same run again goes on from there.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Ansible is not installed here.
    #[error("`{program}` was not found: game servers are set up with Ansible")]
    AnsibleMissing {
        /// What was looked for.
        program: String,
    },
    /// The artifact on this machine cannot be read.
    #[error("cannot read the artifact `{path}`: {source}")]
    Artifact {
        /// Its path.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The artifact on this machine is another one.
    #[error("`{path}` has the SHA-256 {actual}, expected {expected}")]
    Checksum {
        /// Its path.
        path: PathBuf,
        /// What `artifact_sha256` says.
        expected: String,
        /// What it is.
        actual: String,
    },
    /// The private folder of the run could not be made.
    #[error("cannot prepare the run's folder: {0}")]
    Workspace(io::Error),
    /// A program could not be started or read.
    #[error("cannot run `{program}`: {source}")]
    Start {
        /// The program.
        program: String,
        /// Why.
        source: io::Error,
    },
    /// The guest did not let us in before the deadline.
    #[error("no SSH connection to {guest} within {} seconds: {message}", waited.as_secs())]
    NoSsh {
        /// `user@host:port`
        guest: String,
        /// How long it was tried.
        waited: Duration,
        /// What `ssh` said last.
        message: String,
    },
    /// Another machine answers at the guest's address, or the guest has got another key.
    #[error("{guest} does not have the host key it should have")]
    HostKey {
        /// `user@host:port`
        guest: String,
    },
    /// The guest agent did not give the guest's host key.
    #[error("the guest agent did not give the guest's SSH host key: {message}")]
    Agent {
        /// What Proxmox said.
        message: String,
    },
    /// A step failed.
    #[error("the step `{task}` failed: {message}")]
    Task {
        /// The step's name.
        task: String,
        /// What it said.
        message: String,
    },
    /// The guest was lost during the playbook.
    #[error("{guest} was lost while it was set up: {message}")]
    Unreachable {
        /// `user@host:port`
        guest: String,
        /// What SSH said.
        message: String,
    },
    /// The playbook took too long.
    #[error("the playbook was ended after {} seconds, in the step `{task}`", waited.as_secs())]
    TooLong {
        /// The step that was running.
        task: String,
        /// How long it ran.
        waited: Duration,
    },
    /// Ansible itself failed: a playbook it cannot read, or a bug.
    #[error("ansible-playbook ended with {status}: {message}")]
    Ansible {
        /// Its exit status, in words.
        status: String,
        /// The end of what it said.
        message: String,
    },
    /// Everything is set up, and the game does not answer.
    #[error("game server `{server}` is set up but gives {not_up}")]
    NoAnswer {
        /// The server's name.
        server: String,
        /// How it was asked.
        not_up: NotUp,
    },
}

impl Error {
    /// Returns whether the same run may succeed without anything being changed by hand.
    pub fn is_worth_repeating(&self) -> bool {
        match self {
            Self::NoSsh { .. } | Self::Unreachable { .. } | Self::TooLong { .. } | Self::NoAnswer { .. } => true,
            Self::AnsibleMissing { .. }
            | Self::Artifact { .. }
            | Self::Checksum { .. }
            | Self::Workspace(_)
            | Self::Start { .. }
            | Self::HostKey { .. }
            | Self::Agent { .. }
            | Self::Task { .. }
            | Self::Ansible { .. } => false,
        }
    }

    /// Returns what the user can do next.
    pub fn hints(&self) -> Vec<String> {
        let hint = match self {
            Self::AnsibleMissing { .. } => {
                "install it with `pipx install ansible-core==2.19.*`, or set SPAWNPOINT_ANSIBLE_PLAYBOOK to its path"
            }
            Self::Artifact { .. } => "relative paths begin at the stack's folder",
            Self::Checksum { .. } => "if the file is the right one, set `artifact_sha256` to what it has",
            Self::Workspace(_) | Self::Ansible { .. } => return Vec::new(),
            Self::Start { .. } => "is OpenSSH's client installed, and may it be run?",
            Self::NoSsh { message, .. } if message.contains("Permission denied") => {
                "check `user` and `private_key` in `connection`; the key has to be among the tenant's `ssh_keys`"
            }
            Self::NoSsh { message, .. } if message.contains("refused") => {
                "the guest is up but no SSH server listens: is it installed in the template, and is `port` right?"
            }
            Self::NoSsh { .. } => {
                "is the guest running, is its address right, and does its firewall let port 22 in from here?"
            }
            Self::HostKey { .. } => {
                "if the guest was reinstalled by hand, forget its old key; if not, find out who answers there"
            }
            Self::Agent { .. } => {
                "install qemu-guest-agent in the template and set `agent {}`, or write `host_key` in `connection`"
            }
            Self::Task { message, .. } if is_without_egress(message) => {
                "the guest seems to have no way out: download the artifact here and set `artifact_file` instead of `artifact_url`"
            }
            Self::Task { .. } => "nothing else was touched; once the cause is gone, apply again",
            Self::Unreachable { .. } | Self::TooLong { .. } => "apply again: finished steps are not repeated",
            Self::NoAnswer { server, .. } => {
                return vec![format!(
                    "read `journalctl -u gs-{server}` on the guest; a new world can take minutes, then apply again"
                )];
            }
        };
        vec![hint.to_owned()]
    }
}

/// Downloads without a route fail in many words.
fn is_without_egress(message: &str) -> bool {
    [
        "Name or service not known",
        "Temporary failure",
        "Network is unreachable",
        "urlopen error",
        "Could not resolve",
        "timed out",
    ]
    .iter()
    .any(|text| message.contains(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(error: &Error, expected: &str) {
        let hints: String = error.hints().iter().map(|hint| format!("\n  hint: {hint}")).collect();
        assert_eq!(format!("{error}{hints}"), expected);
    }

    #[test]
    fn errors_say_what_to_do_next() {
        check(
            &Error::AnsibleMissing { program: "ansible-playbook".to_owned() },
            "`ansible-playbook` was not found: game servers are set up with Ansible\n  hint: install it with `pipx install \
             ansible-core==2.19.*`, or set SPAWNPOINT_ANSIBLE_PLAYBOOK to its path",
        );
        let task = |message: &str| Error::Task { task: "download the server".to_owned(), message: message.to_owned() };
        check(
            &task("Request failed: <urlopen error [Errno -2] Name or service not known>"),
            "the step `download the server` failed: Request failed: <urlopen error [Errno -2] Name or service not known>\n  hint: the \
             guest seems to have no way out: download the artifact here and set `artifact_file` instead of `artifact_url`",
        );
        let refused = |message: &str| Error::NoSsh {
            guest: "game@10.0.0.9:22".to_owned(),
            waited: Duration::from_secs(180),
            message: message.to_owned(),
        };
        check(
            &refused("ssh: connect to host 10.0.0.9 port 22: Connection refused"),
            "no SSH connection to game@10.0.0.9:22 within 180 seconds: ssh: connect to host 10.0.0.9 port 22: Connection refused\n  hint: \
             the guest is up but no SSH server listens: is it installed in the template, and is `port` right?",
        );
        check(
            &refused("game@10.0.0.9: Permission denied (publickey)."),
            "no SSH connection to game@10.0.0.9:22 within 180 seconds: game@10.0.0.9: Permission denied (publickey).\n  hint: check \
             `user` and `private_key` in `connection`; the key has to be among the tenant's `ssh_keys`",
        );
    }
}
