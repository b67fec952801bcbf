//! Faults: rules that match a call, or the task it starts, and say what goes wrong with it.

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
    /// Only calls about this guest, named in the path, as `vmid` or as `newid`.
    pub vmid: Option<u32>,
    /// Only calls that start a task of this type, e.g. `qmclone`. Such a rule can act only after the call.
    pub task: Option<String>,
    /// Lets this much virtual time pass before the answer.
    #[serde(default)]
    pub delay_ms: u64,
    /// Answers this status instead of acting.
    pub status: Option<u16>,
    /// Reason phrase that goes with `status`.
    pub message: Option<String>,
    /// The call that was refused with `status` acts after all, so much later: what a 596 can mean.
    pub acts_after_ms: Option<u64>,
    /// Drops the connection before or after the call has its effect.
    pub drop: Option<Moment>,
    /// Kills the worker the call started.
    #[serde(default)]
    pub kill_worker: bool,
    /// Something else holds the lock of the guest in `vmid` for so long, from just before the call.
    pub hold_lock_ms: Option<u64>,
    /// Something else holds the lock of this storage for a minute, from just before the call.
    pub hold_storage: Option<String>,
    /// This storage becomes full just before the call.
    pub fill_storage: Option<String>,
    /// The worker that copies for this call finds its storage full half-way.
    #[serde(default)]
    pub runs_out_of_space: bool,
    /// This node stops answering just before the call.
    pub node_down: Option<String>,
    /// This node answers again just before the call.
    pub node_up: Option<String>,
    /// This node fails to bring up its networks from just before the call on: the task that reloads them ends well all the same.
    pub network_down: Option<String>,
    /// The guest in `vmid` is moved to this node just before the call, as the cluster manager would.
    pub move_to: Option<String>,
    /// The lists of finished tasks are emptied just before the call, as rotation does.
    #[serde(default)]
    pub forget_tasks: bool,
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

/// What changes in the cluster itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// A guest's lock is held for so many milliseconds.
    HoldLock(u32, u64),
    /// A storage's lock is held for a minute.
    HoldStorage(String),
    /// A storage is full.
    FillStorage(String),
    /// A node answers, or not.
    SetNode(String, bool),
    /// A node fails to bring up its networks.
    BreakNetwork(String),
    /// A guest is on another node.
    Move(u32, String),
    /// Lists of finished tasks are empty.
    ForgetTasks,
}

/// What a rule does to one call.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Effect {
    /// Virtual time that passes first.
    pub delay_ms: u64,
    /// What happens to the cluster before the call is looked at.
    pub changes: Vec<Change>,
    /// Status and reason phrase instead of acting.
    pub answer: Option<(u16, String)>,
    /// When the refused call acts after all.
    pub acts_after_ms: Option<u64>,
    /// When the connection is dropped.
    pub drop: Option<Moment>,
    /// Whether the worker the call started is killed.
    pub kills_worker: bool,
    /// Whether the worker the call started runs out of space.
    pub runs_out_of_space: bool,
}

/// A call as rules see it.
#[derive(Clone, Copy, Debug)]
pub struct Sighting<'a> {
    /// Its method.
    pub method: &'a str,
    /// Its path below `/api2/json`.
    pub path: &'a str,
    /// The guests it names.
    pub vmids: &'a [u32],
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
    /// The text says which path is no regular expression, or which rule asks for what cannot be.
    pub fn new(rules: impl IntoIterator<Item = Rule>) -> Result<Self, String> {
        let prepare = |rule: Rule| {
            let path = Regex::new(&format!("^(?:{})$", rule.path))
                .map_err(|error| format!("`{}` is not a regular expression: {error}", rule.path))?;
            check(&rule).map_err(|text| format!("the rule for `{}` {text}", rule.path))?;
            Ok(Counted { rule, path, hits: 0 })
        };
        Ok(Self { rules: rules.into_iter().map(prepare).collect::<Result<_, String>>()? })
    }

    /// Counts a call and returns what happens to it; the first rule that hits decides.
    pub fn on_call(&mut self, call: Sighting<'_>) -> Option<Effect> {
        self.hit(call, None)
    }

    /// The same for the task a call started, of which rules speak that name a task type.
    pub fn on_task(&mut self, call: Sighting<'_>, task: &str) -> Option<Effect> {
        self.hit(call, Some(task))
    }

    fn hit(&mut self, call: Sighting<'_>, task: Option<&str>) -> Option<Effect> {
        let mut effect = None;
        for counted in &mut self.rules {
            let rule = &counted.rule;
            let is_other = rule.task.as_deref() != task
                || rule.method.as_deref().is_some_and(|wanted| wanted != call.method)
                || rule.vmid.is_some_and(|vmid| !call.vmids.contains(&vmid) && rule.hold_lock_ms.is_none())
                || !counted.path.is_match(call.path);
            if is_other {
                continue;
            }
            counted.hits += 1;
            if effect.is_none() && rule.nth.is_none_or(|nth| nth == counted.hits) {
                effect = Some(effect_of(rule));
            }
        }
        effect
    }
}

