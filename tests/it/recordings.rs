//! The simulator, our decoding and our error classes against what a real Proxmox VE 9.2 answered: `tests/data/recordings`.
//!
//! `<section>.jsonl` holds recorded calls and answers, one a line: `name`, `as` (who calls; root's token when absent), `call`, `body`,
//! `answer` (status and reason; `200 OK` when absent), then what the answer's body held: `data`, `errors`, `message` where it is more than
//! the reason, `beside` (members beside `data`), or `text` for a body that is no JSON. For errors `class` is the kind our contract gives them.
//!
//! `<section>.setup` says what the recording did but does not hold: statements under `before NAME` are run before that line.
//!
//! | Statement | Meaning |
//! |---|---|
//! | `lab NAME` | at the top: the section began with the lab of `NAME.lab.hcl` |
//! | `after SECTION` | at the top: the section went on from the end of that one instead of a fresh lab |
//! | `> METHOD path body` | a call; `>lim ...` makes it as somebody else; its task is waited for |
//! | `learn POINTER VALUE` | what the recording knew as `VALUE` is at `POINTER` in the last answer |
//! | `token NAME` | the last answer holds the token that `NAME` calls with |
//! | `pause MILLISECONDS` | time passes |
//! | `hold VMID MILLISECONDS` | something else holds a guest's lock |
//! | `leave` | the task of the next call (recorded or not) is not waited for |
//! | `send NAME ...` | these recorded calls were sent here, at one time and in this order; their answers are compared in their places |
//!
//! `<section>.exceptions` lists every line that may differ, each with one of [`RULES`]. A line that is not in it must agree, a line in it
//! must not. `UPDATE_GOLDEN=1` writes it anew and marks what is new in it as `open`; `RECORDING=05` prints the differences of one section.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use serde_json::{Value, json};
use spawnpoint::proxmox::task::Exit;
use spawnpoint::proxmox::{Answer, ErrorClass, Upid, classify};
use spawnpoint::simulator::{Lab, Machine, Pace, Reply, Request};

use crate::recordings_compare::Known;

/// Why a line may differ.
const RULES: &[(&str, &str)] = &[
    ("open", "the simulator does not do it yet"),
    ("transport", "the server's HTTP layer says it before the machine is asked; `simulator_server` looks at it"),
    ("hardware", "what the recording's computer, kernel or package repository is"),
    ("history", "tasks of the recording before its section begins"),
    ("tools", "words of a program that a worker runs: wget, qemu-img, vzdump, zfs, diff"),
    ("daemons", "the recording had no HA, firewall, mail or container daemon, where the simulator plays a whole node"),
];

/// Agreement that is reached, in lines; raised as the simulator learns.
const AGREEING_LINES: usize = 918;
/// The same for lines whose status is an error.
const AGREEING_ERRORS: usize = 202;

/// One recorded exchange.
struct Line {
    name: String,
    caller: String,
    method: String,
    target: String,
    body: String,
    status: u16,
    reason: String,
    /// The whole body: an object, or text where it was no JSON.
    expected: Value,
    class: Option<String>,
}

impl Line {
    fn parse(text: &str) -> Self {
        let mut fields: serde_json::Map<String, Value> = serde_json::from_str(text).expect("a line is a JSON object");
        let text_of = |key: &str| fields.get(key).and_then(Value::as_str).map(str::to_owned);
        let call = text_of("call").expect("a line has a call");
        let (method, target) = call.split_once(' ').expect("a call is a method and a path");
        let answer = text_of("answer").unwrap_or_else(|| "200 OK".to_owned());
        let (status, reason) = answer.split_once(' ').expect("an answer is a status and a reason");
        let status: u16 = status.parse().expect("a status is a number");
        let (name, caller) = (text_of("name").expect("a line has a name"), text_of("as").unwrap_or_default());
        let (body, class) = (text_of("body").unwrap_or_default(), text_of("class"));
        let newline = if status == 501 { "" } else { "\n" };
        let message = text_of("message").unwrap_or_else(|| format!("{reason}{newline}"));
        let expected = match fields.remove("text") {
            Some(text) => text,
            None => {
                let mut whole = json!({ "data": fields.remove("data").unwrap_or_default() });
                if status >= 400 {
                    whole["message"] = json!(message);
                }
                whole["errors"] = fields.remove("errors").unwrap_or_default();
                let beside = fields.remove("beside").and_then(|beside| beside.as_object().cloned()).unwrap_or_default();
                let members = whole.as_object_mut().expect("it was made as an object");
                members.retain(|key, value| key == "data" || !value.is_null());
                members.extend(beside);
                whole
            }
        };
        let expected = without_noise(target, expected);
        Self {
            name,
            caller,
            method: method.into(),
            target: target.into(),
            body,
            status,
            reason: reason.into(),
            expected,
            class,
        }
    }

