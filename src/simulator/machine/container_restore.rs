//! Containers from backups: which volumes they get, and what is written into them.
//!
//! Either a call says where every volume goes and how big it is, or it names one storage, and the volumes are made there as they were. In
//! both cases they are made anew and empty, and the files of the archive are written across them.

use super::Machine;
use super::auth::Caller;
use super::backup::Archive;
use super::container_config::is_bind_mount;
use super::disks::{Wish, is_disk_key, read, volume_in};
use super::property::{key_of, parse_size, split};
use super::request::Fault;
use super::restore::RestoreWork;
use super::state::{Config, GuestType};

impl Machine {
    /// Only a container that is there and stopped may be overwritten, and only if that is asked for.
    pub(super) fn check_container_overwritten(&self, vmid: u32, node: &str, is_forced: bool) -> Result<(), Fault> {
        let guest = self.guests.get(&vmid).filter(|guest| guest.node == node && guest.kind == GuestType::Lxc);
        match guest.filter(|_| is_forced) {
            None => self.check_id_unused(vmid),
            Some(guest) if guest.is_running() => Err(Fault::text("can't overwrite running container")),
            Some(_) => Ok(()),
        }
    }

    /// Checks who may restore what to where. A bare number is a size on the storage, which is `local` unless named.
    pub(super) fn check_container_restore(
        &self,
        caller: &Caller,
        (node, path): (&str, &str),
        archive: &str,
        storage: &mut Option<String>,
        settings: &mut Config,
    ) -> Result<(), Fault> {
        let storage = storage.get_or_insert_with(|| "local".to_owned());
        settings.retain(|key, _| !key.starts_with("unused"));
        let volumes: Vec<&mut String> =
            settings.iter_mut().filter(|(key, _)| is_disk_key(key)).map(|(_, value)| value).collect();
        let names_volumes = !volumes.is_empty();
        for value in volumes.into_iter().filter(|value| value.starts_with(|letter: char| letter.is_ascii_digit())) {
            *value = format!("{storage}:{value}");
        }
        if names_volumes && !settings.contains_key("rootfs") {
            return Err(Fault::text("mount points configured, but 'rootfs' not set - aborting"));
        }
        self.check_container_settings(caller, node, path, settings, true)?;
        let is_existing = |value: &String| !is_bind_mount(value) && matches!(read(value).0, Wish::Existing { .. });
        if settings.iter().any(|(key, value)| is_disk_key(key) && is_existing(value)) {
            return Err(Fault::not_modelled("POST", "a restore into volumes that are there"));
        }
        self.check_readable_volume(caller, node, archive)?;
        if !names_volumes {
            if !self.storage_on(storage, node)?.content.contains("rootdir") {
                let text = format!("storage '{storage}' does not support container directories");
                return Err(Fault::parameter("storage", text));
            }
            self.require(caller, &format!("/storage/{storage}"), "Datastore.AllocateSpace")?;
        }
        Ok(())
    }

    /// Makes the volumes, frees those of the container that is overwritten, and writes the archive into the new ones. Returns the
    /// configuration and how much was written.
    pub(super) fn unpack_container(
        &mut self,
        seq: u64,
        work: &RestoreWork,
        archive: &Archive,
    ) -> Result<(Config, u64), String> {
        self.task_log(seq, format!("recovering backed-up configuration from '{}'", work.archive));
        let is_root = self.tasks.get(&seq).is_some_and(|task| task.user == "root@pam");
        let wishes = wished_volumes(work, archive, is_root)?;
        let mut made = Config::new();
        let result = self.make_restored(seq, work, &wishes, &mut made);
        let result = result.and_then(|()| self.write_restored(seq, work, archive, &made));
        let bytes = match result {
            Ok(bytes) => bytes,
            Err(text) => {
                for volid in own_volumes(&wishes, &made) {
                    self.free_volume(&work.node, &volid);
                }
                return Err(text);
            }
        };
        if let Some(old) = self.guests.get(&work.vmid).cloned().filter(|guest| guest.config.len() > 1) {
            for volid in super::guests::owned_volumes(&old) {
                self.free_volume(&work.node, &volid);
            }
            self.with_guest(work.vmid, |guest| {
                guest.snapshots.clear();
                guest.config.retain(|key, _| key == "lock");
            });
        }
        self.task_log(seq, format!("restoring '{}' now..", work.archive));
        self.task_log(seq, "merging backed-up and given configuration..");
        let mut config: Config = archive.config.clone();
        config.retain(|key, _| !is_disk_key(key) && key != "template");
        config.extend(made);
        self.complete_restored(work, &mut config);
        // Whether its root is nobody is said by a mark that is there or not.
        if config.get("unprivileged").is_some_and(|value| value != "1") {
            config.remove("unprivileged");
        }
        if archive.config.get("template").is_some_and(|value| value == "1") {
            self.task_log(seq, "Convert restored container to template...");
            config.extend(self.make_bases(&work.node, &config));
            config.insert("template".to_owned(), "1".to_owned());
        }
        Ok((config, bytes))
    }

