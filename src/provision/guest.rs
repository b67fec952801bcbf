//! What a simulated guest is told, so that it answers as the game server would.
//!
//! Written through the guest agent, as any file on a guest could be: a real guest ends up with a small file that says what Spawnpoint set
//! up on it, a simulated one begins to answer its game's status protocol.

use super::{Error, HostKey};
use crate::games::{Game, Server};
use crate::proxmox::{Answer, Call};
use serde_json::json;

/// Returns the call that writes `/etc/spawnpoint/games/NAME.json` on a guest. Sensitive settings stay out of it.
pub fn announce(node: &str, vmid: u32, game: &Game, server: &Server) -> Call {
    let variables = game.variables(server);
    let mut settings = variables.get("gs_settings").cloned().unwrap_or_default();
    if let Some(settings) = settings.as_object_mut() {
        settings.retain(|key, _| {
            let is_declared = game
                .settings
                .get(key.as_str())
                .is_some_and(|setting| setting.is_sensitive);
            !is_declared
                && !server
                    .settings
                    .get(key.as_str())
                    .is_some_and(crate::value::Value::is_sensitive)
        });
    }
    let content = json!({
        "protocol": game.query.as_str(),
        "port": server.ports.get("game"),
        "version": server.version,
        "power": server.power.as_str(),
        "settings": settings,
    });
    Call::post(format!("/nodes/{node}/qemu/{vmid}/agent/file-write"))
        .with(
            "file",
            format!("/etc/spawnpoint/games/{}.json", server.name),
        )
        .with("content", content.to_string())
}

/// Where Debian's SSH server keeps its public key.
const HOST_KEY_FILE: &str = "/etc/ssh/ssh_host_ed25519_key.pub";

/// Returns the call that reads a guest's SSH host key through its agent: the key is known before the first connection.
pub fn read_host_key(node: &str, vmid: u32) -> Call {
    Call::get(format!("/nodes/{node}/qemu/{vmid}/agent/file-read")).with("file", HOST_KEY_FILE)
}

/// Returns the host key in the answer to [`read_host_key`].
///
/// # Errors
/// The agent is off, is not installed, or the guest has no such key.
pub fn host_key(answer: &Answer) -> Result<HostKey, Error> {
    if !answer.is_success() {
        return Err(Error::Agent {
            message: answer.error_text(),
        });
    }
    let content = answer
        .data
        .get("content")
        .and_then(serde_json::Value::as_str)
        .unwrap_or_default();
    match content.split_whitespace().collect::<Vec<_>>()[..] {
        [kind, key, ..] if kind.starts_with("ssh-") || kind.starts_with("ecdsa-") => {
            Ok(HostKey::Pinned(format!("{kind} {key}")))
        }
        _ => Err(Error::Agent {
            message: format!("`{HOST_KEY_FILE}` holds no public key"),
        }),
    }
}
