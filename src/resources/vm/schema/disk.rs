//! Blocks of a `vm` that are volumes: disks, CD drives, firmware disk and TPM state. Options are laid out here; the volume itself is not an
//! option.

use crate::resources::schema::{Attribute, Impact, Schema, Takes};
use crate::resources::wire::{DISCARD, PERCENT};

/// Buses with their number of slots, and the options they do not have. Source: API section `/nodes/{node}/qemu/{vmid}/config`.
pub const BUSES: [(&str, u32, &[&str]); 4] = [
    ("scsi", 31, &["model"]),
    ("virtio", 16, &["ssd", "wwn", "model", "queues", "product", "vendor", "scsiblock"]),
    ("sata", 6, &["iothread", "ro", "model", "queues", "product", "vendor", "scsiblock"]),
    ("ide", 4, &["iothread", "ro", "queues", "product", "vendor", "scsiblock"]),
];

/// The `disk` block.
pub static DISK: Schema = Schema {
    attributes: &[
        Attribute::new("size", Takes::Size, "Size; it can grow, not shrink. Default: the template's or the image's.")
            .chosen(),
        Attribute::new("storage", Takes::Text, "Storage; default: the template's. To change it moves the disk.")
            .chosen(),
        Attribute::new(
            "format",
            Takes::OneOf(&["raw", "qcow2", "vmdk"]),
            "Format of a new disk on a storage of files; default: the storage's.",
        )
        .on_change(Impact::None)
        .recorded(),
        Attribute::new(
            "import_from",
            Takes::Text,
            "Volume with the image it is made from, e.g. `local:import/debian-13.qcow2`.",
        )
        .on_change(Impact::Recreate)
        .recorded(),
        Attribute::new("ssd", Takes::Bool, "Whether the guest sees an SSD.")
            .key("ssd")
            .absent("0")
            .on_change(Impact::Reboot),
        Attribute::new("discard", Takes::Bool, "Whether freed blocks are given back to the storage.")
            .coded("discard", &DISCARD)
            .absent("ignore")
            .on_change(Impact::Reboot),
        Attribute::new("iothread", Takes::Bool, "Whether it has an IO thread of its own.")
            .key("iothread")
            .absent("0")
            .on_change(Impact::Reboot),
        Attribute::new(
            "cache",
            Takes::OneOf(&["none", "writethrough", "writeback", "unsafe", "directsync"]),
            "Cache mode.",
        )
        .key("cache")
        .absent("none")
        .on_change(Impact::Reboot),
        Attribute::new(
            "aio",
            Takes::OneOf(&["native", "threads", "io_uring"]),
            "How the host reads and writes; default: by storage.",
        )
        .key("aio")
        .on_change(Impact::Reboot),
        Attribute::new("backup", Takes::Bool, "Whether backups include it.").key("backup").absent("1"),
        Attribute::new("replicate", Takes::Bool, "Whether replication includes it.").key("replicate").absent("1"),
        Attribute::new("shared", Takes::Bool, "Whether it is on every node by means Proxmox does not know.")
            .key("shared")
            .absent("0"),
        Attribute::new("ro", Takes::Bool, "Whether it can only be read.")
            .key("ro")
            .absent("0")
            .on_change(Impact::Reboot),
        Attribute::new("snapshot", Takes::Bool, "Whether writes are thrown away when it stops.")
            .key("snapshot")
            .absent("0")
            .on_change(Impact::Reboot),
        Attribute::new("detect_zeroes", Takes::Bool, "Whether zeroes written are turned into freed blocks.")
            .key("detect_zeroes")
            .on_change(Impact::Reboot),
        Attribute::new("queues", Takes::Integer(2, 64), "Queues.").key("queues").on_change(Impact::Reboot),
        Attribute::new("rerror", Takes::OneOf(&["ignore", "report", "stop"]), "What a failed read does.")
            .key("rerror")
            .on_change(Impact::Reboot),
        Attribute::new("werror", Takes::OneOf(&["enospc", "ignore", "report", "stop"]), "What a failed write does.")
            .key("werror")
            .on_change(Impact::Reboot),
        Attribute::new("serial", Takes::Text, "Serial number the guest sees.")
            .coded("serial", &PERCENT)
            .on_change(Impact::Reboot),
        Attribute::new("model", Takes::Text, "Model the guest sees.")
            .coded("model", &PERCENT)
            .on_change(Impact::Reboot),
        Attribute::new("vendor", Takes::Text, "Vendor the guest sees, up to 8 characters.")
            .key("vendor")
            .on_change(Impact::Reboot),
        Attribute::new("product", Takes::Text, "Product the guest sees, up to 16 characters.")
            .key("product")
            .on_change(Impact::Reboot),
        Attribute::new("wwn", Takes::Text, "World-wide name: `0x` and 16 hexadecimal digits.")
            .key("wwn")
            .on_change(Impact::Reboot),
        Attribute::new("scsiblock", Takes::Bool, "Whether a disk of the host is passed on whole.")
            .key("scsiblock")
            .absent("0")
            .on_change(Impact::Reboot),
        Attribute::new("mbps", Takes::Number, "Limit in MB/s.").key("mbps"),
        Attribute::new("mbps_rd", Takes::Number, "Limit of reading in MB/s.").key("mbps_rd"),
        Attribute::new("mbps_wr", Takes::Number, "Limit of writing in MB/s.").key("mbps_wr"),
        Attribute::new("mbps_max", Takes::Number, "Short-time limit in MB/s.").key("mbps_max"),
        Attribute::new("mbps_rd_max", Takes::Number, "Short-time limit of reading in MB/s.").key("mbps_rd_max"),
        Attribute::new("mbps_wr_max", Takes::Number, "Short-time limit of writing in MB/s.").key("mbps_wr_max"),
        Attribute::new("iops", Takes::Integer(0, i64::MAX), "Limit in operations per second.").key("iops"),
        Attribute::new("iops_rd", Takes::Integer(0, i64::MAX), "Limit of reads per second.").key("iops_rd"),
        Attribute::new("iops_wr", Takes::Integer(0, i64::MAX), "Limit of writes per second.").key("iops_wr"),
        Attribute::new("iops_max", Takes::Integer(0, i64::MAX), "Short-time limit in operations per second.")
            .key("iops_max"),
        Attribute::new("iops_rd_max", Takes::Integer(0, i64::MAX), "Short-time limit of reads per second.")
            .key("iops_rd_max"),
        Attribute::new("iops_wr_max", Takes::Integer(0, i64::MAX), "Short-time limit of writes per second.")
            .key("iops_wr_max"),
        Attribute::new(
            "bps_max_length",
            Takes::Integer(1, i64::MAX),
            "Seconds a short-time limit in MB/s holds, both.",
        )
        .key("bps_max_length"),
        Attribute::new(
            "bps_rd_max_length",
            Takes::Integer(1, i64::MAX),
            "Seconds a short-time limit in MB/s holds, reading.",
        )
        .key("bps_rd_max_length"),
        Attribute::new(
            "bps_wr_max_length",
            Takes::Integer(1, i64::MAX),
            "Seconds a short-time limit in MB/s holds, writing.",
        )
        .key("bps_wr_max_length"),
        Attribute::new(
            "iops_max_length",
            Takes::Integer(1, i64::MAX),
            "Seconds a short-time limit in operations holds, both.",
        )
        .key("iops_max_length"),
        Attribute::new(
            "iops_rd_max_length",
            Takes::Integer(1, i64::MAX),
            "Seconds a short-time limit in operations holds, reading.",
        )
        .key("iops_rd_max_length"),
        Attribute::new(
            "iops_wr_max_length",
            Takes::Integer(1, i64::MAX),
            "Seconds a short-time limit in operations holds, writing.",
        )
        .key("iops_wr_max_length"),
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

/// The `cdrom` block.
pub static CDROM: Schema = Schema {
    attributes: &[Attribute::new(
        "file",
        Takes::Text,
        "Volume of the medium, e.g. `local:iso/debian-13.iso`; `none`: empty.",
    )
    .or("none")],
    blocks: &[],
};

/// The `efidisk0` block.
pub static EFI_DISK: Schema = Schema {
    attributes: &[
        Attribute::new("storage", Takes::Text, "Storage.").required().deciding(),
        Attribute::new("efitype", Takes::OneOf(&["2m", "4m"]), "Layout; another one means a new disk.")
            .or("4m")
            .key("efitype")
            .absent("2m")
            .on_change(Impact::Reboot),
        Attribute::new(
            "pre-enrolled-keys",
            Takes::Bool,
            "Whether it comes with keys for secure boot; another choice means a new disk.",
        )
        .or("false")
        .key("pre-enrolled-keys")
        .absent("0")
        .on_change(Impact::Reboot),
        Attribute::new(
            "ms-cert",
            Takes::OneOf(&["2011", "2023", "2023w", "2023k"]),
            "Which certificates of Microsoft it has.",
        )
        .key("ms-cert")
        .on_change(Impact::Reboot)
        .since(9),
    ],
    blocks: &[],
};

/// The `tpmstate0` block.
pub static TPM_STATE: Schema = Schema {
    attributes: &[
        Attribute::new("storage", Takes::Text, "Storage. To change it moves the state, while the machine is stopped.")
            .required()
            .deciding()
            .on_change(Impact::Stop),
        Attribute::new("version", Takes::OneOf(&["v1.2", "v2.0"]), "Version; another one means a new state.")
            .or("v2.0")
            .key("version")
            .absent("v1.2")
            .on_change(Impact::Reboot),
    ],
    blocks: &[],
};