    fn make_restored(
        &mut self,
        seq: u64,
        work: &RestoreWork,
        wishes: &Config,
        made: &mut Config,
    ) -> Result<(), String> {
        let (roots, others): (Vec<_>, Vec<_>) = wishes.iter().partition(|(key, _)| *key == "rootfs");
        for (key, wish) in roots.into_iter().chain(others) {
            let (setting, lines) = self.realise_mount_point(&work.node, work.vmid, key, wish)?;
            lines.into_iter().for_each(|line| self.task_log(seq, line));
            made.insert(key.clone(), setting);
        }
        Ok(())
    }

    /// Writes what was in each volume into the one of the same slot; what has none lands on the root disk.
    fn write_restored(
        &mut self,
        seq: u64,
        work: &RestoreWork,
        archive: &Archive,
        made: &Config,
    ) -> Result<u64, String> {
        let mut contents = std::collections::BTreeMap::<&str, (u64, String)>::new();
        for (key, original) in &archive.disks {
            let slot = if made.get(key).is_some_and(|setting| volume_in(setting).is_some()) { key } else { "rootfs" };
            let content = contents.entry(slot).or_default();
            content.0 += original.used_bytes;
            if let Some(image) = original.image.as_ref().filter(|_| key == slot) {
                content.1.clone_from(image);
            }
        }
        let mut written = 0;
        for (key, (bytes, image)) in contents {
            let Some(volid) = made.get(key).and_then(|setting| volume_in(setting)).map(str::to_owned) else { continue };
            let size_bytes = self.volume(&work.node, &volid).map_or(0, |volume| volume.size_bytes);
            if bytes > size_bytes || bytes > self.available_bytes(super::disks::storage_of(&volid), &work.node) {
                self.task_log(seq, "tar: .: Cannot write: No space left on device");
                return Err("command 'tar xpf -' failed: exit code 2".to_owned());
            }
            self.fill_volume(&work.node, &volid, &image, bytes);
            written += bytes;
        }
        Ok(written)
    }
}

/// Returns the settings of the volumes that are to be made: those of the call, or those of the backup on the storage of the call. Volumes
/// that were not in the backup are made too, and stay empty.
fn wished_volumes(work: &RestoreWork, archive: &Archive, is_root: bool) -> Result<Config, String> {
    let volumes = |config: &Config| -> Config {
        config.iter().filter(|(key, _)| is_disk_key(key)).map(|(key, value)| (key.clone(), value.clone())).collect()
    };
    let wanted = volumes(&work.settings);
    if !wanted.is_empty() {
        return Ok(wanted);
    }
    let storage = work.storage.as_deref().unwrap_or("local");
    let mut wishes = Config::new();
    for (key, value) in volumes(&archive.config) {
        if is_bind_mount(&value) {
            if !is_root {
                return Err(format!("restoring '{key}' to bind mount is only possible for root"));
            }
            wishes.insert(key, value);
            continue;
        }
        let size = key_of(&value, "size").and_then(|text| parse_size(&text));
        let size = size.ok_or_else(|| format!("unable to detect disk size - please specify {key} (size)"))?;
        let (_, mut options) = split(&value);
        options.remove("size");
        let gibibytes = size as f64 / f64::from(1 << 30);
        wishes.insert(key, super::property::print(&format!("{storage}:{gibibytes}"), &options));
    }
    match wishes.contains_key("rootfs") {
        true => Ok(wishes),
        false => Err("rootfs configuration could not be recovered, please check and specify manually!".to_owned()),
    }
}

/// Returns the volumes that were made; a folder of the node is none.
fn own_volumes(wishes: &Config, made: &Config) -> Vec<String> {
    let is_new = |(key, _): &(&String, &String)| wishes.get(*key).is_some_and(|wish| !is_bind_mount(wish));
    made.iter().filter(is_new).filter_map(|(_, setting)| volume_in(setting)).map(str::to_owned).collect()
}
