//! Blocks of a `vm` that are one property string each: processor, agent, graphics, passed-through devices.

use crate::resources::schema::{Attribute, Impact, Schema, Takes};
use crate::resources::wire::{BASE64, SEMICOLONS};

pub(super) static CPU: Schema = Schema {
    attributes: &[
        Attribute::new("cputype", Takes::Text, "Model, e.g. `host` or `x86-64-v3`; default: the template's.")
            .key("cputype")
            .absent("kvm64")
            .on_change(Impact::Reboot),
        Attribute::new("flags", Takes::List(&Takes::Text), "Features to add or take away: `[\"+aes\", \"-pcid\"]`.")
            .coded("flags", &SEMICOLONS)
            .on_change(Impact::Reboot),
        Attribute::new("hidden", Takes::Bool, "Whether the guest may not see that it is virtual.")
            .key("hidden")
            .absent("0")
            .on_change(Impact::Reboot),
        Attribute::new("hv-vendor-id", Takes::Text, "Vendor that Windows is told.")
            .key("hv-vendor-id")
            .on_change(Impact::Reboot),
        Attribute::new("phys-bits", Takes::Text, "Bits of physical addresses: 8 to 64, or `host`.")
            .key("phys-bits")
            .on_change(Impact::Reboot),
        Attribute::new("guest-phys-bits", Takes::Integer(32, 64), "Bits of physical addresses the guest may use.")
            .key("guest-phys-bits")
            .on_change(Impact::Reboot),
        Attribute::new("reported-model", Takes::Text, "Model that a custom CPU type reports.")
            .key("reported-model")
            .on_change(Impact::Reboot),
    ],
    blocks: &[],
};

pub(super) static AGENT: Schema = Schema {
    attributes: &[
        Attribute::new("enabled", Takes::Bool, "Whether it runs in the guest.")
            .or("true")
            .key("enabled")
            .absent("0")
            .on_change(Impact::Reboot),
        Attribute::new("type", Takes::OneOf(&["virtio", "isa"]), "How to reach it.")
            .key("type")
            .absent("virtio")
            .on_change(Impact::Reboot),
        Attribute::new(
            "fstrim_cloned_disks",
            Takes::Bool,
            "Whether freed blocks are given back after the disks were copied.",
        )
        .key("fstrim_cloned_disks")
        .absent("0"),
        Attribute::new("freeze-fs", Takes::Bool, "Whether file systems are frozen for backups and snapshots.")
            .key("freeze-fs")
            .absent("1")
            .on_change(Impact::Reboot)
            .since(9),
    ],
    blocks: &[],
};

pub(super) static MACHINE: Schema = Schema {
    attributes: &[
        Attribute::new("type", Takes::Text, "`pc`, `q35`, or one with a version; default: the newest i440fx.")
            .key("type")
            .on_change(Impact::Reboot),
        Attribute::new("viommu", Takes::OneOf(&["intel", "virtio"]), "A virtual IOMMU.")
            .key("viommu")
            .on_change(Impact::Reboot),
        Attribute::new("aw-bits", Takes::Integer(32, 64), "Address width of the virtual IOMMU.")
            .key("aw-bits")
            .on_change(Impact::Reboot)
            .since(9),
        Attribute::new("enable-s3", Takes::Bool, "Whether the guest may suspend to memory.")
            .key("enable-s3")
            .on_change(Impact::Reboot),
        Attribute::new("enable-s4", Takes::Bool, "Whether the guest may suspend to disk.")
            .key("enable-s4")
            .on_change(Impact::Reboot),
    ],
    blocks: &[],
};

pub(super) static VGA: Schema = Schema {
    attributes: &[
        Attribute::new("type", Takes::OneOf(VGA_TYPES), "Adapter, or the serial port that takes its place.")
            .key("type")
            .absent("std")
            .on_change(Impact::Reboot),
        Attribute::new("memory", Takes::Integer(4, 512), "Its memory in MiB.").key("memory").on_change(Impact::Reboot),
        Attribute::new("clipboard", Takes::OneOf(&["vnc"]), "Clipboard of the console.")
            .key("clipboard")
            .on_change(Impact::Reboot),
    ],
    blocks: &[],
};

