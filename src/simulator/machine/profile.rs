//! What an older server does differently: calls, parameters, privileges and answers that 8.4 does not have.

use std::collections::BTreeSet;

use serde_json::Value;

use super::Machine;
use super::form::{Raw, RawParameters};

/// Paths, with all below them, that came after 8.4.
const NEW_PATHS: &[&str] = &[
    "/cluster/bulk-action",
    "/cluster/ha/rules",
    "/cluster/ha/status/arm-ha",
    "/cluster/ha/status/disarm-ha",
    "/cluster/qemu",
    "/cluster/sdn/dry-run",
    "/cluster/sdn/fabrics",
    "/cluster/sdn/lock",
    "/cluster/sdn/rollback",
    "/nodes/{node}/capabilities/qemu/migration",
    "/nodes/{node}/query-oci-repo-tags",
    "/nodes/{node}/sdn/fabrics",
    "/nodes/{node}/sdn/vnets",
];

/// Parameters that came after 8.4, by the start of the paths that take them.
const NEW_PARAMETERS: &[(&str, &str)] = &[
    ("/access/users/{userid}/token/{tokenid}", "regenerate"),
    ("/cluster/ha/resources", "failback"),
    ("/cluster/ha/resources/{sid}", "purge"),
    ("/cluster/sdn", "lock-token"),
    ("/nodes/{node}/lxc", "entrypoint"),
    ("/nodes/{node}/lxc", "env"),
    ("/nodes/{node}/lxc", "ha-managed"),
    ("/nodes/{node}/qemu", "allow-ksm"),
    ("/nodes/{node}/qemu", "ha-managed"),
    ("/nodes/{node}/qemu", "intel-tdx"),
];

/// Sub-keys of property strings that came after 8.4: the start of the paths, the start of the parameters, the sub-key. Source: the API
/// schemas of 8.4.5 and 9.2.3 side by side.
const NEW_KEYS: &[(&str, &str, &str)] = &[
    ("/nodes/{node}/lxc", "mp", "idmap"),
    ("/nodes/{node}/lxc", "mp", "keepattrs"),
    ("/nodes/{node}/lxc", "net", "host-managed"),
    ("/nodes/{node}/lxc", "rootfs", "idmap"),
    ("/nodes/{node}/qemu", "agent", "freeze-fs"),
    ("/nodes/{node}/qemu", "agent", "guest-fsfreeze"),
    ("/nodes/{node}/qemu", "efidisk0", "ms-cert"),
    ("/nodes/{node}/qemu", "machine", "aw-bits"),
];

/// Members of answers that came after 8.4.
const NEW_MEMBERS: &[&str] = &["armed-state", "memhost"];

impl Machine {
    /// Returns whether the server that is played knows a path.
    pub(super) fn knows_path(&self, template: &str) -> bool {
        let is_below =
            |path: &str| template.strip_prefix(path).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
        !self.is_before_9() || !NEW_PATHS.iter().any(|path| is_below(path))
    }

    /// Returns a parameter of a call that the server that is played does not know.
    pub(super) fn unknown_parameter<'a>(&self, template: &str, raw: &'a RawParameters) -> Option<&'a str> {
        let is_new =
            |name: &&String| NEW_PARAMETERS.iter().any(|(path, new)| template.starts_with(path) && new == *name);
        raw.keys().find(is_new).filter(|_| self.is_before_9()).map(String::as_str)
    }

    /// Returns a parameter whose property string has a sub-key that the server that is played does not know, and that sub-key.
    pub(super) fn unknown_key<'a>(&self, template: &str, raw: &'a RawParameters) -> Option<(&'a str, &'static str)> {
        let texts = raw.iter().filter_map(|(name, raw)| match raw {
            Raw::Text(text) => Some((name.as_str(), text.as_str())),
            Raw::List(_) => None,
        });
        let has =
            |text: &str, key: &str| text.split(',').any(|part| part.split_once('=').is_some_and(|(own, _)| own == key));
        let unknown = |(name, text): (&'a str, &str)| {
            let is_it = |(path, stem, key): &&(&str, &str, &'static str)| {
                template.starts_with(path) && name.starts_with(stem) && has(text, key)
            };
            NEW_KEYS.iter().find(is_it).map(|(_, _, key)| (name, *key))
        };
        if self.is_before_9() { texts.into_iter().find_map(unknown) } else { None }
    }

    /// Returns the name a privilege has on the server that is played; nothing where it does not exist. What 9.0 split by the things
    /// that a guest agent does was one privilege.
    pub(super) fn privilege_name<'a>(&self, name: &'a str) -> Option<&'a str> {
        match name {
            _ if !self.is_before_9() => Some(name),
            "VM.Replicate" => None,
            name if name.starts_with("VM.GuestAgent.") => Some("VM.Monitor"),
            name => Some(name),
        }
    }

    /// Returns privileges under the names of the server that is played, each once.
    pub(super) fn privilege_names<'a>(&self, names: impl IntoIterator<Item = &'a str>) -> BTreeSet<&'a str> {
        names.into_iter().filter_map(|name| self.privilege_name(name)).collect()
    }

    /// Takes out of an answer what the server that is played does not say.
    pub(super) fn without_new_members(&self, data: &mut Value) {
        if !self.is_before_9() {
            return;
        }
        match data {
            Value::Object(members) => {
                members.retain(|name, _| !NEW_MEMBERS.contains(&name.as_str()));
                members.values_mut().for_each(|value| self.without_new_members(value));
            }
            Value::Array(items) => items.iter_mut().for_each(|value| self.without_new_members(value)),
            _ => {}
        }
    }
}
