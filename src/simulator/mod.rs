//! A Proxmox VE cluster that is not there: a pure state machine behind the real wire protocol.
//!
//! Architecture invariant: nothing here imports `resources`, so that a shared mistake cannot cancel itself out.

mod certificates;
mod door;
mod exchange;
mod faults;
mod lab;
mod listeners;
mod machine;
pub mod record;
mod server;
mod spoken;
mod status_ping;
mod store;

pub use door::InProcess;
pub use faults::{Change, Effect, Faults, Moment, Rule, Sighting};
pub use lab::{Lab, LabError};
pub use listeners::Listeners;
pub use machine::{Game, Machine, Pace, Reply, Request, Row, SimulatedGuest};
pub use server::{Interceptor, Options, Passing, RunningServer, Server, Verdict};
pub use store::{Store, StoreError};
