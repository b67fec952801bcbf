//! Talking to Proxmox VE: a [`Call`] is data, a [`Transport`] sends it, and everything above sees an [`Answer`].
//!
//! What a call means for a VM or a pool lives in `resources`; when calls are made lives in `apply` and `observe`.

pub mod call;
mod classify;
pub mod decode;
pub mod error;
pub mod https;
pub mod client;
mod hint;
pub mod property;
pub mod task;
pub mod transport;

pub use call::{Answer, Call, Clock, Method};
pub use classify::classify;
pub use client::{Client, Limits, Written};
pub use error::{CallError, ErrorClass};
pub use https::Https;
pub use task::Upid;
pub use transport::{Transport, TransportError};
