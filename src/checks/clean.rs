//! Takes away what a check made: guests under the ids it took, and what it said should be undone.

use super::run::{Held, Session, alike, got, upid};
use super::script::{Ask, Expected};
use super::wire::Received;
use serde_json::Value;

/// Looks at a guest that somebody still works on, after which it is given up.
const LOOKS: u32 = 2_000;

impl Session<'_> {
    /// Takes away what was made, the latest first: a clone goes before its template.
    pub(super) async fn clean_up(&mut self) -> Held {
        let mut held = Ok(());
        for id in std::mem::take(&mut self.ids).into_iter().rev() {
            for kind in ["qemu", "lxc"] {
                held = held.and(self.remove(kind, id).await);
            }
        }
        for ask in std::mem::take(&mut self.undo).into_iter().rev() {
            let answer = self.send(&ask).await?;
            held = held.and(self.check_answer(&answer, &Expected { status: 200, text: None }));
        }
        held
    }

    async fn remove(&mut self, kind: &str, id: u32) -> Held {
        let path = format!("/nodes/{{node}}/{kind}/{id}");
        let mut config = self.get(format!("{path}/config")).await?;
        // A clone that is still running owns its target.
        for _ in 0..LOOKS {
            if config.status != 200 || config.json()["data"]["lock"].is_null() {
                break;
            }
            self.last = config;
            self.pause().await;
            config = self.get(format!("{path}/config")).await?;
        }
        if config.status != 200 {
            return Ok(());
        }
        let data = config.json()["data"].take();
        let call = |method: &str, path: &str, parameters: &[(&str, &str)]| Ask {
            method: method.into(),
            path: path.into(),
            parameters: parameters.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect(),
            ..Ask::default()
        };
        if alike(&data["protection"], &Value::from(1)) {
            self.send(&call("PUT", &format!("{path}/config"), &[("protection", "0")])).await?;
        }
        if !alike(&data["template"], &Value::from(1)) {
            let current = self.get(format!("{path}/status/current")).await?.json();
            if current["data"]["status"] != "stopped" {
                let answer = self.send(&call("POST", &format!("{path}/status/stop"), &[])).await?;
                self.wait_for(&answer).await?;
            }
        }
        let answer = self.send(&call("DELETE", &path, &[("purge", "1")])).await?;
        self.wait_for(&answer).await
    }

    async fn wait_for(&mut self, answer: &Received) -> Held {
        let Some(upid) = upid(answer) else {
            return got(format!("{} {}", answer.status, answer.reason));
        };
        let ended = self.end_of(&upid).await?;
        if ended == "OK" || ended.starts_with("WARNINGS") { Ok(()) } else { got(ended) }
    }
}
