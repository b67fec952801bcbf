//! Game servers through the whole product: the real binary, a simulated cluster, and a real host that its lab binds to the guest.
//!
//! [`whole_way`] is the way of a server from its first plan to its removal. It is gone here with an unprivileged SSH server, and in
//! `provision_guest` with a guest that has systemd.

use crate::harness::{CommandOutput, World};
use crate::provision::{SECRET, VERSION, artifact, say, sha256, skip, venv};
use crate::provision_sshd::{Sshd, marked, processes, read};
use spawnpoint::provision::Connection;
use std::fs;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::Stdio;
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread::{JoinHandle, spawn};
use std::time::Duration;

/// Name of the server; on a guest that other tests have used, one of its own.
pub(crate) const SERVER: &str = "arena";

/// A real host, as a lab's `guest` block and a `connection` name it.
pub(crate) struct Host {
    pub(crate) connection: Connection,
    /// `root` of the lab's block.
    pub(crate) root: Option<PathBuf>,
}

/// Looks at the host, not at what Spawnpoint says about it.
pub(crate) trait Inspect {
    /// The server is there with this message of the day, and runs if anything runs on this host.
    fn is_set_up(&self, motd: &str);
    /// What can be downloaded again is gone.
    fn is_removed(&self);
}

/// The product in a folder of its own, with an Ansible that counts its runs.
struct Product {
    world: World,
    connection: String,
    runs: PathBuf,
}

impl Product {
    fn new(host: &Host) -> Self {
        let mut world = World::new();
        let Connection { user, host: address, port, private_key, .. } = &host.connection;
        let key = private_key.as_ref().expect("the test has one").display();
        let connect = SocketAddr::new(address.parse().expect("the test has an address"), *port);
        let root = host.root.as_ref().map_or_else(String::new, |root| format!("  root = \"{}\"\n", root.display()));
        let lab = include_str!("../../src/simulator/labs/built-in.lab.hcl");
        world.write("bound.lab.hcl", &format!("{lab}\nguest \"mc\" {{\n  connect = \"{connect}\"\n{root}}}\n"));
        let ansible = world.folder().join("counted-ansible");
        let runs = world.folder().join("runs");
        let real = venv("ansible-playbook").expect("the test has looked for it").display().to_string();
        world.write("counted-ansible", &format!("#!/bin/sh\necho run >>'{}'\nexec '{real}' \"$@\"\n", runs.display()));
        fs::set_permissions(&ansible, fs::Permissions::from_mode(0o755)).expect("the folder is ours");
        world.set("SPAWNPOINT_ANSIBLE_PLAYBOOK", ansible.to_str().expect("a temporary path is ASCII"));
        world.set("SPAWNPOINT_VAR_rcon", SECRET);
        let connection = format!("connection {{\n    user = \"{user}\"\n    private_key = \"{key}\"\n  }}");
        Self { world, connection, runs }
    }

    /// Writes the stack: a machine, and a server with this message of the day.
    fn describe(&self, motd: Option<&str>) {
        let server = motd.map_or_else(String::new, |motd| self.server(motd));
        let connection = &self.connection;
        let stack = format!(
            r#"
cluster "lab" {{
  vmid_range = [5000, 5999]
  simulator {{
    lab = "bound.lab.hcl"
  }}
}}

tenant "acme" {{
  network {{
    bridge  = "vmbr1"
    vlan    = 40
    cidr    = "10.77.0.0/24"
    gateway = "10.77.0.1"
  }}
}}

template "debian13" {{
  vmid = 9000
}}

variable "rcon" {{
  type      = string
  sensitive = true
}}

vm "mc" {{
  tenant   = tenant.acme
  template = template.debian13
  network "net0" {{
    address = "auto"
  }}
  {connection}
}}
{server}"#
        );
        self.world.write("main.hcl", &stack);
    }

    fn server(&self, motd: &str) -> String {
        let artifact = artifact();
        format!(
            r#"
game_server "{SERVER}" {{
  vm      = vm.mc
  game    = "minecraft-java"
  version = "{VERSION}"
  settings = {{
    accept_eula     = true
    artifact_file   = "{}"
    artifact_sha256 = "{}"
    start_command   = ["/usr/bin/node", "{{artifact}}", "{VERSION}"]
    motd            = "{motd}"
    max-players     = 7
  }}
  secrets = {{
    rcon_password = var.rcon
  }}
}}
"#,
            artifact.display(),
            sha256(&artifact)
        )
    }

