//! Spawnpoint: text goes in, a `Plan` comes out, and nothing has been touched. A second, smaller program turns that plan
//! into API calls and writes down each step before taking it.

pub mod apply;
pub mod cli;
pub mod config;
pub mod diagnostics;
pub mod domain;
pub mod graph;
pub mod history;
pub mod observe;
pub mod plan;
pub mod games;
pub mod provision;
pub mod proxmox;
pub mod render;
pub mod resources;
pub mod secrets;
pub mod state;
pub mod value;
pub mod simulator;
