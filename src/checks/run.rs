//! Carries out a check: sends what it says, and compares what it expects.

use super::facts::Facts;
use super::script::{Ask, Check, Expected, Match, Step, Test};
use super::wire::{Connection, Received, Sent};
use super::{Outcome, Verdict};
use futures_util::future::join_all;
use regex::Regex;
use serde_json::Value;
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// Real time after which a task or a state that does not come is given up.
const PATIENCE: Duration = Duration::from_secs(180);
/// Polls after which the same is given up on a server whose clock only polls move.
const POLLS: u32 = 2_000;
/// A clock may be a little early.
const TOLERANCE: Duration = Duration::from_millis(60);

/// Runs one check and takes away what it made.
pub async fn run(facts: &Facts, check: &Check) -> Outcome {
    let verdict = match check.needs.iter().find(|need| !facts.has.contains(need.as_str())) {
        Some(need) => Verdict::Skipped(why_not(need).to_owned()),
        None => Session::new(facts).run(check).await,
    };
    Outcome { number: check.number, title: check.title.clone(), verdict }
}

fn why_not(need: &str) -> &'static str {
    match need {
        "since-8" => "from version 8 on",
        "since-9" => "from version 9 on",
        "second-node" => "needs a second node that is online",
        "base-volumes" => "needs a storage that keeps base volumes: dir, nfs, zfspool, rbd",
        "backup-storage" => "needs a storage that takes backups",
        "container-template" => "needs a container template on a storage, and a storage that takes containers",
        "image" => "needs a template on the node whose guest agent is on",
        _ => "needs what this server does not have",
    }
}

/// Why a line did not hold.
pub(super) enum Stop {
    /// What was seen instead.
    Got(String),
    /// The line could not be tried.
    Skip(String),
}

pub(super) type Held = Result<(), Stop>;

pub(super) fn got<T>(text: impl Into<String>) -> Result<T, Stop> {
    Err(Stop::Got(text.into()))
}

/// One check on its way.
pub(super) struct Session<'a> {
    facts: &'a Facts,
    names: BTreeMap<String, String>,
    pub(super) ids: Vec<u32>,
    pub(super) undo: Vec<Ask>,
    pub(super) last: Received,
    upid: Option<String>,
    together: Vec<Received>,
    connection: Option<Connection>,
}

impl<'a> Session<'a> {
    fn new(facts: &'a Facts) -> Self {
        Self {
            facts,
            names: facts.names.clone(),
            ids: Vec::new(),
            undo: Vec::new(),
            last: Received::default(),
            upid: None,
            together: Vec::new(),
            connection: None,
        }
    }

    async fn run(mut self, check: &Check) -> Verdict {
        let mut verdict = Verdict::Pass;
        for line in &check.lines {
            match self.step(&line.step).await {
                Ok(()) => {}
                Err(Stop::Skip(why)) => {
                    verdict = Verdict::Skipped(why);
                    break;
                }
                Err(Stop::Got(got)) => {
                    verdict = Verdict::Differs { expected: self.fill(&line.text), got };
                    break;
                }
            }
        }
        let left = self.clean_up().await;
        match (verdict, left) {
            (Verdict::Pass, Err(Stop::Got(got))) => {
                Verdict::Differs { expected: "everything the check made can be taken away".into(), got }
            }
            (verdict, _) => verdict,
        }
    }

