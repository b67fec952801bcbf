//! The attributes of a `vm`, which are its manual page and the table its configuration is read and written by. Disks and devices have
//! their own files.

mod devices;
mod disk;

pub use disk::{BUSES, CDROM, DISK, EFI_DISK, TPM_STATE};

use super::super::keys::{Block, Layout, Place};
use super::super::wire::{BOOT, HOTPLUG, MEBIBYTES, SEMICOLONS, SPACES, SSH_KEYS, USUALLY_HOT};
use crate::resources::schema::{Attribute, Impact, Nested, Occurs, Schema, Takes};
use devices::{
    AGENT, AUDIO, CICUSTOM, CPU, HOSTPCI, IVSHMEM, MACHINE, NUMA_NODE, RNG, SERIAL, SEV, SMBIOS, SPICE, STARTUP, TDX,
    USB, VGA, VIRTIOFS, WATCHDOG,
};

/// The `vm` block.
pub static SCHEMA: Schema = Schema { attributes: ATTRIBUTES, blocks: BLOCKS };

/// Where it stands in the configuration. Volumes and network devices need more than their options and are not here.
pub static LAYOUT: Layout = Layout::new(
    &SCHEMA,
    &[
        Block { name: "cpu", place: Place::Property("cpu", Some("cputype")) },
        Block { name: "agent", place: Place::Property("agent", Some("enabled")) },
        Block { name: "machine", place: Place::Property("machine", Some("type")) },
        Block { name: "vga", place: Place::Property("vga", Some("type")) },
        Block { name: "startup", place: Place::Property("startup", Some("order")) },
        Block { name: "watchdog", place: Place::Property("watchdog", Some("model")) },
        Block { name: "rng0", place: Place::Property("rng0", Some("source")) },
        Block { name: "audio0", place: Place::Property("audio0", None) },
        Block { name: "smbios1", place: Place::Property("smbios1", None) },
        Block { name: "ivshmem", place: Place::Property("ivshmem", None) },
        Block { name: "spice_enhancements", place: Place::Property("spice_enhancements", None) },
        Block { name: "amd-sev", place: Place::Property("amd-sev", Some("type")) },
        Block { name: "intel-tdx", place: Place::Property("intel-tdx", Some("type")) },
        Block { name: "cicustom", place: Place::Property("cicustom", None) },
        Block { name: "numa_node", place: Place::Slots("numa", 8, None) },
        Block { name: "serial", place: Place::Slots("serial", 4, Some("device")) },
        Block { name: "usb", place: Place::Slots("usb", 14, Some("host")) },
        Block { name: "hostpci", place: Place::Slots("hostpci", 16, Some("host")) },
        Block { name: "virtiofs", place: Place::Slots("virtiofs", 10, Some("dirid")) },
        Block { name: "cloud_init", place: Place::Keys },
    ],
);

