//! The same stack over HTTPS: `sim serve` as a process of its own, and a client that pins its fingerprint.

use crate::harness::World;
use std::io::{BufRead, BufReader};
use std::process::{Child, Stdio};

/// With a network of its own: simulated game servers listen on loopback addresses made from theirs.
fn local_stack() -> String {
    include_str!("../cli/stack.hcl").replace("10.40.0.", "10.51.0.")
}

/// A serving simulator; it ends with the test.
struct Serving {
    child: Child,
    endpoint: String,
    fingerprint: String,
    token: String,
}

impl Serving {
    fn start(world: &World) -> Self {
        let mut command = world.command(&["sim", "serve", "-listen", "127.0.0.1:0", "-cluster", "served"]);
        let mut child =
            command.stdout(Stdio::piped()).stderr(Stdio::null()).stdin(Stdio::null()).spawn().expect("it starts");
        let out = BufReader::new(child.stdout.take().expect("it is piped"));
        let facts: Vec<String> = out.lines().map_while(Result::ok).take_while(|line| !line.is_empty()).collect();
        let fact = |name: &str| {
            let line = facts.iter().find_map(|line| line.strip_prefix(name)).expect("the greeting has it");
            line.trim().to_owned()
        };
        Self { endpoint: fact("endpoint"), fingerprint: fact("fingerprint"), token: fact("token"), child }
    }

    fn stack(&self, fingerprint: &str, token: &str) -> String {
        let cluster = format!(
            "cluster \"lab\" {{\n  endpoints    = [\"{}\"]\n  fingerprints = [\"{fingerprint}\"]\n  token        = \"{token}\"\n  vmid_range   = [5000, 5999]\n}}\n",
            self.endpoint
        );
        local_stack().replace("cluster \"lab\" {\n  vmid_range = [5000, 5999]\n  simulator {}\n}\n", &cluster)
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn over_https_the_plan_is_the_same_and_wrong_trust_ends_it() {
    let world = World::new();
    let serving = Serving::start(&world);
    world.write("main.hcl", &serving.stack(&serving.fingerprint, &serving.token));
    let remote = world.run(&["plan"]);
    assert_eq!(remote.status, Some(0), "{remote}");

    let local = World::new();
    local.write("main.hcl", &local_stack());
    // MAC addresses are made from the lineage, which is the state's own.
    let without_mac = |text: &str| text.lines().filter(|line| !line.contains("mac ")).collect::<Vec<_>>().join("\n");
    assert_eq!(without_mac(&local.run(&["plan"]).stdout), without_mac(&remote.stdout));

    let applied = world.run(&["apply", "-auto-approve"]);
    assert_eq!(applied.status, Some(0), "{applied}");
    assert_eq!(world.run(&["plan"]).stdout, "No changes. Everything matches the configuration.\n");

    let wrong = serving.fingerprint.replace(|letter: char| letter.is_ascii_hexdigit(), "0");
    world.write("main.hcl", &serving.stack(&wrong, &serving.token));
    let output = world.run(&["plan"]);
    assert_eq!(output.status, Some(1), "{output}");
    assert!(output.stderr.contains("fingerprint"), "{output}");

    world.write(
        "main.hcl",
        &serving.stack(&serving.fingerprint, "root@pam!automation=00000000-0000-0000-0000-000000000000"),
    );
    let output = world.run(&["plan"]);
    assert_eq!(output.status, Some(1), "{output}");
    assert!(output.stderr.contains("Authentication failed!"), "{output}");
}