    async fn step(&mut self, step: &Step) -> Held {
        match step {
            Step::Id(name) => self.take_id(name),
            Step::Guest { name, is_container, parameters } => self.guest(name, *is_container, parameters).await,
            Step::Ask { ask, expected } => {
                self.last = self.send(ask).await?;
                self.remember_task();
                self.check_answer(&self.last, expected)
            }
            Step::Together { names, ask } => self.together(names, ask).await,
            Step::Undo(ask) => {
                let ask = self.filled(ask);
                self.undo.push(ask);
                Ok(())
            }
            Step::Task(end) => {
                let ended = self.task_end().await?;
                self.compare(&ended, end)
            }
            Step::Log(expected) => {
                let log = self.log().await?;
                self.compare(&log, expected)
            }
            Step::At { pointer, test } => self.test(&self.last.json(), pointer, test),
            Step::Header { name, expected } => match self.last.header(name) {
                Some(value) => self.compare(&value, expected),
                None => got("no such header"),
            },
            Step::Body(expected) => self.compare(&String::from_utf8_lossy(&self.last.body), expected),
            Step::Took(seconds) => self.took(Duration::from_secs(*seconds)),
            Step::Save { name, pointer, expression } => self.save(name, pointer, expression.as_deref()),
            Step::Until { ask, pointer, test } => self.until(ask, pointer, test).await,
            Step::Connect => {
                self.connection = Some(self.facts.place.connect().await.map_err(Stop::Got)?);
                Ok(())
            }
            Step::Send(ask) => {
                self.last = self.send_by_hand(ask).await?;
                self.check_answer(&self.last, &Expected { status: 200, text: None })
            }
            Step::ClosesWithin(seconds) => self.closes_within(*seconds).await,
            Step::ClosesAfter { count, ask } => self.closes_after(*count, ask).await,
            Step::Answers { count, expected } => self.answers(*count, expected),
            Step::Tasks { count, ends } => self.tasks(*count, ends).await,
            Step::Same(pointer) => {
                let values: Vec<Value> = self
                    .together
                    .iter()
                    .map(|answer| answer.json().pointer(pointer).cloned().unwrap_or_default())
                    .collect();
                match values.windows(2).all(|pair| pair[0] == pair[1]) {
                    true => Ok(()),
                    false => got(Value::from(values).to_string()),
                }
            }
        }
    }

    // --- names -------------------------------------------------------------------------------------------------------------------------

    fn fill(&self, text: &str) -> String {
        let mut text = text.to_owned();
        // A name may stand for a text with names in it.
        for _ in 0..2 {
            for (name, value) in &self.names {
                text = text.replace(&format!("{{{name}}}"), value);
                if text.contains(&format!("{{{name}:lower}}")) {
                    text = text.replace(&format!("{{{name}:lower}}"), &value.to_lowercase());
                }
            }
        }
        text
    }

    fn filled(&self, ask: &Ask) -> Ask {
        Ask {
            caller: ask.caller.as_ref().map(|caller| self.fill(caller)),
            path: self.fill(&ask.path),
            parameters: ask.parameters.iter().map(|(name, value)| (name.clone(), self.fill(value))).collect(),
            raw: ask.raw.as_ref().map(|raw| self.fill(raw)),
            ..ask.clone()
        }
    }

    fn take_id(&mut self, name: &str) -> Held {
        let is_free = |id: &u32| !self.facts.taken.contains(id) && !self.ids.contains(id);
        let Some(id) = self.facts.disposable.clone().find(is_free) else {
            return Err(Stop::Skip("the disposable range has no free id left".into()));
        };
        self.ids.push(id);
        self.names.insert(name.to_owned(), id.to_string());
        Ok(())
    }

    async fn guest(&mut self, name: &str, is_container: bool, given: &[(String, String)]) -> Held {
        self.take_id(name)?;
        let kind = if is_container { "lxc" } else { "qemu" };
        let mut parameters: BTreeMap<String, String> = match is_container {
            true => [
                ("hostname", "check-{ID}"),
                ("ostemplate", "{ostemplate}"),
                ("rootfs", "{storage}:1"),
                ("memory", "64"),
            ],
            false => [("name", "check-{ID}"), ("memory", "64"), ("cores", "1"), ("ostype", "l26")],
        }
        .map(|(key, value)| (key.to_owned(), value.replace("{ID}", &self.names[name])))
        .into();
        parameters.insert("vmid".into(), self.names[name].clone());
        parameters.extend(given.iter().cloned());
        let ask = Ask {
            method: "POST".into(),
            path: format!("/nodes/{{node}}/{kind}"),
            parameters: parameters.into_iter().collect(),
            ..Ask::default()
        };
        self.last = self.send(&ask).await?;
        self.remember_task();
        if self.last.status == 403 {
            return Err(Stop::Skip(format!("the token may not make guests: {}", self.last.reason)));
        }
        self.check_answer(&self.last, &Expected { status: 200, text: None })?;
        let ended = self.task_end().await?;
        self.compare(&ended, &Match::Is("OK".into()))
    }

    fn save(&mut self, name: &str, pointer: &str, expression: Option<&str>) -> Held {
        let json = self.last.json();
        let Some(value) = json.pointer(pointer) else { return got(format!("{pointer} is not there")) };
        let mut value = text_of(value);
        if let Some(expression) = expression {
            let found =
                self.regex(expression).captures(&value).and_then(|groups| Some(groups.get(1)?.as_str().to_owned()));
            value = found.ok_or(Stop::Got(value))?;
        }
        self.names.insert(name.to_owned(), value);
        Ok(())
    }

