//! What `spawnpoint doctor` looks at: each cluster from outside, and the machine it runs on. What is found is a [`Finding`] with the
//! remedy.
//!
//! `cluster` and `machine` ask, `judge` and `certificates` make findings of answers, `report` shows them. Nothing is changed anywhere.

mod certificates;
pub mod cluster;
mod judge;
pub mod machine;
pub mod report;

pub use cluster::{Endpoint, Subject, examine};

use crate::proxmox::CallError;
use std::fmt;
use std::sync::Arc;

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// As it should be.
    Ok,
    /// It works, but not all of it or not for long.
    Warn,
    /// Something that is needed does not work.
    Error,
}

/// What was looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Area {
    /// Whether and where the API answers.
    Endpoint,
    /// How the server proves who it is.
    Tls,
    /// Time here and there.
    Clock,
    /// Version of Proxmox VE.
    Version,
    /// Nodes and quorum.
    Nodes,
    /// What the token may do.
    Privileges,
    /// Storages: there, active, with the right content, with space.
    Storage,
    /// Bridges and vnets.
    Bridge,
    /// Templates: disk, boot order, cloud-init drive.
    Template,
    /// Guest agents.
    Agent,
    /// The files of the stack.
    Stack,
    /// Ansible on this machine.
    Ansible,
    /// OpenSSH's client on this machine.
    Ssh,
    /// Space on this machine.
    Disk,
}

/// One thing that was looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// Label of the cluster; none for this machine.
    pub cluster: Option<Arc<str>>,
    /// What was looked at.
    pub area: Area,
    /// How bad it is.
    pub severity: Severity,
    /// What was found.
    pub text: String,
    /// What to do, a step each; empty where nothing is wrong.
    pub remedies: Vec<String>,
}

impl Finding {
    /// Returns that all is well.
    pub fn ok(area: Area, text: impl Into<String>) -> Self {
        Self { cluster: None, area, severity: Severity::Ok, text: text.into(), remedies: Vec::new() }
    }

    /// Returns something that will hurt.
    pub fn warn(area: Area, text: impl Into<String>, remedy: impl Into<String>) -> Self {
        let remedies = vec![remedy.into()];
        Self { cluster: None, area, severity: Severity::Warn, text: text.into(), remedies }
    }

    /// Returns something that does not work.
    pub fn error(area: Area, text: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { severity: Severity::Error, ..Self::warn(area, text, remedy) }
    }

    /// Returns that something could not be looked at. What the client advises is the remedy, else `otherwise`.
    pub(crate) fn unseen(area: Area, what: &str, error: &CallError, otherwise: &str) -> Self {
        let remedy = error.hint.clone().unwrap_or_else(|| otherwise.to_owned());
        Self::warn(area, format!("{what} cannot be read: {}", error.text), remedy)
    }

    /// Returns the finding about a cluster.
    #[must_use]
    pub(crate) fn of(self, cluster: &Arc<str>) -> Self {
        Self { cluster: Some(cluster.clone()), ..self }
    }
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Ok => "ok",
            Self::Warn => "warn",
            Self::Error => "error",
        })
    }
}

impl fmt::Display for Area {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Endpoint => "endpoint",
            Self::Tls => "tls",
            Self::Clock => "clock",
            Self::Version => "version",
            Self::Nodes => "nodes",
            Self::Privileges => "privileges",
            Self::Storage => "storage",
            Self::Bridge => "bridge",
            Self::Template => "template",
            Self::Agent => "agent",
            Self::Stack => "stack",
            Self::Ansible => "ansible",
            Self::Ssh => "ssh",
            Self::Disk => "disk",
        })
    }
}
