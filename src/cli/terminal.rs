//! The only place that writes: data to standard output, everything else to standard error. A closed pipe ends nothing.

use super::failure::Failure;
use crate::diagnostics::{Diagnostics, Sources};
use crate::render::{Style, diagnostics, stream};
use std::io::{BufRead, IsTerminal, Write};

/// What standard output is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// Text for people.
    Text,
    /// One JSON object per line.
    Json,
}

/// Where a run writes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Terminal {
    /// How data is dressed.
    pub(super) out: Style,
    /// How everything else is dressed.
    pub(super) err: Style,
    /// What standard output is for.
    pub(super) form: Form,
}

/// Whether the user may be asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Input {
    /// There is somebody to answer.
    Asked,
    /// There is no terminal to ask on.
    NoTerminal,
    /// `-input=false`
    Refused,
}

impl Terminal {
    /// Returns a terminal for this process: colour where there is one and neither the user nor `NO_COLOR` objects.
    pub(super) fn of_process(no_color: bool) -> Self {
        let may_colour = !no_color && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
        let style = |is_terminal| {
            if may_colour && is_terminal { Style::Colour } else { Style::Plain }
        };
        Self {
            out: style(std::io::stdout().is_terminal()),
            err: style(std::io::stderr().is_terminal()),
            form: Form::Text,
        }
    }

    /// Returns whether progress can be drawn.
    pub(super) fn has_bars(&self) -> bool {
        self.form == Form::Text && std::io::stderr().is_terminal()
    }

    /// Writes data: a whole text that ends with a line end, or nothing.
    pub(super) fn data(&self, text: &str) {
        let mut out = std::io::stdout().lock();
        let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
    }

    /// Writes a line of data.
    pub(super) fn line(&self, text: &str) {
        self.data(&format!("{text}\n"));
    }

    /// Writes a line that is not data.
    pub(super) fn say(&self, text: &str) {
        let mut err = std::io::stderr().lock();
        let _ = writeln!(err, "{text}");
    }

    /// Writes diagnostics: lines of the stream with `-json`, else text with snippets.
    pub(super) fn diagnostics(&self, found: &Diagnostics, sources: &Sources) {
        match self.form {
            _ if found.is_empty() => {}
            Form::Json => {
                for line in stream::diagnostics(&now(), found, sources) {
                    self.line(&line);
                }
            }
            Form::Text => self.say(&diagnostics::text(found, sources, self.err)),
        }
    }

    /// Writes why a command stopped.
    pub(super) fn failure(&self, failure: &Failure) {
        self.diagnostics(&failure.diagnostics, &failure.sources);
    }

    /// Asks on standard error and returns the line that is typed; nothing if input ends.
    pub(super) fn ask(&self, question: &str) -> Option<String> {
        let mut err = std::io::stderr().lock();
        let _ = write!(err, "{question}").and_then(|()| err.flush());
        let mut answer = String::new();
        match std::io::stdin().lock().read_line(&mut answer) {
            Ok(0) | Err(_) => None,
            Ok(_) => Some(answer.trim().to_owned()),
        }
    }
}

impl Input {
    /// Returns whether the user of this process may be asked.
    pub(super) fn of_process(is_wanted: bool) -> Self {
        match (is_wanted, std::io::stdin().is_terminal()) {
            (false, _) => Self::Refused,
            (true, true) => Self::Asked,
            (true, false) => Self::NoTerminal,
        }
    }
}

/// Returns the time as the stream writes it: RFC 3339 with microseconds.
pub(super) fn now() -> String {
    format!("{:.6}", jiff::Timestamp::now())
}