    // --- requests ----------------------------------------------------------------------------------------------------------------------

    fn request(&self, ask: &Ask) -> Sent {
        let ask = self.filled(ask);
        let form = form_urlencoded::Serializer::new(String::new()).extend_pairs(&ask.parameters).finish();
        let has_body = matches!(ask.method.as_str(), "POST" | "PUT");
        let body = match (ask.raw, ask.fill) {
            (Some(raw), _) => Some(raw.into_bytes()),
            (None, Some(size)) => Some(vec![b'x'; size]),
            (None, None) => has_body.then(|| form.clone().into_bytes()),
        };
        let target = match has_body || form.is_empty() {
            true => ask.path,
            false => format!("{}?{form}", ask.path),
        };
        let token = self.facts.token.reveal();
        let credential = match ask.caller.as_deref() {
            None => Some(token.to_owned()),
            Some("none") => None,
            Some("wrong") => {
                let id = token.split('=').next().unwrap_or_default();
                Some(format!("{id}=00000000-0000-0000-0000-000000000000"))
            }
            Some(other) => Some(other.to_owned()),
        };
        let headers = credential
            .map(|credential| vec![("Authorization".to_owned(), format!("PVEAPIToken={credential}"))])
            .unwrap_or_default();
        Sent { method: ask.method, target, headers, body, is_chunked: ask.is_chunked }
    }

    pub(super) async fn send(&self, ask: &Ask) -> Result<Received, Stop> {
        self.facts.place.ask(&self.request(ask)).await.map_err(Stop::Got)
    }

    async fn send_by_hand(&mut self, ask: &Ask) -> Result<Received, Stop> {
        let sent = self.request(ask);
        let Some(connection) = &mut self.connection else { return got("no connection was opened") };
        connection.ask(&sent).await.map_err(Stop::Got)
    }

    pub(super) async fn get(&self, path: String) -> Result<Received, Stop> {
        self.send(&Ask { method: "GET".into(), path, ..Ask::default() }).await
    }

    async fn together(&mut self, names: &[String], ask: &Ask) -> Held {
        let asks: Vec<Ask> = names
            .iter()
            .map(|name| {
                let each = self.names.get(name).cloned().unwrap_or_else(|| name.clone());
                let parameters =
                    ask.parameters.iter().map(|(key, value)| (key.clone(), value.replace("{each}", &each))).collect();
                Ask { parameters, ..ask.clone() }
            })
            .collect();
        let answers = join_all(asks.iter().map(|ask| self.send(ask))).await;
        self.together = answers.into_iter().collect::<Result<_, _>>()?;
        self.last = self.together.first().cloned().unwrap_or_default();
        Ok(())
    }

    // --- what is expected ----------------------------------------------------------------------------------------------------------------

    fn regex(&self, expression: &str) -> Regex {
        Regex::new(&self.fill(expression)).expect("a test reads every expression of the checks")
    }

    fn compare(&self, text: &str, expected: &Match) -> Held {
        let holds = match expected {
            Match::Is(wanted) => text == self.fill(wanted),
            Match::Like(expression) => self.regex(expression).is_match(text),
        };
        if holds { Ok(()) } else { got(text) }
    }

    pub(super) fn check_answer(&self, answer: &Received, expected: &Expected) -> Held {
        let shown = || {
            let errors = answer.json()["errors"].clone();
            let errors = if errors.is_null() { String::new() } else { format!(" {errors}") };
            Stop::Got(format!("{} {}{errors}", answer.status, answer.reason))
        };
        if answer.status != expected.status {
            return Err(shown());
        }
        let Some(text) = &expected.text else { return Ok(()) };
        // Before 8.4 the text is in the reason phrase only; since then the body has it whole.
        let message = answer.json()["message"].as_str().map(|text| text.trim_end().to_owned());
        let texts = [Some(answer.reason.clone()), message];
        match texts.iter().flatten().any(|found| self.compare(found, text).is_ok()) {
            true => Ok(()),
            false => Err(shown()),
        }
    }

