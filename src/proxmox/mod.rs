//! Talking to Proxmox VE: a [`Call`] is data, a [`Transport`] sends it, and everything above sees an [`Answer`].
//!
//! What a call means for a VM or a pool lives in `resources`; when calls are made lives in `apply` and `observe`.

pub mod call;
pub mod task;
pub mod transport;

pub use call::{Answer, Call, Clock, Method};
pub use task::Upid;
pub use transport::{Transport, TransportError};
