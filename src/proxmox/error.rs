//! The kinds of failure callers can tell apart, and a failed call as a value.
//!
//! Which class a text belongs to is in `classify`, what to tell the user in `hint`; what to do about it the caller decides.

use std::time::Duration;

use super::classify::classify;
use super::{Answer, Call, TransportError, hint};

/// The kinds of failure a caller can tell apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ErrorClass {
    /// Another call held a lock for too long; the server has cleaned up, nothing was done.
    LockWait,
    /// The guest carries a `lock`: a task works on it, or one died and left it.
    GuestBusy,
    /// Nothing was sent, or the node that should act cannot be reached.
    Unreachable,
    /// The request left, and the answer of a read was lost on the way.
    Interrupted,
    /// The server could not start a worker process.
    WorkerStart,
    /// The cluster has lost its quorum: no write will work.
    NoQuorum,
    /// The object changed since it was read.
    Stale,
    /// The object the call is about does not exist (for a guest: not on that node). A create gets the same text for a storage
    /// or pool that it only refers to.
    Gone,
    /// An object of this name exists already.
    Exists,
    /// A privilege is missing.
    Forbidden,
    /// The server does not accept a parameter or what it refers to.
    BadParameter,
    /// The running guest did not take a change, which stays pending until its next start.
    Hotplug,
    /// The storage is full.
    NoSpace,
    /// The object is not in the state the call needs, often because it is already in the wanted one.
    WrongState,
    /// Something protects the object from the call.
    Protected,
    /// The credentials are not accepted.
    Unauthenticated,
    /// The server may or may not have acted: only reading the object tells.
    UnknownOutcome,
    /// The server does not know the call.
    NotImplemented,
    /// None of the above.
    Other,
}

impl ErrorClass {
    /// Returns the pauses after which a refused write is sent again: some only where the server is known to have done nothing.
    pub(crate) fn pauses(self) -> &'static [Duration] {
        const BACK_OFF: [Duration; 5] = [
            Duration::from_secs(2),
            Duration::from_secs(4),
            Duration::from_secs(8),
            Duration::from_secs(15),
            Duration::from_secs(30),
        ];
        const ONCE: [Duration; 1] = [Duration::from_secs(5)];
        match self {
            Self::LockWait => &BACK_OFF,
            Self::WorkerStart | Self::Unreachable => &ONCE,
            Self::GuestBusy
            | Self::Interrupted
            | Self::NoQuorum
            | Self::Stale
            | Self::Gone
            | Self::Exists
            | Self::Forbidden
            | Self::BadParameter
            | Self::Hotplug
            | Self::NoSpace
            | Self::WrongState
            | Self::Protected
            | Self::Unauthenticated
            | Self::UnknownOutcome
            | Self::NotImplemented
            | Self::Other => &[],
        }
    }
}

/// A call that did not do what it should.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{call}: {text}")]
pub struct CallError {
    /// The call, its secrets masked.
    pub call: String,
    /// What kind of failure it is.
    pub class: ErrorClass,
    /// The HTTP status, if there was an answer.
    pub status: Option<u16>,
    /// The server's text, or what broke on the way; secrets of the call masked.
    pub text: String,
    /// What the user can do next.
    pub hint: Option<String>,
}

impl CallError {
    /// Returns the error of an answer that is not a success.
    pub(crate) fn from_answer(call: &Call, answer: &Answer) -> Self {
        let class = classify(Some(answer.status), &answer.error_text());
        let text = match answer.error_text() {
            text if text.trim().is_empty() => format!("status {} without a message", answer.status),
            text => text,
        };
        Self::new(call, class, Some(answer.status), &text)
    }

    /// Returns the error of a call that got no answer.
    pub(crate) fn from_transport(call: &Call, error: &TransportError) -> Self {
        let class = match error {
            TransportError::BeforeSend { .. } => ErrorClass::Unreachable,
            TransportError::AfterSend { .. } => ErrorClass::Interrupted,
        };
        let mut failure = Self::new(call, class, None, &error.to_string());
        if let TransportError::BeforeSend { hint: Some(hint), .. } = error {
            failure.hint = Some(hint.clone());
        }
        failure
    }

    /// Returns the same error for a write, whose lost answer leaves the outcome unknown.
    pub(crate) fn of_write(self) -> Self {
        match self.class {
            ErrorClass::Interrupted => {
                let hint = hint::for_class(ErrorClass::UnknownOutcome, &self.call, &self.text);
                Self { class: ErrorClass::UnknownOutcome, hint, ..self }
            }
            _ => self,
        }
    }

    pub(crate) fn new(call: &Call, class: ErrorClass, status: Option<u16>, text: &str) -> Self {
        let text = masked(call, text);
        Self { call: call.to_string(), class, status, hint: hint::for_class(class, &call.path, &text), text }
    }
}

/// Returns `text` without the secrets of `call`, which a parameter error may quote.
fn masked(call: &Call, text: &str) -> String {
    let secrets =
        call.parameters.iter().map(|(_, value)| value).filter(|value| value.is_secret() && !value.reveal().is_empty());
    secrets.fold(text.trim().to_owned(), |text, secret| text.replace(secret.reveal(), "(sensitive)"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_never_shows_a_secret() {
        let call = Call::put("/nodes/pve1/qemu/100/config").with_secret("cipassword", "hunter2").with("cores", "2");
        let error = CallError::new(&call, ErrorClass::BadParameter, Some(400), "cipassword: got 'hunter2'");
        for shown in [format!("{error}"), format!("{error:?}")] {
            assert!(!shown.contains("hunter2"), "{shown}");
            assert!(shown.contains("cipassword=(sensitive) cores=2"), "{shown}");
        }
    }

    #[test]
    fn only_a_write_turns_a_lost_answer_into_an_unknown_outcome() {
        let lost = TransportError::AfterSend { endpoint: "pve1".to_owned(), detail: "reset".to_owned() };
        let error = CallError::from_transport(&Call::post("/nodes/pve1/qemu/1/clone"), &lost);
        assert_eq!(error.class, ErrorClass::Interrupted);
        assert_eq!(error.of_write().class, ErrorClass::UnknownOutcome);
    }
}
