//! The simulator against recorded facts: transcripts in `tests/data/simulator`, run in process.
//!
//! A transcript is text: a line `> METHOD path body`, then what the answer must be. `!` lines wait for the last task.

use std::path::Path;

use serde_json::Value;
use spawnpoint::simulator::{Lab, Machine, Pace, Request, Store};

/// A client of one lab that remembers what transcripts refer to.
struct Session {
    machine: Machine,
    credential: String,
    last: Value,
    upid: String,
    saved: Vec<(String, String)>,
}

impl Session {
    fn new() -> Self {
        Self::of_version("9.2")
    }

    fn of_version(version: &str) -> Self {
        let lab = Lab::parse("transcripts.lab.hcl", &read("transcripts.lab.hcl")).expect("the test lab is valid");
        let lab = Lab { version: version.to_owned(), ..lab };
        let machine = Machine::new(&lab, 1).expect("the test lab can be built");
        let credential = machine.automation_token();
        Self { machine, credential, last: Value::Null, upid: String::new(), saved: Vec::new() }
    }

    fn send(&mut self, method: &str, target: &str, body: &str) -> (u16, String, String) {
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let content_type = body.starts_with('{').then(|| "application/json".to_owned());
        let reply = self.machine.handle(&Request {
            method: method.to_owned(),
            path: format!("/api2/json{}", path.replacen('~', "/nodes/pve1", 1)),
            query: query.to_owned(),
            body: body.as_bytes().to_vec(),
            content_type,
            authorization: (self.credential != "none").then(|| format!("PVEAPIToken={}", self.credential)),
            ..Request::default()
        });
        let text = String::from_utf8(reply.body).expect("answers are UTF-8");
        self.last = serde_json::from_str(&text).unwrap_or(Value::Null);
        if let Some(upid) = self.last["data"].as_str().filter(|text| text.starts_with("UPID:")) {
            upid.clone_into(&mut self.upid);
        }
        (reply.status, reply.reason, text)
    }

    /// Polls the last task until it stopped and returns its exit status and log.
    fn finish_task(&mut self) -> (String, String) {
        let node = self.upid.split(':').nth(1).unwrap_or_default().to_owned();
        let path = format!("/nodes/{node}/tasks/{}", self.upid.replace('!', "%21"));
        for _ in 0..100 {
            self.send("GET", &format!("{path}/status"), "");
            if self.last["data"]["status"] == "stopped" {
                let exit = self.last["data"]["exitstatus"].as_str().unwrap_or_default().to_owned();
                self.send("GET", &format!("{path}/log?limit=0"), "");
                let lines = self.last["data"].as_array().cloned().unwrap_or_default();
                let lines: Vec<&str> = lines.iter().filter_map(|line| line["t"].as_str()).collect();
                return (exit, lines.join("\n"));
            }
        }
        panic!("task {} did not end after 100 polls", self.upid);
    }

    fn fill(&self, text: &str) -> String {
        self.saved.iter().fold(text.to_owned(), |text, (name, value)| text.replace(&format!("${name}"), value))
    }

    fn run(&mut self, line: &str) -> Result<(), String> {
        let (mark, rest) = line.split_once(' ').unwrap_or((line, ""));
        let rest = self.fill(rest);
        match mark {
            ">" => {
                let (request, expected) = rest.split_once(" => ").unwrap_or((&rest, "200"));
                let mut words = request.splitn(3, ' ');
                let (method, target) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
                let (status, reason, body) = self.send(method, target, words.next().unwrap_or_default());
                let (wanted_status, wanted_reason) = expected.split_once(' ').unwrap_or((expected, ""));
                let is_as_wanted =
                    status.to_string() == wanted_status && (wanted_reason.is_empty() || reason == wanted_reason);
                if is_as_wanted { Ok(()) } else { Err(format!("got {status} {reason}\n{body}")) }
            }
            // Looks into the last answer: `= /pointer JSON`, `= /pointer` for absent, `~ /pointer text` for contains.
            "=" => {
                let (pointer, wanted) = rest.split_once(' ').unwrap_or((&rest, "null"));
                let found = self.last.pointer(pointer).cloned().unwrap_or(Value::Null);
                let wanted: Value = serde_json::from_str(wanted).map_err(|error| format!("{wanted}: {error}"))?;
                if found == wanted { Ok(()) } else { Err(format!("{pointer} is {found}")) }
            }
            "~" => {
                let (pointer, wanted) = rest.split_once(' ').unwrap_or((&rest, ""));
                let found = self.last.pointer(pointer).map(Value::to_string).unwrap_or_default();
                if found.contains(wanted) { Ok(()) } else { Err(format!("{pointer} is {found}")) }
            }
            "save" => {
                let (name, pointer) = rest.split_once(' ').unwrap_or((&rest, ""));
                let value = self.last.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned();
                self.saved.push((name.to_owned(), value));
                Ok(())
            }
            "!" => {
                let (exit, log) = self.finish_task();
                if exit == rest { Ok(()) } else { Err(format!("the task ended: {exit}\n{log}")) }
            }
            "log" => {
                let log = self.last["data"].to_string();
                if log.contains(&rest) { Ok(()) } else { Err(format!("the log is {log}")) }
            }
            // The same lab, but as an older server.
            "version" => {
                *self = Self::of_version(&rest);
                Ok(())
            }
            "as" => {
                self.credential = if rest == "root" { self.machine.automation_token() } else { rest };
                Ok(())
            }
            other => Err(format!("`{other}` is no mark of a transcript")),
        }
    }
}