const VGA_TYPES: &[&str] = &[
    "std",
    "cirrus",
    "qxl",
    "qxl2",
    "qxl3",
    "qxl4",
    "none",
    "serial0",
    "serial1",
    "serial2",
    "serial3",
    "virtio",
    "virtio-gl",
    "vmware",
];

pub(super) static STARTUP: Schema = Schema {
    attributes: &[
        Attribute::new("order", Takes::Integer(0, i64::MAX), "Rank: lower ones start first and stop last.")
            .key("order"),
        Attribute::new("up", Takes::Integer(0, i64::MAX), "Seconds until the next one starts.").key("up"),
        Attribute::new("down", Takes::Integer(0, i64::MAX), "Seconds it may take to stop.").key("down"),
    ],
    blocks: &[],
};

pub(super) static WATCHDOG: Schema = Schema {
    attributes: &[
        Attribute::new("model", Takes::OneOf(&["i6300esb", "ib700"]), "Device.")
            .or("i6300esb")
            .key("model")
            .on_change(Impact::Reboot),
        Attribute::new(
            "action",
            Takes::OneOf(&["reset", "shutdown", "poweroff", "pause", "debug", "none"]),
            "What it does.",
        )
        .key("action")
        .on_change(Impact::Reboot),
    ],
    blocks: &[],
};

pub(super) static RNG: Schema = Schema {
    attributes: &[
        Attribute::new("source", Takes::OneOf(&["/dev/urandom", "/dev/random", "/dev/hwrng"]), "Source on the host.")
            .required()
            .key("source")
            .on_change(Impact::Reboot),
        Attribute::new("max_bytes", Takes::Integer(0, i64::MAX), "Bytes in each period; 0: no limit.")
            .key("max_bytes")
            .absent("1024")
            .on_change(Impact::Reboot),
        Attribute::new("period", Takes::Integer(0, i64::MAX), "Length of a period in milliseconds.")
            .key("period")
            .absent("1000")
            .on_change(Impact::Reboot),
    ],
    blocks: &[],
};

pub(super) static AUDIO: Schema = Schema {
    attributes: &[
        Attribute::new("device", Takes::OneOf(&["ich9-intel-hda", "intel-hda", "AC97"]), "Device.")
            .required()
            .key("device")
            .on_change(Impact::Reboot),
        Attribute::new("driver", Takes::OneOf(&["spice", "none"]), "Where the sound goes.")
            .key("driver")
            .absent("spice")
            .on_change(Impact::Reboot),
    ],
    blocks: &[],
};

pub(super) static SMBIOS: Schema = Schema {
    attributes: &[
        Attribute::new("uuid", Takes::Text, "UUID; default: made by the server.").key("uuid").on_change(Impact::Reboot),
        Attribute::new("manufacturer", Takes::Text, "Manufacturer.")
            .coded("manufacturer", &BASE64)
            .on_change(Impact::Reboot),
        Attribute::new("product", Takes::Text, "Product.").coded("product", &BASE64).on_change(Impact::Reboot),
        Attribute::new("version", Takes::Text, "Version.").coded("version", &BASE64).on_change(Impact::Reboot),
        Attribute::new("serial", Takes::Text, "Serial number.").coded("serial", &BASE64).on_change(Impact::Reboot),
        Attribute::new("sku", Takes::Text, "Stock number.").coded("sku", &BASE64).on_change(Impact::Reboot),
        Attribute::new("family", Takes::Text, "Family.").coded("family", &BASE64).on_change(Impact::Reboot),
    ],
    blocks: &[],
};

