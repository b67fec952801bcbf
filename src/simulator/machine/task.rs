//! Workers: what runs in the background, which guests it locks, and how virtual time moves it forward.
//!
//! A task waits for its locks, then runs stage after stage; each stage is an event on the agenda. What a stage does lives
//! in the file of its area. The API over tasks is in `tasks`.

use serde::{Deserialize, Serialize};

use super::backup::BackupWork;
use super::bulk::BulkWork;
use super::clone::CloneWork;
use super::config::ConfigureWork;
use super::container_clone::CloneContainerWork;
use super::containers::CreateContainerWork;
use super::create::CreateWork;
use super::migrate::MigrateWork;
use super::moves::{MoveWork, ReassignWork};
use super::power::PowerWork;
use super::prune::PruneWork;
use super::restore::RestoreWork;
use super::snapshots::SnapshotWork;
use super::state::GuestType;
use super::uploads::{DownloadWork, ImportWork};
use super::{Machine, auth::Caller};
use crate::proxmox::task::Upid;

/// How long a worker needs to get going; a real fork takes about as long.
const FORK_MS: u64 = 20;

/// A background worker and its log.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Task {
    pub(super) upid: String,
    pub(super) node: String,
    pub(super) pid: u32,
    pub(super) pstart: u64,
    pub(super) start_s: u64,
    pub(super) kind: String,
    pub(super) id: String,
    /// Full id of the caller, with token.
    pub(super) user: String,
    pub(super) phase: Phase,
    pub(super) locks: Vec<Hold>,
    pub(super) log: Vec<String>,
    pub(super) work: Work,
    /// How it fails at its next stage.
    #[serde(default)]
    pub(super) doom: Option<String>,
    /// A fault rule lets its copy fail.
    #[serde(default)]
    pub(super) is_short_of_space: bool,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Phase {
    /// Forked; takes its locks when `due_ms` comes, or gives up at `until_ms`.
    Waiting {
        due_ms: u64,
        until_ms: u64,
    },
    Running {
        due_ms: u64,
        stage: u32,
    },
    Ended {
        at_ms: u64,
        status: String,
    },
}

/// A lock on one guest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Hold {
    pub(super) vmid: u32,
    pub(super) is_shared: bool,
}

/// What a worker does.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) enum Work {
    Create(CreateWork),
    CreateContainer(CreateContainerWork),
    Clone(CloneWork),
    CloneContainer(CloneContainerWork),
    Snapshot(SnapshotWork),
    Move(MoveWork),
    Reassign(ReassignWork),
    Backup(BackupWork),
    Restore(RestoreWork),
    ResizeMountPoint {
        vmid: u32,
        key: String,
        size_bytes: u64,
    },
    Configure(ConfigureWork),
    Power(PowerWork),
    Template {
        vmid: u32,
    },
    Resize {
        vmid: u32,
        disk: String,
        size: String,
        digest: Option<String>,
    },
    Destroy {
        vmid: u32,
        purges: bool,
        frees_unreferenced: bool,
        skips_lock: bool,
    },
    RemoveVolume {
        node: String,
        volid: String,
    },
    ReloadNetwork,
    ApplyNetwork {
        node: String,
    },
    /// Says one line and is done.
    Say {
        line: String,
    },
    Bulk(BulkWork),
    Prune(PruneWork),
    Migrate(MigrateWork),
    Download(DownloadWork),
    Import(ImportWork),
}

/// What a stage says about the rest of the task.
pub(super) enum Step {
    /// Another stage follows after so many milliseconds.
    After(u64),
    /// The same stage is tried again after so many milliseconds.
    Again(u64),
    /// The task is over: OK with a number of warnings, or the error text.
    End(Result<u32, String>),
}

impl Step {
    pub(super) const DONE: Self = Self::End(Ok(0));

    pub(super) fn failed(text: impl Into<String>) -> Self {
        Self::End(Err(text.into()))
    }
}

/// What happens next, in order of time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Event {
    Task(u64),
    Restart(u32),
    Manager,
    /// Something inside a guest got ready: its agent, or a program.
    InGuest(u32),
    /// Something that was no task gives a guest's lock free.
    Release(u32),
    /// A request is answered after its client gave up.
    Late,
    Broadcast,
}

impl Task {
    pub(super) fn is_active(&self) -> bool {
        !matches!(self.phase, Phase::Ended { .. })
    }

    fn due_ms(&self) -> Option<u64> {
        match self.phase {
            Phase::Waiting { due_ms, .. } | Phase::Running { due_ms, .. } => Some(due_ms),
            Phase::Ended { .. } => None,
        }
    }
}

/// What `spawn` needs to know about a worker.
pub(super) struct Spawn<'a> {
    pub(super) node: &'a str,
    pub(super) kind: &'a str,
    pub(super) id: String,
    pub(super) locks: Vec<Hold>,
    /// How long the worker waits for its locks.
    pub(super) wait_ms: u64,
    pub(super) work: Work,
}

