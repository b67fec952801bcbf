//! Task identifiers (UPID) and what a finished task's `exitstatus` means. No calls are made here.

use std::fmt;
use std::str::FromStr;

/// A parsed UPID: `UPID:NODE:PID:PSTART:STARTTIME:TYPE:ID:USER:`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Upid {
    /// Node that runs the task; its status must be asked there.
    pub node: String,
    /// Process id, hexadecimal on the wire.
    pub pid: u32,
    /// Process start in clock ticks; 8 or 9 hexadecimal digits.
    pub pstart: u64,
    /// Start in seconds since 1970.
    pub start: u32,
    /// Worker type, e.g. `qmclone`.
    pub kind: String,
    /// Subject, e.g. a VMID; for a clone the source; may be empty.
    pub id: String,
    /// `user@realm` or `user@realm!token`.
    pub user: String,
}

/// The text is not a UPID.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a task id (UPID:node:pid:pstart:starttime:type:id:user:)")]
pub struct NotUpid(pub String);

impl FromStr for Upid {
    type Err = NotUpid;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let fail = || NotUpid(text.to_owned());
        let parts: Vec<&str> = text.split(':').collect();
        let [head, node, pid, pstart, start, kind, id, user, tail] = parts[..] else {
            return Err(fail());
        };
        let is_hex = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_hexdigit());
        let widths = pid.len() == 8 && matches!(pstart.len(), 8 | 9) && start.len() == 8;
        let is_free_of_separators = |part: &str| !part.contains(['/', ' ', '\n']);
        let well_formed = head == "UPID"
            && tail.is_empty()
            && widths
            && [pid, pstart, start].into_iter().all(is_hex)
            && !node.is_empty()
            && node.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
            && !kind.is_empty()
            && [kind, id].into_iter().all(is_free_of_separators)
            && user.contains('@');
        if !well_formed {
            return Err(fail());
        }
        Ok(Self {
            node: node.to_owned(),
            pid: u32::from_str_radix(pid, 16).map_err(|_| fail())?,
            pstart: u64::from_str_radix(pstart, 16).map_err(|_| fail())?,
            start: u32::from_str_radix(start, 16).map_err(|_| fail())?,
            kind: kind.to_owned(),
            id: id.to_owned(),
            user: user.to_owned(),
        })
    }
}

impl fmt::Display for Upid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { node, pid, pstart, start, kind, id, user } = self;
        write!(f, "UPID:{node}:{pid:08X}:{pstart:08X}:{start:08X}:{kind}:{id}:{user}:")
    }
}

/// What a stopped task's `exitstatus` means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Exit {
    /// `OK`.
    Done,
    /// `WARNINGS: n`: done, and the log says what to look at.
    DoneWithWarnings(u32),
    /// `unexpected status` or an unreadable log: the worker was killed, the outcome must be read.
    Unknown(String),
    /// Any other text is the error.
    Failed(String),
}

impl Exit {
    /// Classifies an `exitstatus`.
    pub fn from_status(status: &str) -> Self {
        if status == "OK" {
            return Self::Done;
        }
        if let Some(count) = status.strip_prefix("WARNINGS: ").and_then(|rest| rest.trim().parse().ok()) {
            return Self::DoneWithWarnings(count);
        }
        if status == "unexpected status" || status.starts_with("unable to get last line from task log") {
            return Self::Unknown(status.to_owned());
        }
        Self::Failed(status.to_owned())
    }
}
