//! The client everything above uses: sends calls within limits, sorts errors into classes, repeats what is safe to repeat,
//! and waits for tasks. What a call means for a VM is not known here.
//!
//! Architecture invariant: a write whose answer was lost is never sent again; it comes back as an unknown outcome.

mod limits;
#[cfg(test)]
mod tests;
mod wait;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicI64, AtomicU8, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::Value;

pub use limits::Limits;
pub use wait::{Finished, Progress, TaskStatus};

use super::error::CallError;
use super::{Answer, Call, Clock, Transport, Upid};

/// Sends calls to one cluster. Cheap to share behind an `Arc`.
pub struct Client {
    transport: Arc<dyn Transport>,
    gates: limits::Gates,
    running: Mutex<BTreeMap<String, Arc<wait::RunningTasks>>>,
    requests: AtomicU64,
    clock: AtomicU8,
    /// The last `Date`, in seconds since 1970; the minimum stands for none.
    server_time: AtomicI64,
}

/// What a write answered.
#[derive(Clone, Debug, PartialEq)]
pub struct Written {
    /// The `data` member.
    pub data: Value,
    /// The task that does the work, if the data names one.
    pub upid: Option<Upid>,
}

const CLOCK_OF_A_SERVER: u8 = 0;
const CLOCK_REAL: u8 = 1;
const CLOCK_INSTANT: u8 = 2;

impl Client {
    /// Returns a client that sends through `transport`.
    pub fn new(transport: Arc<dyn Transport>, limits: Limits) -> Self {
        Self {
            transport,
            gates: limits::Gates::new(limits),
            running: Mutex::default(),
            requests: AtomicU64::new(0),
            clock: AtomicU8::new(CLOCK_OF_A_SERVER),
            server_time: AtomicI64::new(i64::MIN),
        }
    }

    /// Sends a read once and returns its data.
    ///
    /// # Errors
    /// Whatever is not a 2xx answer, by class.
    pub async fn read(&self, call: &Call) -> Result<Value, CallError> {
        self.answer(call).await.map(|answer| answer.data)
    }

    /// Sends a write. It is repeated only where the server is known to have done nothing: after a lock wait or a failed fork, and where
    /// nobody could be reached.
    ///
    /// # Errors
    /// Whatever is not a 2xx answer, by class. A lost answer is [`super::ErrorClass::UnknownOutcome`] and must be verified by
    /// reading, twice if the status is 596 with `Connection timed out`: the server then still acts, up to 35 s later.
    pub async fn write(&self, call: &Call) -> Result<Written, CallError> {
        let mut repetitions = 0;
        loop {
            let error = match self.answer(call).await {
                Ok(answer) => {
                    let upid = answer.data.as_str().and_then(|text| text.parse().ok());
                    return Ok(Written { data: answer.data, upid });
                }
                Err(error) => error,
            };
            let Some(pause) = error.class.pauses().get(repetitions) else {
                return Err(error.of_write());
            };
            self.pause(spread(*pause, call)).await;
            repetitions += 1;
        }
    }

    /// Returns whether the other side has said it is a simulator.
    pub fn is_simulator(&self) -> bool {
        self.simulator_clock().is_some()
    }

    /// Returns how the simulator's clock runs, once an answer has shown that it is one.
    pub fn simulator_clock(&self) -> Option<Clock> {
        match self.clock.load(Ordering::Relaxed) {
            CLOCK_INSTANT => Some(Clock::Instant),
            CLOCK_REAL => Some(Clock::Real),
            _ => None,
        }
    }

    /// Returns the cluster's time in seconds since 1970, as of the last answer.
    pub fn server_time(&self) -> Option<i64> {
        Some(self.server_time.load(Ordering::Relaxed)).filter(|date| *date != i64::MIN)
    }

    /// Returns what to call the other side in messages.
    pub fn describe(&self) -> String {
        self.transport.describe()
    }

    /// Returns how many requests were handed to the transport so far.
    pub fn requests(&self) -> u64 {
        self.requests.load(Ordering::Relaxed)
    }

    async fn answer(&self, call: &Call) -> Result<Answer, CallError> {
        let passage = self.gates.pass(call).await;
        let outcome = self.exchange(call).await;
        passage.report(outcome.as_ref().map(|_| ()));
        outcome
    }

    async fn exchange(&self, call: &Call) -> Result<Answer, CallError> {
        self.requests.fetch_add(1, Ordering::Relaxed);
        let answer = self.transport.send(call).await.map_err(|error| CallError::from_transport(call, &error))?;
        let clock = match answer.simulator {
            None => CLOCK_OF_A_SERVER,
            Some(Clock::Real) => CLOCK_REAL,
            Some(Clock::Instant) => CLOCK_INSTANT,
        };
        self.clock.store(clock, Ordering::Relaxed);
        if let Some(date) = answer.date {
            self.server_time.store(date, Ordering::Relaxed);
        }
        if answer.is_success() { Ok(answer) } else { Err(CallError::from_answer(call, &answer)) }
    }

    /// Waits, unless waiting is pointless because time passes with each poll.
    pub(crate) async fn pause(&self, duration: Duration) {
        match self.simulator_clock() {
            Some(Clock::Instant) => tokio::task::yield_now().await,
            Some(Clock::Real) | None => tokio::time::sleep(duration).await,
        }
    }
}

/// Returns a pause that is up to a quarter longer, by what is called: calls that met at a lock do not meet there again.
fn spread(pause: Duration, call: &Call) -> Duration {
    let sum: u32 = call.to_string().bytes().map(u32::from).sum();
    pause + pause * (sum % 256) / 1024
}

impl std::fmt::Debug for Client {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Client").field("transport", &self.describe()).finish_non_exhaustive()
    }
}
