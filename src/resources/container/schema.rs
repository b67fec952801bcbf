//! The attributes of a `container`, which are its manual page and the table its configuration is read and written by.

use crate::resources::keys::{Block, Layout, Place};
use crate::resources::schema::{Attribute, Impact, Nested, Occurs, Schema, Takes};
use crate::resources::vm::schema::{PLACEMENT, TIMEOUTS};
use crate::resources::wire::{ENVIRONMENT, MEBIBYTES, SEMICOLONS, SPACES};

/// The `container` block.
pub static SCHEMA: Schema = Schema { attributes: ATTRIBUTES, blocks: BLOCKS };

/// Where it stands in the configuration. Volumes and network devices need more than their options and are not here.
pub static LAYOUT: Layout = Layout::new(
    &SCHEMA,
    &[
        Block { name: "features", place: Place::Property("features", None) },
        Block { name: "startup", place: Place::Property("startup", Some("order")) },
        Block { name: "device", place: Place::Slots("dev", 256, Some("path")) },
    ],
);

const OS_TYPES: &[&str] = &[
    "debian",
    "devuan",
    "ubuntu",
    "centos",
    "fedora",
    "opensuse",
    "archlinux",
    "alpine",
    "gentoo",
    "nixos",
    "unmanaged",
];

const ATTRIBUTES: &[Attribute] = &[
    Attribute::new("tenant", Takes::Reference("tenant"), "The tenant it belongs to: gives pool, network, keys and quota.").on_change(Impact::None).recorded(),
    Attribute::new("ostemplate", Takes::Text, "Volume of the archive it is made from, e.g. `local:vztmpl/debian-13-standard_13.1-1_amd64.tar.zst`; required unless it is made by `restore`.").on_change(Impact::Recreate).recorded(),
    Attribute::new("name", Takes::HostName, "Host name; default: the label, with -key for each instance.").chosen().key("hostname"),
    Attribute::new("node", Takes::Text, "Node to run on; default: chosen by placement, once. To change it moves the container, which is restarted.").chosen().on_change(Impact::Reboot),
    Attribute::new("vmid", Takes::Integer(100, 999_999_999), "VMID; default: the lowest free one of the cluster's vmid_range.").chosen().on_change(Impact::Recreate),
    Attribute::new("cores", Takes::Integer(1, 8192), "Cores it may use; default: all of the node.").deciding().key("cores"),
    Attribute::new("cpulimit", Takes::Number, "Limit of CPU use in cores; 0: none.").key("cpulimit").absent("0"),
    Attribute::new("cpuunits", Takes::Integer(0, 500_000), "Weight against other guests of the node.").key("cpuunits").absent("100"),
    Attribute::new("memory", Takes::Size, "Memory.").or("512MiB").coded("memory", &MEBIBYTES),
    Attribute::new("swap", Takes::Size, "Swap space.").coded("swap", &MEBIBYTES).absent("512"),
    Attribute::new("unprivileged", Takes::Bool, "Whether its root is nobody on the node.").or("true").key("unprivileged").absent("0").on_change(Impact::Recreate),
    Attribute::new("arch", Takes::OneOf(&["amd64", "i386", "arm64", "armhf", "riscv32", "riscv64"]), "Processor architecture.").key("arch").absent("amd64").on_change(Impact::Reboot),
    Attribute::new("ostype", Takes::OneOf(OS_TYPES), "Kind of guest system; default: what the archive is found to hold.").key("ostype").on_change(Impact::Reboot),
    Attribute::new("cmode", Takes::OneOf(&["tty", "console", "shell"]), "What its console shows.").key("cmode").absent("tty").on_change(Impact::Reboot),
    Attribute::new("console", Takes::Bool, "Whether it has a console.").key("console").absent("1").on_change(Impact::Reboot),
    Attribute::new("tty", Takes::Integer(0, 6), "Number of terminals.").key("tty").absent("2").on_change(Impact::Reboot),
    Attribute::new("debug", Takes::Bool, "Whether it is verbose at start.").key("debug").absent("0").on_change(Impact::Reboot),
    Attribute::new("timezone", Takes::Text, "Time zone, or `host`.").key("timezone").on_change(Impact::Reboot),
    Attribute::new("entrypoint", Takes::Text, "Program that runs instead of `/sbin/init`.").key("entrypoint").absent("/sbin/init").on_change(Impact::Reboot).since(9),
    Attribute::new("env", Takes::Map(&Takes::Text), "Environment of that program.").coded("env", &ENVIRONMENT).on_change(Impact::Reboot).since(9),
    Attribute::new("hookscript", Takes::Text, "Volume of a script that runs when it starts and stops. Only the user root@pam itself may set it; a token is refused.").key("hookscript"),
    Attribute::new("onboot", Takes::Bool, "Whether it starts with its node.").or("false").key("onboot"),
    Attribute::new("protection", Takes::Bool, "Whether Proxmox refuses to remove it or its volumes.").or("false").key("protection"),
    Attribute::new("dns", Takes::List(&Takes::Text), "Name servers; default: the tenant's, else the node's.").chosen().coded("nameserver", &SPACES).on_change(Impact::Reboot),
    Attribute::new("search_domain", Takes::Text, "DNS search domain; default: the node's.").key("searchdomain").on_change(Impact::Reboot),
    Attribute::new("password", Takes::Text, "Password of root, told when it is made.").on_change(Impact::None).recorded().sensitive(),
    Attribute::new("ssh_keys", Takes::List(&Takes::Text), "Public keys of root, told when it is made; default: the tenant's.").chosen().on_change(Impact::None).recorded(),
    Attribute::new("description", Takes::Text, "Notes; the owner marker stands under them.").or(""),
    Attribute::new("tags", Takes::Set(&Takes::Text), "Tags, besides those that mark it as managed."),
    Attribute::new("pool", Takes::Text, "Pool; default: the tenant's.").chosen(),
    Attribute::new("power", Takes::OneOf(&["running", "stopped", "ignore"]), "Whether it runs.").deciding().or("running").on_change(Impact::Stop),
    Attribute::new("extra", Takes::Map(&Takes::Text), "Configuration keys this version does not know, as the API writes them.").on_change(Impact::Reboot),
    Attribute::new("address", Takes::Text, "Address of the first network device, without prefix; unknown until apply with DHCP.").computed(),
];