/// An exclusive lock on one guest.
pub(super) fn exclusive(vmid: u32) -> Vec<Hold> {
    vec![Hold { vmid, is_shared: false }]
}

impl Machine {
    /// Returns the text for a guest's lock that did not come free.
    fn lock_timeout(&self, vmid: u32) -> String {
        let file = match self.guests.get(&vmid).map(|guest| guest.kind) {
            Some(GuestType::Lxc) => format!("/run/lock/lxc/pve-config-{vmid}.lock"),
            Some(GuestType::Qemu) | None => format!("/var/lock/qemu-server/lock-{vmid}.conf"),
        };
        format!("can't lock file '{file}' - got timeout")
    }

    /// Starts a worker and returns its UPID.
    pub(super) fn spawn(&mut self, caller: &Caller, spawn: Spawn<'_>) -> String {
        let now_ms = self.clock.now_ms;
        let seq = self.clock.next_task;
        self.clock.next_task += 1;
        let pid = self.take_pid();
        let start_s = now_ms / 1000;
        let pstart = (now_ms - self.meta.booted_ms) / 10;
        let upid = Upid {
            node: spawn.node.to_owned(),
            pid,
            pstart,
            start: u32::try_from(start_s).unwrap_or(u32::MAX),
            kind: spawn.kind.to_owned(),
            id: spawn.id.clone(),
            user: caller.full_id(),
        }
        .to_string();
        self.log_line(spawn.node, &caller.full_id(), 6, &format!("starting task {upid}"));
        let due_ms = now_ms + FORK_MS;
        let phase = Phase::Waiting { due_ms, until_ms: due_ms + spawn.wait_ms };
        let task = Task {
            upid: upid.clone(),
            node: spawn.node.to_owned(),
            pid,
            pstart,
            start_s,
            kind: spawn.kind.to_owned(),
            id: spawn.id,
            user: caller.full_id(),
            phase,
            locks: spawn.locks,
            log: Vec::new(),
            work: spawn.work,
            doom: None,
            is_short_of_space: false,
        };
        self.upids.insert(upid.clone(), seq);
        self.tasks.insert(seq, task);
        self.active.insert(seq);
        self.agenda.insert((due_ms, Event::Task(seq)));
        upid
    }

    /// Gives a running task's guests free before it ends.
    pub(super) fn release_locks(&mut self, seq: u64) {
        if let Some(task) = self.tasks.get_mut(&seq) {
            task.locks.clear();
        }
        self.wake_waiting();
    }

    /// Keeps what a stage found out for the next one.
    pub(super) fn replace_work(&mut self, seq: u64, work: Work) {
        if let Some(task) = self.tasks.get_mut(&seq) {
            task.work = work;
        }
    }

    /// Adds a line to the log of a running task.
    pub(super) fn task_log(&mut self, seq: u64, line: impl Into<String>) {
        if let Some(task) = self.tasks.get_mut(&seq) {
            task.log.push(line.into());
        }
    }

    /// Returns whether no running task holds what `wanted` asks for.
    pub(super) fn is_lock_free(&self, wanted: &[Hold]) -> bool {
        let clashes =
            |held: &Hold| wanted.iter().any(|wish| wish.vmid == held.vmid && !(wish.is_shared && held.is_shared));
        if wanted.iter().any(|wish| self.clock.held.contains_key(&wish.vmid)) {
            return false;
        }
        self.active_tasks().all(|task| match task.phase {
            Phase::Running { .. } => !task.locks.iter().any(clashes),
            Phase::Waiting { .. } | Phase::Ended { .. } => true,
        })
    }

    /// Waits inside a call until a guest's lock is free; time passes meanwhile.
    pub(super) fn wait_for_lock(&mut self, vmid: u32, wait_ms: u64) -> Result<(), String> {
        let wanted = exclusive(vmid);
        let until_ms = self.begins_ms.unwrap_or(self.clock.now_ms) + wait_ms;
        while !self.is_lock_free(&wanted) {
            match self.agenda.first() {
                Some((due_ms, _)) if *due_ms <= until_ms => self.advance_to(*due_ms),
                _ => {
                    self.advance_to(until_ms);
                    return Err(self.lock_timeout(vmid));
                }
            }
        }
        Ok(())
    }

