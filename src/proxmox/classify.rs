//! One table from the text of an error to its [`ErrorClass`], for HTTP answers and for task exit texts.
//!
//! Nearly every failure is a status 500, permanent or not, so the text decides and the status only where no text matches.

use std::sync::LazyLock;

use regex::{Regex, RegexSet};

use super::ErrorClass;

/// A pattern, its class, and a text it was written for.
struct Row {
    pattern: &'static str,
    class: ErrorClass,
    #[cfg_attr(not(test), expect(dead_code, reason = "the example is the row's documentation and its test"))]
    example: &'static str,
}

const fn row(pattern: &'static str, class: ErrorClass, example: &'static str) -> Row {
    Row { pattern, class, example }
}

/// The first row that matches wins. A prefix such as `unable to create VM 101 - ` or `update pools failed: ` is common, so a
/// pattern without `^` stands for a text that is unmistakable wherever it is found.
const TABLE: &[Row] = &[
    row(
        r"can't lock file '.*' - got timeout",
        ErrorClass::LockWait,
        "unable to create VM 105 - can't lock file '/var/lock/qemu-server/lock-105.conf' - got timeout",
    ),
    row(
        r"cfs-lock '.*' error: got lock request timeout",
        ErrorClass::LockWait,
        "cfs-lock 'storage-local' error: got lock request timeout",
    ),
    row(r"^trying to acquire", ErrorClass::LockWait, "trying to acquire cfs lock 'file-user_cfg' ..."),
    row(r"^(VM|CT) is locked( \(.*\))?", ErrorClass::GuestBusy, "VM is locked (backup)"),
    row(
        r"^got no worker upid|^unable to fork worker",
        ErrorClass::WorkerStart,
        "got no worker upid - start worker failed",
    ),
    row(r"no quorum|cluster not ready", ErrorClass::NoQuorum, "cluster not ready - no quorum?"),
    row(
        r"^hostname lookup '.*' failed",
        ErrorClass::Unreachable,
        "hostname lookup 'ghost' failed - failed to get address info",
    ),
    row(
        r"checksum mismatch \(file change by other user\?\)",
        ErrorClass::Stale,
        "checksum mismatch (file change by other user?)",
    ),
    row(
        r"detected modified configuration",
        ErrorClass::Stale,
        "update pools failed: detected modified configuration - file changed by other user? Try again.",
    ),
    row(
        r"^only root can|^Only root |[Oo]nly root may use this option|missing privileges",
        ErrorClass::Forbidden,
        "only root can set 'args' config",
    ),
    row(r"^Permission check failed", ErrorClass::Forbidden, "Permission check failed (/vms/9000, VM.Clone)"),
    row(
        r"hotplug problem",
        ErrorClass::Hotplug,
        "Parameter verification failed. net0: hotplug problem - error on hot-unplugging device 'net0' - still busy in guest?",
    ),
    row(
        r"not enough (free )?space|No space left|insufficient free space|data usage .* near",
        ErrorClass::NoSpace,
        "clone failed: copy failed: No space left on device",
    ),
    row(r"protection mode enabled", ErrorClass::Protected, "can't remove VM 110 - protection mode enabled"),
    row(
        r"is still in use by linked clone",
        ErrorClass::Protected,
        "base volume 'local:120/base-120-disk-0.qcow2' is still in use by linked cloned",
    ),
    row(
        r"used in HA resources",
        ErrorClass::Protected,
        "unable to remove VM 121 - used in HA resources and purge parameter not set.",
    ),
    row(
        r"^delete .* failed: .* is (not empty|used by)",
        ErrorClass::Protected,
        "delete pool failed: pool 'p1' is not empty (contains pool 'p1/sub')",
    ),
    row(r"^Security group '.*' is not empty", ErrorClass::Protected, "Security group 'web' is not empty"),
    row(
        r"volume is still in use",
        ErrorClass::Protected,
        "unable to delete 'local:151/vm-151-disk-0.qcow2' - volume is still in use (snapshot?)",
    ),
    row(
        r"already (a pool member|running|a template)|belongs already to pool",
        ErrorClass::WrongState,
        "update pools failed: VM 100 is already a pool member",
    ),
    row(
        r"^(VM|CT) \d+ (is )?not running|guest agent is not running|^(VM|CT) \d+ is running",
        ErrorClass::WrongState,
        "QEMU guest agent is not running",
    ),
    row(
        r"(VM|CT) is running$|because VM contains snapshots|disk with snapshots|if it's a template$",
        ErrorClass::WrongState,
        "you can't convert a VM to template if VM is running",
    ),
    row(
        r"ha groups have been migrated to rules",
        ErrorClass::NotImplemented,
        "cannot index groups: ha groups have been migrated to rules",
    ),
    row(
        r"(?i)already exists|already used|already defined",
        ErrorClass::Exists,
        "unable to create VM 100 - VM 100 already exists on node 'pve1'",
    ),
    row(
        r"^Configuration file 'nodes/.*' does not exist",
        ErrorClass::Gone,
        "Configuration file 'nodes/pve1/qemu-server/999.conf' does not exist",
    ),
    row(
        r"^((delete|update) [a-z ]+ failed: )?(storage|pool|group|role|user|sdn|sdn vnet|snapshot|endpoint) '[^']*' does not exist$",
        ErrorClass::Gone,
        "delete pool failed: pool 'p1' does not exist",
    ),
    row(
        r"^no such (user|token|IPSet|ha rule|cluster node|resource)|^no rule at position",
        ErrorClass::Gone,
        "no such user ('ghost@pve')",
    ),
    row(r"not HA managed!", ErrorClass::Gone, "cannot delete service 'vm:100', not HA managed!"),
    row(
        r"^Parameter verification failed\. \w+: ([Nn]o such (task|alias$|storage|job)|interface does not exist)",
        ErrorClass::Gone,
        "Parameter verification failed. upid: no such task",
    ),
    row(r"^unexpected status$|^unable to get last line from task log", ErrorClass::UnknownOutcome, "unexpected status"),
    row(
        r"^Parameter verification failed",
        ErrorClass::BadParameter,
        "Parameter verification failed. size: value does not match the regex pattern",
    ),
    row(
        r"failed: 400 ",
        ErrorClass::BadParameter,
        "create sdn vnet object failed: 400 Parameter verification failed. tag: missing vlan tag",
    ),
    row(
        r"does not exist|^unable to parse|^invalid bootorder|^SSH public key validation error",
        ErrorClass::BadParameter,
        "ACL update failed: role 'Nope' does not exist",
    ),
    row(
        r"don't exist|mapping not found|not allowed for linked clones|^missing value|^no options specified|reserved name",
        ErrorClass::BadParameter,
        "parameter 'storage' not allowed for linked clones",
    ),
    row(
        r"^shrinking disks is not supported|^unable to shrink disk|^you can't resize a cdrom",
        ErrorClass::BadParameter,
        "shrinking disks is not supported",
    ),
    row(r"^Method '.*' not implemented", ErrorClass::NotImplemented, "Method 'GET /nope' not implemented"),
];

