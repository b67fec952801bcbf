//! Everything a run of Ansible has started, found by a mark in its environment.
//!
//! A process group does not hold it: Ansible's workers lead sessions of their own, and SSH's shared connections outlive the program that
//! opened them. The environment is inherited by all of them, whoever forks when.

use rustix::process::{Pid, Signal, kill_process};
use std::fs;
use std::thread::sleep;
use std::time::{Duration, Instant};
use tokio::process::Command;
use uuid::Uuid;

/// Environment variable that carries the mark.
const VARIABLE: &str = "SPAWNPOINT_RUN";

/// Looks in a row that find nothing before everything is taken to be gone. One is not enough: while a process replaces its program, its
/// environment cannot be read for an instant.
const EMPTY_LOOKS: u32 = 2;

/// Pause between two looks.
const PAUSE: Duration = Duration::from_millis(10);

/// How long a killed process may take to go. One that the kernel holds longer waits for hardware, and we do not wait with it.
const GIVE_UP: Duration = Duration::from_secs(5);

/// The processes of one run. Dropped, it has killed all that are left and seen them go: also when the whole program leaves right after.
///
/// They are killed, not asked: nothing Ansible would tidy up outlives the run's folder, and what it started on a guest goes on either way.
pub(super) struct Processes {
    mark: String,
}

impl Processes {
    /// Returns the processes that a command and all its descendants are going to be.
    pub(super) fn of(command: &mut Command) -> Self {
        let run = Uuid::new_v4().to_string();
        command.env(VARIABLE, &run);
        Self { mark: format!("{VARIABLE}={run}") }
    }

    fn running(&self) -> Vec<Pid> {
        let processes = fs::read_dir("/proc").into_iter().flatten().flatten();
        let is_ours =
            |environment: Vec<u8>| environment.split(|byte| *byte == 0).any(|entry| entry == self.mark.as_bytes());
        processes
            .filter_map(|process| {
                let pid = Pid::from_raw(process.file_name().to_str()?.parse().ok()?)?;
                // What has ended has no environment any more, and other users' processes do not show theirs.
                fs::read(process.path().join("environ")).is_ok_and(is_ours).then_some(pid)
            })
            .collect()
    }
}

impl Drop for Processes {
    fn drop(&mut self) {
        let begun = Instant::now();
        let mut empty_looks = 0;
        while empty_looks < EMPTY_LOOKS && begun.elapsed() < GIVE_UP {
            let running = self.running();
            empty_looks = if running.is_empty() { empty_looks + 1 } else { 0 };
            for process in running {
                // An error means that it is gone already.
                kill_process(process, Signal::KILL).ok();
            }
            sleep(PAUSE);
        }
    }
}
