//! What Terraform's providers for Proxmox VE call attributes and blocks: a hint for those who come from there.

use super::schema::Schema;

/// A name of `bpg/proxmox` or `Telmate/proxmox`, the name here, and how it is written.
type Habit = (&'static str, &'static str, &'static str);

const HABITS: [Habit; 35] = [
    ("bootdisk", "boot", "`boot = [\"scsi0\"]`"),
    ("ciuser", "cloud_init", "`user` in the block `cloud_init { ... }`"),
    ("cipassword", "cloud_init", "`password` in the block `cloud_init { ... }`"),
    ("clone_id", "template", "`template = template.NAME`"),
    ("cloudinit", "cloud_init", "`cloud_init { ... }` of the guest"),
    ("cores", "cputype", "an attribute of the machine itself: `cores = 2` outside of this block"),
    ("datastore_id", "storage", "`storage = \"local-lvm\"`"),
    ("desc", "description", "`description`"),
    ("disks", "disk", "`disk \"scsi0\" { ... }`, one block for each"),
    ("full_clone", "clone", "`clone = \"full\"`"),
    ("initialization", "cloud_init", "`cloud_init { ... }`"),
    ("interface", "size", "the label of the block: `disk \"scsi0\" { ... }`"),
    ("ipconfig0", "network", "`address` in the block `network \"net0\" { ... }`"),
    ("mac_address", "mac", "`mac`"),
    ("network_device", "network", "`network \"net0\" { ... }`"),
    ("network_interface", "network", "`network \"net0\" { ... }`"),
    ("node_name", "node", "`node = \"pve1\"`"),
    ("oncreate", "power", "`power = \"running\"`"),
    ("on_boot", "onboot", "`onboot`"),
    ("operating_system", "ostype", "`ostype = \"l26\"`"),
    ("os_type", "ostype", "`ostype = \"l26\"`"),
    ("pool_id", "pool", "`pool`; a guest with `tenant = tenant.NAME` joins the pool of its tenant"),
    ("provider", "cluster", "`cluster = cluster.NAME`"),
    (
        "provisioner",
        "cloud_init",
        "`cloud_init { ... }` for the first start, and a `game_server` with its playbook for what runs on it",
    ),
    ("scsi_hardware", "scsihw", "`scsihw`"),
    ("slot", "size", "the label of the block: `disk \"scsi0\" { ... }`"),
    ("ssh_keys", "cloud_init", "`ssh_keys` in the block `cloud_init { ... }`"),
    ("sshkeys", "cloud_init", "`ssh_keys` in the block `cloud_init { ... }`"),
    ("started", "power", "`power = \"running\"`"),
    ("target_node", "node", "`node = \"pve1\"`"),
    ("type", "cputype", "`cputype = \"host\"`"),
    ("user_data", "cloud_init", "`cloud_init { ... }`"),
    ("vlan_id", "vlan", "`vlan`"),
    ("vm_id", "vmid", "`vmid`"),
    ("vm_state", "power", "`power = \"running\"`"),
];

/// Returns how something of a provider is written in a block of this kind, if it has it.
pub(super) fn of_provider(schema: &Schema, name: &str) -> Option<&'static str> {
    let is_there = |ours: &str| ours == "cluster" || schema.attribute(ours).is_some() || schema.block(ours).is_some();
    HABITS.iter().find(|(theirs, ours, _)| *theirs == name && is_there(ours)).map(|(_, _, written)| *written)
}
