//! Every step of the playbook against a real Debian with systemd and sshd in `systemd-nspawn`, until a real Minecraft server answers.
//!
//! The guest lives in namespaces of its own, which a running process cannot enter: the test starts itself again inside them.

use crate::guest_e2e::{self, Host, Inspect, SERVER};
use crate::provision::{Bench, SECRET, VERSION, say, sha256, skip, venv};
use spawnpoint::games::{Backup, Power, Query, Server};
use spawnpoint::provision::health::{Status, Way, query};
use spawnpoint::provision::{Connection, HostKey, Mode, Scope};
use spawnpoint::value::Value;
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::Command;

/// Set for the test inside the guest's namespaces.
const INSIDE: &str = "GUEST_ADDRESS";

fn script() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/provisioning/nspawn-guest")
}

/// Says why no guest can run here.
fn why_not() -> Result<(), String> {
    venv("ansible-playbook")?;
    venv("python")?;
    let output = Command::new(script()).arg("why").output().map_err(|error| error.to_string())?;
    match output.status.success() {
        true => Ok(()),
        false => Err(String::from_utf8_lossy(&output.stdout).trim().to_owned()),
    }
}

#[test]
fn a_real_server_on_a_real_guest() {
    if std::env::var_os(INSIDE).is_some() {
        let runtime =
            tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime needs nothing");
        return runtime.block_on(inside());
    }
    if let Err(reason) = why_not() {
        return say(&format!("SKIPPED provisioning of a systemd-nspawn guest: {reason}"));
    }
    let built = Command::new(script()).arg("build").status().expect("the script is part of the project");
    if !built.success() {
        return skip("provisioning of a systemd-nspawn guest", "its root file system could not be built; see above");
    }
    say(
        "RAN provisioning of a systemd-nspawn guest, by library and binary, because root may start one here: every step, real systemd, \
         sshd and Minecraft server",
    );
    let status = Command::new(script())
        .arg("run")
        .arg(std::env::current_exe().expect("the test is a file"))
        .args(["--exact", "provision_guest::a_real_server_on_a_real_guest", "--nocapture"])
        .status()
        .expect("the script is part of the project");
    assert!(status.success(), "the test inside the guest's namespaces failed: {status}");
}

async fn inside() {
    let variable = |name: &str| std::env::var(name).expect("the script sets it");
    let address: IpAddr = variable(INSIDE).parse().expect("it is an address");
    let connection = Connection {
        user: "game".to_owned(),
        host: address.to_string(),
        port: 22,
        private_key: Some(variable("GUEST_PRIVATE_KEY").into()),
        jump: None,
        host_key: HostKey::Pinned(std::fs::read_to_string(variable("GUEST_HOST_KEY")).expect("the script makes it")),
    };
    let answers_at = SocketAddr::new(address, 25565);
    let ansible = venv("ansible-playbook").expect("it was there outside");
    let bench = Bench::new(ansible, connection, Scope::Everything, answers_at);

    let server = bench.server(&[("motd", Value::from("first")), ("max-players", Value::from(7))]);
    assert!(!bench.changes(&server, Mode::Check).await.is_empty(), "the first check of a bare guest works");
    agree(&apply(&bench, &server).await, answers_at, "first", 7);
    assert_eq!(bench.changes(&server, Mode::Apply).await, Vec::<String>::new(), "the second run changes nothing");

    let changed = bench.server(&[("motd", Value::from("second")), ("max-players", Value::from(7))]);
    let expected = ["write server.properties", "restart game", "server.properties motd: first -> second"];
    assert_eq!(bench.changes(&changed, Mode::Check).await, expected, "a check predicts the key and the restart");

    through_ssh(&bench, answers_at).await;
    a_pack_and_its_backup(&bench, answers_at).await;
    stopped(&bench, server).await;

    // The same guest once more, by the real binary: a changed setting is applied there, and a server is removed.
    let host = Host { connection: bench.connection.clone(), root: None };
    guest_e2e::whole_way(&host, &Guest { bench: &bench, answers_at });
}

/// The guest as a host of the whole product.
struct Guest<'a> {
    bench: &'a Bench,
    answers_at: SocketAddr,
}

impl Inspect for Guest<'_> {
    /// The server reads its properties when it starts: a new message of the day is a new start.
    fn is_set_up(&self, motd: &str) {
        assert_eq!(mcstatus(self.answers_at), format!("1.20.4 765 0 7 {motd}"));
        let unit = format!("gs-{SERVER}.service");
        assert_eq!(
            guest(self.bench, &format!("systemctl is-active {unit}; systemctl is-enabled {unit}")),
            "active\nenabled\n"
        );
        assert!(!guest(self.bench, &format!("journalctl --output=cat --unit={unit}")).contains(SECRET));
    }

    fn is_removed(&self) {
        let left = format!("ls /srv/games/{SERVER}; systemctl list-units --all --no-legend 'gs-{SERVER}*' | wc -l");
        assert_eq!(guest(self.bench, &left), "backup\ndata\n0\n", "what cannot be downloaded again stays");
    }
}

