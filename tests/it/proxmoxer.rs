//! An independent client drives the simulator: proxmoxer, which knows nothing of us, over HTTPS with verification on.

use crate::provision::{skip, venv};
use crate::served::Served;
use std::process::Command;

#[test]
fn a_client_library_that_knows_nothing_of_us_works() {
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
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/simulator/proxmoxer_test.py");
    let output = Command::new(python)
        .arg(script)
        .env("SPAWNPOINT_ENDPOINT", served.server.address.to_string())
        .env("SPAWNPOINT_CA", &served.server.ca_pem)
        .env("SPAWNPOINT_TOKEN", &served.server.token)
        .output()
        .expect("Python starts");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert_eq!(String::from_utf8_lossy(&output.stdout), "ok\n", "{errors}");
    assert!(served.server.requests() > 20, "it asked this server");
}
