//! Independent clients drive the simulator over HTTPS with verification on: proxmoxer (Python, by token) and proxmox-api (Node.js, by password
//! and ticket). They know nothing of us, so what works for them works as on a real server.

use crate::provision::{skip, venv};
use crate::served::Served;
use std::path::PathBuf;
use std::process::Command;

const CLIENTS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/clients");

fn run_lifecycle(served: &Served, client: &mut Command) {
    let output =
        client.env("SPAWNPOINT_ENDPOINT", served.server.address.to_string()).output().expect("the interpreter starts");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert_eq!(String::from_utf8_lossy(&output.stdout), "ok\n", "{errors}");
    assert!(served.server.requests() > 20, "it asked this server");
}

#[test]
fn proxmoxer_runs_a_lifecycle() {
    const TEST: &str = "proxmoxer against the simulator";
    let python = match venv("python3") {
        Ok(python) => python,
        Err(reason) => return skip(TEST, &reason),
    };
    let import = Command::new(&python).args(["-c", "import proxmoxer, requests"]).output().expect("Python starts");
    if !import.status.success() {
        return skip(TEST, &format!("{} has no proxmoxer and requests; tests/run installs them", python.display()));
    }
    let served = Served::start();
    let mut client = Command::new(python);
    client
        .arg(format!("{CLIENTS}/proxmoxer_test.py"))
        .env("SPAWNPOINT_CA", &served.server.ca_pem)
        .env("SPAWNPOINT_TOKEN", &served.server.token);
    run_lifecycle(&served, &mut client);
}

#[test]
fn proxmox_api_of_node_runs_a_lifecycle() {
    const TEST: &str = "proxmox-api (npm) against the simulator";
    let modules = std::env::var_os("SPAWNPOINT_TEST_CLIENTS").map(PathBuf::from);
    let Some(modules) = modules.filter(|folder| folder.join("node_modules/proxmox-api").exists()) else {
        return skip(TEST, "no SPAWNPOINT_TEST_CLIENTS with node_modules/proxmox-api; tests/run installs it");
    };
    let served = Served::start();
    let mut client = Command::new("node");
    client
        .arg(format!("{CLIENTS}/proxmox_api_test.mjs"))
        .env("NODE_EXTRA_CA_CERTS", &served.server.ca_pem)
        .env("SPAWNPOINT_MODULES", modules)
        .env("SPAWNPOINT_USER", "root@pam")
        .env("SPAWNPOINT_PASSWORD", "simulator");
    run_lifecycle(&served, &mut client);
}