pub(super) static SEV: Schema = Schema {
    attributes: &[
        Attribute::new("type", Takes::OneOf(&["std", "es", "snp"]), "Kind of encryption.")
            .required()
            .key("type")
            .on_change(Impact::Reboot),
        Attribute::new("no-debug", Takes::Bool, "Whether debugging is refused.")
            .key("no-debug")
            .absent("0")
            .on_change(Impact::Reboot),
        Attribute::new("no-key-sharing", Takes::Bool, "Whether sharing keys is refused.")
            .key("no-key-sharing")
            .absent("0")
            .on_change(Impact::Reboot),
        Attribute::new("kernel-hashes", Takes::Bool, "Whether hashes of the kernel are added.")
            .key("kernel-hashes")
            .absent("0")
            .on_change(Impact::Reboot),
        Attribute::new("allow-smt", Takes::Bool, "Whether several threads per core are allowed.")
            .key("allow-smt")
            .absent("1")
            .on_change(Impact::Reboot),
    ],
    blocks: &[],
};

pub(super) static TDX: Schema = Schema {
    attributes: &[
        Attribute::new("type", Takes::OneOf(&["tdx"]), "Kind.")
            .required()
            .key("type")
            .on_change(Impact::Reboot)
            .since(9),
        Attribute::new("attestation", Takes::Bool, "Whether it can prove itself.")
            .key("attestation")
            .absent("1")
            .on_change(Impact::Reboot)
            .since(9),
        Attribute::new("vsock-cid", Takes::Integer(2, i64::MAX), "Address of the attestation service.")
            .key("vsock-cid")
            .on_change(Impact::Reboot)
            .since(9),
        Attribute::new("vsock-port", Takes::Integer(0, i64::MAX), "Port of the attestation service.")
            .key("vsock-port")
            .on_change(Impact::Reboot)
            .since(9),
    ],
    blocks: &[],
};

pub(super) static IVSHMEM: Schema = Schema {
    attributes: &[
        Attribute::new("size", Takes::Integer(1, i64::MAX), "Size in MiB.")
            .required()
            .key("size")
            .on_change(Impact::Reboot),
        Attribute::new("name", Takes::Text, "Name; default: the VMID.").key("name").on_change(Impact::Reboot),
    ],
    blocks: &[],
};

pub(super) static SPICE: Schema = Schema {
    attributes: &[
        Attribute::new("foldersharing", Takes::Bool, "Whether folders can be shared.")
            .key("foldersharing")
            .absent("0")
            .on_change(Impact::Reboot),
        Attribute::new("videostreaming", Takes::OneOf(&["off", "all", "filter"]), "Whether videos are streamed.")
            .key("videostreaming")
            .absent("off")
            .on_change(Impact::Reboot),
    ],
    blocks: &[],
};

pub(super) static CICUSTOM: Schema = Schema {
    attributes: &[
        Attribute::new(
            "user",
            Takes::Text,
            "Volume of the user data, e.g. `local:snippets/user.yml`; replaces user, keys and password.",
        )
        .key("user"),
        Attribute::new("network", Takes::Text, "Volume of the network configuration.").key("network"),
        Attribute::new("meta", Takes::Text, "Volume of the meta data.").key("meta"),
        Attribute::new("vendor", Takes::Text, "Volume of further user data.").key("vendor"),
    ],
    blocks: &[],
};

pub(super) static NUMA_NODE: Schema = Schema {
    attributes: &[
        Attribute::new("cpus", Takes::List(&Takes::Text), "CPUs of the node: `[\"0-1\", \"3\"]`.")
            .required()
            .coded("cpus", &SEMICOLONS)
            .on_change(Impact::Reboot),
        Attribute::new("memory", Takes::Integer(0, i64::MAX), "Its memory in MiB.")
            .key("memory")
            .on_change(Impact::Reboot),
        Attribute::new("hostnodes", Takes::List(&Takes::Text), "NUMA nodes of the host.")
            .coded("hostnodes", &SEMICOLONS)
            .on_change(Impact::Reboot),
        Attribute::new(
            "policy",
            Takes::OneOf(&["preferred", "bind", "interleave"]),
            "How strictly it is bound to them.",
        )
        .key("policy")
        .on_change(Impact::Reboot),
    ],
    blocks: &[],
};

