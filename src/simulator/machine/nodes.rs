//! Nodes: list, status, network.

use serde_json::{Value, json};

use super::Machine;
use super::auth::Caller;
use super::request::Answer;
use super::routes::Context;
use super::state::Node;

const ROOT_DISK_BYTES: u64 = 96 << 30;

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
            "boot-info": { "mode": "efi", "secureboot": 0 },
            "cpu": 0.02,
            "cpuinfo": {
                "cores": node.cores, "cpus": node.cores, "sockets": 1, "model": "Simulated processor", "mhz": "3000.000",
                "hvm": "1", "user_hz": 100, "flags": "fpu aes avx2 hypervisor",
            },
            "current-kernel": {
                "machine": "x86_64", "release": "6.17.2-1-pve", "sysname": "Linux", "version": "#1 SMP PREEMPT_DYNAMIC PMX",
            },
            "idle": 0, "ksm": { "shared": 0 }, "kversion": "Linux 6.17.2-1-pve #1 SMP PREEMPT_DYNAMIC PMX",
            "loadavg": ["0.10", "0.10", "0.10"],
            "memory": {
                "available": node.memory_bytes - used, "free": node.memory_bytes - used, "total": node.memory_bytes, "used": used,
            },
            "pveversion": "pve-manager/9.2.11/14a22df35955d97d",
            "rootfs": {
                "avail": ROOT_DISK_BYTES / 8 * 7, "free": ROOT_DISK_BYTES / 8 * 7, "total": ROOT_DISK_BYTES, "used": ROOT_DISK_BYTES / 8,
            },
            "swap": { "free": 0, "total": 0, "used": 0 }, "uptime": self.uptime_s(), "wait": 0,
        })
        .into())
    }

    pub(super) fn node_network(&mut self, context: &Context) -> Answer {
        let node = self.nodes.get(context.node()).expect("the router only lets known nodes through");
        let mut rows = vec![json!({
            "active": 1, "exists": 1, "families": ["inet"], "iface": "eno1", "method": "manual", "method6": "manual",
            "priority": 3, "type": "eth",
        })];
        for (position, (name, bridge)) in node.bridges.iter().enumerate() {
            let mut row = json!({
                "active": 1, "autostart": 1, "bridge_fd": "0", "bridge_ports": "eno1", "bridge_stp": "off",
                "families": ["inet"], "iface": name, "method": "manual", "method6": "manual", "priority": position + 4,
                "type": "bridge",
            });
            if bridge.is_vlan_aware {
                row["bridge_vlan_aware"] = json!(1);
                row["bridge_vids"] = json!("2-4094");
            }
            if let Some((address, prefix)) = bridge.address.as_deref().and_then(|cidr| cidr.split_once('/')) {
                row["method"] = json!("static");
                row["address"] = json!(address);
                row["netmask"] = json!(prefix);
                row["cidr"] = json!(format!("{address}/{prefix}"));
            }
            rows.push(row);
        }
        let wanted = context.parameters.get("type");
        rows.retain(|row| match wanted {
            None | Some("include_sdn") => true,
            Some("any_bridge" | "any_local_bridge" | "bridge") => row["type"] == "bridge",
            Some(kind) => row["type"] == kind,
        });
        Ok(Value::Array(rows).into())
    }
}