const ATTRIBUTES: &[Attribute] = &[
    Attribute::new("tenant", Takes::Reference("tenant"), "The tenant it belongs to: gives pool, network, keys and quota.").on_change(Impact::None).recorded(),
    Attribute::new("template", Takes::Reference("template"), "The template it is cloned from; without one it is made from its disks: empty ones, or images by `import_from`.").on_change(Impact::Recreate).recorded(),
    Attribute::new("name", Takes::HostName, "Host name; default: the label, with -key for each instance.").chosen().key("name"),
    Attribute::new("node", Takes::Text, "Node to run on; a guest elsewhere is migrated there. Default: chosen by placement, once.").chosen(),
    Attribute::new("vmid", Takes::Integer(100, 999_999_999), "VMID; default: the lowest free one of the cluster's vmid_range.").chosen().on_change(Impact::Recreate),
    Attribute::new("cores", Takes::Integer(1, 8192), "Cores per socket; default: the template's.").chosen().key("cores").absent("1").on_change(Impact::Reboot),
    Attribute::new("sockets", Takes::Integer(1, 4), "CPU sockets; default: the template's.").deciding().key("sockets").absent("1").on_change(Impact::Reboot),
    Attribute::new("vcpus", Takes::Integer(1, 8192), "Virtual CPUs plugged in at start; default: all of cores x sockets.").key("vcpus").on_change(Impact::Reboot),
    Attribute::new("cpulimit", Takes::Number, "Limit of CPU use in cores; 0: none.").key("cpulimit").absent("0"),
    Attribute::new("cpuunits", Takes::Integer(1, 10_000), "Weight against other guests of the node.").key("cpuunits").absent("100"),
    Attribute::new("affinity", Takes::Text, "Host cores it runs on, e.g. `0,5,8-11`. Only the user root@pam itself may set it; a token is refused.").key("affinity").on_change(Impact::Reboot),
    Attribute::new("numa", Takes::Bool, "Whether the guest sees NUMA nodes.").key("numa").absent("0").on_change(Impact::Reboot),
    Attribute::new("memory", Takes::Size, "Memory; default: the template's.").chosen().coded("memory", &MEBIBYTES).absent("512").on_change(Impact::Reboot),
    Attribute::new("balloon", Takes::Size, "Memory that is always there; `0B` turns ballooning off, which game servers like.").coded("balloon", &MEBIBYTES).on_change(Impact::Reboot),
    Attribute::new("shares", Takes::Integer(0, 50_000), "Weight of memory against other guests, for automatic ballooning; 0 turns it off.").key("shares").absent("1000"),
    Attribute::new("hugepages", Takes::OneOf(&["any", "2", "1024"]), "Size of huge pages in MiB. Only the user root@pam itself may set it; a token is refused.").key("hugepages").on_change(Impact::Reboot),
    Attribute::new("keephugepages", Takes::Bool, "Whether huge pages stay reserved when it stops. Only the user root@pam itself may set it; a token is refused.").key("keephugepages").absent("0").on_change(Impact::Reboot),
    Attribute::new("allow-ksm", Takes::Bool, "Whether its memory may be merged with that of others.").key("allow-ksm").absent("1").on_change(Impact::Reboot).since(9),
    Attribute::new("bios", Takes::OneOf(&["seabios", "ovmf"]), "Firmware; `ovmf` wants an `efidisk0` too.").key("bios").absent("seabios").on_change(Impact::Reboot),
    Attribute::new("boot", Takes::List(&Takes::Text), "Devices to boot from in order, e.g. `[\"scsi0\", \"net0\"]`; default: the server chooses.").coded("boot", &BOOT).on_change(Impact::Reboot),
    Attribute::new("ostype", Takes::OneOf(OS_TYPES), "Kind of guest system.").key("ostype").absent("other").on_change(Impact::Reboot),
    Attribute::new("scsihw", Takes::OneOf(SCSI_CONTROLLERS), "SCSI controller.").key("scsihw").absent("lsi").on_change(Impact::Reboot),
    Attribute::new("acpi", Takes::Bool, "Whether the guest has ACPI.").key("acpi").absent("1").on_change(Impact::Reboot),
    Attribute::new("kvm", Takes::Bool, "Whether the processor's virtualisation is used.").key("kvm").absent("1").on_change(Impact::Reboot),
    Attribute::new("tablet", Takes::Bool, "Whether there is a USB tablet, which keeps the pointer of a console in step.").key("tablet").absent("1"),
    Attribute::new("hotplug", Takes::Set(&Takes::OneOf(HOT_FEATURES)), "What can be plugged while it runs; `[]`: nothing.").coded("hotplug", &HOTPLUG).absent(USUALLY_HOT),
    Attribute::new("keyboard", Takes::OneOf(KEYBOARDS), "Keyboard layout of its console; default: the cluster's.").key("keyboard").on_change(Impact::Reboot),
    Attribute::new("localtime", Takes::Bool, "Whether its clock shows local time; default: only for Windows.").key("localtime").on_change(Impact::Reboot),
    Attribute::new("startdate", Takes::Text, "Time its clock starts with: `now`, `2026-06-17T16:01:21` or `2026-06-17`.").key("startdate").absent("now").on_change(Impact::Reboot),
    Attribute::new("reboot", Takes::Bool, "Whether it may reboot; otherwise it stops instead.").key("reboot").absent("1").on_change(Impact::Reboot),
    Attribute::new("arch", Takes::OneOf(&["x86_64", "aarch64"]), "Processor architecture. Only the user root@pam itself may set it; a token is refused.").key("arch").on_change(Impact::Reboot),
    Attribute::new("args", Takes::Text, "Further arguments of QEMU. Only the user root@pam itself may set it; a token is refused.").key("args").on_change(Impact::Reboot),
    Attribute::new("hookscript", Takes::Text, "Volume of a script that runs when it starts and stops. Only the user root@pam itself may set it; a token is refused.").key("hookscript"),
    Attribute::new("vmgenid", Takes::Text, "Generation id; default: made by the server. Only the user root@pam itself may set it; a token is refused.").key("vmgenid").on_change(Impact::Reboot),
    Attribute::new("onboot", Takes::Bool, "Whether it starts with its node.").or("false").key("onboot"),
    Attribute::new("protection", Takes::Bool, "Whether Proxmox refuses to remove it or its disks.").or("false").key("protection"),
    Attribute::new("vmstatestorage", Takes::Text, "Storage for its memory when it is suspended or in snapshots.").key("vmstatestorage"),
    Attribute::new("migrate_downtime", Takes::Number, "Longest pause of a live migration in seconds.").key("migrate_downtime").absent("0.1"),
    Attribute::new("migrate_speed", Takes::Integer(0, i64::MAX), "Limit of a migration in MB/s; 0: none.").key("migrate_speed").absent("0"),
    Attribute::new("description", Takes::Text, "Notes; the owner marker stands under them.").or(""),
    Attribute::new("tags", Takes::Set(&Takes::Text), "Tags, besides those that mark it as managed."),
    Attribute::new("pool", Takes::Text, "Pool; default: the tenant's.").chosen(),
    Attribute::new("power", Takes::OneOf(&["running", "stopped", "ignore"]), "Whether it runs.").deciding().or("running").on_change(Impact::Stop),
    Attribute::new("clone", Takes::OneOf(&["full", "linked"]), "Kind of clone; default: linked where the store can and the storage is the same.").chosen().on_change(Impact::None).recorded(),
    Attribute::new("extra", Takes::Map(&Takes::Text), "Configuration keys this version does not know, as the API writes them: `{ tdf = \"1\" }`.").on_change(Impact::Reboot),
    Attribute::new("template_vmid", Takes::Integer(100, 999_999_999), "VMID of the template on the node it is cloned from.").computed(),
    Attribute::new("address", Takes::Text, "Address of the first network device, without prefix; unknown until apply with DHCP.").computed(),
];