pub(super) static SERIAL: Schema = Schema {
    attributes: &[Attribute::new(
        "device",
        Takes::Text,
        "`socket`, or a device of the host, which only root@pam itself may pass on.",
    )
    .or("socket")
    .key("device")
    .on_change(Impact::Reboot)],
    blocks: &[],
};

pub(super) static USB: Schema = Schema {
    attributes: &[
        Attribute::new("mapping", Takes::Text, "Cluster-wide name of the device.").key("mapping"),
        Attribute::new("host", Takes::Text, "Device by `VENDOR:PRODUCT` or port, or `spice`; other than `spice` only root@pam itself may pass one on so.").key("host"),
        Attribute::new("usb3", Takes::Bool, "Whether the port is USB 3.").key("usb3").absent("0"),
    ],
    blocks: &[],
};

pub(super) static HOSTPCI: Schema = Schema {
    attributes: &[
        Attribute::new("mapping", Takes::Text, "Cluster-wide name of the device.")
            .key("mapping")
            .on_change(Impact::Reboot),
        Attribute::new("host", Takes::Text, "Device by address; only root@pam itself may pass one on so.")
            .key("host")
            .on_change(Impact::Reboot),
        Attribute::new("pcie", Takes::Bool, "Whether it is a PCI Express device, with machine q35.")
            .key("pcie")
            .absent("0")
            .on_change(Impact::Reboot),
        Attribute::new("rombar", Takes::Bool, "Whether the guest sees its firmware.")
            .key("rombar")
            .absent("1")
            .on_change(Impact::Reboot),
        Attribute::new("romfile", Takes::Text, "File of its firmware.").key("romfile").on_change(Impact::Reboot),
        Attribute::new("x-vga", Takes::Bool, "Whether it is the primary graphics.")
            .key("x-vga")
            .absent("0")
            .on_change(Impact::Reboot),
        Attribute::new("legacy-igd", Takes::Bool, "Whether an Intel graphics is passed on in the old way.")
            .key("legacy-igd")
            .absent("0")
            .on_change(Impact::Reboot),
        Attribute::new("mdev", Takes::Text, "Type of the mediated device.").key("mdev").on_change(Impact::Reboot),
        Attribute::new("device-id", Takes::Text, "Device id the guest sees.")
            .key("device-id")
            .on_change(Impact::Reboot),
        Attribute::new("vendor-id", Takes::Text, "Vendor id the guest sees.")
            .key("vendor-id")
            .on_change(Impact::Reboot),
        Attribute::new("sub-device-id", Takes::Text, "Subsystem device id the guest sees.")
            .key("sub-device-id")
            .on_change(Impact::Reboot),
        Attribute::new("sub-vendor-id", Takes::Text, "Subsystem vendor id the guest sees.")
            .key("sub-vendor-id")
            .on_change(Impact::Reboot),
        Attribute::new("driver", Takes::OneOf(&["vfio", "keep"]), "Whether the host gives its driver up.")
            .key("driver")
            .absent("vfio")
            .on_change(Impact::Reboot),
    ],
    blocks: &[],
};

pub(super) static VIRTIOFS: Schema = Schema {
    attributes: &[
        Attribute::new("dirid", Takes::Text, "Cluster-wide name of the folder.")
            .required()
            .key("dirid")
            .on_change(Impact::Reboot),
        Attribute::new("cache", Takes::OneOf(&["auto", "always", "metadata", "never"]), "What is cached.")
            .key("cache")
            .absent("auto")
            .on_change(Impact::Reboot),
        Attribute::new("direct-io", Takes::Bool, "Whether the cache of the host is passed by.")
            .key("direct-io")
            .absent("0")
            .on_change(Impact::Reboot),
        Attribute::new("expose-xattr", Takes::Bool, "Whether extended attributes pass.")
            .key("expose-xattr")
            .absent("0")
            .on_change(Impact::Reboot),
        Attribute::new("expose-acl", Takes::Bool, "Whether access lists pass.")
            .key("expose-acl")
            .absent("0")
            .on_change(Impact::Reboot),
    ],
    blocks: &[],
};
