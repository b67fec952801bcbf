//! Volumes behind a guest's disks: reading a disk setting, allocating, copying and freeing volumes.

use std::collections::{BTreeMap, BTreeSet};

use super::Machine;
use super::auth::Caller;
use super::property::{print, print_size, scaled, split};
use super::request::Fault;
use super::state::{Storage, Volume};

/// Size of a cloud-init drive.
const CLOUDINIT_BYTES: u64 = 4 << 20;
/// What an empty file takes.
const EMPTY_BYTES: u64 = 4096;

/// What a disk setting asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Wish {
    /// `none`: an empty CD drive.
    Empty,
    CloudInit {
        storage: String,
    },
    /// `STORE:GiB`.
    New {
        storage: String,
        size_bytes: u64,
    },
    /// `STORE:0,import-from=VOLID`.
    Import {
        storage: String,
        source: String,
    },
    Existing {
        volid: String,
    },
}

/// Returns whether a configuration key holds a disk or a CD drive, or a container's mount point.
pub(super) fn is_disk_key(key: &str) -> bool {
    let stem = key.trim_end_matches(|letter: char| letter.is_ascii_digit());
    key == "rootfs"
        || (stem != key && matches!(stem, "ide" | "sata" | "scsi" | "virtio" | "efidisk" | "tpmstate" | "mp"))
}

/// Returns the volume a disk setting holds; an empty CD drive or a folder of the node is none.
pub(super) fn volume_in(value: &str) -> Option<&str> {
    let volume = value.split(',').next().unwrap_or_default();
    (volume.contains(':') && !volume.starts_with('/')).then_some(volume)
}

/// Returns whether a volume is a template's.
pub(super) fn is_base(volid: &str) -> bool {
    let name = file_name(volid);
    name.starts_with("base-") || name.starts_with("basevol-")
}

/// Returns whether a disk setting is a CD drive, which a cloud-init drive is too.
pub(super) fn is_cdrom(text: &str) -> bool {
    text.contains("media=cdrom") || text.contains(":cloudinit")
}

pub(super) fn is_cloudinit(text: &str) -> bool {
    let volume = text.split(',').next().unwrap_or_default();
    volume.ends_with(":cloudinit") || volume.contains("-cloudinit")
}

/// Reads a disk setting.
pub(super) fn read(text: &str) -> (Wish, BTreeMap<String, String>) {
    let (volume, mut options) = split(text);
    let import = options.remove("import-from");
    let wish = match volume.split_once(':') {
        None => Wish::Empty,
        Some((storage, "cloudinit")) => Wish::CloudInit { storage: storage.to_owned() },
        Some((storage, rest)) => match scaled(rest, 1 << 30).filter(|_| is_plain_number(rest)) {
            Some(_) if import.is_some() => {
                Wish::Import { storage: storage.to_owned(), source: import.unwrap_or_default() }
            }
            Some(size_bytes) => Wish::New { storage: storage.to_owned(), size_bytes },
            None => Wish::Existing { volid: volume.clone() },
        },
    };
    (wish, options)
}

fn is_plain_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.')
}

/// Returns the storage part of a volume id.
pub(super) fn storage_of(volid: &str) -> &str {
    volid.split(':').next().unwrap_or_default()
}

/// Returns the last part of a volume id: `vm-100-disk-0.qcow2`.
pub(super) fn file_name(volid: &str) -> &str {
    volid.rsplit(['/', ':']).next().unwrap_or_default()
}

impl Machine {
    /// Checks what a call says about disks before any worker starts.
    pub(super) fn check_disk(&self, caller: &Caller, node: &str, key: &str, text: &str) -> Result<(), Fault> {
        let (wish, _) = read(text);
        match &wish {
            Wish::Empty => Ok(()),
            Wish::CloudInit { storage } | Wish::New { storage, .. } => self.check_new_disk(caller, node, key, storage),
            Wish::Import { storage, source } => {
                if source.starts_with('/') {
                    return Err(Fault::text(
                        "Only root can pass arbitrary filesystem paths. at /usr/share/perl5/PVE/Storage.pm line 651.",
                    ));
                }
                self.check_readable(caller, storage_of(source))?;
                self.check_new_disk(caller, node, key, storage)
            }
            Wish::Existing { volid } => {
                if volid.starts_with('/') {
                    return Err(Fault::text(
                        "Only root can pass arbitrary filesystem paths. at /usr/share/perl5/PVE/Storage.pm line 651.",
                    ));
                }
                self.check_readable_volume(caller, node, volid)
            }
        }
    }

