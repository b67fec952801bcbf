//! Giving up after some time, in the time of the cluster: on a simulator with an instant clock time passes with each poll.

use crate::proxmox::{Client, Clock};
use std::time::Duration;
use tokio::time::Instant;

/// A point in time after which waiting ends.
pub(super) struct Deadline<'a> {
    client: &'a Client,
    started: Instant,
    server_start: Option<i64>,
    within: Duration,
}

impl<'a> Deadline<'a> {
    /// Returns the deadline that is over after `within`.
    pub(super) fn new(client: &'a Client, within: Duration) -> Self {
        Self { client, started: Instant::now(), server_start: client.server_time(), within }
    }

    /// Returns whether it is over.
    pub(super) fn is_over(&self) -> bool {
        let virtual_time = match (self.client.simulator_clock(), self.server_start, self.client.server_time()) {
            (Some(Clock::Instant), Some(start), Some(now)) => {
                Duration::from_secs(u64::try_from(now - start).unwrap_or(0))
            }
            _ => Duration::ZERO,
        };
        self.started.elapsed().max(virtual_time) >= self.within
    }

    /// Waits between two polls.
    pub(super) async fn pause(&self, duration: Duration) {
        self.client.pause(duration).await;
    }
}
