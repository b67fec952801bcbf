//! The secret of an API token: told once by the server, kept sealed, shown only where it is asked for by name.

use crate::harness::World;

const STACK: &str = r#"
cluster "lab" {
  simulator {}
}

user "ci" {
  userid = "ci@pve"
}

token "night" {
  userid  = user.ci.userid
  tokenid = "night"
}

output "credential" {
  value     = "${token.night.userid}!${token.night.tokenid}=${token.night.secret}"
  sensitive = true
}
"#;

fn run(world: &World, arguments: &[&str]) -> String {
    let output = world.run(arguments);
    assert_eq!(output.status, Some(0), "{}:\n{output}", arguments.join(" "));
    format!("{}{}", output.stdout, output.stderr)
}

fn secret(world: &World) -> String {
    let credential = run(world, &["output", "-raw", "credential"]);
    let (name, secret) = credential.trim().split_once('=').expect("a name and a secret");
    assert_eq!(name, "ci@pve!night");
    assert_eq!(secret.len(), 36, "a secret is a UUID");
    secret.to_owned()
}

#[test]
fn the_secret_of_a_token_is_kept_and_never_shown_unasked() {
    let world = World::new();
    world.write("main.hcl", STACK);
    let applied = run(&world, &["apply", "-auto-approve"]);
    let first = secret(&world);
    let again = run(&world, &["plan", "-detailed-exitcode"]);
    assert!(again.starts_with("No changes."), "{again}");
    assert_eq!(secret(&world), first, "a plan changes nothing");
    let shown = run(&world, &["show"]) + &run(&world, &["state", "list"]) + &run(&world, &["output"]);
    assert!(!(applied + &again + &shown).contains(&first), "the secret was shown unasked");

    let state = run(&world, &["state", "show", "token.night"]);
    assert!(state.contains("ci@pve") && !state.contains(&first), "{state}");
    for file in ["state.db", "state.db-wal"] {
        let bytes = std::fs::read(world.folder().join(".spawnpoint").join(file)).unwrap_or_default();
        let is_there = bytes.windows(first.len()).any(|window| window == first.as_bytes());
        assert!(!is_there, "the secret is in {file} in clear");
    }

    run(&world, &["apply", "-auto-approve", "-replace=token.night"]);
    assert_ne!(secret(&world), first, "a new token has a new secret");
    let again = run(&world, &["plan", "-detailed-exitcode"]);
    assert!(again.starts_with("No changes."), "{again}");
}