    fn check_new_disk(&self, caller: &Caller, node: &str, key: &str, storage: &str) -> Result<(), Fault> {
        let definition = self.storage_on(storage, node)?;
        self.require(caller, &format!("/storage/{storage}"), "Datastore.AllocateSpace")?;
        if !definition.content.contains("images") {
            return Err(Fault::parameter(key, format!("storage '{storage}' does not support vm images")));
        }
        Ok(())
    }

    /// Checks that a caller may use an existing volume, whose name must be one of its storage.
    pub(super) fn check_readable_volume(&self, caller: &Caller, node: &str, volid: &str) -> Result<(), Fault> {
        let storage = self.storage_on(storage_of(volid), node)?;
        let name = volid.split_once(':').map_or("", |(_, name)| name);
        if storage.is_file_based() && !name.contains('/') {
            return Err(Fault::text(format!("unable to parse directory volume name '{name}'")));
        }
        self.check_readable(caller, storage_of(volid))
    }

    fn check_readable(&self, caller: &Caller, storage: &str) -> Result<(), Fault> {
        self.require_any(caller, &format!("/storage/{storage}"), &["Datastore.Audit", "Datastore.AllocateSpace"])
    }

    /// Returns a storage that a node can use.
    pub(super) fn storage_on(&self, name: &str, node: &str) -> Result<&Storage, Fault> {
        let storage = self.storages.get(name).ok_or_else(|| Fault::text(format!("storage '{name}' does not exist")))?;
        if !storage.is_on(node) {
            return Err(Fault::text(format!("storage '{name}' is not available on node '{node}'")));
        }
        Ok(storage)
    }

    fn volume_key(&self, node: &str, volid: &str) -> String {
        let is_shared = self.storages.get(storage_of(volid)).is_some_and(|storage| storage.is_shared);
        format!("{}|{volid}", if is_shared { "" } else { node })
    }

    pub(super) fn volume(&self, node: &str, volid: &str) -> Option<&Volume> {
        self.volumes.get(&self.volume_key(node, volid))
    }

    /// Makes true what a disk setting asks for; returns the setting to store and the lines for the task log.
    pub(super) fn realise_disk(
        &mut self,
        node: &str,
        vmid: u32,
        key: &str,
        text: &str,
    ) -> Result<(String, Vec<String>), String> {
        let (wish, mut options) = read(text);
        let format = options.remove("format");
        match wish {
            Wish::Empty => {
                options.remove("size");
                Ok((print("none", &options), Vec::new()))
            }
            Wish::Existing { volid } => {
                let volume = self.volume(node, &volid).ok_or_else(|| format!("volume '{volid}' does not exist"))?;
                if !is_cloudinit(&volid) {
                    options.insert("size".to_owned(), print_size(volume.size_bytes));
                }
                Ok((print(&volid, &options), Vec::new()))
            }
            Wish::CloudInit { storage } => {
                options.insert("media".to_owned(), "cdrom".to_owned());
                let format = format.unwrap_or_else(|| "qcow2".to_owned());
                let (volid, mut log) =
                    self.allocate(node, &storage, vmid, &format, CLOUDINIT_BYTES, VolumeKind::CloudInit)?;
                let setting = print(&volid, &options);
                log.push(format!("{key}: successfully created disk '{setting}'"));
                Ok((setting, log))
            }
            Wish::New { storage, size_bytes } => {
                let size_bytes = match key {
                    "efidisk0" => 528 << 10,
                    "tpmstate0" => CLOUDINIT_BYTES,
                    _ => size_bytes,
                };
                let format = format.unwrap_or_else(|| "raw".to_owned());
                let (volid, mut log) = self.allocate(node, &storage, vmid, &format, size_bytes, VolumeKind::Disk)?;
                options.insert("size".to_owned(), print_size(size_bytes));
                let setting = print(&volid, &options);
                log.push(format!("{key}: successfully created disk '{setting}'"));
                Ok((setting, log))
            }
            Wish::Import { storage, source } => {
                let original = self.volume(node, &source).cloned();
                let original = original.ok_or_else(|| format!("failed to stat '{source}'"))?;
                let format = format.unwrap_or_else(|| "raw".to_owned());
                let (volid, mut log) = self.copy_volume(node, &original, &storage, vmid, &format)?;
                options.insert("size".to_owned(), print_size(original.size_bytes));
                let setting = print(&volid, &options);
                log.insert(0, format!("create full clone of drive ({source})"));
                log.push(format!("allocated target volume '{volid}'"));
                log.extend(copy_lines(original.size_bytes));
                log.push(format!("{key}: successfully created disk '{setting}'"));
                Ok((setting, log))
            }
        }
    }