    fn is_error(&self) -> bool {
        self.status >= 400
    }

    /// The body as the server sent it.
    fn bytes(&self) -> Vec<u8> {
        match &self.expected {
            Value::String(text) => text.clone().into_bytes(),
            whole => whole.to_string().into_bytes(),
        }
    }
}

/// Drops what the recording's machine, which had no system log, wrote into the log of every task.
fn without_noise(target: &str, mut whole: Value) -> Value {
    let is_log = target.contains("/tasks/") && target.split('?').next().is_some_and(|path| path.ends_with("/log"));
    if let Some(rows) = whole.pointer_mut("/data").and_then(Value::as_array_mut).filter(|_| is_log) {
        let before = rows.len();
        rows.retain(|row| !row["t"].as_str().is_some_and(|text| text.starts_with("Unable to open syslog")));
        for (position, row) in rows.iter_mut().enumerate() {
            row["n"] = json!(position + 1);
        }
        let dropped = before - rows.len();
        if let Some(total) = whole["total"].as_u64() {
            whole["total"] = json!(total - u64::try_from(dropped).expect("a short list"));
        }
    }
    whole
}

/// Prints what whoever works on a section wants to know.
fn tell(text: &str) {
    if std::env::var_os("RECORDING").is_some() {
        println!("    {text}");
    }
}

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/data/recordings")
}

fn read(name: &str) -> Option<String> {
    std::fs::read_to_string(folder().join(name)).ok()
}

fn sections() -> Vec<String> {
    let entries = std::fs::read_dir(folder()).expect("the recordings are in the repository");
    let names = entries.map(|entry| entry.expect("a folder entry").file_name().to_string_lossy().into_owned());
    let mut sections: Vec<String> = names.filter_map(|name| Some(name.strip_suffix(".jsonl")?.to_owned())).collect();
    sections.sort();
    sections
}

fn lines_of(section: &str) -> Vec<Line> {
    let text = read(&format!("{section}.jsonl")).unwrap_or_else(|| panic!("there is no section {section}"));
    text.lines().map(Line::parse).collect()
}

/// What a section needs beyond its lines.
#[derive(Default)]
struct Setup {
    lab: Option<String>,
    /// The section it goes on from.
    follows: Option<String>,
    /// Statements by the line they stand before.
    before: BTreeMap<String, Vec<String>>,
}

fn setup_of(section: &str) -> Setup {
    let text = read(&format!("{section}.setup")).unwrap_or_default();
    let (mut setup, mut place) = (Setup::default(), None);
    for line in text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#')) {
        match line.split_once(' ') {
            Some(("after", name)) => setup.follows = Some(name.to_owned()),
            Some(("lab", name)) => setup.lab = Some(format!("{name}.lab.hcl")),
            Some(("before", name)) => place = Some(name.to_owned()),
            _ => {
                let place = place.clone().unwrap_or_else(|| panic!("{section}.setup: `{line}` stands before no line"));
                setup.before.entry(place).or_default().push(line.to_owned());
            }
        }
    }
    setup
}

/// A line and how its answer differs.
type Compared = (Line, Result<(), String>);

/// A lab that answers recorded calls, and what the recording's names mean in it.
struct Replay {
    machine: Machine,
    known: Known,
    tokens: BTreeMap<String, String>,
    tickets: BTreeMap<String, (String, String)>,
    last: Reply,
    leaves_task: bool,
    early: BTreeMap<String, Reply>,
}

