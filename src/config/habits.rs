//! What Terraform, its providers for Proxmox VE and other languages call things: a hint for those who come from there.

/// Names of types of `bpg/proxmox` and `Telmate/proxmox` without their prefix, and the block that is meant.
const TYPES: [(&str, &str); 28] = [
    ("acl", "acl"),
    ("backup_job", "backup_job"),
    ("cluster_firewall_security_group", "firewall_group"),
    ("container", "container"),
    ("datastores", "storage"),
    ("download_file", "storage_file"),
    ("file", "storage_file"),
    ("firewall_alias", "firewall_alias"),
    ("firewall_ipset", "ip_set"),
    ("group", "group"),
    ("harule", "ha_rule"),
    ("haresource", "ha_resource"),
    ("lxc", "container"),
    ("node", "node"),
    ("nodes", "nodes"),
    ("pool", "pool"),
    ("role", "role"),
    ("sdn_subnet", "subnet"),
    ("sdn_vnet", "vnet"),
    ("sdn_zone_simple", "network_zone"),
    ("sdn_zone_vlan", "network_zone"),
    ("user", "user"),
    ("user_token", "token"),
    ("version", "version"),
    ("vm", "vm"),
    ("vm2", "vm"),
    ("vm_qemu", "vm"),
    ("vms", "vms"),
];

/// Returns what a type of a provider is called here.
pub(super) fn type_of_provider(name: &str) -> Option<&'static str> {
    let short = name.strip_prefix("proxmox_")?;
    let short = short.strip_prefix("virtual_environment_").unwrap_or(short);
    TYPES.iter().find(|(theirs, _)| *theirs == short).map(|(_, ours)| *ours)
}

/// Names of functions elsewhere, and what is written here.
const FUNCTIONS: [(&str, &str); 22] = [
    ("append", "concat(list, [item])"),
    ("default", "coalesce(value, default)"),
    ("env", "var.NAME, which the environment sets as `SPAWNPOINT_VAR_NAME`"),
    ("float", "tonumber(text)"),
    ("get_env", "var.NAME, which the environment sets as `SPAWNPOINT_VAR_NAME`"),
    ("int", "floor(number)"),
    ("len", "length(value)"),
    ("list", "[\"a\", \"b\"]"),
    ("map", "{ key = \"value\" }"),
    ("number", "tonumber(text)"),
    ("printf", "format(\"%s\", value)"),
    ("read_file", "file(path)"),
    ("size", "length(value)"),
    ("sprintf", "format(\"%s\", value)"),
    ("str", "tostring(value)"),
    ("string", "tostring(value)"),
    ("strlen", "length(text)"),
    ("substring", "substr(text, offset, length)"),
    ("template", "templatefile(path, { name = value })"),
    ("to_json", "jsonencode(value)"),
    ("tolower", "lower(text)"),
    ("toupper", "upper(text)"),
];

/// Returns what is written here for a function of elsewhere.
pub(super) fn function_of_elsewhere(name: &str) -> Option<&'static str> {
    FUNCTIONS.iter().find(|(theirs, _)| *theirs == name).map(|(_, ours)| *ours)
}