    /// Allocates a volume and returns its id and the line a task log shows.
    pub(super) fn allocate(
        &mut self,
        node: &str,
        storage: &str,
        vmid: u32,
        format: &str,
        size_bytes: u64,
        kind: VolumeKind,
    ) -> Result<(String, Vec<String>), String> {
        let definition = self.storage_on(storage, node).map_err(|fault| fault.message)?.clone();
        let format = if definition.is_file_based() { format } else { "raw" };
        let stem = match kind {
            VolumeKind::CloudInit => format!("vm-{vmid}-cloudinit"),
            VolumeKind::Container if definition.kind == "zfspool" => {
                format!("subvol-{vmid}-disk-{}", self.free_disk_number(storage, node, vmid))
            }
            VolumeKind::Disk | VolumeKind::Container => {
                format!("vm-{vmid}-disk-{}", self.free_disk_number(storage, node, vmid))
            }
        };
        let volid = if definition.is_file_based() {
            format!("{storage}:{vmid}/{stem}.{format}")
        } else {
            format!("{storage}:{stem}")
        };
        if self.volume(node, &volid).is_some() {
            return Err(format!("disk image '{}' already exists", file_path(&definition, vmid, &volid)));
        }
        let needed = if definition.kind == "lvm" { size_bytes } else { EMPTY_BYTES };
        if self.available_bytes(storage, node) < needed {
            return Err(format!(
                "unable to create image: no space left on storage '{storage}': No space left on device"
            ));
        }
        let log = vec![formatting_line(&definition, vmid, &volid, format, size_bytes)];
        let volume = Volume {
            storage: storage.to_owned(),
            node: if definition.is_shared { String::new() } else { node.to_owned() },
            volid: volid.clone(),
            content: if kind == VolumeKind::Container { "rootdir" } else { "images" }.to_owned(),
            format: format.to_owned(),
            size_bytes,
            used_bytes: needed,
            vmid: Some(vmid),
            parent: None,
            image: None,
            created_s: self.clock.now_ms / 1000,
            notes: None,
            is_protected: false,
            archive: None,
        };
        let key = self.volume_key(node, &volid);
        self.volumes.insert(key, volume);
        Ok((volid, log))
    }

    /// Copies a volume with its content; fails when the storage is too full for it.
    pub(super) fn copy_volume(
        &mut self,
        node: &str,
        original: &Volume,
        storage: &str,
        vmid: u32,
        format: &str,
    ) -> Result<(String, Vec<String>), String> {
        let kind = match original.content.as_str() {
            _ if is_cloudinit(&original.volid) => VolumeKind::CloudInit,
            "rootdir" => VolumeKind::Container,
            _ => VolumeKind::Disk,
        };
        let (volid, log) = self.allocate(node, storage, vmid, format, original.size_bytes, kind)?;
        if self.available_bytes(storage, node) < original.used_bytes {
            self.free_volume(node, &volid);
            return Err(
                "copy failed: command '/usr/bin/qemu-img convert' failed: exit code 1 (No space left on device)"
                    .to_owned(),
            );
        }
        let key = self.volume_key(node, &volid);
        if let Some(volume) = self.volumes.get_mut(&key) {
            volume.used_bytes = original.used_bytes;
            volume.image = original.image.clone();
        }
        Ok((volid, log))
    }