fn read(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/simulator").join(name);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Runs every transcript on a lab of its own and reports every line that does not hold.
#[test]
fn transcripts_hold() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/simulator");
    let mut names: Vec<String> = std::fs::read_dir(folder)
        .expect("the folder is in the repository")
        .map(|entry| entry.expect("a folder entry").file_name().to_string_lossy().into_owned())
        .filter(|name| name.ends_with(".transcript"))
        .collect();
    names.sort();
    let mut failures = Vec::new();
    let mut steps = 0;
    for name in &names {
        let mut session = Session::new();
        let text = read(name);
        let lines = (1..).zip(text.lines()).filter(|(_, line)| !line.is_empty() && !line.starts_with('#'));
        for (number, line) in lines {
            steps += 1;
            if let Err(error) = session.run(line) {
                failures.push(format!("{name}:{number}: {line}\n    {error}"));
            }
        }
    }
    assert!(failures.is_empty(), "{} of {steps} lines fail\n{}", failures.len(), failures.join("\n"));
    assert!(names.len() > 5 && steps > 400, "only {} transcripts with {steps} lines were found", names.len());
}

#[test]
fn a_lab_survives_the_end_of_its_process() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let lab = Lab::built_in();
    let clone = Request {
        method: "POST".into(),
        path: "/api2/json/nodes/pve1/qemu/9000/clone".into(),
        body: b"newid=100&name=web".to_vec(),
        ..Request::default()
    };
    let (before, now_ms) = {
        let mut store = Store::open(folder.path(), &lab, Pace::Instant).expect("the lab opens");
        let authorization = Some(format!("PVEAPIToken={}", store.machine().automation_token()));
        let reply = store.handle(&Request { authorization, ..clone }).expect("the call is stored");
        assert_eq!(reply.status, 200, "{}", reply.reason);
        store.change(|machine| machine.advance(60)).expect("the time is stored");
        let second = Store::open(folder.path(), &lab, Pace::Instant);
        assert!(second.is_err_and(|error| error.hint().is_some()), "a second process must be told what to do");
        (store.machine().dump(), store.machine().now_ms())
    };
    let mut store = Store::open(folder.path(), &lab, Pace::Instant).expect("the lab opens again");
    assert_eq!(store.machine().dump(), before);
    assert_eq!(store.machine().now_ms(), now_ms);
    assert_eq!(before["guests"]["100"]["config"]["lock"], "clone");
    store.change(|machine| machine.advance(10_000)).expect("time is stored");
    assert_eq!(store.machine().dump()["guests"]["100"]["config"]["name"], "web");
    drop(store);
    Store::reset(folder.path(), "lab").expect("the lab is forgotten");
    let store = Store::open(folder.path(), &lab, Pace::Instant).expect("a fresh lab opens");
    assert_eq!(store.machine().dump()["guests"]["100"], Value::Null);
}

#[test]
fn every_example_lab_can_be_opened() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/labs");
    let mut count = 0;
    for entry in std::fs::read_dir(folder).expect("the folder is in the repository") {
        let path = entry.expect("a folder entry").path();
        let text = std::fs::read_to_string(&path).expect("a text file");
        let lab = Lab::parse(&path.display().to_string(), &text).unwrap_or_else(|error| panic!("{error}"));
        Store::in_memory(&lab, Pace::Instant).unwrap_or_else(|error| panic!("{error}"));
        count += 1;
    }
    assert!(count > 0, "no example lab was found");
}

/// An upload is a body of several parts, which no transcript can hold.
#[test]
fn a_file_can_be_uploaded() {
    let mut session = Session::new();
    let send = |session: &mut Session, filename: &str, checksum: &str| {
        let field = |name: &str, value: &str| {
            format!("--cut\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n")
        };
        let fields = [("content", "iso"), ("checksum-algorithm", "sha256"), ("checksum", checksum)];
        let mut body: String = fields.iter().map(|(name, value)| field(name, value)).collect();
        body.push_str(&format!(
            "--cut\r\nContent-Disposition: form-data; name=\"filename\"; filename=\"{filename}\"\r\n\r\n"
        ));
        body.push_str("some bytes\r\n--cut--\r\n");
        let reply = session.machine.handle(&Request {
            method: "POST".into(),
            path: "/api2/json/nodes/pve1/storage/local/upload".into(),
            body: body.into_bytes(),
            content_type: Some("multipart/form-data; boundary=cut".into()),
            authorization: Some(format!("PVEAPIToken={}", session.credential)),
            ..Request::default()
        });
        let answer: Value = serde_json::from_slice(&reply.body).expect("the answer is JSON");
        session.upid = answer["data"].as_str().unwrap_or_default().to_owned();
        (reply.status, answer)
    };
    let digest = "84ed19c3a0d9d95ccf9a8c9cc4a06e7b5b6a4e3a1a0f5a0c9f7ed0f2e0b3a7d1";
    let (status, _) = send(&mut session, "seed.iso", digest);
    assert_eq!(status, 200);
    let (exit, _) = session.finish_task();
    assert!(exit.starts_with("checksum mismatch: got '"), "{exit}");
    let digest = exit.split('\'').nth(1).expect("the text quotes the file's checksum").to_owned();
    assert_eq!(send(&mut session, "../my seed.iso", &digest).0, 200);
    assert_eq!(session.finish_task().0, "OK");
    session.send("GET", "~/storage/local/content?content=iso", "");
    let volids: Vec<&str> =
        session.last["data"].as_array().expect("a list").iter().filter_map(|row| row["volid"].as_str()).collect();
    assert!(volids.contains(&"local:iso/my_seed.iso") && !volids.contains(&"local:iso/seed.iso"), "{volids:?}");
    assert_eq!(send(&mut session, "seed.txt", &digest).1["errors"]["filename"], "wrong file extension");
}
