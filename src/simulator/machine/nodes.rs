//! Nodes: list and status. Their network is in `network`.

use serde_json::{Value, json};

use super::Machine;
use super::auth::Caller;
use super::request::Answer;
use super::routes::{Context, Entry};
use super::state::Node;

const ROOT_DISK_BYTES: u64 = 96 << 30;
/// How long a node's certificate holds, and that of the cluster's own authority. Source: what the cluster makes for itself.
const CERTIFICATE_S: u64 = 2 * 365 * 86_400;
const AUTHORITY_S: u64 = 10 * 365 * 86_400;

pub(super) const ROUTES: &[Entry] = &[("GET", "/nodes/{node}/certificates/info", certificates)];

/// The cluster's own authority, and what it signed for the node.
fn certificates(machine: &mut Machine, context: &Context) -> Answer {
    let node = context.node();
    let begins_s = machine.meta.booted_ms / 1000;
    let ends_s = machine.nodes.get(node).and_then(|node| node.certificate_ends_s).unwrap_or(begins_s + CERTIFICATE_S);
    let authority = format!("/CN=Proxmox Virtual Environment/OU={}/O=PVE Cluster Manager CA", machine.meta.cluster);
    Ok(json!([
        {
            "filename": "pve-root-ca.pem", "fingerprint": machine.fingerprint("authority"), "issuer": authority,
            "notafter": begins_s + AUTHORITY_S, "notbefore": begins_s, "subject": authority,
        },
        {
            "filename": "pve-ssl.pem", "fingerprint": machine.fingerprint(node), "issuer": authority,
            "notafter": ends_s, "notbefore": begins_s.min(ends_s), "san": [node, "localhost", "127.0.0.1"],
            "subject": format!("/OU=PVE Cluster Node/O=Proxmox Virtual Environment/CN={node}"),
        },
    ])
    .into())
}

impl Machine {
    pub(super) fn list_nodes(&mut self, context: &Context) -> Answer {
        let mut rows = self.node_rows(&context.caller, "ssl_fingerprint");
        for row in &mut rows {
            if row["status"] == "offline" {
                row["level"] = json!("");
            }
        }
        Ok(Value::Array(rows).into())
    }

    /// Returns one row per node; figures only where the caller may see them. `extra` is the key the two lists differ in.
    pub(super) fn node_rows(&self, caller: &Caller, extra: &str) -> Vec<Value> {
        let rows = self.nodes.iter().map(|(name, node)| {
            let mut row = json!({
                "id": format!("node/{name}"), "node": name, "type": "node", "level": "",
                "status": if node.is_online { "online" } else { "offline" },
            });
            row[extra] = match extra {
                "ssl_fingerprint" => json!(self.fingerprint(name)),
                _ => json!(2),
            };
            if node.is_online && self.has(caller, &format!("/nodes/{name}"), "Sys.Audit") {
                row["cpu"] = json!(0.02);
                row["maxcpu"] = json!(node.cores);
                row["mem"] = json!(self.used_memory_bytes(name, node));
                row["maxmem"] = json!(node.memory_bytes);
                row["disk"] = json!(ROOT_DISK_BYTES / 8);
                row["maxdisk"] = json!(ROOT_DISK_BYTES);
                row["uptime"] = json!(self.uptime_s());
            }
            row
        });
        rows.collect()
    }

    fn used_memory_bytes(&self, name: &str, node: &Node) -> u64 {
        (node.memory_bytes / 64 + self.running_memory_bytes(name)).min(node.memory_bytes)
    }

    fn uptime_s(&self) -> u64 {
        (self.clock.now_ms - self.meta.booted_ms) / 1000
    }

    /// A node's certificate is not the one the simulator's server shows; the value only has the right form.
    fn fingerprint(&self, node: &str) -> String {
        use sha2::{Digest, Sha256};
        let hash = Sha256::digest(format!("{}/{}/{node}", self.meta.seed, self.meta.cluster));
        hash.iter().map(|byte| format!("{byte:02X}")).collect::<Vec<_>>().join(":")
    }

    pub(super) fn node_status(&mut self, context: &Context) -> Answer {
        let name = context.node();
        let node = self.nodes.get(name).expect("the router only lets known nodes through");
        let used = self.used_memory_bytes(name, node);
        Ok(json!({
            "boot-info": { "mode": "legacy-bios" },
            "cpu": 0.02,
            "cpuinfo": {
                "cores": node.cores, "cpus": node.cores, "sockets": 1, "model": "Simulated processor", "mhz": "3000.000",
                "hvm": "1", "user_hz": 100, "family": "6", "vendor": "GenuineIntel", "flags": "fpu aes avx2 hypervisor",
            },
            "current-kernel": {
                "machine": "x86_64", "release": "6.17.2-1-pve", "sysname": "Linux", "version": "#1 SMP PREEMPT_DYNAMIC PMX",
            },
            "idle": 0, "ksm": { "shared": 0 }, "kversion": "Linux 6.17.2-1-pve #1 SMP PREEMPT_DYNAMIC PMX",
            "loadavg": ["0.10", "0.10", "0.10"],
            "memory": {
                "available": node.memory_bytes - used, "free": node.memory_bytes - used, "total": node.memory_bytes, "used": used,
            },
            "pveversion": self.version(),
            "rootfs": {
                "avail": ROOT_DISK_BYTES / 8 * 7, "free": ROOT_DISK_BYTES / 8 * 7, "total": ROOT_DISK_BYTES, "used": ROOT_DISK_BYTES / 8,
            },
            "swap": { "free": 0, "total": 0, "used": 0 }, "uptime": self.uptime_s(), "wait": 0,
        })
        .into())
    }
}
