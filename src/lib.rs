//! Spawnpoint: text goes in, a `Plan` comes out, and nothing has been touched. A second, smaller program turns that plan into API calls and
//! writes down each step before taking it.
//!
//! ```text
//!  *.hcl ─ config ─▶ Stack ─ domain ─▶ Instances ─ graph ─▶ Graph ─┐
//!  state-backends ─▶ state (fold) ─▶ State ────────────────────────┼─ plan ─▶ Plan ─ render ─▶ terminal | json
//!  Proxmox GETs ─── observe ─▶ Observed (one snapshot) ────────────┘      └─ apply/schedule ─▶ apply/driver ─▶ Summary
//!                                                                                                 │  ▲
//!                                                                              journal ◀──────────┘  └─ Transport: https:// | simulator
//! ```
//!
//! The **functional core** knows no async, clock, environment or IO: `value diagnostics config domain games graph state resources lookups plan
//! render history`, `apply::{schedule, recover}`, `observe::decode`, `simulator::machine`. The **imperative shell** is the rest.
//!
//! Invariants, each held by a test:
//!
//! 1. `plan` never awaits, reads no clock and no environment: same input, same bytes out.
//! 2. A plan leaves apply no choices: VMIDs, MACs, addresses, ports, nodes, order and locks are in it.
//! 3. `simulator` never imports `resources`: a shared mistake must not cancel itself out. In process, calls are form-encoded too.
//! 4. `resources` make calls as data; they never send them.
//! 5. `Value` is not `Serialize`; only `value::wire` is. A secret prints as `(sensitive)` even in `{:?}`.
//! 6. `state-backends` does not know what a VM is.
//! 7. Nothing is sent to a cluster before its journal entry is durable.
//! 8. A node we could not read is unreachable, never absent. No create is planned from silence, and no delete.
//! 9. Every write that takes a `digest` carries that of the last read whose content was compared with the plan; calls without one are
//!    preceded by that read.
//! 10. Nothing is deleted or adopted unless the owner marker on the object matches our record; a VMID or a name alone proves nothing.
//! 11. Apply, then plan again: no changes.

// What everything speaks.
pub mod diagnostics;
pub mod value;

// What is wanted: from text to instances.
pub mod config;
pub mod domain;
pub mod games;
pub mod graph;

// What we know and what is there.
pub mod history;
pub mod lookups;
pub mod observe;
pub mod resources;
pub mod state;

// What will be done, and doing it.
pub mod apply;
pub mod plan;
pub mod provision;

// The other side.
pub mod checks;
pub mod doctor;
pub mod fetch;
pub mod proxmox;
pub mod secrets;
pub mod simulator;

// What people see and type.
pub mod cli;
pub mod render;