const fn block(name: &'static str, schema: &'static Schema, documentation: &'static str) -> Nested {
    Nested { name, occurs: Occurs::Once, schema, documentation }
}

const fn slots(
    name: &'static str,
    label: &'static str,
    schema: &'static Schema,
    documentation: &'static str,
) -> Nested {
    Nested { name, occurs: Occurs::ByLabel(label), schema, documentation }
}

const BLOCKS: &[Nested] = &[
    block("rootfs", &ROOTFS, "Its root disk; required unless `restore` says where its volumes go."),
    slots("mount", "the slot, e.g. mp0", &MOUNT, "A further volume or folder, by slot: mp0 to mp255."),
    slots("network", "the slot, e.g. net0", &NETWORK, "A network device, by slot: net0 to net31."),
    block(
        "restore",
        &RESTORE,
        "The backup it is made from, instead of `ostemplate`. It counts when the container is made, and not again: `-replace=container.NAME` goes back to it. What the block does not say is as in the backup, except defaults that other attributes tell; password and keys always are.",
    ),
    block("features", &FEATURES, "What it may do beyond the usual."),
    block(
        "firewall",
        &crate::resources::firewall::GUEST,
        "Its firewall: an object of its own, `container.NAME.firewall`.",
    ),
    block("startup", &STARTUP, "Order in which guests start and stop with their node."),
    slots(
        "device",
        "the slot, e.g. dev0",
        &DEVICE,
        "A device of the node, by slot: dev0 to dev255. Only the user root@pam itself may set it; a token is refused.",
    ),
    block("placement", &PLACEMENT, "How a node is chosen when `node` is not written."),
    block("timeouts", &TIMEOUTS, "How long each operation may take."),
];

static RESTORE: Schema = Schema {
    attributes: &[
        Attribute::new(
            "archive",
            Takes::Text,
            "Volume of the backup, e.g. `local:backup/vzdump-lxc-100-2026_11_20-04_00_00.tar.zst`.",
        )
        .required()
        .deciding()
        .on_change(Impact::None)
        .recorded(),
        Attribute::new(
            "storage",
            Takes::Text,
            "Storage all its volumes go to, each as big as it was; instead of it, `rootfs` and `mount` blocks say where each goes. Default: `local`.",
        )
        .deciding()
        .on_change(Impact::None)
        .recorded(),
    ],
    blocks: &[],
};

