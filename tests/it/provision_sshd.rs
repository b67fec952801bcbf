//! Transport and configuration steps against a real, unprivileged OpenSSH server on a loopback address, by real Ansible, below a
//! temporary folder.

use crate::provision::{Bench, SECRET, say, skip, venv};
use spawnpoint::provision::{Ansible, Connection, Error, Event, HostKey, Mode, Scope, assets};
use spawnpoint::value::Value;
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use tempfile::TempDir;

/// A loopback address of our own: other tests' servers do not get in the way.
const ADDRESS: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 77);

pub(crate) struct Sshd {
    folder: TempDir,
    server: Child,
    port: u16,
}

impl Sshd {
    /// Starts a server with throw-away keys, or says why that is not possible here.
    pub(crate) fn start() -> Result<Self, String> {
        let program = "/usr/sbin/sshd";
        if !Path::new(program).exists() {
            return Err(format!("`{program}` is not there; install openssh-server"));
        }
        let folder = TempDir::new().expect("there is room for a folder");
        for name in ["host", "client"] {
            let status = Command::new("ssh-keygen")
                .args(["-q", "-t", "ed25519", "-N", "", "-f"])
                .arg(folder.path().join(name))
                .status();
            assert!(status.expect("ssh-keygen comes with sshd").success());
        }
        // Needed only if the tests run as root; anybody else may not make it and need not.
        fs::create_dir_all("/run/sshd").ok();
        let port =
            TcpListener::bind((ADDRESS, 0)).and_then(|socket| socket.local_addr()).expect("a port is free").port();
        let path = folder.path().display();
        let configuration = format!(
            "ListenAddress {ADDRESS}\nPort {port}\nHostKey {path}/host\nAuthorizedKeysFile {path}/client.pub\nPidFile none\nUsePAM no\n\
             StrictModes no\nPasswordAuthentication no\nKbdInteractiveAuthentication no\n"
        );
        fs::write(folder.path().join("config"), configuration).expect("the folder is ours");
        let log = fs::File::create(folder.path().join("log")).expect("the folder is ours");
        let server = Command::new(program)
            .args(["-D", "-e", "-f"])
            .arg(folder.path().join("config"))
            .stdin(Stdio::null())
            .stderr(log)
            .spawn()
            .map_err(|error| error.to_string())?;
        Ok(Self { folder, server, port })
    }

    pub(crate) fn connection(&self) -> Connection {
        let user = Command::new("id").arg("-un").output().expect("`id` is everywhere").stdout;
        Connection {
            user: String::from_utf8(user).expect("a user name is text").trim().to_owned(),
            host: ADDRESS.to_string(),
            port: self.port,
            private_key: Some(self.folder.path().join("client")),
            jump: None,
            host_key: HostKey::Pinned(
                fs::read_to_string(self.folder.path().join("host.pub")).expect("it was just made"),
            ),
        }
    }

    fn bench(&self) -> Result<Bench, String> {
        let root = self.root();
        let answers_at = SocketAddr::from((ADDRESS, 25565));
        Ok(Bench::new(venv("ansible-playbook")?, self.connection(), Scope::Files { root }, answers_at))
    }

    /// Returns the folder below which everything is put.
    pub(crate) fn root(&self) -> PathBuf {
        let root = self.folder.path().join("root");
        fs::create_dir_all(&root).expect("the folder is ours");
        root
    }

    fn data(&self, file: &str) -> PathBuf {
        self.folder.path().join("root/srv/games/survival/data").join(file)
    }
}

impl Drop for Sshd {
    fn drop(&mut self) {
        self.server.kill().ok();
        self.server.wait().ok();
    }
}

