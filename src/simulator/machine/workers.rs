//! The workers behind privileged calls: what happens to calls that arrive while others block them.
//!
//! A node has three. Measured with n configuration writes that all wait for one guest's lock: the first two end after ten
//! seconds, the third is taken by a worker that is already busy and its connection breaks, the fourth runs when the first
//! has ended, the fifth breaks, and those after it are given up after thirty seconds but act in the end. Reads pass as long
//! as one worker is free.

use super::Machine;
use super::request::{Reply, Request};

/// A call that took longer than this kept a worker busy.
const BLOCKING_MS: u64 = 1000;
/// How long an accepted connection waits for its worker.
const IDLE_MS: u64 = 5000;
/// How long the front waits for the worker.
const HOP_MS: u64 = 30_000;
/// As long as fewer calls than this block, a read finds a free worker.
const BLOCKED_READS: usize = 4;

impl Machine {
    /// Answers a request that arrived at `arrived_ms`, which is before now when another call has blocked since.
    pub fn handle_arrived(&mut self, request: &Request, arrived_ms: u64) -> Reply {
        let path = request.path.strip_prefix("/api2/json").unwrap_or(&request.path);
        let arrived_ms = arrived_ms.min(self.clock.now_ms);
        if !super::is_protected(&request.method, path) {
            return self.handle(request);
        }
        let mut ends: Vec<u64> = self.clock.blocked.iter().copied().filter(|end_ms| *end_ms > arrived_ms).collect();
        ends.sort_unstable();
        let (count, first_ms) = (ends.len(), ends.first().copied().unwrap_or(arrived_ms));
        self.clock.blocked = ends;
        let wait_ms = first_ms - arrived_ms;
        if request.method == "GET" {
            let waits_ms = if count >= BLOCKED_READS { wait_ms } else { 0 };
            let reply = self.handle_at(request, arrived_ms + waits_ms);
            return Reply { took_ms: reply.took_ms + waits_ms, ..reply };
        }
        match count {
            0 | 1 => self.handle_blocking(request, arrived_ms, 0),
            2 | 4 if wait_ms > IDLE_MS => {
                self.clock.blocked.push(first_ms);
                pseudo("Broken pipe", wait_ms)
            }
            2..=4 => self.handle_blocking(request, arrived_ms, wait_ms),
            _ => {
                self.clock.blocked.push(arrived_ms + HOP_MS);
                let due_ms = (first_ms + HOP_MS).saturating_sub(self.clock.now_ms);
                self.handle_later(request, due_ms);
                pseudo("Connection timed out", HOP_MS)
            }
        }
    }

    fn handle_blocking(&mut self, request: &Request, arrived_ms: u64, wait_ms: u64) -> Reply {
        let reply = self.handle_at(request, arrived_ms + wait_ms);
        let took_ms = reply.took_ms + wait_ms;
        if took_ms > BLOCKING_MS {
            self.clock.blocked.push(arrived_ms + took_ms);
        }
        Reply { took_ms, ..reply }
    }

    /// Answers as if it were `begins_ms`: the call waits for locks from then on.
    fn handle_at(&mut self, request: &Request, begins_ms: u64) -> Reply {
        self.begins_ms = Some(begins_ms);
        let reply = self.handle(request);
        self.begins_ms = None;
        reply
    }
}

/// An answer of the front, which has a reason and nothing else.
fn pseudo(reason: &str, took_ms: u64) -> Reply {
    Reply { status: 596, reason: reason.to_owned(), body: Vec::new(), headers: Vec::new(), took_ms }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simulator::lab::Lab;

    /// Sends `count` writes to a locked guest at one moment and returns what came of each: status and seconds.
    fn blocked_writes(count: usize) -> (Machine, Vec<(u16, u64)>) {
        let mut machine = Machine::new(&Lab::built_in(), 1).expect("the built-in lab can be built");
        machine.hold_lock(9000, 600_000);
        let arrived_ms = machine.now_ms();
        let answers = (0..count).map(|number| {
            let reply = machine.handle_arrived(&write(&machine, number), arrived_ms);
            (reply.status, reply.took_ms / 1000)
        });
        let answers = answers.collect();
        (machine, answers)
    }

    fn write(machine: &Machine, number: usize) -> Request {
        Request {
            method: "PUT".into(),
            path: "/api2/json/nodes/pve1/qemu/9000/config".into(),
            body: format!("memory={}", 1024 + number).into_bytes(),
            authorization: Some(format!("PVEAPIToken={}", machine.automation_token())),
            ..Request::default()
        }
    }

    #[test]
    fn writes_that_wait_for_a_lock_block_the_workers() {
        assert_eq!(blocked_writes(1).1, [(500, 10)]);
        assert_eq!(blocked_writes(3).1, [(500, 10), (500, 10), (596, 10)]);
        let (machine, answers) = blocked_writes(6);
        assert_eq!(answers, [(500, 10), (500, 10), (596, 10), (500, 20), (596, 10), (596, 30)]);
        assert_eq!(machine.dump()["guests"]["9000"]["config"]["memory"], "2048", "no write happened");
    }

    #[test]
    fn a_write_that_was_given_up_happens_when_the_lock_is_free() {
        let (mut machine, _) = blocked_writes(6);
        machine.advance(700_000);
        assert_eq!(
            machine.dump()["guests"]["9000"]["config"]["memory"],
            "2048",
            "its own wait ended before the lock did"
        );
        let mut machine = Machine::new(&Lab::built_in(), 1).expect("the built-in lab can be built");
        machine.hold_lock(9000, 25_000);
        let arrived_ms = machine.now_ms();
        for number in 0..6 {
            machine.handle_arrived(&write(&machine, number), arrived_ms);
        }
        machine.advance(60_000);
        assert_eq!(machine.dump()["guests"]["9000"]["config"]["memory"], "1029", "the last of the six");
    }
}
