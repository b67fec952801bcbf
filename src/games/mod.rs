//! Games as data: what the manifest `game.hcl` of a game's folder says, and whether a server's settings fit it.
//!
//! Adding a game is adding a folder under `playbooks/`. Files are read by the shell; nothing here knows what Ansible is.

mod input;
mod manifest;
mod parse;
mod read;
mod validate;

pub use input::{Artifact, Backup, Power, Server, Source};
pub use manifest::{Game, Port, Protocol, Query, SecretKey, Setting, SettingType, Sizing, Stop, StopBy, Version};
pub use parse::parse;
pub use validate::{Mark, Underlined, Wanted};
