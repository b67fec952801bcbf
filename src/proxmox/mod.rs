//! Talking to Proxmox VE: a [`Call`] is data, a [`Transport`] sends it, and everything above sees an [`Answer`].
//!
//! [`Https`] is the transport to real servers; [`Client`] adds limits, error classes and waiting for tasks to any transport.
//! What a call means for a VM or a pool lives in `resources`; when calls are made lives in `apply` and `observe`.

pub mod call;
pub mod decode;
pub mod multipart;
pub mod property;
pub mod task;
pub mod transport;

pub mod https;

mod classify;
pub mod client;
pub mod error;
mod hint;

pub use call::{Answer, Call, Clock, Method, Upload};
pub use classify::classify;
pub use client::{Client, Limits, Written};
pub use error::{CallError, ErrorClass};
pub use https::Https;
pub use task::Upid;
pub use transport::{Transport, TransportError};
