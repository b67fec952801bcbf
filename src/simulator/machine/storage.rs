//! Storages and their content.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::Machine;
use super::auth::Caller;
use super::property::parse_size;
use super::request::{Answer, Fault};
use super::routes::Context;
use super::state::{Storage, Volume};
use super::task::{Spawn, Step, Work};

impl Machine {
    pub(super) fn node_storages(&mut self, context: &Context) -> Answer {
        let parameters = &context.parameters;
        let node = context.node();
        let is_wanted = |name: &String, storage: &Storage| {
            storage.is_on(node)
                && (storage.is_enabled() || !parameters.is_set("enabled"))
                && self.sees_storage(&context.caller, name)
                && parameters.get("storage").is_none_or(|wanted| wanted == name)
                && parameters.items("content").iter().all(|content| storage.content.contains(*content))
                && parameters.get("target").is_none_or(|target| storage.is_on(target))
        };
        let rows = self.storages.iter().filter(|(name, storage)| is_wanted(name, storage));
        let rows = rows.map(|(name, storage)| {
            let mut row = self.usage(name, storage, node);
            row["storage"] = json!(name);
            let used = self.used_bytes(name, node);
            let percent = used.saturating_mul(1_000_000) / storage.total_bytes.max(1);
            row["used_fraction"] = json!(f64::from(u32::try_from(percent).unwrap_or(u32::MAX)) / 1_000_000.0);
            row
        });
        Ok(Value::Array(rows.collect()).into())
    }

    fn usage(&self, name: &str, storage: &Storage, node: &str) -> Value {
        json!({
            "active": u8::from(storage.is_enabled()), "enabled": u8::from(storage.is_enabled()), "shared": u8::from(storage.is_shared), "type": storage.kind,
            "content": join(&storage.content), "total": storage.total_bytes,
            "used": self.used_bytes(name, node), "avail": self.available_bytes(name, node),
        })
    }

    pub(super) fn storage_rows(&self, caller: &Caller) -> Vec<Value> {
        let mut rows = Vec::new();
        for (name, storage) in self.storages.iter().filter(|(name, _)| self.sees_storage(caller, name)) {
            for (node, state) in self.nodes.iter().filter(|(node, _)| storage.is_on(node) && storage.is_enabled()) {
                let mut row = json!({
                    "id": format!("storage/{node}/{name}"), "node": node, "storage": name, "type": "storage",
                    "plugintype": storage.kind, "content": join(&storage.content), "shared": u8::from(storage.is_shared),
                    "status": if state.is_online { "available" } else { "unknown" },
                });
                if state.is_online {
                    row["disk"] = json!(self.used_bytes(name, node));
                    row["maxdisk"] = json!(storage.total_bytes);
                }
                rows.push(row);
            }
        }
        rows
    }

    pub(super) fn storage_status(&mut self, context: &Context) -> Answer {
        let name = context.parameters.required("storage");
        match self.storages.get(name).filter(|storage| storage.is_on(context.node())) {
            Some(storage) => Ok(self.usage(name, storage, context.node()).into()),
            None => Err(Fault::parameter("storage", "No such storage.")),
        }
    }

    pub(super) fn storage_content(&mut self, context: &Context) -> Answer {
        let name = context.parameters.required("storage");
        let node = context.node();
        self.storage_on(name, node)?;
        let vmid = context.parameters.number::<u32>("vmid");
        let content = context.parameters.get("content");
        let is_wanted = |volume: &&Volume| {
            volume.storage == name
                && (volume.node.is_empty() || volume.node == node)
                && content.is_none_or(|content| content == volume.content)
                // Asking for a guest leaves out images and templates for installing, but not every file without an owner.
                && (vmid.is_none()
                    || volume.vmid == vmid
                    || (volume.vmid.is_none() && matches!(volume.content.as_str(), "snippets" | "import")))
                && self.sees_volume(&context.caller, volume)
        };
        let rows = self.volumes.values().filter(is_wanted).map(content_row);
        Ok(Value::Array(rows.collect()).into())
    }

    fn sees_volume(&self, caller: &Caller, volume: &Volume) -> bool {
        match volume.vmid {
            Some(vmid) => {
                self.has(caller, &format!("/vms/{vmid}"), "VM.Audit")
                    || self.has(caller, &format!("/storage/{}", volume.storage), "Datastore.Allocate")
            }
            None => true,
        }
    }

    pub(super) fn allocate_volume(&mut self, context: &Context) -> Answer {
        let parameters = &context.parameters;
        let (storage, node) = (parameters.required("storage"), context.node());
        let size = parameters.required("size");
        // A size without unit is in KiB here, unlike anywhere else.
        let size_bytes = if size.bytes().all(|byte| byte.is_ascii_digit()) {
            size.parse::<u64>().ok().map(|kib| kib << 10)
        } else {
            parse_size(size)
        };
        let size_bytes =
            size_bytes.ok_or_else(|| Fault::parameter("size", "value does not match the regex pattern"))?;
        let definition = self.storage_on(storage, node)?.clone();
        let vmid = parameters.vmid();
        let filename = parameters.required("filename");
        let volid = if definition.is_file_based() {
            format!("{storage}:{vmid}/{filename}")
        } else {
            format!("{storage}:{filename}")
        };
        if self.volume(node, &volid).is_some() {
            let path = format!("{}/images/{vmid}/{filename}", definition.path());
            return Err(Fault::text(format!("disk image '{path}' already exists")));
        }
        let format =
            parameters.get("format").or_else(|| filename.rsplit_once('.').map(|(_, end)| end)).unwrap_or("raw");
        let kind = super::disks::VolumeKind::Disk;
        let (made, _) = self.allocate(node, storage, vmid, format, size_bytes, kind).map_err(Fault::text)?;
        self.rename_volume(node, &made, &volid);
        Ok(json!(volid).into())
    }