    fn test(&self, json: &Value, pointer: &str, test: &Test) -> Held {
        let value = json.pointer(pointer);
        let shown = || value.map_or_else(|| "it is not there".to_owned(), Value::to_string);
        let wanted = |text: &String| -> Value {
            serde_json::from_str(&self.fill(text)).expect("a test reads every value of the checks")
        };
        let text = || value.map(text_of).unwrap_or_default();
        let holds = match test {
            Test::Is(json) => value.is_some_and(|value| alike(value, &wanted(json))),
            Test::IsNot(json) => value.is_some_and(|value| !alike(value, &wanted(json))),
            Test::Like(expression) => value.is_some() && self.regex(expression).is_match(&text()),
            Test::Unlike(expression) => value.is_some() && !self.regex(expression).is_match(&text()),
            Test::Absent => value.is_none(),
            Test::Present => value.is_some_and(|value| !value.is_null()),
            Test::Has(json) => rows(value).any(|row| includes(row, &wanted(json))),
            Test::Lacks(json) => !rows(value).any(|row| includes(row, &wanted(json))),
        };
        if holds { Ok(()) } else { got(shown()) }
    }

    fn answers(&self, count: Option<usize>, expected: &Expected) -> Held {
        let held = self.together.iter().filter(|answer| self.check_answer(answer, expected).is_ok()).count();
        if held == count.unwrap_or(self.together.len()) {
            return Ok(());
        }
        let shown: Vec<String> =
            self.together.iter().map(|answer| format!("{} {}", answer.status, answer.reason)).collect();
        got(shown.join("; "))
    }

    async fn tasks(&mut self, count: Option<usize>, ends: &[Match]) -> Held {
        let mut ended = Vec::new();
        for answer in self.together.clone() {
            ended.push(match upid(&answer) {
                Some(upid) => self.end_of(&upid).await?,
                None => format!("{} {}", answer.status, answer.reason),
            });
        }
        let held = ended.iter().filter(|end| ends.iter().any(|wanted| self.compare(end, wanted).is_ok())).count();
        if held == count.unwrap_or(ended.len()) { Ok(()) } else { got(ended.join("; ")) }
    }

    // --- time --------------------------------------------------------------------------------------------------------------------------

    fn scaled(&self, time: Duration) -> Duration {
        time / self.facts.speed
    }

    /// A simulator whose time only polls move says how much of it an answer took.
    fn took(&self, least: Duration) -> Held {
        let virtual_ms = self.last.header("x-spawnpoint-took-ms").and_then(|text| text.parse().ok());
        let took = match (virtual_ms, self.is_instant()) {
            (Some(ms), true) => Duration::from_millis(ms),
            _ => self.last.took * self.facts.speed,
        };
        if took + TOLERANCE * self.facts.speed >= least { Ok(()) } else { got(format!("{} ms", took.as_millis())) }
    }

    fn is_instant(&self) -> bool {
        self.last.header("x-spawnpoint-clock").as_deref() == Some("instant")
    }

    pub(super) async fn pause(&self) {
        if !self.is_instant() {
            tokio::time::sleep(self.scaled(Duration::from_millis(200)).max(Duration::from_millis(4))).await;
        }
    }

    async fn until(&mut self, ask: &Ask, pointer: &str, test: &Test) -> Held {
        let began = Instant::now();
        for _ in 0..POLLS {
            let answer = self.send(ask).await?;
            let held = match answer.status {
                200 => self.test(&answer.json(), pointer, test),
                status => got(format!("{status} {}", answer.reason)),
            };
            self.last = answer;
            match held {
                Err(_) if began.elapsed() < PATIENCE => self.pause().await,
                held => return held,
            }
        }
        got(format!("not within {POLLS} polls"))
    }

    async fn closes_within(&mut self, seconds: u64) -> Held {
        let time = self.scaled(Duration::from_secs(seconds)) + TOLERANCE;
        let Some(connection) = &mut self.connection else { return got("no connection was opened") };
        if connection.closes_within(time).await { Ok(()) } else { got("it is still open") }
    }

    async fn closes_after(&mut self, count: u32, ask: &Ask) -> Held {
        for _ in 0..count {
            match self.send_by_hand(ask).await {
                Ok(answer) if answer.status == 200 => {}
                Ok(answer) => return got(format!("{} {}", answer.status, answer.reason)),
                Err(_) => return Ok(()),
            }
        }
        got(format!("{count} requests were answered on one connection"))
    }

    // --- tasks -------------------------------------------------------------------------------------------------------------------------

    fn remember_task(&mut self) {
        if let Some(upid) = upid(&self.last) {
            self.names.insert("upid".into(), crate::proxmox::call::segment(&upid));
            self.upid = Some(upid);
        }
    }

