//! What goes wrong in a cluster when a fault rule says so.

use super::Machine;
use super::disks::storage_of;
use super::request::Request;
use super::state::Late;
use super::task::{Event, Phase, Task, Work};

/// How long a worker waits for a storage's lock.
const STORAGE_WAIT_MS: u64 = 10_000;

impl Machine {
    /// Lets something that is no task hold a guest's lock for a while, as what cleans up after a process does.
    pub fn hold_lock(&mut self, vmid: u32, time_ms: u64) {
        let until_ms = self.clock.now_ms + time_ms;
        self.clock.held.insert(vmid, until_ms);
        self.agenda.insert((until_ms, Event::Release(vmid)));
    }

    pub(super) fn release_held(&mut self, vmid: u32) {
        if self.clock.held.get(&vmid).is_some_and(|until_ms| *until_ms <= self.clock.now_ms) {
            self.clock.held.remove(&vmid);
            self.wake_waiting();
        }
    }

    /// Lets something hold a storage's lock, so that nothing can be allocated on it.
    pub fn hold_storage(&mut self, storage: &str, time_ms: u64) {
        let until_ms = self.clock.now_ms + time_ms;
        self.clock.held_storages.insert(storage.to_owned(), until_ms);
    }

    /// Returns how long an allocation waits for a storage, and whether it gets it then.
    pub(super) fn storage_wait(&self, storage: &str) -> Option<(u64, Result<(), String>)> {
        let until_ms = self.clock.held_storages.get(storage).copied()?;
        let left_ms = until_ms.checked_sub(self.clock.now_ms).filter(|left_ms| *left_ms > 0)?;
        if left_ms <= STORAGE_WAIT_MS {
            return Some((left_ms, Ok(())));
        }
        let is_shared = self.storages.get(storage).is_some_and(|storage| storage.is_shared);
        let text = match is_shared {
            true => format!("cfs-lock 'storage-{storage}' error: got lock request timeout"),
            false => format!("can't lock file '/var/lock/pve-manager/pve-storage-{storage}' - got timeout"),
        };
        Some((STORAGE_WAIT_MS, Err(text)))
    }

    /// Takes all that is left on a storage.
    pub fn fill_storage(&mut self, storage: &str) {
        let used = self.volumes.values().filter(|volume| volume.storage == storage).map(|volume| volume.used_bytes);
        let used: u64 = used.sum();
        if let Some(storage) = self.storages.get_mut(storage) {
            storage.other_bytes = storage.total_bytes.saturating_sub(used);
        }
    }

    /// Lets a node stop or begin to answer.
    pub fn set_node(&mut self, node: &str, is_up: bool) {
        if let Some(node) = self.nodes.get_mut(node) {
            node.is_online = is_up;
        }
    }

    /// Makes a node fail to bring up its networks.
    pub fn break_network(&mut self, node: &str) {
        if let Some(node) = self.nodes.get_mut(node) {
            node.has_network_trouble = true;
        }
    }

    /// Puts a guest on another node, as the cluster manager does.
    pub fn relocate(&mut self, vmid: u32, node: &str) {
        if self.nodes.has(node) {
            self.move_guest(vmid, node);
        }
    }

    /// Empties the lists of finished tasks; whoever knows a task's id still gets its status.
    pub fn forget_tasks(&mut self) {
        self.clock.listed_from = self.clock.next_task;
    }

    pub(super) fn is_listed(&self, seq: u64, task: &Task) -> bool {
        task.is_active() || seq >= self.clock.listed_from
    }

    /// Answers a request later, to nobody.
    pub fn handle_later(&mut self, request: &Request, after_ms: u64) {
        let due_ms = self.clock.now_ms + after_ms;
        self.clock.late.push(Late { due_ms, request: request.clone() });
        self.agenda.insert((due_ms, Event::Late));
    }

    pub(super) fn handle_late(&mut self) {
        let now_ms = self.clock.now_ms;
        let (due, rest) = std::mem::take(&mut self.clock.late).into_iter().partition(|late| late.due_ms <= now_ms);
        self.clock.late = rest;
        let due: Vec<Late> = due;
        for late in due {
            drop(self.route(&late.request));
        }
    }

    /// Ends a copying worker half-way because its storage is full.
    pub fn run_out_of_space(&mut self, upid: &str) {
        if let Some(task) = self.upids.get(upid).copied().and_then(|seq| self.tasks.get_mut(&seq)) {
            task.is_short_of_space = true;
        }
    }

    /// Returns what a copy of so many bytes needs: the whole time, or half of it and the error after that.
    pub(super) fn copy_fate(&self, seq: u64, copy_ms: u64) -> (u64, Option<String>) {
        let is_short = self.tasks.get(&seq).is_some_and(|task| task.is_short_of_space);
        match is_short {
            false => (copy_ms, None),
            true => (
                copy_ms / 2,
                Some(
                    "copy failed: command '/usr/bin/qemu-img convert' failed: exit code 1 (No space left on device)"
                        .to_owned(),
                ),
            ),
        }
    }

    /// Remembers that a task fails when its next stage is due; until then it goes on as if nothing were wrong.
    pub(super) fn doom(&mut self, seq: u64, error: String) {
        if let Some(task) = self.tasks.get_mut(&seq) {
            task.doom = Some(error);
        }
    }

    /// Ends a doomed task: it cleans up as after any other error.
    pub(super) fn end_doomed(&mut self, seq: u64) -> bool {
        let Some((error, work)) = self.tasks.get(&seq).and_then(|task| Some((task.doom.clone()?, task.work.clone())))
        else {
            return false;
        };
        match &work {
            Work::Clone(work) => self.drop_clone(work),
            Work::CloneContainer(work) => self.drop_container_clone(work),
            _ => {}
        }
        self.end_task(seq, Err(error));
        true
    }

    /// Ends a worker as a crash would; used by fault rules.
    pub fn kill_worker(&mut self, upid: &str) -> bool {
        let Some(seq) = self.upids.get(upid).copied() else {
            return false;
        };
        let is_active = self.tasks.get(&seq).is_some_and(|task| !matches!(task.phase, Phase::Ended { .. }));
        if is_active {
            self.kill_task(seq);
        }
        is_active
    }

    /// Returns the first wait among the storages that volumes are to be made on.
    pub(super) fn first_storage_wait(&self, volids: &[String]) -> Option<(u64, Result<(), String>)> {
        volids.iter().find_map(|volid| self.storage_wait(storage_of(volid)))
    }
}