    /// Runs a command that has to succeed, and does not show the secret.
    fn run(&self, arguments: &[&str]) -> CommandOutput {
        let output = self.world.run(arguments);
        assert_eq!(output.status, Some(0), "{}:\n{output}", arguments.join(" "));
        assert!(!output.to_string().contains(SECRET), "{} shows a secret:\n{output}", arguments.join(" "));
        output
    }

    fn finds_nothing_to_do(&self) {
        let shown = self.run(&["plan", "-detailed-exitcode"]);
        assert_eq!(shown.stdout, "No changes. Everything matches the configuration.\n", "{shown}");
    }

    /// Returns how often Ansible was started.
    fn ansible_runs(&self) -> usize {
        fs::read_to_string(&self.runs).unwrap_or_default().lines().count()
    }

    /// Nothing that the product has written holds the secret.
    fn has_written_no_secret(&self) {
        let home = self.world.folder().parent().expect("a world is a folder").to_owned();
        let mut folders = vec![home];
        let mut files = 0;
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).expect("the folder is ours").flatten() {
                match entry.file_type().expect("it is there").is_dir() {
                    true => folders.push(entry.path()),
                    false => {
                        let bytes = fs::read(entry.path()).expect("the file is ours");
                        let holds = bytes.windows(SECRET.len()).any(|window| window == SECRET.as_bytes());
                        assert!(!holds, "`{}` holds a secret", entry.path().display());
                        files += 1;
                    }
                }
            }
        }
        assert!(files > 4, "stack, lab, state and keys are there");
    }
}

/// Looks at every process of the machine until it is dropped: a secret among the arguments of one is for everybody to read.
struct Watch {
    stop: Sender<()>,
    seen: JoinHandle<Seen>,
}

#[derive(Default)]
struct Seen {
    looks: u32,
    /// Processes that Ansible's runs consisted of.
    ansible: u32,
    exposed: Vec<String>,
}

impl Watch {
    fn begin() -> Self {
        let (stop, stopped) = channel();
        let watch = move || {
            let mut seen = Seen::default();
            while stopped.recv_timeout(Duration::from_millis(20)).is_err_and(|error| error == RecvTimeoutError::Timeout)
            {
                seen.looks += 1;
                for process in processes() {
                    let (arguments, environment) = (read(&process, "cmdline"), read(&process, "environ"));
                    let is_ansible = environment.contains("SPAWNPOINT_RUN=");
                    seen.ansible += u32::from(is_ansible);
                    if arguments.contains(SECRET) || (is_ansible && environment.contains(SECRET)) {
                        seen.exposed.push(arguments);
                    }
                }
            }
            seen
        };
        Self { stop, seen: spawn(watch) }
    }

    fn end(self) -> Seen {
        drop(self.stop);
        self.seen.join().expect("looking does not fail")
    }
}

/// Takes a server all the way, with a look at the host after each step.
pub(crate) fn whole_way(host: &Host, inspect: &dyn Inspect) {
    let product = Product::new(host);
    product.describe(Some("first"));
    let shown = product.run(&["plan", "-out", "reviewed"]);
    assert!(shown.stdout.contains("game_server.arena.provision"), "{shown}");
    product.run(&["show", "reviewed"]);
    product.run(&["show", "-json", "reviewed"]);

    let watch = Watch::begin();
    let applied = product.run(&["apply", "reviewed"]);
    let seen = watch.end();
    assert_eq!(seen.exposed, Vec::<String>::new(), "processes that everybody can look at");
    assert!(seen.ansible > 0, "Ansible was there to be looked at, in {} looks", seen.looks);
    assert!(applied.stderr.contains("simulated guest, bound to a real host"), "{applied}");
    assert_eq!(product.ansible_runs(), 1);
    inspect.is_set_up("first");

    product.finds_nothing_to_do();
    let again = product.run(&["apply", "-auto-approve"]);
    assert!(again.stdout.contains("Resources: 0 added, 0 changed, 0 destroyed."), "{again}");
    assert_eq!(product.ansible_runs(), 1, "there is nothing to do: Ansible does not run");

    product.describe(Some("second"));
    let plan = product.run(&["plan"]).stdout;
    let by_key = "      ~ settings = {\n          ~ motd = \"first\" -> \"second\"  # restarts\n        }\n        # (25 unchanged";
    assert!(plan.contains(by_key), "a changed setting is shown by key, and nothing else is:\n{plan}");
    assert!(plan.contains("Plan: 0 to add, 1 to change, 0 to destroy."), "{plan}");
    let applied = product.run(&["apply", "-auto-approve"]);
    assert!(applied.stderr.contains("changed motd"), "{applied}");
    assert_eq!(product.ansible_runs(), 2);
    inspect.is_set_up("second");
    product.finds_nothing_to_do();

    product.describe(None);
    let applied = product.run(&["apply", "-auto-approve"]);
    assert!(applied.stdout.contains("Resources: 0 added, 0 changed, 1 destroyed."), "{applied}");
    assert_eq!(product.ansible_runs(), 3);
    inspect.is_removed();
    product.finds_nothing_to_do();
    product.has_written_no_secret();
}