impl Replay {
    fn new(lab: Option<&str>) -> Self {
        let name = lab.unwrap_or("lab.hcl");
        let text = read(name).unwrap_or_else(|| panic!("there is no {name}"));
        let lab = Lab::parse(name, &text).expect("the lab is valid");
        let mut machine = Machine::new(&lab, 1).expect("the lab can be built");
        machine.set_pace(Pace::REAL);
        let root = "root@pam!tf=root-secret".to_owned();
        let tokens =
            [("", root), ("wrong-secret", "root@pam!tf=wrong".into()), ("unknown-token", "root@pam!no=wrong".into())];
        let mut replay = Self {
            machine,
            known: Known::default(),
            tokens: tokens.map(|(name, token)| (name.to_owned(), token)).into(),
            tickets: BTreeMap::new(),
            last: Reply { status: 0, reason: String::new(), body: Vec::new(), headers: Vec::new(), took_ms: 0 },
            leaves_task: false,
            early: BTreeMap::new(),
        };
        // A lab has a token of its own for the program, which the recorded server had not.
        replay.send("", "DELETE", "/access/users/root@pam/token/spawnpoint", "");
        replay
    }

    fn send(&mut self, caller: &str, method: &str, target: &str, body: &str) -> Reply {
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let mut request = Request {
            method: method.to_owned(),
            path: format!("/api2/json{path}"),
            query: query.to_owned(),
            body: body.as_bytes().to_vec(),
            content_type: body.starts_with('{').then(|| "application/json".to_owned()),
            ..Request::default()
        };
        match caller.split_once('-') {
            Some((user, kind @ ("ticket" | "cookie"))) => {
                let (ticket, csrf) = self.ticket(user);
                request.cookie = Some(format!("PVEAuthCookie={}", spawnpoint::proxmox::call::segment(&ticket)));
                request.csrf = (kind == "ticket").then_some(csrf);
            }
            _ if caller == "nobody" => {}
            _ => {
                let token = self.tokens.get(caller).unwrap_or_else(|| panic!("nobody made a token for `{caller}`"));
                request.authorization = Some(format!("PVEAPIToken={token}"));
            }
        }
        self.last = self.machine.handle(&request);
        self.last.clone()
    }

    fn ticket(&mut self, user: &str) -> (String, String) {
        if let Some(ticket) = self.tickets.get(user) {
            return ticket.clone();
        }
        let realm = if user == "root" { "pam" } else { "pve" };
        let form = format!("username={user}%40{realm}&password=dummy-password");
        let reply = self.send("nobody", "POST", "/access/ticket", &form);
        let body: Value = serde_json::from_slice(&reply.body).unwrap_or_default();
        let text = |key: &str| body["data"][key].as_str().unwrap_or_default().to_owned();
        let ticket = (text("ticket"), text("CSRFPreventionToken"));
        self.tickets.insert(user.to_owned(), ticket.clone());
        ticket
    }

    /// Sends a call with the recording's names replaced, and waits for its task unless told not to.
    fn call(&mut self, caller: &str, method: &str, target: &str, body: &str) -> Reply {
        let (target, body) = (self.known.translate(target), self.known.translate(body));
        self.machine.advance(50);
        let reply = self.send(caller, method, &target, &body);
        if !std::mem::take(&mut self.leaves_task) {
            self.wait_for_task(&reply);
        }
        self.last = reply.clone();
        reply
    }

    fn wait_for_task(&mut self, reply: &Reply) {
        let body: Value = serde_json::from_slice(&reply.body).unwrap_or_default();
        let Some(upid) = body["data"].as_str().and_then(|text| text.parse::<Upid>().ok()) else {
            return;
        };
        let path =
            format!("/nodes/{}/tasks/{}/status", upid.node, spawnpoint::proxmox::call::segment(&upid.to_string()));
        for _ in 0..10_000 {
            let reply = self.send("", "GET", &path, "");
            let body: Value = serde_json::from_slice(&reply.body).unwrap_or_default();
            if body["data"]["status"] != "running" {
                return;
            }
            self.machine.advance(50);
        }
        panic!("task {upid} does not end");
    }