    fn named_volume(&self, context: &Context) -> Result<(String, Volume), Fault> {
        let storage = context.parameters.required("storage");
        let named = context.parameters.required("volume");
        self.storage_on(storage, context.node())?;
        let prefix = format!("{storage}:");
        let volid = if named.starts_with(&prefix) { named.to_owned() } else { format!("{prefix}{named}") };
        match self.volume(context.node(), &volid) {
            Some(volume) => Ok((volid, volume.clone())),
            None => Err(Fault::text(format!("volume '{volid}' does not exist"))),
        }
    }

    pub(super) fn volume_attributes(&mut self, context: &Context) -> Answer {
        let (_, volume) = self.named_volume(context)?;
        let path = self.storages.get(&volume.storage).map(Storage::path).unwrap_or_default();
        let name = volume.volid.split_once(':').map_or("", |(_, name)| name);
        let folder = match volume.content.as_str() {
            "iso" => "template",
            "vztmpl" => "template/cache",
            "images" => "images",
            _ => "",
        };
        let path =
            [path.as_str(), folder, name].into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join("/");
        let format = if volume.content == "iso" { "raw" } else { &volume.format };
        Ok(json!({ "format": format, "path": path, "size": volume.size_bytes, "used": volume.used_bytes }).into())
    }

    pub(super) fn delete_volume(&mut self, context: &Context) -> Answer {
        let storage = context.parameters.required("storage").to_owned();
        self.require(&context.caller, &format!("/storage/{storage}"), "Datastore.Allocate")?;
        let named = context.parameters.required("volume");
        let prefix = format!("{storage}:");
        let volid = if named.starts_with(&prefix) { named.to_owned() } else { format!("{prefix}{named}") };
        let node = context.node().to_owned();
        // The task is named after the guest too, where the volume has one.
        let owner = self.volume(&node, &volid).and_then(|volume| volume.vmid);
        let id = owner.map_or_else(|| storage.clone(), |vmid| format!("{vmid}@{storage}"));
        let work = Work::RemoveVolume { node: node.clone(), volid };
        let spawn = Spawn { node: &node, kind: "imgdel", id, locks: Vec::new(), wait_ms: 0, work };
        let upid = self.spawn(&context.caller, spawn);
        match context.parameters.number::<u64>("delay") {
            Some(delay_s) => self.wait_for_task(self.upids[&upid], delay_s * 1000, &upid),
            None => Ok(json!(upid).into()),
        }
    }

    /// Notes and protection are kept of backups only.
    pub(super) fn change_volume(&mut self, context: &Context) -> Answer {
        let (volid, volume) = self.named_volume(context)?;
        let parameters = &context.parameters;
        if volume.content != "backup" {
            let name = if parameters.get("notes").is_some() { "notes" } else { "protected" };
            return Err(Fault::text(format!("attribute '{name}' is not supported for volume '{volid}'")));
        }
        let changed = Volume {
            notes: parameters.get("notes").map_or(volume.notes.clone(), |notes| Some(notes.to_owned())),
            is_protected: parameters.get("protected").map_or(volume.is_protected, |value| value == "1"),
            ..volume
        };
        self.add_volume(context.node(), changed);
        Ok(().into())
    }

    pub(super) fn run_remove_volume(&mut self, seq: u64, node: &str, volid: &str) -> Step {
        if self.has_visible_children(volid) {
            return Step::failed(format!("base volume '{volid}' is still in use by linked cloned"));
        }
        if self.volume(node, volid).is_some_and(|volume| volume.is_protected) {
            return Step::failed(format!("cannot remove protected volume '{volid}' on '{node}'"));
        }
        match self.free_volume(node, volid) {
            Some(_) => {
                self.task_log(seq, format!("Removed volume '{volid}'"));
                Step::DONE
            }
            None => Step::failed(format!("volume '{volid}' does not exist")),
        }
    }
}

fn content_row(volume: &Volume) -> Value {
    let size = if volume.content == "import" { volume.used_bytes } else { volume.size_bytes };
    let format = if volume.content == "snippets" { "snippet" } else { &volume.format };
    let mut row = json!({
        "volid": volume.volid, "content": volume.content, "format": format, "size": size, "ctime": volume.created_s,
    });
    if matches!(volume.content.as_str(), "images" | "rootdir") {
        row["used"] = json!(volume.used_bytes);
        row["parent"] = json!(volume.parent);
    }
    if let Some(archive) = &volume.archive {
        row["subtype"] = json!(archive.kind.as_str());
    }
    if let Some(notes) = &volume.notes {
        row["notes"] = json!(notes);
    }
    if volume.is_protected {
        row["protected"] = json!(1);
    }
    if let Some(vmid) = volume.vmid {
        row["vmid"] = json!(vmid);
    }
    row
}

fn join(items: &BTreeSet<String>) -> String {
    items.iter().map(String::as_str).collect::<Vec<_>>().join(",")
}