/// Kinds of guest systems the server knows.
pub const OS_TYPES: &[&str] =
    &["other", "wxp", "w2k", "w2k3", "w2k8", "wvista", "win7", "win8", "win10", "win11", "l24", "l26", "solaris"];

/// SCSI controllers a guest can have.
pub const SCSI_CONTROLLERS: &[&str] =
    &["lsi", "lsi53c810", "virtio-scsi-pci", "virtio-scsi-single", "megasas", "pvscsi"];

const HOT_FEATURES: &[&str] = &["network", "disk", "cpu", "memory", "usb", "cloudinit"];

const KEYBOARDS: &[&str] = &[
    "de", "de-ch", "da", "en-gb", "en-us", "es", "fi", "fr", "fr-be", "fr-ca", "fr-ch", "hu", "is", "it", "ja", "lt",
    "mk", "nl", "no", "pl", "pt", "pt-br", "sv", "sl", "tr",
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
    slots(
        "disk",
        "the slot, e.g. scsi0",
        &DISK,
        "A disk, by slot: scsi0 to scsi30, virtio0 to virtio15, sata0 to sata5, ide0 to ide3.",
    ),
    slots("cdrom", "the slot, e.g. ide2", &CDROM, "A CD drive, by slot of bus ide, sata or scsi."),
    block("efidisk0", &EFI_DISK, "The small disk of the `ovmf` firmware."),
    block("tpmstate0", &TPM_STATE, "The state of a trusted platform module."),
    slots("network", "the slot, e.g. net0", &NETWORK, "A network device, by slot: net0 to net31."),
    block(
        "cloud_init",
        &CLOUD_INIT,
        "What the guest is told at its first boot. Changing it later makes cloud-init run again.",
    ),
    block(
        "restore",
        &RESTORE,
        "The backup it is made from, instead of a template. It counts when the machine is made, and not again: `-replace=vm.NAME` goes back to it.",
    ),
    block("firewall", &crate::resources::firewall::GUEST, "Its firewall: an object of its own, `vm.NAME.firewall`."),
    block("cicustom", &CICUSTOM, "Files that take the place of what `cloud_init` would make."),
    block("cpu", &CPU, "Processor the guest sees."),
    block("agent", &AGENT, "The QEMU guest agent."),
    block("machine", &MACHINE, "Machine the guest sees."),
    block("vga", &VGA, "Graphics."),
    block("startup", &STARTUP, "Order in which guests start and stop with their node."),
    block("watchdog", &WATCHDOG, "A device that acts when the guest hangs."),
    block("rng0", &RNG, "A source of random numbers."),
    block("audio0", &AUDIO, "Sound."),
    block("smbios1", &SMBIOS, "What the firmware tells about the machine."),
    block("amd-sev", &SEV, "AMD memory encryption. Only the user root@pam itself may set it; a token is refused."),
    block("intel-tdx", &TDX, "Intel trust domain. Only the user root@pam itself may set it; a token is refused."),
    block(
        "ivshmem",
        &IVSHMEM,
        "Memory shared with the host. Only the user root@pam itself may set it; a token is refused.",
    ),
    block("spice_enhancements", &SPICE, "Spice extras. Only the user root@pam itself may set it; a token is refused."),
    slots("numa_node", "the slot, e.g. numa0", &NUMA_NODE, "A NUMA node, by slot: numa0 to numa7."),
    slots("serial", "the slot, e.g. serial0", &SERIAL, "A serial port, by slot: serial0 to serial3."),
    slots("usb", "the slot, e.g. usb0", &USB, "A USB device of the host, by slot: usb0 to usb13."),
    slots("hostpci", "the slot, e.g. hostpci0", &HOSTPCI, "A PCI device of the host, by slot: hostpci0 to hostpci15."),
    slots("virtiofs", "the slot, e.g. virtiofs0", &VIRTIOFS, "A folder of the host, by slot: virtiofs0 to virtiofs9."),
    block("placement", &PLACEMENT, "How a node is chosen when `node` is not written."),
    block("connection", &CONNECTION, "How to reach it by SSH."),
    block("timeouts", &TIMEOUTS, "How long each operation may take."),
];