    fn statement(&mut self, text: &str, lines: &[Line]) {
        let (mark, rest) = text.split_once(' ').unwrap_or((text, ""));
        match mark {
            "pause" => self.machine.advance(rest.parse().expect("a pause is in milliseconds")),
            "hold" => {
                let (vmid, time_ms) = rest.split_once(' ').expect("hold takes an id and milliseconds");
                let number = |text: &str| text.parse::<u64>().expect("a number");
                self.machine.hold_lock(u32::try_from(number(vmid)).expect("an id"), number(time_ms));
            }
            "leave" => self.leaves_task = true,
            "learn" => {
                let (pointer, recorded) = rest.split_once(' ').expect("learn takes a pointer and a value");
                let body: Value = serde_json::from_slice(&self.last.body).unwrap_or_default();
                match body.pointer(pointer).and_then(Value::as_str) {
                    Some(ours) => self.known.learn(recorded, ours),
                    None => tell(&format!("setup: {text}: there is no text at {pointer} in {body}")),
                }
            }
            "token" => {
                let body: Value = serde_json::from_slice(&self.last.body).unwrap_or_default();
                let text = |key: &str| body["data"][key].as_str().unwrap_or_default().to_owned();
                self.tokens.insert(rest.to_owned(), format!("{}={}", text("full-tokenid"), text("value")));
            }
            "send" => {
                for name in rest.split(' ') {
                    let line =
                        lines.iter().find(|line| line.name == name).unwrap_or_else(|| panic!("{name} is no line"));
                    let (target, body) = (self.known.translate(&line.target), self.known.translate(&line.body));
                    let reply = self.send(&line.caller, &line.method, &target, &body);
                    self.early.insert(name.to_owned(), reply);
                }
            }
            _ => {
                let caller = mark.strip_prefix('>').unwrap_or_else(|| panic!("`{text}` is no statement"));
                let mut words = rest.splitn(3, ' ');
                let mut word = || words.next().unwrap_or_default().to_owned();
                let (method, target, body) = (word(), word(), word());
                let reply = self.call(caller, &method, &target, &body);
                if reply.status != 200 {
                    tell(&format!("setup: {text}: {} {}", reply.status, reply.reason));
                }
            }
        }
    }

    /// Answers one recorded line; the error says how the answer differs.
    fn line(&mut self, line: &Line) -> Result<(), String> {
        let reply = match self.early.remove(&line.name) {
            Some(reply) => {
                self.wait_for_task(&reply);
                reply
            }
            None => self.call(&line.caller, &line.method, &line.target, &line.body),
        };
        let body = match serde_json::from_slice::<Value>(&reply.body) {
            Ok(whole @ Value::Object(_)) => whole,
            _ => Value::String(String::from_utf8_lossy(&reply.body).into_owned()),
        };
        let mut differences = Vec::new();
        if (reply.status, reply.reason.as_str()) != (line.status, &line.reason) {
            differences.push(format!("{} {}, not {} {}", reply.status, reply.reason, line.status, line.reason));
        }
        // An answer of another kind differs in everything, which says nothing.
        if reply.status == line.status {
            differences.extend(self.known.compare(&line.expected, &body));
        }
        if differences.is_empty() { Ok(()) } else { Err(differences.join("\n        ")) }
    }

    /// Replays a section, and first the one it goes on from.
    fn section(section: &str) -> (Self, Vec<Compared>) {
        let Setup { lab, follows, before } = setup_of(section);
        let mut replay = match follows {
            Some(earlier) => Self::section(&earlier).0,
            None => Self::new(lab.as_deref()),
        };
        let lines = lines_of(section);
        let names: BTreeSet<&String> = lines.iter().map(|line| &line.name).collect();
        let strange = before.keys().find(|name| !names.contains(name));
        assert!(strange.is_none(), "{section}.setup: there is no line {strange:?}");
        let mut results = Vec::new();
        for line in &lines {
            for statement in before.get(&line.name).into_iter().flatten() {
                replay.statement(statement, &lines);
            }
            results.push(replay.line(line));
        }
        (replay, lines.into_iter().zip(results).collect())
    }
}

