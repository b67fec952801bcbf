//! The attributes of a `vm`, which are its manual page. How each reads on the cluster is `keys`.

use crate::resources::schema::{Attribute, Impact, Nested, Occurs, Schema, Takes};

/// The `vm` block.
pub static SCHEMA: Schema = Schema { attributes: ATTRIBUTES, blocks: BLOCKS };

const ATTRIBUTES: &[Attribute] = &[
    Attribute::new(
        "tenant",
        Takes::Reference("tenant"),
        "The tenant it belongs to: gives pool, network, keys and quota.",
    )
    .on_change(Impact::None)
    .recorded(),
    Attribute::new("template", Takes::Reference("template"), "The template it is cloned from.")
        .required()
        .on_change(Impact::Recreate)
        .recorded(),
    Attribute::new("name", Takes::HostName, "Host name; default: the label, with -key for each instance.").chosen(),
    Attribute::new("node", Takes::Text, "Node to run on; default: chosen by placement, once.").chosen(),
    Attribute::new(
        "vmid",
        Takes::Integer(100, 999_999_999),
        "VMID; default: the lowest free one of the cluster's vmid_range.",
    )
    .chosen()
    .on_change(Impact::Recreate),
    Attribute::new("cores", Takes::Integer(1, 8192), "Cores per socket; default: the template's.")
        .chosen()
        .on_change(Impact::Reboot),
    Attribute::new("sockets", Takes::Integer(1, 4), "CPU sockets; default: the template's.").on_change(Impact::Reboot),
    Attribute::new("cpu", Takes::Text, "CPU type, e.g. `host` or `x86-64-v3`; default: the template's.")
        .on_change(Impact::Reboot),
    Attribute::new("memory", Takes::Size, "Memory; default: the template's.").chosen().on_change(Impact::Reboot),
    Attribute::new(
        "balloon",
        Takes::Size,
        "Memory that is always there; `0B` turns ballooning off, which game servers like.",
    )
    .on_change(Impact::Reboot),
    Attribute::new("cpulimit", Takes::Number, "Limit of CPU use in cores; 0: none."),
    Attribute::new("cpuunits", Takes::Integer(1, 10_000), "Weight against other guests of the node."),
    Attribute::new("numa", Takes::Bool, "Whether the guest sees NUMA nodes.").on_change(Impact::Reboot),
    Attribute::new("agent", Takes::Bool, "Whether the QEMU guest agent runs in it; default: the template's.")
        .on_change(Impact::Reboot),
    Attribute::new("ostype", Takes::OneOf(OS_TYPES), "Kind of guest system.").on_change(Impact::Reboot),
    Attribute::new("scsihw", Takes::OneOf(SCSI_CONTROLLERS), "SCSI controller.").on_change(Impact::Reboot),
    Attribute::new("onboot", Takes::Bool, "Whether it starts with its node.").or("false"),
    Attribute::new("protection", Takes::Bool, "Whether Proxmox refuses to remove it or its disks.").or("false"),
    Attribute::new("description", Takes::Text, "Notes; the owner marker stands under them.").or(""),
    Attribute::new("tags", Takes::Set(&Takes::Text), "Tags, besides those that mark it as managed."),
    Attribute::new("pool", Takes::Text, "Pool; default: the tenant's.").chosen(),
    Attribute::new("power", Takes::OneOf(&["running", "stopped", "ignore"]), "Whether it runs.")
        .or("running")
        .on_change(Impact::Stop),
    Attribute::new(
        "clone",
        Takes::OneOf(&["full", "linked"]),
        "Kind of clone; default: linked where the store can and the storage is the same.",
    )
    .chosen()
    .on_change(Impact::None)
    .recorded(),
    Attribute::new(
        "template_vmid",
        Takes::Integer(100, 999_999_999),
        "VMID of the template on the node it is cloned from.",
    )
    .computed(),
    Attribute::new(
        "address",
        Takes::Text,
        "Address of the first network device, without prefix; unknown until apply with DHCP.",
    )
    .computed(),
];

const OS_TYPES: &[&str] =
    &["other", "wxp", "w2k", "w2k3", "w2k8", "wvista", "win7", "win8", "win10", "win11", "l24", "l26", "solaris"];

const SCSI_CONTROLLERS: &[&str] = &["lsi", "lsi53c810", "virtio-scsi-pci", "virtio-scsi-single", "megasas", "pvscsi"];

const BLOCKS: &[Nested] = &[
    Nested {
        name: "disk",
        occurs: Occurs::ByLabel("the slot, e.g. scsi0"),
        schema: &DISK,
        documentation: "A disk, by slot.",
    },
    Nested {
        name: "network",
        occurs: Occurs::ByLabel("the slot, e.g. net0"),
        schema: &NETWORK,
        documentation: "A network device, by slot.",
    },
    Nested {
            name: "firewall",
            occurs: Occurs::Once,
            schema: &crate::resources::firewall::GUEST,
            documentation: "Its firewall: an object of its own, `vm.NAME.firewall`.",
        },
    Nested {
        name: "cloud_init",
        occurs: Occurs::Once,
        schema: &CLOUD_INIT,
        documentation: "What the guest is told at its first boot. Changing it later makes cloud-init run again.",
    },
    Nested {
        name: "placement",
        occurs: Occurs::Once,
        schema: &PLACEMENT,
        documentation: "How a node is chosen when `node` is not written.",
    },
    Nested { name: "connection", occurs: Occurs::Once, schema: &CONNECTION, documentation: "How to reach it by SSH." },
    Nested {
        name: "timeouts",
        occurs: Occurs::Once,
        schema: &TIMEOUTS,
        documentation: "How long each operation may take.",
    },
];