#[tokio::test]
async fn settings_reach_a_guest_over_ssh() {
    let (sshd, bench) = match Sshd::start().and_then(|sshd| sshd.bench().map(|bench| (sshd, bench))) {
        Ok(started) => started,
        Err(reason) => return skip("provisioning over loopback sshd", &reason),
    };
    say(
        "RAN provisioning over loopback sshd: transport and configuration steps by real Ansible, below a temporary folder",
    );

    let server = bench.server(&[("motd", Value::from("{{ 7 * 7 }} é")), ("max-players", Value::from(7))]);
    let predicted = bench.changes(&server, Mode::Check).await;
    assert_eq!(predicted[0], "create folders", "the first check of a bare guest works");
    let changes = bench.changes(&server, Mode::Apply).await;
    for expected in [
        "create folders",
        "copy the server",
        "make the release current",
        "eula.txt eula: (none) -> true",
        "server.properties motd: (none) -> {{ 7 * 7 }} é",
        "server.properties server-port: (none) -> 25565",
        "server.properties rcon.password: (none) -> (sensitive)",
    ] {
        assert!(changes.iter().any(|change| change == expected), "{expected} is not in {changes:#?}");
    }
    let written = fs::read_to_string(sshd.data("server.properties")).expect("the playbook made it");
    assert!(written.contains("max-players=7\n") && written.contains("motd={{ 7 * 7 }} \\u00e9\n"), "{written}");
    assert!(written.contains(SECRET));

    assert_eq!(bench.changes(&server, Mode::Apply).await, Vec::<String>::new(), "the second run changes nothing");

    a_changed_setting_changes_its_key_only(&sshd, &bench, &written).await;
}

/// The server has rewritten its file since; only what the user changed is changed.
async fn a_changed_setting_changes_its_key_only(sshd: &Sshd, bench: &Bench, written: &str) {
    // The server rewrites its file: another order, a date, escapes, keys of its own.
    let mut lines: Vec<_> = written.lines().map(|line| line.replace("{ 7", "{\\ 7")).collect();
    lines.reverse();
    let rewritten =
        format!("#Minecraft server properties\n#Fri Nov 20\nenable-jmx-monitoring=false\n{}\n", lines.join("\n"));
    fs::write(sshd.data("server.properties"), &rewritten).expect("the folder is ours");

    let changed = bench.server(&[("motd", Value::from("{{ 7 * 7 }} é")), ("max-players", Value::from(40))]);
    let expected = vec!["write server.properties".to_owned(), "server.properties max-players: 7 -> 40".to_owned()];
    assert_eq!(bench.changes(&changed, Mode::Check).await, expected, "how the rest is written makes no difference");
    assert_eq!(
        fs::read_to_string(sshd.data("server.properties")).expect("it is there"),
        rewritten,
        "a check changes nothing"
    );
    assert_eq!(bench.changes(&changed, Mode::Apply).await, expected);
    let written = fs::read_to_string(sshd.data("server.properties")).expect("it is there");
    assert_eq!(written, rewritten.replace("max-players=7", "max-players=40"), "every other line stays");
}

