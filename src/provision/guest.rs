//! What goes through a guest's agent, as calls: its host key out, and what Spawnpoint runs on it in.
//!
//! The latter is a small file that says which servers are set up. On a real guest it is for people to read; a simulated one answers the
//! status protocol of every game in its folder.

use super::{Error, HostKey};
use crate::games::{Game, Power, Server};
use crate::proxmox::{Answer, Call};
use crate::value::Value;
use serde_json::json;

/// Where Debian's SSH server keeps its public key.
const HOST_KEY_FILE: &str = "/etc/ssh/ssh_host_ed25519_key.pub";

/// Returns the call that writes what a server is to `/etc/spawnpoint/games/NAME.json` on its guest. Sensitive settings stay out of it.
pub fn announce(node: &str, vmid: u32, game: &Game, server: &Server) -> Call {
    if server.power == Power::Stopped {
        return withdraw(node, vmid, &server.name);
    }
    let mut settings = game.variables(server).remove("gs_settings").unwrap_or_default();
    if let Some(settings) = settings.as_object_mut() {
        settings.retain(|key, _| {
            let is_declared = game.settings.get(key.as_str()).is_some_and(|setting| setting.is_sensitive);
            !is_declared && !server.settings.get(key.as_str()).is_some_and(Value::is_sensitive)
        });
    }
    let content = json!({
        "protocol": game.query.as_str(),
        "port": server.ports.get("game"),
        "version": server.version,
        "settings": settings,
    });
    write(node, vmid, &server.name, &content)
}

/// Returns the call that says that a server does not run, or not any more. The agent cannot remove files: an empty object stays.
pub fn withdraw(node: &str, vmid: u32, server: &str) -> Call {
    write(node, vmid, server, &json!({}))
}

fn write(node: &str, vmid: u32, server: &str, content: &serde_json::Value) -> Call {
    // Proxmox VE encodes the content byte by byte and fails on wider characters.
    let text = content.to_string();
    let ascii = text.chars().flat_map(|character| match character.is_ascii() {
        true => vec![character.to_string()],
        false => character.encode_utf16(&mut [0; 2]).iter().map(|unit| format!("\\u{unit:04x}")).collect(),
    });
    Call::post(format!("/nodes/{node}/qemu/{vmid}/agent/file-write"))
        .with("file", format!("/etc/spawnpoint/games/{server}.json"))
        .with("content", ascii.collect::<String>())
}

/// Returns the call that reads a guest's SSH host key: it is known before the first connection.
pub fn read_host_key(node: &str, vmid: u32) -> Call {
    Call::get(format!("/nodes/{node}/qemu/{vmid}/agent/file-read")).with("file", HOST_KEY_FILE)
}

/// Returns the host key in the answer to [`read_host_key`].
///
/// # Errors
/// The agent is off, is not installed, or the guest has no such key.
pub fn host_key(answer: &Answer) -> Result<HostKey, Error> {
    if !answer.is_success() {
        return Err(Error::Agent { message: answer.error_text() });
    }
    let content = answer.data.get("content").and_then(serde_json::Value::as_str).unwrap_or_default();
    match content.split_whitespace().collect::<Vec<_>>()[..] {
        [kind, key, ..] if kind.starts_with("ssh-") || kind.starts_with("ecdsa-") => {
            Ok(HostKey::Pinned(format!("{kind} {key}")))
        }
        _ => Err(Error::Agent { message: format!("`{HOST_KEY_FILE}` holds no public key") }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostics::Sources;
    use crate::provision::assets;
    use crate::value::Marks;
    use std::collections::BTreeMap;
    use std::path::Path;

    #[test]
    fn a_server_is_announced_without_what_is_sensitive() {
        let playbook = assets::playbook(Path::new("/nonexistent"), "minecraft-java");
        let playbook = playbook.expect("nothing is read").expect("it is embedded");
        let game = playbook.manifest(&mut Sources::new()).expect("it is right");
        let mut server = Server {
            name: "survival".into(),
            version: "1.21.8".into(),
            ports: BTreeMap::from([("game".into(), 25565)]),
            settings: BTreeMap::from([
                ("motd".into(), Value::from("é")),
                ("level-seed".into(), Value::from("1").with_marks(Marks::SENSITIVE)),
            ]),
            power: Power::Running,
            backup: None,
        };
        let call = announce("pve1", 5000, &game, &server);
        let start = "POST /nodes/pve1/qemu/5000/agent/file-write file=/etc/spawnpoint/games/survival.json content=";
        let content = r#"{"port":25565,"protocol":"minecraft-java","settings":{"motd":"\u00e9"},"version":"1.21.8"}"#;
        assert_eq!(call.to_string(), format!("{start}{content}"));
        server.power = Power::Stopped;
        let call = announce("pve1", 5000, &game, &server);
        assert_eq!(call.to_string(), format!("{start}{{}}"));
    }

    fn check(status: u16, content: &str, expected: &str) {
        let answer = Answer {
            status,
            reason: "QEMU guest agent is not running".to_owned(),
            data: json!({ "content": content }),
            errors: BTreeMap::new(),
            message: None,
            date: None,
            simulator: None,
        };
        let shown = match host_key(&answer) {
            Ok(key) => format!("{key:?}"),
            Err(error) => error.to_string(),
        };
        assert_eq!(shown, expected);
    }

    #[test]
    fn a_host_key_comes_from_the_agent_or_not() {
        check(200, "ssh-ed25519 AAAA root@game01\n", r#"Pinned("ssh-ed25519 AAAA")"#);
        check(
            200,
            "",
            "the guest agent did not give the guest's SSH host key: `/etc/ssh/ssh_host_ed25519_key.pub` holds no public key",
        );
        check(500, "", "the guest agent did not give the guest's SSH host key: QEMU guest agent is not running");
    }
}