/// Returns the class of an error text; `status` is the HTTP status, or `None` for the exit text of a task.
pub fn classify(status: Option<u16>, text: &str) -> ErrorClass {
    static PATTERNS: LazyLock<RegexSet> = LazyLock::new(|| {
        RegexSet::new(TABLE.iter().map(|row| row.pattern))
            .expect("every pattern of the table is matched by its example in a test")
    });
    // Inside a task, and where one handler calls another, the inner status stands before its text.
    static INNER_STATUS: LazyLock<Regex> =
        LazyLock::new(|| Regex::new(r"^([45]\d\d) ").expect("the pattern is constant and tested"));

    let joined = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let inner = INNER_STATUS.captures(&joined).and_then(|found| found[1].parse().ok());
    let bare = if inner.is_some() { &joined[4..] } else { joined.as_str() };
    if matches!(status, Some(596 | 597 | 599)) {
        return ErrorClass::Interrupted;
    }
    // The reasons of a 401 vary with the server's parts, and all mean the same.
    if status == Some(401) {
        return ErrorClass::Unauthenticated;
    }
    let by_text = PATTERNS.matches(bare).iter().next().map(|index| TABLE[index].class);
    by_text.unwrap_or_else(|| by_status(inner.or(status)))
}

fn by_status(status: Option<u16>) -> ErrorClass {
    match status {
        Some(400) => ErrorClass::BadParameter,
        Some(401) => ErrorClass::Unauthenticated,
        Some(403) => ErrorClass::Forbidden,
        Some(404) => ErrorClass::Gone,
        Some(501) => ErrorClass::NotImplemented,
        Some(595) => ErrorClass::Unreachable,
        _ => ErrorClass::Other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_is_the_first_to_match_its_example() {
        for (index, row) in TABLE.iter().enumerate() {
            let matches = |row: &Row| Regex::new(row.pattern).expect("a pattern compiles").is_match(row.example);
            assert!(matches(row), "row {index}: {}", row.example);
            assert_eq!(classify(Some(500), row.example), row.class, "row {index} as an answer: {}", row.example);
            assert_eq!(classify(None, row.example), row.class, "row {index} as a task: {}", row.example);
        }
    }

    /// Status (`-` for a task), expected class, and text as servers were seen to send it.
    const SEEN: &str = include_str!("error_texts.txt");

    #[test]
    fn texts_of_real_servers_are_told_apart() {
        for line in SEEN.lines().filter(|line| !line.starts_with('#')) {
            let mut parts = line.splitn(3, " | ");
            let mut part = || parts.next().unwrap_or_else(|| panic!("three parts: {line}")).trim();
            let (status, class, text) = (part(), part(), part());
            assert_eq!(format!("{:?}", classify(status.parse().ok(), text)), class, "{line}");
        }
    }

    proptest::proptest! {
        #[test]
        fn any_text_has_a_class(status: Option<u16>, text: String) {
            classify(status, &text);
            classify(status, &format!("403 {text}"));
        }
    }
}
