//! What happens during an apply, as it happens: bars where there is a terminal, plain lines elsewhere.
//!
//! Both say the same words, so that what was screenshotted can be found in a log. JSON lines are in `stream`.

use super::amount::elapsed;
use super::style::{Role, Style};
use crate::apply::{Event, OperationResult};
use crate::plan::Verb;
use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::collections::BTreeMap;

/// Returns the line that an event leaves behind, with or without a terminal.
fn lasting(event: &Event, style: Style) -> Option<String> {
    match event {
        Event::Started { .. } | Event::Step { .. } | Event::Progress { .. } => None,
        Event::Interrupted => Some(style.paint(
            Role::Change,
            "Interrupted: what runs is finished, nothing new is started. Press Ctrl-C again to leave at once.",
        )),
        Event::Ended { address, verb, result, elapsed_ms, identity, .. } => {
            ending(*verb, result, *elapsed_ms, identity, style).map(|words| format!("{address}: {words}"))
        }
    }
}

/// The words of an end; what was not started is told by the summary.
fn ending(verb: Verb, result: &OperationResult, elapsed_ms: u64, identity: &str, style: Style) -> Option<String> {
    let place = if identity.is_empty() { String::new() } else { format!(" [{identity}]") };
    let after = elapsed(elapsed_ms);
    match result {
        OperationResult::Done => {
            Some(style.paint(Role::Add, &format!("{} complete after {after}", noun(verb))) + &place)
        }
        OperationResult::DoneWithWarnings(_) => {
            Some(style.paint(Role::Change, &format!("{} complete after {after}, with warnings", noun(verb))) + &place)
        }
        OperationResult::Failed { error, .. } => Some(
            style.paint(Role::Remove, &format!("{} failed after {after}", noun(verb))) + &format!("{place}: {error}"),
        ),
        OperationResult::NotStarted { .. } | OperationResult::Skipped => None,
    }
}

fn noun(verb: Verb) -> &'static str {
    match verb {
        Verb::Create => "Creation",
        Verb::Update => "Modifications",
        Verb::Delete => "Destruction",
        Verb::Provision => "Provisioning",
        Verb::Record => "Recording",
    }
}

fn doing(verb: Verb) -> &'static str {
    match verb {
        Verb::Create => "Creating...",
        Verb::Update => "Modifying...",
        Verb::Delete => "Destroying...",
        Verb::Provision => "Provisioning...",
        Verb::Record => "Recording...",
    }
}

/// Makes lines of events where there is no terminal. Knows what each operation does, so that a step's line says it.
#[derive(Debug)]
pub struct Lines {
    style: Style,
    verbs: BTreeMap<usize, Verb>,
}

impl Lines {
    /// Returns a maker of lines.
    pub fn new(style: Style) -> Self {
        Self { style, verbs: BTreeMap::new() }
    }

    /// Returns the line of an event, if it is worth one.
    pub fn line(&mut self, event: &Event) -> Option<String> {
        match event {
            Event::Started { operation, verb, steps, address, .. } => {
                self.verbs.insert(*operation, *verb);
                // Without steps no step event follows that could say it began.
                (*steps == 0).then(|| format!("{address}: {}", doing(*verb)))
            }
            Event::Step { operation, address, step, .. } => {
                let doing = self.verbs.get(operation).map_or("Working...", |verb| doing(*verb));
                Some(format!("{address}: {doing} [{step}]"))
            }
            Event::Progress { address, text, .. } => Some(format!("{address}: {text}")),
            Event::Ended { .. } | Event::Interrupted => lasting(event, self.style),
        }
    }
}

/// Bars on a terminal: one per running operation, one for the whole.
#[derive(Debug)]
pub struct Bars {
    style: Style,
    screen: MultiProgress,
    total: ProgressBar,
    running: BTreeMap<usize, ProgressBar>,
}

impl Bars {
    /// Returns bars on standard error for a plan with this many operations.
    pub fn new(operations: usize, style: Style) -> Self {
        Self::on(ProgressDrawTarget::stderr(), operations, style)
    }

    /// Returns bars on a given target.
    pub fn on(target: ProgressDrawTarget, operations: usize, style: Style) -> Self {
        let screen = MultiProgress::with_draw_target(target);
        let total = screen.add(ProgressBar::new(operations as u64));
        let template = match style {
            Style::Plain => "{bar:30} {pos} of {len}, {elapsed}",
            Style::Colour => "{bar:30.green} {pos} of {len}, {elapsed}",
        };
        total.set_style(ProgressStyle::with_template(template).expect("the template is ours").progress_chars("##."));
        Self { style, screen, total, running: BTreeMap::new() }
    }

    /// Shows an event.
    pub fn show(&mut self, event: &Event) {
        match event {
            Event::Started { operation, address, verb, steps, .. } => {
                let bar = self.screen.insert_before(&self.total, ProgressBar::new(*steps as u64));
                let template = "{spinner} {prefix} {bar:12} {msg} {elapsed}";
                bar.set_style(
                    ProgressStyle::with_template(template).expect("the template is ours").progress_chars("##."),
                );
                bar.set_prefix(format!("{address}: {}", doing(*verb)));
                self.running.insert(*operation, bar);
            }
            Event::Step { operation, step, index, .. } => self.with(*operation, |bar| {
                bar.set_position(*index as u64);
                bar.set_message(format!("[{step}]"));
            }),
            Event::Progress { operation, text, .. } => self.with(*operation, |bar| bar.set_message(text.clone())),
            Event::Ended { operation, .. } => {
                if let Some(bar) = self.running.remove(operation) {
                    bar.finish_and_clear();
                    self.screen.remove(&bar);
                }
                self.total.inc(1);
                self.print(event);
            }
            Event::Interrupted => self.print(event),
        }
    }

    /// Takes the bars from the screen; the lines above them stay.
    pub fn finish(self) {
        self.total.finish_and_clear();
    }

    fn with(&self, operation: usize, change: impl FnOnce(&ProgressBar)) {
        if let Some(bar) = self.running.get(&operation) {
            change(bar);
            bar.tick();
        }
    }

    /// A terminal that went away cannot be written to; the apply goes on.
    fn print(&self, event: &Event) {
        if let Some(line) = lasting(event, self.style) {
            let _ = self.screen.println(line);
        }
    }
}