/// The files of a server below a folder.
struct Files {
    server: PathBuf,
}

impl Inspect for Files {
    fn is_set_up(&self, motd: &str) {
        let properties = fs::read_to_string(self.server.join("data/server.properties")).expect("it is there");
        for line in [&*format!("motd={motd}"), "max-players=7", "server-port=25565", &format!("rcon.password={SECRET}")]
        {
            assert!(properties.lines().any(|there| there == line), "`{line}` is not in\n{properties}");
        }
        assert_eq!(sha256(&self.server.join("current/server.js")), sha256(&artifact()));
    }

    fn is_removed(&self) {
        let left: Vec<String> = fs::read_dir(&self.server)
            .expect("it is there")
            .map(|entry| entry.expect("it can be read").file_name().to_string_lossy().into_owned())
            .collect();
        let mut left: Vec<&str> = left.iter().map(String::as_str).collect();
        left.sort_unstable();
        assert_eq!(left, ["backup", "data"], "what cannot be downloaded again stays");
    }
}

/// An unprivileged SSH server as a host, or why there is none.
fn loopback() -> Result<(Sshd, Host), String> {
    venv("ansible-playbook")?;
    let sshd = Sshd::start()?;
    let host = Host { connection: sshd.connection(), root: Some(sshd.root()) };
    Ok((sshd, host))
}

#[test]
fn a_server_from_plan_to_removal_on_a_host_without_privileges() {
    let (sshd, host) = match loopback() {
        Ok(started) => started,
        Err(reason) => return skip("the whole product over loopback sshd", &reason),
    };
    say(
        "RAN the whole product over loopback sshd, which needs no privileges: binary, bound guest, real Ansible, files below a folder",
    );
    whole_way(&host, &Files { server: sshd.root().join("srv/games").join(SERVER) });
}

#[test]
fn leaving_by_a_second_interrupt_takes_ansible_along() {
    let (_sshd, host) = match loopback() {
        Ok(started) => started,
        Err(reason) => return skip("a second Ctrl-C over loopback sshd", &reason),
    };
    let product = Product::new(&host);
    product.describe(Some("first"));
    product.world.write("playbooks/minecraft-java/game.hcl", include_str!("../../playbooks/minecraft-java/game.hcl"));
    let steps = "- hosts: all\n  gather_facts: false\n  tasks:\n    - name: reach\n      ansible.builtin.ping:\n    \
                 - name: wait for ever\n      ansible.builtin.pause: { seconds: 600 }\n";
    product.world.write("playbooks/minecraft-java/playbook.yml", steps);
    let mut command = product.world.command(&["apply", "-auto-approve"]);
    let mut child =
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().expect("it starts");
    let pid = rustix::process::Pid::from_child(&child);
    let interrupt = || rustix::process::kill_process(pid, rustix::process::Signal::INT).expect("it runs");
    let mut said = BufReader::new(child.stderr.take().expect("it is piped")).lines().map_while(Result::ok);
    let mut heard = Vec::new();
    let mut wait_for = |words: &str| {
        let is_there = said.by_ref().any(|line| {
            let is_it = line.contains(words);
            heard.push(line);
            is_it
        });
        assert!(is_there, "`{words}` is not in {heard:#?}");
    };
    wait_for("wait for ever");
    let home = format!("HOME={}", product.world.folder().parent().expect("a world is a folder").join("home").display());
    assert!(marked(home.as_bytes()).len() > 1, "Ansible runs");
    interrupt();
    wait_for("nterrupt");
    interrupt();
    let status = child.wait().expect("it is our child");
    assert_eq!(marked(home.as_bytes()), Vec::<String>::new(), "the program has left, and something still runs");
    assert_eq!(status.code(), Some(130), "{heard:#?}");
}
