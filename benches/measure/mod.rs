//! Runs a program to its end and tells what it cost, as the operating system counts it. CPU time hardly depends on what else the machine
//! does, wall time does, so only the former is judged.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};
use wait4::Wait4;

/// What a process cost from its start to its end.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cost {
    /// In user and system mode, over all threads.
    pub(crate) cpu: Duration,
    /// By the clock.
    pub(crate) wall: Duration,
    /// Largest resident size. The system counts how large its parent was when it started, so a bench stays small.
    pub(crate) memory_bytes: u64,
    /// Whether it ended with exit code 0.
    pub(crate) is_success: bool,
}

/// Runs a program in a folder, its output thrown away.
///
/// # Panics
/// If it cannot be started.
pub(crate) fn run(program: &str, arguments: &[&str], folder: &Path) -> Cost {
    let begin = Instant::now();
    let child = Command::new(program)
        .args(arguments)
        .current_dir(folder)
        .env("CHECKPOINT_DISABLE", "1")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap_or_else(|error| panic!("`{program}` cannot be started: {error}"));
    let used = child.wait4().expect("a child can be waited for");
    Cost {
        cpu: used.rusage.utime + used.rusage.stime,
        wall: begin.elapsed(),
        memory_bytes: used.rusage.maxrss,
        is_success: used.status.success(),
    }
}

/// Runs it several times and returns the run with the least CPU time: the one that was disturbed least.
pub(crate) fn best_of(times: usize, program: &str, arguments: &[&str], folder: &Path) -> Cost {
    let costs = (0..times).map(|_| run(program, arguments, folder));
    costs.min_by_key(|cost| cost.cpu).expect("it runs at least once")
}

/// Returns the exponent `e` of `cost = factor · size^e` through two measurements.
pub(crate) fn exponent((small, small_cpu): (usize, Duration), (large, large_cpu): (usize, Duration)) -> f64 {
    (large_cpu.as_secs_f64() / small_cpu.as_secs_f64()).ln() / (large as f64 / small as f64).ln()
}

/// Writes one line of a table: what, CPU time, memory, wall time, and the limits with how they were kept.
pub(crate) fn line(what: &str, cost: &Cost, limit: Option<(f64, u64)>) -> String {
    let megabytes = cost.memory_bytes as f64 / 1e6;
    let judged = limit.map_or_else(String::new, |(cpu_seconds, memory_megabytes)| {
        let is_kept = cost.cpu.as_secs_f64() <= cpu_seconds && megabytes <= memory_megabytes as f64;
        let word = if is_kept { "kept" } else { "MISSED" };
        format!("  at most {cpu_seconds} s, {memory_megabytes} MB: {word}")
    });
    format!(
        "{what:<52} {:>8.3} s CPU {megabytes:>6.0} MB {:>8.3} s wall{judged}",
        cost.cpu.as_secs_f64(),
        cost.wall.as_secs_f64()
    )
}