static DISK: Schema = Schema {
    attributes: &[
        Attribute::new("size", Takes::Size, "Size; it can grow, not shrink. Default: the template's.").chosen(),
        Attribute::new("storage", Takes::Text, "Storage; default: the template's.")
            .chosen()
            .on_change(Impact::Recreate),
        Attribute::new("ssd", Takes::Bool, "Whether the guest sees an SSD.").on_change(Impact::Reboot),
        Attribute::new("discard", Takes::Bool, "Whether freed blocks are given back to the storage.")
            .on_change(Impact::Reboot),
        Attribute::new("iothread", Takes::Bool, "Whether it has an IO thread of its own.").on_change(Impact::Reboot),
        Attribute::new(
            "cache",
            Takes::OneOf(&["none", "writethrough", "writeback", "unsafe", "directsync"]),
            "Cache mode.",
        )
        .on_change(Impact::Reboot),
        Attribute::new("backup", Takes::Bool, "Whether backups include it."),
        Attribute::new(
            "delete_on_remove",
            Takes::Bool,
            "Whether removing this block destroys the disk instead of detaching it.",
        )
        .or("false")
        .on_change(Impact::None)
        .recorded(),
    ],
    blocks: &[],
};

static NETWORK: Schema = Schema {
    attributes: &[
        Attribute::new("bridge", Takes::Text, "Bridge or SDN vnet; default: the tenant's.").chosen(),
        Attribute::new("vlan", Takes::Integer(1, 4094), "VLAN tag; default: the tenant's.").chosen(),
        Attribute::new("model", Takes::OneOf(&["virtio", "e1000", "e1000e", "rtl8139", "vmxnet3"]), "Device model.")
            .or("virtio"),
        Attribute::new("mac", Takes::Text, "MAC address; default: made from lineage, address and slot.").chosen(),
        Attribute::new("firewall", Takes::Bool, "Whether the Proxmox firewall filters it.").or("false"),
        Attribute::new("rate", Takes::Number, "Rate limit in MB/s."),
        Attribute::new(
            "address",
            Takes::Text,
            "`auto` (from the tenant's cidr), `dhcp`, or an address with prefix: `10.40.0.9/24`.",
        )
        .chosen(),
        Attribute::new("gateway", Takes::Address, "Default gateway; default: the tenant's.").chosen(),
    ],
    blocks: &[],
};

static CLOUD_INIT: Schema = Schema {
    attributes: &[
        Attribute::new("user", Takes::Text, "User that is made."),
        Attribute::new("password", Takes::Text, "Password of that user.").sensitive().recorded(),
        Attribute::new("ssh_keys", Takes::List(&Takes::Text), "Public keys that may log in; default: the tenant's.")
            .chosen(),
        Attribute::new("upgrade", Takes::Bool, "Whether packages are upgraded at first boot.").or("false"),
        Attribute::new("dns", Takes::List(&Takes::Address), "Name servers; default: the tenant's.").chosen(),
        Attribute::new("search_domain", Takes::Text, "DNS search domain."),
    ],
    blocks: &[],
};

static PLACEMENT: Schema = Schema {
    attributes: &[
        Attribute::new(
            "strategy",
            Takes::OneOf(&["spread", "pack"]),
            "`spread`: the node with most free memory; `pack`: the fullest that fits.",
        )
        .or("spread")
        .on_change(Impact::None)
        .recorded(),
        Attribute::new("nodes", Takes::Set(&Takes::Text), "Only these nodes.").on_change(Impact::None).recorded(),
    ],
    blocks: &[],
};

/// The `connection` block, which `tenant` and `game_server` have too.
pub static CONNECTION: Schema = Schema {
    attributes: &[
        Attribute::new("user", Takes::Text, "SSH user.").on_change(Impact::None).recorded(),
        Attribute::new("private_key", Takes::Text, "Path of the private key.").on_change(Impact::None).recorded(),
        Attribute::new("port", Takes::Integer(1, 65535), "SSH port.").or("22").on_change(Impact::None).recorded(),
        Attribute::new("jump", Takes::Text, "Jump host: `user@host` or `user@host:port`.")
            .on_change(Impact::None)
            .recorded(),
    ],
    blocks: &[],
};

static TIMEOUTS: Schema = Schema {
    attributes: &[
        Attribute::new("clone", Takes::Duration, "Cloning.").or("60m").on_change(Impact::None).recorded(),
        Attribute::new("start", Takes::Duration, "Starting.").or("5m").on_change(Impact::None).recorded(),
        Attribute::new("shutdown", Takes::Duration, "Shutting down, before it is switched off.")
            .or("3m")
            .on_change(Impact::None)
            .recorded(),
        Attribute::new("destroy", Takes::Duration, "Removing.").or("10m").on_change(Impact::None).recorded(),
    ],
    blocks: &[],
};
