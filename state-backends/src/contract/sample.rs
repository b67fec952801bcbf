//! What the checks write and read again.

use jiff::Timestamp;

use crate::backend::{Backend, Entry, HistoryQuery, RunRecord};
use crate::lock::LockRequest;

pub(super) async fn bodies(backend: &dyn Backend, query: &HistoryQuery) -> Vec<String> {
    let entries = backend.history(query).await.expect("anyone may ask");
    entries.into_iter().map(|entry| entry.body).collect()
}

pub(super) fn entries(count: usize) -> Vec<Entry> {
    (1..=count).map(|number| Entry { subject: Some("vm.web".to_owned()), body: format!("entry {number}") }).collect()
}

pub(super) fn request(run: &str) -> LockRequest {
    let (who, operation, info) = ("kim@ws1".to_owned(), "apply".to_owned(), String::new());
    LockRequest { who, operation, run: run.to_owned(), info, created: Timestamp::UNIX_EPOCH }
}

pub(super) fn run(id: &str, second: i64) -> RunRecord {
    let time = |second| Timestamp::from_second(second).expect("a small number of seconds");
    RunRecord {
        id: id.to_owned(),
        command: "apply -auto-approve".to_owned(),
        who: "kim@ws1".to_owned(),
        started: time(second),
        finished: Some(time(second + 60)),
        outcome: Some("done".to_owned()),
        summary: format!("{id}: 1 created"),
        body: format!("{{\"run\": \"{id}\"}}"),
    }
}