/// The `rootfs` block.
pub static ROOTFS: Schema = Schema {
    attributes: &[
        Attribute::new("storage", Takes::Text, "Storage. To change it moves the disk, while the container is stopped.")
            .required()
            .deciding()
            .on_change(Impact::Reboot),
        Attribute::new("size", Takes::Size, "Size; it can grow, not shrink.").or("4GiB"),
        Attribute::new(
            "mountoptions",
            Takes::Set(&Takes::OneOf(&["discard", "lazytime", "noatime", "nodev", "noexec", "nosuid"])),
            "Options it is mounted with.",
        )
        .coded("mountoptions", &SEMICOLONS)
        .on_change(Impact::Reboot),
        Attribute::new("acl", Takes::Bool, "Whether access lists are on; default: by file system.")
            .key("acl")
            .on_change(Impact::Reboot),
        Attribute::new("quota", Takes::Bool, "Whether user quotas are on.")
            .key("quota")
            .absent("0")
            .on_change(Impact::Reboot),
        Attribute::new("ro", Takes::Bool, "Whether it can only be read.")
            .key("ro")
            .absent("0")
            .on_change(Impact::Reboot),
        Attribute::new("replicate", Takes::Bool, "Whether replication includes it.")
            .key("replicate")
            .absent("1")
            .on_change(Impact::Reboot),
        Attribute::new("shared", Takes::Bool, "Whether it is on every node by means Proxmox does not know.")
            .key("shared")
            .absent("0")
            .on_change(Impact::Reboot),
        Attribute::new("idmap", Takes::Text, "How ids map to those of the node.")
            .key("idmap")
            .on_change(Impact::Reboot)
            .since(9),
    ],
    blocks: &[],
};

/// The `mount` block.
pub static MOUNT: Schema = Schema {
    attributes: &[
        Attribute::new("storage", Takes::Text, "Storage of the volume. To change it moves the volume, while the container is stopped.").deciding().on_change(Impact::Reboot),
        Attribute::new("size", Takes::Size, "Size of the volume; it can grow, not shrink."),
        Attribute::new("volume", Takes::Text, "Folder of the node to mount instead of a volume. Only the user root@pam itself may set it; a token is refused.").on_change(Impact::Reboot),
        Attribute::new("mp", Takes::Text, "Where it is mounted.").required().key("mp").on_change(Impact::Reboot),
        Attribute::new("backup", Takes::Bool, "Whether backups include it.").key("backup").absent("0").on_change(Impact::Reboot),
        Attribute::new("keepattrs", Takes::Bool, "Whether attributes of the mount point are kept.").key("keepattrs").absent("0").on_change(Impact::Reboot).since(9),
        Attribute::new("mountoptions", Takes::Set(&Takes::OneOf(&["discard", "lazytime", "noatime", "nodev", "noexec", "nosuid"])), "Options it is mounted with.").coded("mountoptions", &SEMICOLONS).on_change(Impact::Reboot),
        Attribute::new("acl", Takes::Bool, "Whether access lists are on; default: by file system.").key("acl").on_change(Impact::Reboot),
        Attribute::new("quota", Takes::Bool, "Whether user quotas are on.").key("quota").absent("0").on_change(Impact::Reboot),
        Attribute::new("ro", Takes::Bool, "Whether it can only be read.").key("ro").absent("0").on_change(Impact::Reboot),
        Attribute::new("replicate", Takes::Bool, "Whether replication includes it.").key("replicate").absent("1").on_change(Impact::Reboot),
        Attribute::new("shared", Takes::Bool, "Whether it is on every node by means Proxmox does not know.").key("shared").absent("0").on_change(Impact::Reboot),
        Attribute::new("idmap", Takes::Text, "How ids map to those of the node.").key("idmap").on_change(Impact::Reboot).since(9),
    ],
    blocks: &[],
};