    /// Lets time pass up to `now_ms` and everything happen that is due until then.
    pub(super) fn advance_to(&mut self, now_ms: u64) {
        while let Some(entry) = self.agenda.first().copied().filter(|(due_ms, _)| *due_ms <= now_ms) {
            self.agenda.remove(&entry);
            self.clock.now_ms = self.clock.now_ms.max(entry.0);
            match entry.1 {
                Event::Task(seq) => self.run_task(seq),
                Event::Restart(vmid) => self.restart_guest(vmid),
                Event::Manager => self.run_manager(),
                Event::InGuest(_) => {}
                Event::Release(vmid) => self.release_held(vmid),
                Event::Late => self.handle_late(),
                Event::Broadcast => self.broadcast(),
            }
        }
        self.clock.now_ms = self.clock.now_ms.max(now_ms);
    }

    /// Moves time to the next event, which is what a poll does when time is not real.
    pub(super) fn advance_to_next(&mut self, includes_broadcast: bool) {
        let is_wanted = |event: &Event| includes_broadcast || *event != Event::Broadcast;
        if let Some(due_ms) = self.agenda.iter().find(|(_, event)| is_wanted(event)).map(|(due_ms, _)| *due_ms) {
            self.advance_to(due_ms);
        }
    }

    fn run_task(&mut self, seq: u64) {
        let Some(task) = self.tasks.get(&seq) else {
            return;
        };
        if task.is_active() && self.end_doomed(seq) {
            return;
        }
        let Some(task) = self.tasks.get(&seq) else {
            return;
        };
        let stage = match task.phase {
            Phase::Ended { .. } => return,
            Phase::Running { stage, .. } => stage,
            Phase::Waiting { until_ms, .. } => {
                if !self.is_lock_free(&task.locks.clone()) {
                    return self.keep_waiting(seq, until_ms);
                }
                if task.log.first().is_some_and(|line| line == "trying to acquire lock...") {
                    self.task_log(seq, " OK");
                }
                0
            }
        };
        // The locks are held from here on, also while the stage looks at other tasks.
        let now_ms = self.clock.now_ms;
        self.set_phase(seq, Phase::Running { due_ms: now_ms, stage });
        match self.run_stage(seq, stage) {
            Step::After(delay_ms) => {
                let due_ms = now_ms + delay_ms;
                self.set_phase(seq, Phase::Running { due_ms, stage: stage + 1 });
                self.agenda.insert((due_ms, Event::Task(seq)));
            }
            Step::Again(delay_ms) => {
                let due_ms = now_ms + delay_ms;
                self.set_phase(seq, Phase::Running { due_ms, stage });
                self.agenda.insert((due_ms, Event::Task(seq)));
            }
            Step::End(result) => self.end_task(seq, result),
        }
    }

    fn keep_waiting(&mut self, seq: u64, until_ms: u64) {
        if self.clock.now_ms >= until_ms {
            let locks = self.tasks.get(&seq).map(|task| task.locks.clone()).unwrap_or_default();
            let taken = locks.iter().find(|hold| !self.is_lock_free(std::slice::from_ref(hold)));
            let vmid = taken.or(locks.first()).map_or(0, |hold| hold.vmid);
            return self.end_task(seq, Err(self.lock_timeout(vmid)));
        }
        if self.tasks.get(&seq).is_some_and(|task| task.log.is_empty()) {
            self.task_log(seq, "trying to acquire lock...");
        }
        self.set_phase(seq, Phase::Waiting { due_ms: until_ms, until_ms });
        self.agenda.insert((until_ms, Event::Task(seq)));
    }

    fn run_stage(&mut self, seq: u64, stage: u32) -> Step {
        let Some(work) = self.tasks.get(&seq).map(|task| task.work.clone()) else {
            return Step::DONE;
        };
        match work {
            Work::Create(work) => self.run_create(seq, stage, &work),
            Work::CreateContainer(work) => self.run_create_container(seq, stage, &work),
            Work::Clone(work) => self.run_clone(seq, stage, &work),
            Work::CloneContainer(work) => self.run_clone_container(seq, stage, &work),
            Work::Snapshot(work) => self.run_snapshot(seq, stage, &work),
            Work::Move(work) => self.run_move(seq, stage, &work),
            Work::Reassign(work) => self.run_reassign(seq, &work),
            Work::Backup(work) => self.run_backup(seq, stage, &work),
            Work::Restore(work) => self.run_restore(seq, stage, &work),
            Work::ResizeMountPoint { vmid, key, size_bytes } => {
                self.run_resize_mount_point(seq, stage, vmid, &key, size_bytes)
            }
            Work::Configure(work) => self.run_configure(seq, stage, &work),
            Work::Power(work) => self.run_power(seq, stage, &work),
            Work::Template { vmid } => self.run_template(stage, vmid),
            Work::Resize { vmid, disk, size, digest } => {
                self.run_resize(seq, stage, vmid, &disk, &size, digest.as_deref())
            }
            Work::Destroy { vmid, purges, frees_unreferenced, skips_lock } => {
                self.run_destroy(seq, stage, vmid, purges, frees_unreferenced, skips_lock)
            }
            Work::ReloadNetwork => self.run_network_reload(seq, stage),
            Work::ApplyNetwork { node } => self.run_network_apply(stage, &node),
            Work::Say { line } => {
                self.task_log(seq, line);
                Step::DONE
            }
            Work::Migrate(work) => self.run_migrate(seq, stage, &work),
            Work::Prune(work) => self.run_prune(seq, &work),
            Work::Bulk(work) => self.run_bulk(seq, stage, &work),
            Work::Download(work) => self.run_download(seq, stage, &work),
            Work::Import(work) => self.run_import(seq, stage, &work),
            Work::RemoveVolume { node, volid } => self.run_remove_volume(seq, &node, &volid),
        }
    }

