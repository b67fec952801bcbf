//! Setting a game server up on a guest: reach it by SSH, run its playbook with Ansible, and wait until the game itself answers.
//!
//! When that has to happen is decided elsewhere; see [`Game::input_hash`](crate::games::Game::input_hash). Nothing here talks to Proxmox:
//! `guest` makes calls as data.

mod ansible;
pub mod assets;
mod error;
mod event;
pub mod guest;
pub mod health;
mod processes;
mod run;
mod ssh;
mod workspace;

pub use ansible::Ansible;
pub use assets::Playbook;
pub use error::Error;
pub use event::{Event, KeyChange};
pub use run::{Mode, Patience, Report, Request, Scope, run};
pub use ssh::{Connection, HostKey};
