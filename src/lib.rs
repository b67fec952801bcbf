//! Spawnpoint: text goes in, a `Plan` comes out, and nothing has been touched. A second, smaller program turns that plan
//! into API calls and writes down each step before taking it.

pub mod diagnostics;
pub mod proxmox;
pub mod simulator;