/// The `network` block. Name and MAC address stand in it like its options.
pub static NETWORK: Schema = Schema {
    attributes: &[
        Attribute::new("name", Takes::Text, "Name inside; default: `eth` and the number of the slot.")
            .chosen()
            .key("name"),
        Attribute::new("bridge", Takes::Text, "Bridge or SDN vnet; default: the tenant's.").chosen().key("bridge"),
        Attribute::new("vlan", Takes::Integer(1, 4094), "VLAN tag; default: the tenant's.").chosen().key("tag"),
        Attribute::new("mac", Takes::Text, "MAC address; default: made from lineage, address and slot.")
            .chosen()
            .key("hwaddr"),
        Attribute::new("firewall", Takes::Bool, "Whether the Proxmox firewall filters it.")
            .or("false")
            .key("firewall")
            .absent("0"),
        Attribute::new("rate", Takes::Number, "Rate limit in MB/s.").key("rate"),
        Attribute::new("mtu", Takes::Integer(64, 65535), "MTU.").key("mtu"),
        Attribute::new("link_down", Takes::Bool, "Whether the cable is unplugged.").key("link_down").absent("0"),
        Attribute::new("trunks", Takes::List(&Takes::Text), "VLANs that pass.").coded("trunks", &SEMICOLONS),
        Attribute::new("host-managed", Takes::Bool, "Whether the node configures it from outside.")
            .key("host-managed")
            .absent("0")
            .since(9),
        Attribute::new(
            "address",
            Takes::Text,
            "`auto` (from the tenant's cidr), `dhcp`, `manual`, or an address with prefix: `10.40.0.9/24`.",
        )
        .chosen()
        .key("ip"),
        Attribute::new("gateway", Takes::Address, "Default gateway; default: the tenant's.").chosen().key("gw"),
        Attribute::new(
            "address6",
            Takes::Text,
            "IPv6: `dhcp`, `auto` (announced by the router), `manual`, or an address with prefix.",
        )
        .key("ip6"),
        Attribute::new("gateway6", Takes::Address, "Default gateway for IPv6.").key("gw6"),
    ],
    blocks: &[],
};

/// The `features` block.
pub static FEATURES: Schema = Schema {
    attributes: &[
        Attribute::new("nesting", Takes::Bool, "Whether containers may run in it.")
            .key("nesting")
            .absent("0")
            .on_change(Impact::Reboot),
        Attribute::new(
            "fuse",
            Takes::Bool,
            "Whether it may mount FUSE file systems. Only the user root@pam itself may set it; a token is refused.",
        )
        .key("fuse")
        .absent("0")
        .on_change(Impact::Reboot),
        Attribute::new(
            "keyctl",
            Takes::Bool,
            "Whether it may use the keyctl() call. Only the user root@pam itself may set it; a token is refused.",
        )
        .key("keyctl")
        .absent("0")
        .on_change(Impact::Reboot),
        Attribute::new(
            "mknod",
            Takes::Bool,
            "Whether it may make device nodes. Only the user root@pam itself may set it; a token is refused.",
        )
        .key("mknod")
        .absent("0")
        .on_change(Impact::Reboot),
        Attribute::new(
            "force_rw_sys",
            Takes::Bool,
            "Whether /sys can be written. Only the user root@pam itself may set it; a token is refused.",
        )
        .key("force_rw_sys")
        .absent("0")
        .on_change(Impact::Reboot),
        Attribute::new(
            "mount",
            Takes::List(&Takes::Text),
            "File systems it may mount. Only the user root@pam itself may set it; a token is refused.",
        )
        .coded("mount", &SEMICOLONS)
        .on_change(Impact::Reboot),
    ],
    blocks: &[],
};

/// The `startup` block.
pub static STARTUP: Schema = Schema {
    attributes: &[
        Attribute::new("order", Takes::Integer(0, i64::MAX), "Rank: lower ones start first and stop last.")
            .key("order"),
        Attribute::new("up", Takes::Integer(0, i64::MAX), "Seconds until the next one starts.").key("up"),
        Attribute::new("down", Takes::Integer(0, i64::MAX), "Seconds it may take to stop.").key("down"),
    ],
    blocks: &[],
};

/// The `device` block.
pub static DEVICE: Schema = Schema {
    attributes: &[
        Attribute::new("path", Takes::Text, "Device on the node.").required().key("path").on_change(Impact::Reboot),
        Attribute::new("mode", Takes::Text, "Access mode in it, e.g. `0660`.").key("mode").on_change(Impact::Reboot),
        Attribute::new("uid", Takes::Integer(0, i64::MAX), "Owner in it.").key("uid").on_change(Impact::Reboot),
        Attribute::new("gid", Takes::Integer(0, i64::MAX), "Group in it.").key("gid").on_change(Impact::Reboot),
        Attribute::new("deny-write", Takes::Bool, "Whether it may only read it.")
            .key("deny-write")
            .absent("0")
            .on_change(Impact::Reboot),
    ],
    blocks: &[],
};
