//! `-refresh=fast`: what the last fast look saw, kept sealed beside the stack, and what this one need not read again.

use super::failure::Outcome;
use super::files::replace;
use super::session::Session;
use crate::diagnostics::Diagnostic;
use crate::observe::fast::{self, Recorded, Spared};
use crate::observe::{Memory, Observed, Wanted};
use std::collections::BTreeMap;
use std::path::PathBuf;

/// What the sealed text is bound to.
const CONTEXT: &str = "what a fast look saw";

/// Puts into `memory` what need not be read, and says how much that is.
///
/// # Errors
/// Our own folder cannot be made.
pub(super) async fn recall(session: &Session, wanted: &Wanted, memory: &Memory) -> Outcome<()> {
    let recorded = read(session)?;
    for cluster in &session.clusters {
        let spared = fast::recall(cluster, recorded.get(&**cluster.0), wanted, memory).await;
        let name = cluster.0;
        session.shell.terminal.say(&match spared {
            Spared::Guests(1) => format!("Fast look at {name}: 1 guest is taken as it was seen last."),
            Spared::Guests(count) => format!("Fast look at {name}: {count} guests are taken as they were seen last."),
            Spared::Nothing(why) => format!("Fast look at {name}: everything is read; {why}."),
        });
    }
    Ok(())
}

/// Writes down what was seen.
///
/// # Errors
/// It cannot be sealed or written.
pub(super) fn record(session: &Session, observed: &Observed, memory: &Memory) -> Outcome<()> {
    let seen = fast::record(observed, &session.clusters, memory);
    let bytes = serde_json::to_vec(&seen).expect("texts and numbers are always JSON");
    let sealed = session.store.keys().cipher().seal(CONTEXT, &bytes)?;
    let path = path(session)?;
    replace(&path, sealed.as_bytes())
        .map_err(|error| Diagnostic::error(format!("cannot write `{}`: {error}", path.display())).into())
}

/// What cannot be opened was written with other keys, or by another version: it is as good as nothing.
fn read(session: &Session) -> Outcome<BTreeMap<String, Recorded>> {
    let sealed = std::fs::read_to_string(path(session)?).unwrap_or_default();
    let bytes = session.store.keys().cipher().open(CONTEXT, &sealed).ok();
    Ok(bytes.and_then(|bytes| serde_json::from_slice(&bytes).ok()).unwrap_or_default())
}

fn path(session: &Session) -> Outcome<PathBuf> {
    Ok(session.shell.own_folder()?.join(format!("seen-{}.sealed", session.shell.workspace)))
}