    /// Ends a task, writes its last log line and wakes who waited for its locks.
    pub(super) fn end_task(&mut self, seq: u64, result: Result<u32, String>) {
        let at_ms = self.clock.now_ms;
        let (status, last_line, priority) = match result {
            Ok(0) => ("OK".to_owned(), "TASK OK".to_owned(), 6),
            Ok(count) => (format!("WARNINGS: {count}"), format!("TASK WARNINGS: {count}"), 6),
            Err(text) => (text.replace('\n', " "), format!("TASK ERROR: {text}"), 3),
        };
        let Some(task) = self.tasks.get_mut(&seq) else {
            return;
        };
        task.log.push(last_line);
        task.phase = Phase::Ended { at_ms, status: status.clone() };
        let (node, user, upid) = (task.node.clone(), task.user.clone(), task.upid.clone());
        self.active.remove(&seq);
        self.log_line(&node, &user, priority, &format!("end task {upid} {status}"));
        self.wake_waiting();
    }

    /// Ends a task as if its worker had been killed: nothing is cleaned up.
    pub(super) fn kill_task(&mut self, seq: u64) {
        let at_ms = self.clock.now_ms;
        self.set_phase(seq, Phase::Ended { at_ms, status: "unexpected status".to_owned() });
        self.active.remove(&seq);
        self.wake_waiting();
    }

    pub(super) fn wake_waiting(&mut self) {
        let now_ms = self.clock.now_ms;
        let is_waiting = |task: &super::task::Task| matches!(task.phase, Phase::Waiting { .. });
        let waiting: Vec<u64> =
            self.active.iter().copied().filter(|seq| self.tasks.get(seq).is_some_and(is_waiting)).collect();
        for seq in waiting {
            if let Some(Phase::Waiting { due_ms, until_ms }) = self.tasks.get(&seq).map(|task| task.phase.clone())
                && due_ms == until_ms
            {
                self.agenda.remove(&(due_ms, Event::Task(seq)));
                self.set_phase(seq, Phase::Waiting { due_ms: now_ms, until_ms });
                self.agenda.insert((now_ms, Event::Task(seq)));
            }
        }
    }

    fn set_phase(&mut self, seq: u64, phase: Phase) {
        if let Some(task) = self.tasks.get_mut(&seq) {
            task.phase = phase;
        }
    }

    pub(super) fn active_tasks(&self) -> impl DoubleEndedIterator<Item = &Task> {
        self.active.iter().filter_map(|seq| self.tasks.get(seq)).filter(|task| task.is_active())
    }

    /// Rebuilds what is derived from tasks and guests after a restore.
    pub(super) fn rebuild_agenda(&mut self) {
        let mut agenda: Vec<(u64, Event)> = Vec::new();
        for (seq, task) in self.tasks.iter() {
            self.upids.insert(task.upid.clone(), *seq);
            if let Some(due_ms) = task.due_ms() {
                self.active.insert(*seq);
                agenda.push((due_ms, Event::Task(*seq)));
            }
        }
        if self.has_managed_guests() {
            self.plan_manager();
        }
        agenda.extend(self.clock.late.iter().map(|late| (late.due_ms, Event::Late)));
        agenda.extend(self.clock.held.iter().map(|(vmid, due_ms)| (*due_ms, Event::Release(*vmid))));
        for (vmid, guest) in self.guests.iter() {
            let programs = guest.processes.values().filter(|process| process.done_ms > self.clock.now_ms);
            agenda.extend(programs.map(|process| (process.done_ms, Event::InGuest(*vmid))));
            agenda.extend(guest.restart_at_ms.map(|due_ms| (due_ms, Event::Restart(*vmid))));
            if let super::state::Power::Running { agent_at_ms: Some(due_ms), .. } = guest.power
                && due_ms > self.clock.now_ms
            {
                agenda.push((due_ms, Event::InGuest(*vmid)));
            }
        }
        self.agenda.extend(agenda);
    }

    fn take_pid(&mut self) -> u32 {
        let pid = self.clock.next_pid;
        self.clock.next_pid += 1 + u32::try_from(self.random() % 23).unwrap_or(0);
        pid
    }
}