/// The `network` block: its options. Model and MAC address make up one sub-key, and the addresses stand under `ipconfigN`.
pub static NETWORK: Schema = Schema {
    attributes: &[
        Attribute::new("bridge", Takes::Text, "Bridge or SDN vnet; default: the tenant's.").chosen().key("bridge"),
        Attribute::new("vlan", Takes::Integer(1, 4094), "VLAN tag; default: the tenant's.").chosen().key("tag"),
        Attribute::new("model", Takes::OneOf(&NIC_MODELS), "Device model.").or("virtio"),
        Attribute::new("mac", Takes::Text, "MAC address; default: made from lineage, address and slot.").chosen(),
        Attribute::new("firewall", Takes::Bool, "Whether the Proxmox firewall filters it.")
            .or("false")
            .key("firewall")
            .absent("0"),
        Attribute::new("rate", Takes::Number, "Rate limit in MB/s.").key("rate"),
        Attribute::new("queues", Takes::Integer(0, 64), "Queues, at most one per core.").key("queues"),
        Attribute::new("mtu", Takes::Integer(1, 65520), "MTU; 1: that of the bridge.").key("mtu"),
        Attribute::new("link_down", Takes::Bool, "Whether the cable is unplugged.").key("link_down").absent("0"),
        Attribute::new("trunks", Takes::List(&Takes::Text), "VLANs that pass, e.g. `[\"10\", \"20-29\"]`.")
            .coded("trunks", &SEMICOLONS),
        Attribute::new("host-tunnel", Takes::Bool, "Whether it tunnels to the host.").key("host-tunnel").absent("0"),
        Attribute::new(
            "address",
            Takes::Text,
            "`auto` (from the tenant's cidr), `dhcp`, or an address with prefix: `10.40.0.9/24`.",
        )
        .chosen(),
        Attribute::new("gateway", Takes::Address, "Default gateway; default: the tenant's.").chosen(),
        Attribute::new(
            "address6",
            Takes::Text,
            "IPv6: `dhcp`, `auto` (announced by the router), or an address with prefix.",
        ),
        Attribute::new("gateway6", Takes::Address, "Default gateway for IPv6."),
    ],
    blocks: &[],
};