fn check(rule: &Rule) -> Result<(), &'static str> {
    let acts_before =
        rule.delay_ms > 0 || rule.status.is_some() || rule.drop == Some(Moment::Before) || !changes_of(rule).is_empty();
    if rule.task.is_some() && acts_before {
        return Err("names a task, so it can only drop the answer or harm the worker");
    }
    if (rule.hold_lock_ms.is_some() || rule.move_to.is_some()) && rule.vmid.is_none() {
        return Err("needs `vmid`");
    }
    if rule.acts_after_ms.is_some() && rule.status.is_none() {
        return Err("has `acts_after_ms` without `status`");
    }
    Ok(())
}

fn changes_of(rule: &Rule) -> Vec<Change> {
    let vmid = rule.vmid.unwrap_or_default();
    let node = |name: &Option<String>, is_up| name.clone().map(|name| Change::SetNode(name, is_up));
    let changes = [
        rule.hold_lock_ms.map(|time_ms| Change::HoldLock(vmid, time_ms)),
        rule.hold_storage.clone().map(Change::HoldStorage),
        rule.fill_storage.clone().map(Change::FillStorage),
        node(&rule.node_down, false),
        node(&rule.node_up, true),
        rule.network_down.clone().map(Change::BreakNetwork),
        rule.move_to.clone().map(|node| Change::Move(vmid, node)),
        rule.forget_tasks.then_some(Change::ForgetTasks),
    ];
    changes.into_iter().flatten().collect()
}

fn effect_of(rule: &Rule) -> Effect {
    let message = rule.message.clone().unwrap_or_default();
    Effect {
        delay_ms: rule.delay_ms,
        changes: changes_of(rule),
        answer: rule.status.map(|status| (status, message)),
        acts_after_ms: rule.acts_after_ms,
        drop: rule.drop,
        kills_worker: rule.kill_worker,
        runs_out_of_space: rule.runs_out_of_space,
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
        let mut hit = |method, path| faults.on_call(Sighting { method, path, vmids: &[9000] }).is_some();
        assert!(!hit("POST", "/nodes/pve1/qemu/9000/clone"));
        assert!(!hit("GET", "/nodes/pve1/qemu/9000/clone"));
        assert!(hit("POST", "/nodes/pve2/qemu/9000/clone"));
        assert!(!hit("POST", "/nodes/pve2/qemu/9000/clone"));
    }

    #[test]
    fn a_rule_can_wait_for_a_guest_or_a_task() {
        let of_guest = Rule { path: ".*".into(), vmid: Some(101), status: Some(401), ..Rule::default() };
        let of_task = Rule { path: ".*".into(), task: Some("qmclone".into()), kill_worker: true, ..Rule::default() };
        let mut faults = Faults::new([of_guest, of_task]).expect("the rules are valid");
        let call = |vmids| Sighting { method: "POST", path: "/nodes/pve1/qemu", vmids };
        assert_eq!(faults.on_call(call(&[100])), None);
        assert_eq!(faults.on_call(call(&[101])).and_then(|effect| effect.answer), Some((401, String::new())));
        assert_eq!(faults.on_task(call(&[100]), "qmcreate"), None);
        assert!(faults.on_task(call(&[100]), "qmclone").is_some_and(|effect| effect.kills_worker));
    }

    #[test]
    fn a_rule_that_cannot_be_is_refused_by_name() {
        let check = |rule: Rule, words: &str| {
            let error = Faults::new([Rule { path: "/x".into(), ..rule }]).expect_err("the rule is wrong");
            assert!(error.contains("/x") && error.contains(words), "{error}");
        };
        check(Rule { task: Some("qmclone".into()), status: Some(500), ..Rule::default() }, "names a task");
        check(Rule { hold_lock_ms: Some(1), ..Rule::default() }, "needs `vmid`");
        check(Rule { acts_after_ms: Some(1), ..Rule::default() }, "without `status`");
    }
}