    /// Makes a thin child of a base volume.
    pub(super) fn link_volume(
        &mut self,
        node: &str,
        base: &Volume,
        vmid: u32,
    ) -> Result<(String, Vec<String>), String> {
        let definition = self.storage_on(&base.storage, node).map_err(|fault| fault.message)?.clone();
        let number = self.free_disk_number(&base.storage, node, vmid);
        let is_folder = file_name(&base.volid).starts_with("basevol-");
        let stem = format!("{}-{vmid}-disk-{number}", if is_folder { "subvol" } else { "vm" });
        let base_name = base.volid.split_once(':').map_or("", |(_, name)| name);
        let volid = match definition.kind.as_str() {
            "lvmthin" => format!("{}:{stem}", base.storage),
            "zfspool" | "rbd" => format!("{}:{base_name}/{stem}", base.storage),
            _ => format!("{}:{base_name}/{vmid}/{stem}.qcow2", base.storage),
        };
        let log = if definition.is_file_based() {
            let line = format!("clone {base_name}: images, {stem}.qcow2, {vmid} to {stem}.qcow2 (base=../{base_name})");
            let path = file_path(&definition, vmid, &volid);
            let formatting = format!(
                "Formatting '{path}', fmt=qcow2 cluster_size=131072 extended_l2=on preallocation=metadata \
                 compression_type=zlib size={} backing_file=../{base_name} backing_fmt={} lazy_refcounts=off \
                 refcount_bits=16",
                base.size_bytes, base.format
            );
            vec![line, formatting]
        } else {
            vec![format!("  Logical volume \"{stem}\" created.")]
        };
        let volume = Volume {
            volid: volid.clone(),
            format: if definition.is_file_based() { "qcow2" } else { "raw" }.to_owned(),
            used_bytes: EMPTY_BYTES * 64,
            vmid: Some(vmid),
            parent: Some(base.volid.clone()),
            created_s: self.clock.now_ms / 1000,
            ..base.clone()
        };
        let key = self.volume_key(node, &volid);
        self.volumes.insert(key, volume);
        Ok((volid, log))
    }

    /// Puts a volume on the list of its storage.
    pub(super) fn add_volume(&mut self, node: &str, volume: Volume) {
        let key = self.volume_key(node, &volume.volid);
        self.volumes.insert(key, volume);
    }

    /// Writes a system into an empty volume.
    pub(super) fn fill_volume(&mut self, node: &str, volid: &str, image: &str, used_bytes: u64) {
        let key = self.volume_key(node, volid);
        if let Some(volume) = self.volumes.get_mut(&key) {
            volume.image = Some(image.to_owned());
            volume.used_bytes = used_bytes.min(volume.size_bytes);
        }
    }

    pub(super) fn free_volume(&mut self, node: &str, volid: &str) -> Option<Volume> {
        let key = self.volume_key(node, volid);
        self.volumes.remove(&key)
    }

    /// Returns the path of a guest's image file.
    pub(super) fn image_path(&self, vmid: u32, volid: &str) -> String {
        self.storages.get(storage_of(volid)).map(|storage| file_path(storage, vmid, volid)).unwrap_or_default()
    }

    /// Gives a volume another id, as making a template does.
    pub(super) fn rename_volume(&mut self, node: &str, volid: &str, new_volid: &str) {
        if let Some(mut volume) = self.free_volume(node, volid) {
            new_volid.clone_into(&mut volume.volid);
            let key = self.volume_key(node, new_volid);
            self.volumes.insert(key, volume);
        }
    }

    pub(super) fn resize_volume(&mut self, node: &str, volid: &str, size_bytes: u64) {
        let key = self.volume_key(node, volid);
        if let Some(volume) = self.volumes.get_mut(&key) {
            volume.size_bytes = size_bytes;
        }
    }

    /// Returns the volumes that are thin children of a base volume and whose ids show it.
    pub(super) fn has_visible_children(&self, volid: &str) -> bool {
        let name = volid.split_once(':').map_or("", |(_, name)| name);
        let is_child = |volume: &&Volume| {
            volume.parent.as_deref() == Some(volid) && volume.volid.contains(name) && volume.volid != volid
        };
        self.volumes.values().any(|volume| is_child(&volume))
    }