/// Compares the lines that differ with those that may, and returns what is wrong; writes the list when asked to.
fn check_exceptions(section: &str, differing: &BTreeSet<String>) -> Vec<String> {
    let name = format!("{section}.exceptions");
    let text = read(&name).unwrap_or_default();
    let listed: BTreeMap<&str, &str> = text.lines().filter_map(|line| line.rsplit_once(' ')).collect();
    let strange = listed.values().find(|rule| RULES.iter().all(|(known, _)| known != *rule));
    assert!(strange.is_none(), "{name}: {strange:?} is no rule");
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        let rows = differing.iter().map(|line| format!("{line} {}\n", listed.get(line.as_str()).unwrap_or(&"open")));
        let text: String = rows.collect();
        let path = folder().join(name);
        match text.is_empty() {
            true => drop(std::fs::remove_file(path)),
            false => std::fs::write(path, text).expect("the tests folder can be written"),
        }
        return Vec::new();
    }
    let unlisted = differing.iter().filter(|line| !listed.contains_key(line.as_str()));
    let agreeing = listed.keys().filter(|line| !differing.contains(**line));
    let unlisted = unlisted.map(|line| format!("{section} {line} differs (RECORDING={section} shows how)"));
    unlisted.chain(agreeing.map(|line| format!("{section} {line} agrees now: take it off the exceptions"))).collect()
}

#[test]
fn the_simulator_answers_as_the_real_server_did() {
    let wanted = std::env::var("RECORDING").ok();
    let (mut agreeing, mut all, mut agreeing_errors, mut all_errors) = (0, 0, 0, 0);
    let mut wrong = Vec::new();
    for section in sections().iter().filter(|section| wanted.as_ref().is_none_or(|wanted| section.starts_with(wanted)))
    {
        let (_, results) = Replay::section(section);
        let count = |is_wanted: &dyn Fn(&Line, bool) -> bool| {
            results.iter().filter(|(line, result)| is_wanted(line, result.is_ok())).count()
        };
        let (good, errors) = (count(&|_, agrees| agrees), count(&|line, _| line.is_error()));
        let good_errors = count(&|line, agrees| agrees && line.is_error());
        println!("{section}: {good}/{} agree, errors {good_errors}/{errors}", results.len());
        (agreeing, all) = (agreeing + good, all + results.len());
        (agreeing_errors, all_errors) = (agreeing_errors + good_errors, all_errors + errors);
        for (line, result) in &results {
            if let Err(difference) = result {
                tell(&format!("{} ({} {} {})\n        {difference}", line.name, line.method, line.target, line.body));
            }
        }
        let differing = results.into_iter().filter(|(_, result)| result.is_err()).map(|(line, _)| line.name).collect();
        wrong.extend(check_exceptions(section, &differing));
    }
    println!("recordings: {agreeing}/{all} lines agree, errors {agreeing_errors}/{all_errors}");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    if wanted.is_none() {
        assert_eq!(all, 954, "the recording has 954 lines");
        assert!(agreeing >= AGREEING_LINES, "{agreeing} of {all} lines agree, it was {AGREEING_LINES} already");
        assert!(
            agreeing_errors >= AGREEING_ERRORS,
            "{agreeing_errors} of {all_errors} errors agree, it was {AGREEING_ERRORS}"
        );
    }
}

#[test]
fn every_recorded_answer_is_decoded_and_every_error_has_its_class() {
    let (mut count, mut errors, mut wrong) = (0, 0, Vec::new());
    for section in sections() {
        for line in lines_of(&section) {
            count += 1;
            let answer = Answer::decode(line.status, &line.reason, &line.bytes());
            let (class, text) = class_of(&line, &answer);
            errors += usize::from(class.is_some());
            let class = class.map(|class| format!("{class:?}"));
            if class != line.class {
                wrong.push(format!("{section} {}: {class:?}, not {:?}: {text}", line.name, line.class));
            }
            if let Some(text) = answer.data.as_str().filter(|text| text.starts_with("UPID:")) {
                text.parse::<Upid>().unwrap_or_else(|error| panic!("{section} {}: {error}", line.name));
            }
        }
    }
    println!("recordings: {count} answers decoded, {errors} errors and failed tasks have their class");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// The class of a refused call, or of the failed task whose status the line is.
fn class_of(line: &Line, answer: &Answer) -> (Option<ErrorClass>, String) {
    if !answer.is_success() {
        let text = answer.error_text();
        return (Some(classify(Some(answer.status), &text)), text);
    }
    let exit = answer.data["exitstatus"].as_str().filter(|_| line.target.ends_with("/status"));
    match exit.map(Exit::from_status) {
        Some(Exit::Failed(text) | Exit::Unknown(text)) => (Some(classify(None, &text)), text),
        Some(Exit::Done | Exit::DoneWithWarnings(_)) | None => (None, String::new()),
    }
}