/// Models by which a network device may be named.
pub const NIC_MODELS: [&str; 14] = [
    "virtio",
    "e1000",
    "e1000e",
    "rtl8139",
    "vmxnet3",
    "e1000-82540em",
    "e1000-82544gc",
    "e1000-82545em",
    "i82551",
    "i82557b",
    "i82559er",
    "ne2k_isa",
    "ne2k_pci",
    "pcnet",
];

static RESTORE: Schema = Schema {
    attributes: &[
        Attribute::new(
            "archive",
            Takes::Text,
            "Volume of the backup, e.g. `local:backup/vzdump-qemu-100-2026_11_20-04_00_00.vma.zst`.",
        )
        .required()
        .deciding()
        .on_change(Impact::None)
        .recorded(),
        Attribute::new("storage", Takes::Text, "Storage its disks go to; default: where they were.")
            .deciding()
            .on_change(Impact::None)
            .recorded(),
    ],
    blocks: &[],
};

static CLOUD_INIT: Schema = Schema {
    attributes: &[
        Attribute::new(
            "type",
            Takes::OneOf(&["nocloud", "configdrive2", "opennebula"]),
            "Format of the drive; default: by `ostype`.",
        )
        .key("citype"),
        Attribute::new("user", Takes::Text, "User that is made.").key("ciuser"),
        Attribute::new("password", Takes::Text, "Password of that user.").key("cipassword").sensitive().recorded(),
        Attribute::new("ssh_keys", Takes::List(&Takes::Text), "Public keys that may log in; default: the tenant's.")
            .chosen()
            .coded("sshkeys", &SSH_KEYS),
        Attribute::new("upgrade", Takes::Bool, "Whether packages are upgraded at first boot.")
            .or("false")
            .key("ciupgrade")
            .absent("1"),
        Attribute::new("dns", Takes::List(&Takes::Address), "Name servers; default: the tenant's.")
            .chosen()
            .coded("nameserver", &SPACES),
        Attribute::new("search_domain", Takes::Text, "DNS search domain.").key("searchdomain"),
    ],
    blocks: &[],
};

/// The `placement` block of a guest.
pub static PLACEMENT: Schema = Schema {
    attributes: &[
        Attribute::new(
            "strategy",
            Takes::OneOf(&["spread", "pack"]),
            "`spread`: the node with most free memory; `pack`: the fullest that fits.",
        )
        .deciding()
        .or("spread")
        .on_change(Impact::None)
        .recorded(),
        Attribute::new("nodes", Takes::Set(&Takes::Text), "Only these nodes.")
            .deciding()
            .on_change(Impact::None)
            .recorded(),
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

/// The `timeouts` block of a guest.
pub static TIMEOUTS: Schema = Schema {
    attributes: &[
        Attribute::new(
            "clone",
            Takes::Duration,
            "Cloning, restoring or making it; default: 5m for a linked clone, else 60m, or three times what copying it at 20 MiB/s takes if that is longer.",
        )
        .on_change(Impact::None)
        .recorded(),
        Attribute::new("start", Takes::Duration, "Starting.").or("5m").on_change(Impact::None).recorded(),
        Attribute::new("shutdown", Takes::Duration, "Shutting down, before it is switched off.")
            .or("3m")
            .on_change(Impact::None)
            .recorded(),
        Attribute::new("move", Takes::Duration, "Moving to another node, or a volume to another storage.")
            .or("60m")
            .on_change(Impact::None)
            .recorded(),
        Attribute::new("destroy", Takes::Duration, "Removing.").or("10m").on_change(Impact::None).recorded(),
    ],
    blocks: &[],
};