    async fn task_end(&mut self) -> Result<String, Stop> {
        match self.upid.clone() {
            Some(upid) => self.end_of(&upid).await,
            None => got("the answer was no task"),
        }
    }

    pub(super) async fn end_of(&mut self, upid: &str) -> Result<String, Stop> {
        let began = Instant::now();
        for _ in 0..POLLS {
            let answer = self.get(format!("{}/status", task_path(upid))).await?;
            let status = answer.json()["data"].take();
            self.last = answer;
            if status["status"] == "stopped" {
                return Ok(status["exitstatus"].as_str().unwrap_or_default().to_owned());
            }
            if began.elapsed() > PATIENCE {
                break;
            }
            self.pause().await;
        }
        got("the task still runs")
    }

    async fn log(&self) -> Result<String, Stop> {
        let Some(upid) = &self.upid else { return got("the answer was no task") };
        let answer = self.get(format!("{}/log?limit=0", task_path(upid))).await?.json();
        let lines: Vec<&str> = rows(answer.get("data")).filter_map(|line| line["t"].as_str()).collect();
        Ok(lines.join("\n"))
    }
}

pub(super) fn upid(answer: &Received) -> Option<String> {
    answer.json()["data"].as_str().filter(|text| text.starts_with("UPID:")).map(str::to_owned)
}

fn task_path(upid: &str) -> String {
    let node = upid.split(':').nth(1).unwrap_or_default();
    format!("/nodes/{node}/tasks/{}", crate::proxmox::call::segment(upid))
}

fn rows(list: Option<&Value>) -> impl Iterator<Item = &Value> {
    list.and_then(Value::as_array).into_iter().flatten()
}

fn text_of(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// Versions differ in whether a number is one: `2`, `"2"` and `true` for 1.
pub(super) fn alike(found: &Value, wanted: &Value) -> bool {
    let plain = |value: &Value| match value {
        Value::Bool(flag) => u8::from(*flag).to_string(),
        other => text_of(other),
    };
    found == wanted || (!found.is_null() && !wanted.is_null() && plain(found) == plain(wanted))
}

fn includes(row: &Value, wanted: &Value) -> bool {
    let mut members = wanted.as_object().into_iter().flatten();
    members.all(|(name, value)| row.get(name).is_some_and(|found| alike(found, value)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn numbers_and_their_texts_are_alike() {
        assert!(alike(&json!("2"), &json!(2)) && alike(&json!(true), &json!(1)));
        assert!(!alike(&Value::Null, &json!(0)) && !alike(&json!("2"), &json!(3)));
        assert!(includes(&json!({"vmid": 1, "name": "x"}), &json!({"vmid": 1})));
        assert!(!includes(&json!({"vmid": 1}), &json!({"vmid": 1, "name": "x"})));
    }

    /// What a name may stand for must not matter for whether a line can be read.
    #[test]
    fn every_expression_and_every_value_can_be_read() {
        let fill = |text: &str| {
            Regex::new(r"\{[a-z0-9]+(?::lower)?\}").expect("it is one").replace_all(text, "1").into_owned()
        };
        for check in super::super::parse(super::super::CHECKS).expect("our own checks can be read") {
            for line in &check.lines {
                let (expression, value) = match &line.step {
                    Step::At { test, .. } | Step::Until { test, .. } => match test {
                        Test::Like(text) | Test::Unlike(text) => (Some(text), None),
                        Test::Is(text) | Test::IsNot(text) | Test::Has(text) | Test::Lacks(text) => (None, Some(text)),
                        Test::Absent | Test::Present => (None, None),
                    },
                    Step::Ask { expected: Expected { text: Some(Match::Like(text)), .. }, .. }
                    | Step::Answers { expected: Expected { text: Some(Match::Like(text)), .. }, .. }
                    | Step::Task(Match::Like(text))
                    | Step::Log(Match::Like(text))
                    | Step::Body(Match::Like(text))
                    | Step::Header { expected: Match::Like(text), .. }
                    | Step::Save { expression: Some(text), .. } => (Some(text), None),
                    _ => (None, None),
                };
                let regex = expression.map(|text| Regex::new(&fill(text)).map(drop).map_err(|error| error.to_string()));
                let json = value.map(|text| {
                    serde_json::from_str::<Value>(&fill(text)).map(drop).map_err(|error| error.to_string())
                });
                assert_eq!(regex.or(json).unwrap_or(Ok(())), Ok(()), "check {}: {}", check.number, line.text);
            }
        }
    }
}