#[tokio::test]
async fn what_can_go_wrong_is_named() {
    let (sshd, bench) = match Sshd::start().and_then(|sshd| sshd.bench().map(|bench| (sshd, bench))) {
        Ok(started) => started,
        Err(reason) => return skip("provisioning errors over loopback sshd", &reason),
    };
    let server = bench.server(&[]);
    let mut other = Sshd::start().expect("one has just started").bench().expect("as before");
    other.connection.host_key = bench.connection.host_key.clone();
    other.connection.port = sshd.port;
    other.connection.host_key =
        HostKey::Pinned("ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA".to_owned());
    let (result, _) = other.run(&server, Mode::Check).await;
    assert!(matches!(result, Err(Error::HostKey { .. })), "{result:?}");

    let mut wrong = bench.server(&[]);
    wrong.settings.insert("artifact_sha256".into(), Value::from("0".repeat(64)));
    let (result, events) = bench.run(&wrong, Mode::Apply).await;
    assert!(matches!(result, Err(Error::Checksum { .. })), "{result:?}");
    assert_eq!(events, [], "the guest is not touched");

    // A folder where the file belongs: the step fails on the guest and is named.
    fs::create_dir_all(sshd.data("server.properties")).expect("the folder is ours");
    let (result, _) = bench.run(&server, Mode::Apply).await;
    match result {
        Err(Error::Task { task, message }) => {
            assert_eq!((task.as_str(), message.is_empty()), ("write server.properties", false));
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_download_is_verified() {
    let (sshd, bench) = match Sshd::start().and_then(|sshd| sshd.bench().map(|bench| (sshd, bench))) {
        Ok(started) => started,
        Err(reason) => return skip("downloads over loopback sshd", &reason),
    };
    let web = TcpListener::bind((ADDRESS, 0)).expect("a port is free");
    let url = format!("http://{}/server.jar?build=60", web.local_addr().expect("it listens"));
    std::thread::spawn(move || {
        for stream in web.incoming() {
            let mut stream = stream.expect("the listener is ours");
            // The request ends with an empty line; what it asks for makes no difference.
            let request = BufReader::new(&stream).lines().map_while(Result::ok);
            request.take_while(|line| !line.is_empty()).for_each(drop);
            stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\nhello").ok();
        }
    });
    let mut server = bench.server(&[]);
    server.settings.remove("artifact_file");
    server.settings.insert("artifact_url".into(), Value::from(url));
    let (result, _) = bench.run(&server, Mode::Apply).await;
    match result {
        Err(Error::Task { task, .. }) => assert_eq!(task, "download the server"),
        other => panic!("{other:?}"),
    }
    assert!(!sshd.folder.path().join("root/srv/games/survival/current").exists(), "nothing unverified becomes current");

    let hello = "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824";
    server.settings.insert("artifact_sha256".into(), Value::from(hello));
    let changes = bench.changes(&server, Mode::Apply).await;
    assert!(changes.iter().any(|change| change == "download the server"), "{changes:?}");
    assert_eq!(
        fs::read(sshd.folder.path().join("root/srv/games/survival/current/server.jar")).expect("it is there"),
        b"hello"
    );
}

#[tokio::test]
async fn a_run_that_is_dropped_leaves_no_process() {
    let (sshd, mut bench) = match Sshd::start().and_then(|sshd| sshd.bench().map(|bench| (sshd, bench))) {
        Ok(started) => started,
        Err(reason) => return skip("interruption over loopback sshd", &reason),
    };
    // A path of its own, by which this run's Ansible can be told from all others.
    let link = sshd.folder.path().join("ansible-to-be-dropped");
    std::os::unix::fs::symlink(venv("ansible-playbook").expect("the bench has it"), &link).expect("the folder is ours");
    bench.ansible = Ansible::at(&link).expect("it is a file");
    // A playbook that opens a connection and would run on for long after the test.
    let own = sshd.folder.path().join("playbooks/minecraft-java");
    fs::create_dir_all(&own).expect("the folder is ours");
    let steps = "- hosts: all\n  gather_facts: false\n  tasks:\n    - name: reach\n      ansible.builtin.ping:\n    - name: wait\n      \
                 ansible.builtin.pause: { seconds: 600 }\n";
    fs::write(own.join("playbook.yml"), steps).expect("the folder is ours");
    bench.playbook =
        assets::playbook(sshd.folder.path(), "minecraft-java").expect("it can be read").expect("it is there");
    let server = bench.server(&[]);
    // Dropped while workers are being made and connections opened, and while a worker and a connection are there.
    for last in ["reach", "wait"] {
        let (send, mut events) = tokio::sync::mpsc::unbounded_channel();
        let begun = async {
            while let Some(event) = events.recv().await {
                if matches!(event, Event::Started { task } if task == last) {
                    return;
                }
            }
            std::future::pending::<()>().await;
        };
        let mark = tokio::select! {
            (result, _) = bench.run_and_tell(&server, Mode::Check, send) => panic!("it ended before it was dropped: {result:?}"),
            // The mark is read while the run is there.
            mark = async { begun.await; mark_of(&link) } => mark,
        };
        assert_eq!(marked(&mark), Vec::<String>::new(), "dropped in step `{last}`, and something still runs");
    }
}

/// Returns the mark in the environment of the process that was started by this path.
fn mark_of(program: &Path) -> Vec<u8> {
    let program = program.to_str().expect("a temporary path is ASCII");
    let process = processes().find(|process| read(process, "cmdline").contains(program)).expect("Ansible runs");
    let environment = fs::read(process.join("environ")).expect("it is our process");
    let mark = environment.split(|byte| *byte == 0).find(|entry| entry.starts_with(b"SPAWNPOINT_RUN="));
    mark.expect("every process of a run has one").to_owned()
}

/// Returns the command lines of the processes with this entry in their environment.
pub(crate) fn marked(mark: &[u8]) -> Vec<String> {
    let is_marked = |process: &PathBuf| {
        fs::read(process.join("environ")).is_ok_and(|text| text.split(|byte| *byte == 0).any(|entry| entry == mark))
    };
    processes().filter(is_marked).map(|process| read(&process, "cmdline")).collect()
}

/// Returns the folders of all processes.
pub(crate) fn processes() -> impl Iterator<Item = PathBuf> {
    fs::read_dir("/proc").expect("tests run on Linux").flatten().map(|entry| entry.path())
}

/// Returns what a process shows of itself; nothing once it has ended.
pub(crate) fn read(process: &Path, name: &str) -> String {
    let bytes = fs::read(process.join(name)).unwrap_or_default();
    String::from_utf8_lossy(&bytes).replace('\0', " ")
}