/// Stops the server, which is told so on its console.
async fn stopped(bench: &Bench, mut stopped: Server) {
    stopped.power = Power::Stopped;
    let changes = bench.changes(&stopped, Mode::Apply).await;
    assert!(changes.iter().any(|change| change == "set the server's power"), "{changes:#?}");
    let journal = guest(bench, "journalctl --output=cat --unit=gs-survival.service");
    assert!(journal.contains("stopping"), "the server was told on its console to stop:\n{journal}");
    assert!(!journal.contains(SECRET));
    assert_eq!(
        guest(bench, "systemctl show --property=Result,ActiveState gs-survival.service"),
        "Result=success\nActiveState=inactive\n"
    );
}

/// Asks the server from its guest, as behind a jump host.
async fn through_ssh(bench: &Bench, address: SocketAddr) {
    let connection = &bench.connection;
    let key = connection.private_key.as_ref().expect("the test has one").display();
    let known = ["-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null", "-l", &connection.user, "-i"];
    let mut arguments: Vec<_> = known.map(str::to_owned).to_vec();
    arguments.extend([key.to_string(), connection.host.clone()]);
    let status = query(Query::MinecraftJava, address, &Way::Ssh(arguments)).await.expect("the server is up");
    assert_eq!(status.motd, "first");
}

/// Puts an archive in the place of the single file, as a pack would be, and backs the server up.
async fn a_pack_and_its_backup(bench: &Bench, address: SocketAddr) {
    let folder = tempfile::TempDir::new().expect("there is room for a folder");
    let pack = folder.path().join("pack-4.2.tar.gz");
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/provisioning/flying-squid");
    let packed = Command::new("tar").arg("-czf").arg(&pack).arg("-C").arg(source).arg("server.js").status();
    assert!(packed.expect("tar is everywhere").success());
    let mut server = bench.server(&[
        ("motd", Value::from("pack")),
        ("max-players", Value::from(7)),
        ("artifact_file", Value::from(pack.to_str().expect("a temporary path is ASCII"))),
        ("artifact_sha256", Value::from(sha256(&pack))),
        ("start_command", Value::tuple(["/usr/bin/node", "{release}/server.js", VERSION].map(Value::from))),
    ]);
    server.backup = Some(Backup { schedule: "04:00".into(), keep: 1 });
    agree(&apply(bench, &server).await, address, "pack", 7);
    assert_eq!(bench.changes(&server, Mode::Check).await, Vec::<String>::new());
    let releases = guest(bench, "ls /srv/games/survival/releases | wc -l");
    assert_eq!(releases.trim(), "2", "the release before stays");
    let backup = "systemctl start gs-survival-backup.service && cd /srv/games/survival/backup && sha256sum --quiet --check *.sha256 \
                  && tar --list --file *.tar.gz && systemctl is-active gs-survival-backup.timer";
    assert_eq!(guest(bench, backup), "server.properties\nactive\n");
}

/// Applies, which must end with an answer of the game.
async fn apply(bench: &Bench, server: &Server) -> Status {
    let (result, events) = bench.run(server, Mode::Apply).await;
    match result {
        Ok(report) => report.status.expect("a running server has to answer"),
        Err(error) => {
            let journal = guest(bench, "journalctl --no-pager --output=cat --lines=40 --unit='gs-survival.*'");
            panic!("{error}\n{:#?}\n{journal}", events.last());
        }
    }
}

/// Compares our status with what an independent client sees.
fn agree(status: &Status, address: SocketAddr, motd: &str, players_max: u64) {
    let ours = format!(
        "{} {} {} {} {}",
        status.version, status.protocol, status.players_online, status.players_max, status.motd
    );
    assert_eq!(ours, mcstatus(address));
    assert_eq!(ours, format!("1.20.4 765 0 {players_max} {motd}"));
}

/// Returns what an independent client sees: version, protocol, players, most players, message of the day.
fn mcstatus(address: SocketAddr) -> String {
    let program = "import sys, mcstatus\n\
                   s = mcstatus.JavaServer.lookup(sys.argv[1]).status()\n\
                   print(s.version.name, s.version.protocol, s.players.online, s.players.max, s.motd.to_plain())";
    let python = venv("python").expect("it was there outside");
    let output = Command::new(python).args(["-c", program, &address.to_string()]).output().expect("it is a program");
    assert!(output.status.success(), "mcstatus: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

fn quoted(command: &str) -> String {
    format!("'{}'", command.replace('\'', r"'\''"))
}

/// Runs a command on the guest as root and returns what it printed.
fn guest(bench: &Bench, command: &str) -> String {
    let connection = &bench.connection;
    let key = connection.private_key.as_ref().expect("the test has one");
    let output = Command::new("ssh")
        .args(["-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null", "-o", "LogLevel=ERROR", "-i"])
        .arg(key)
        .args(["-l", &connection.user, &connection.host])
        .arg(format!("sudo sh -c {}", quoted(command)))
        .output()
        .expect("ssh is there: Ansible used it");
    String::from_utf8_lossy(&output.stdout).into_owned()
}
