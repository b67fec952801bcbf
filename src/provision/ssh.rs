//! The way to a guest: which key, whose key, and waiting until it lets us in. The system's `ssh` does the work.

use super::Error;
use super::health::Way;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;
use tokio::process::Command;
use tokio::time::{Instant, sleep};

/// Pause between two attempts.
const PAUSE: Duration = Duration::from_secs(1);

/// How long "permission denied" is believed to be a guest that has not made its user yet.
const USER_APPEARS_MAX: Duration = Duration::from_secs(60);

/// The name under which a pinned key is known: addresses are used again, keys are not.
pub(super) const PINNED_NAME: &str = "spawnpoint-guest";

/// How to reach a guest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Connection {
    /// User; `root`, or one that may `sudo` without password.
    pub user: String,
    /// Name or address.
    pub host: String,
    /// Port.
    pub port: u16,
    /// File of the private key; without one, the user's agent and default keys. Its content is never read by us.
    pub private_key: Option<PathBuf>,
    /// A host to go through, as `ssh -J` takes it.
    pub jump: Option<String>,
    /// The guest's own key.
    pub host_key: HostKey,
}

/// How the guest proves who it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HostKey {
    /// By this key, read through the guest agent or written by the user: `ssh-ed25519 AAAA…`.
    Pinned(String),
    /// By the key in this file, where the first one seen is kept.
    TrustOnFirstUse {
        /// A file in OpenSSH's `known_hosts` format.
        known_hosts: PathBuf,
    },
}

impl Connection {
    /// Returns `user@host:port` for messages.
    pub fn destination(&self) -> String {
        match self.host.contains(':') {
            true => format!("{}@[{}]:{}", self.user, self.host, self.port),
            false => format!("{}@{}:{}", self.user, self.host, self.port),
        }
    }

    /// Returns the content of the run's own `known_hosts`, if the key is pinned.
    pub(super) fn known_hosts(&self) -> Option<String> {
        match &self.host_key {
            // Type and key only: whatever follows is a comment.
            HostKey::Pinned(key) => {
                Some(format!("{PINNED_NAME} {}\n", key.split_whitespace().take(2).collect::<Vec<_>>().join(" ")))
            }
            HostKey::TrustOnFirstUse { .. } => None,
        }
    }

    /// Returns how the games on the guest are asked: where SSH needs a jump host, a game's port is out of reach too.
    pub(super) fn way_to_games(&self, options: &[String]) -> Way {
        match self.jump {
            None => Way::Direct,
            Some(_) => Way::Ssh(self.arguments(options)),
        }
    }

    fn arguments(&self, options: &[String]) -> Vec<String> {
        let target = [
            "-p".to_owned(),
            self.port.to_string(),
            "-l".to_owned(),
            self.user.clone(),
            "--".to_owned(),
            self.host.clone(),
        ];
        options.iter().cloned().chain(target).collect()
    }

    /// Waits until the guest lets us in.
    ///
    /// # Errors
    /// It did not before the deadline, or it has another host key.
    pub(super) async fn wait(&self, options: &[String], deadline: Instant) -> Result<(), Error> {
        let begun = Instant::now();
        let mut first_denied = None;
        loop {
            let Some(message) = self.attempt(options).await? else {
                return Ok(());
            };
            if message.contains("Host key verification failed") {
                return Err(Error::HostKey { guest: self.destination() });
            }
            let is_denied = message.contains("Permission denied");
            let denied_since = is_denied.then(|| *first_denied.get_or_insert_with(Instant::now));
            let is_final = denied_since.is_some_and(|since| since.elapsed() > USER_APPEARS_MAX);
            if is_final || Instant::now() + PAUSE >= deadline {
                return Err(Error::NoSsh { guest: self.destination(), waited: begun.elapsed(), message });
            }
            sleep(PAUSE).await;
        }
    }

    /// Runs `true` on the guest; returns what `ssh` said if that failed.
    async fn attempt(&self, options: &[String]) -> Result<Option<String>, Error> {
        let output = Command::new("ssh")
            .args(self.arguments(options))
            .arg("true")
            .env("LC_ALL", "C.UTF-8")
            .stdin(Stdio::null())
            .kill_on_drop(true)
            .output()
            .await
            .map_err(|source| Error::Start { program: "ssh".to_owned(), source })?;
        let said = String::from_utf8_lossy(&output.stderr);
        let last = said.lines().map(str::trim).rfind(|line| !line.is_empty()).unwrap_or("it ended without a word");
        // A changed key comes with a page of warning before its last line.
        let message = if said.contains("Host key verification failed") { "Host key verification failed" } else { last };
        Ok((!output.status.success()).then(|| message.to_owned()))
    }
}
