//! Faults: rules that match a call and say what goes wrong with it.

use regex::Regex;
use serde::Deserialize;

/// One rule: which call it hits, and what happens.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    /// Method; any when absent.
    pub method: Option<String>,
    /// Regular expression on the path below `/api2/json`, anchored at both ends.
    pub path: String,
    /// Which matching call is hit, counted from 1; all when absent.
    pub nth: Option<u64>,
    /// Lets this much virtual time pass before the answer.
    #[serde(default)]
    pub delay_ms: u64,
    /// Answers this status instead of acting.
    pub status: Option<u16>,
    /// Reason phrase that goes with `status`.
    pub message: Option<String>,
    /// Drops the connection before or after the call has its effect.
    pub drop: Option<Moment>,
    /// Kills the worker the call started.
    #[serde(default)]
    pub kill_worker: bool,
}

/// When a connection is dropped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Moment {
    /// Nothing has happened yet.
    Before,
    /// The call had its effect, the answer is lost.
    After,
}

/// What a rule does to one call.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Effect {
    /// Virtual time that passes first.
    pub delay_ms: u64,
    /// Status and reason phrase instead of acting.
    pub answer: Option<(u16, String)>,
    /// When the connection is dropped.
    pub drop: Option<Moment>,
    /// Whether the worker the call started is killed.
    pub kills_worker: bool,
}

/// Rules with their counts.
#[derive(Debug, Default)]
pub struct Faults {
    rules: Vec<Counted>,
}

#[derive(Debug)]
struct Counted {
    rule: Rule,
    path: Regex,
    hits: u64,
}

impl Faults {
    /// Returns the rules ready to be applied.
    ///
    /// # Errors
    /// The text says which path is no regular expression.
    pub fn new(rules: impl IntoIterator<Item = Rule>) -> Result<Self, String> {
        let prepare = |rule: Rule| {
            let path = Regex::new(&format!("^(?:{})$", rule.path))
                .map_err(|error| format!("`{}` is not a regular expression: {error}", rule.path))?;
            Ok(Counted { rule, path, hits: 0 })
        };
        Ok(Self { rules: rules.into_iter().map(prepare).collect::<Result<_, String>>()? })
    }

    /// Counts a call and returns what happens to it; the first rule that hits decides.
    pub fn on_call(&mut self, method: &str, path: &str) -> Option<Effect> {
        let mut effect = None;
        for counted in &mut self.rules {
            let rule = &counted.rule;
            if rule.method.as_deref().is_some_and(|wanted| wanted != method) || !counted.path.is_match(path) {
                continue;
            }
            counted.hits += 1;
            if effect.is_none() && rule.nth.is_none_or(|nth| nth == counted.hits) {
                let message = rule.message.clone().unwrap_or_default();
                effect = Some(Effect {
                    delay_ms: rule.delay_ms,
                    answer: rule.status.map(|status| (status, message)),
                    drop: rule.drop,
                    kills_worker: rule.kill_worker,
                });
            }
        }
        effect
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rule_hits_the_nth_matching_call() {
        let rule = Rule {
            method: Some("POST".into()),
            path: "/nodes/[^/]+/qemu/9000/clone".into(),
            nth: Some(2),
            drop: Some(Moment::After),
            ..Rule::default()
        };
        let mut faults = Faults::new([rule]).expect("the path is a regular expression");
        let mut hit = |method, path| faults.on_call(method, path).is_some();
        assert!(!hit("POST", "/nodes/pve1/qemu/9000/clone"));
        assert!(!hit("GET", "/nodes/pve1/qemu/9000/clone"));
        assert!(hit("POST", "/nodes/pve2/qemu/9000/clone"));
        assert!(!hit("POST", "/nodes/pve2/qemu/9000/clone"));
    }
}