    pub(super) fn used_bytes(&self, storage: &str, node: &str) -> u64 {
        let is_here = |volume: &&Volume| volume.storage == storage && (volume.node.is_empty() || volume.node == node);
        let other = self.storages.get(storage).map_or(0, |storage| storage.other_bytes);
        other + self.volumes.values().filter(is_here).map(|volume| volume.used_bytes).sum::<u64>()
    }

    pub(super) fn available_bytes(&self, storage: &str, node: &str) -> u64 {
        let total = self.storages.get(storage).map_or(0, |storage| storage.total_bytes);
        total.saturating_sub(self.used_bytes(storage, node))
    }

    /// Gives a volume to another guest.
    pub(super) fn set_owner(&mut self, node: &str, volid: &str, vmid: u32) {
        let key = self.volume_key(node, volid);
        if let Some(volume) = self.volumes.get_mut(&key) {
            volume.vmid = Some(vmid);
        }
    }

    pub(super) fn free_disk_number(&self, storage: &str, node: &str, vmid: u32) -> u32 {
        let middle = format!("-{vmid}-disk-");
        let number = |volume: &Volume| {
            let stem = file_name(&volume.volid).split('.').next()?;
            let (start, number) = stem.split_once(&middle)?;
            ["vm", "base", "subvol", "basevol"].contains(&start).then(|| number.parse::<u32>().ok())?
        };
        let is_here = |volume: &&Volume| volume.storage == storage && (volume.node.is_empty() || volume.node == node);
        let taken: BTreeSet<u32> = self.volumes.values().filter(is_here).filter_map(number).collect();
        (0..).find(|number| !taken.contains(number)).expect("disk numbers do not run out")
    }
}

/// What a new volume is for, which decides its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum VolumeKind {
    Disk,
    CloudInit,
    /// A container's file system.
    Container,
}

/// What a task log says about a copy: its beginning and its end.
pub(super) fn copy_lines(size_bytes: u64) -> [String; 2] {
    let total = human(size_bytes);
    [format!("transferred 0.0 B of {total} (0.00%)"), format!("transferred {total} of {total} (100.00%)")]
}

fn human(bytes: u64) -> String {
    let (factor, unit) = match bytes {
        0..1024 => (1, "B"),
        1024..0x10_0000 => (1 << 10, "KiB"),
        0x10_0000..0x4000_0000 => (1 << 20, "MiB"),
        _ => (1 << 30, "GiB"),
    };
    let tenths = (bytes * 10 + factor / 2) / factor;
    format!("{}.{} {unit}", tenths / 10, tenths % 10)
}

fn file_path(storage: &Storage, vmid: u32, volid: &str) -> String {
    format!("{}/images/{vmid}/{}", storage.path(), file_name(volid))
}

/// Returns what a task log says about a new volume.
pub(super) fn formatting_line(storage: &Storage, vmid: u32, volid: &str, format: &str, size_bytes: u64) -> String {
    if !storage.is_file_based() {
        return format!("  Logical volume \"{}\" created.", file_name(volid));
    }
    let path = file_path(storage, vmid, volid);
    match format {
        "raw" => format!("Formatting '{path}', fmt=raw size={size_bytes} preallocation=off"),
        _ => format!(
            "Formatting '{path}', fmt={format} cluster_size=65536 extended_l2=off preallocation=metadata \
             compression_type=zlib size={size_bytes} lazy_refcounts=off refcount_bits=16"
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_disk_setting_says_what_it_wants() {
        let new = |storage: &str, size_bytes| Wish::New { storage: storage.to_owned(), size_bytes };
        assert_eq!(read("local:8").0, new("local", 8 << 30));
        assert_eq!(read("local:0.5,format=qcow2").0, new("local", 512 << 20));
        assert_eq!(read("local:8G").0, Wish::Existing { volid: "local:8G".into() });
        assert_eq!(read("none,media=cdrom").0, Wish::Empty);
        assert_eq!(read("local-lvm:cloudinit").0, Wish::CloudInit { storage: "local-lvm".into() });
        let import = read("local:0,import-from=local:import/a.qcow2").0;
        assert_eq!(import, Wish::Import { storage: "local".into(), source: "local:import/a.qcow2".into() });
        assert!(is_disk_key("scsi0") && is_disk_key("efidisk0") && !is_disk_key("scsihw") && !is_disk_key("unused0"));
    }
}
