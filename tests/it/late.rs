//! What is known only during apply, in the binary: values, conditions, plan files; and what `validate` says of blocks whose instances follow
//! from look-ups.

use crate::harness::{CommandOutput, World};

const CLUSTER: &str = "cluster \"lab\" {\n  simulator {}\n}\n";

/// A token whose secret has to be LENGTH letters long, which only the server tells.
const TOKEN: &str = r#"
user "bot" {
  userid = "bot@pve"
}

token "ci" {
  userid  = user.bot.userid
  tokenid = "ci"

  lifecycle {
    postcondition {
      condition     = nonsensitive(length(self.secret)) == LENGTH
      error_message = "that is no secret"
    }
  }
}
"#;

fn world(text: &str) -> World {
    let world = World::new();
    world.write("main.hcl", &format!("{CLUSTER}{text}"));
    world
}

fn ends(world: &World, arguments: &[&str], status: i32) -> CommandOutput {
    let output = world.run(arguments);
    assert_eq!(output.status, Some(status), "{output}");
    output
}

fn stack(lifecycle: &str) -> String {
    format!(
        r#"
locals {{
  id = "${{uuid()}} of ${{substr(timestamp(), 0, 4)}} ${{substr(bcrypt("x"), 0, 4)}}"
}}

group "first" {{
  groupid = "first"
  comment = local.id
{lifecycle}
}}

group "second" {{
  groupid = "second"
  comment = group.first.comment
}}

output "id" {{
  value = local.id
}}

output "same" {{
  value = local.id == group.second.comment
}}
"#
    )
}

#[test]
fn functions_have_values_during_apply_and_change_for_ever() {
    let world = world(&stack(""));
    let plan = ends(&world, &["plan", "-out=it.plan"], 0).stdout;
    assert_eq!(plan.matches("(known after apply)").count(), 4, "{plan}");
    ends(&world, &["apply", "it.plan"], 0);
    assert_eq!(ends(&world, &["output", "-raw", "same"], 0).stdout.trim(), "true");
    let id = ends(&world, &["output", "-raw", "id"], 0).stdout;
    let is_id =
        regex::Regex::new(r"^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12} of 20\d\d \$2a\$\s*$").expect("a pattern");
    assert!(is_id.is_match(&id), "{id}");
    let again = ends(&world, &["plan", "-detailed-exitcode"], 2).stdout;
    assert!(again.contains("0 to add, 2 to change, 0 to destroy"), "{again}");
    ends(&world, &["apply", "-auto-approve"], 0);
    assert_ne!(ends(&world, &["output", "-raw", "id"], 0).stdout, id, "another run, another id");
}

#[test]
fn what_is_ignored_stays_what_it_was_also_for_those_who_refer_to_it() {
    let text = stack("  lifecycle {\n    ignore_changes = [comment]\n  }");
    let (before, _) = text.split_once("output \"id\"").expect("it has outputs");
    let world = world(before);
    ends(&world, &["apply", "-auto-approve"], 0);
    let plan = ends(&world, &["plan", "-detailed-exitcode"], 0);
    assert!(plan.stdout.contains("No changes."), "{plan}");
}

#[test]
fn a_condition_stops_what_it_is_about_as_soon_as_it_is_decided() {
    let rules = r#"  lifecycle {
    postcondition {
      condition     = self.comment == "planned"
      error_message = "the comment is not what was hoped for"
    }
  }"#;
    let world = world(&stack(rules));
    ends(&world, &["plan"], 0);
    let output = ends(&world, &["apply", "-auto-approve"], 1);
    assert!(output.stderr.contains("a postcondition does not hold: the comment is not what was hoped for"), "{output}");
    assert!(output.stderr.contains(r#"condition     = self.comment == "planned""#), "its place is shown: {output}");
    assert_eq!(ends(&world, &["state", "list"], 0).stdout.trim(), "", "nothing was made for it to fail afterwards");
}

#[test]
fn a_condition_that_only_the_object_decides_stops_those_who_depend_on_it() {
    let text = [
        TOKEN,
        r#"
pool "games" {
  poolid  = "games"
  comment = "token of ${nonsensitive(length(token.ci.secret))} letters"
}
"#,
    ]
    .concat();
    let world = world(&text.replace("LENGTH", "1"));
    let output = ends(&world, &["apply", "-auto-approve"], 1);
    assert!(output.stderr.contains("a postcondition does not hold: that is no secret"), "{output}");
    let made = ends(&world, &["state", "list"], 0).stdout;
    assert!(made.contains("token.ci") && !made.contains("pool.games"), "{made}");
    // Known by now, it is an error of the plan.
    let output = ends(&world, &["plan"], 1);
    assert!(output.stderr.contains("a postcondition does not hold: that is no secret"), "{output}");
    world.write("main.hcl", &format!("{CLUSTER}{}", text.replace("LENGTH", "36")));
    ends(&world, &["apply", "-auto-approve"], 0);
    ends(&world, &["plan", "-detailed-exitcode"], 0);
}

#[test]
fn checks_and_outputs_have_the_last_word() {
    let rules = r#"
check "luck" {
  assert {
    condition     = group.first.comment == "planned"
    error_message = "no luck"
  }
}

output "judged" {
  value = group.first.comment

  precondition {
    condition     = VALUE
    error_message = "that output is not wanted"
  }
}
"#;
    let (pass, fail) = (rules.replace("VALUE", "uuid() != \"\""), rules.replace("VALUE", "uuid() == \"\""));
    let world = world(&format!("{}{pass}", stack("")));
    let plan = ends(&world, &["plan"], 0);
    assert!(!plan.stderr.contains("no luck"), "nobody knows yet: {plan}");
    let output = ends(&world, &["apply", "-auto-approve"], 0);
    assert!(output.stderr.contains("warning: check `luck` does not hold: no luck"), "{output}");
    world.write("main.hcl", &format!("{CLUSTER}{}{fail}", stack("")));
    let output = ends(&world, &["apply", "-auto-approve"], 1);
    assert!(output.stderr.contains("a precondition does not hold: that output is not wanted"), "{output}");
}

#[test]
fn validate_judges_blocks_whose_instances_nobody_knows() {
    let text = r#"
data "vms" "all" {
}

vm "twin" {
  for_each = data.vms.all.names
  name     = each.key
  coress   = 2
  memory   = "${length(each.key)} bytes and more"
  balloon  = "2 bytes"

  network "net0" {
    bridge = pool.none.poolid
  }
}

snapshot "right" {
  count = length(data.vms.all.names)
  vm    = vm.twin["router"]
  name  = "before-${count.index}"
}
"#;
    let output = ends(&world(text), &["validate"], 1);
    assert!(output.stderr.contains("there is no pool `none`"), "{output}");
    let text = text.replace("pool.none.poolid", "\"vmbr0\"");
    let output = ends(&world(&text), &["validate"], 1);
    for expected in ["unknown attribute `coress`", "did you mean `cores`?", "wrong value for `balloon`"] {
        assert!(output.stderr.contains(expected), "{expected}: {output}");
    }
    let right = text.replace("  coress   = 2\n", "").replace("  balloon  = \"2 bytes\"\n", "");
    ends(&world(&right), &["validate"], 0);
}

#[test]
fn validate_judges_modules_whose_instances_nobody_knows() {
    let part = r#"
variable "name" {
  type = string
}

variable "size" {
  type = number
}

locals {
  double = var.size * 2
  wrong  = [var.name] + 1
}

module "inner" {
  source   = "../inner"
  for_each = toset([var.name])
  name     = each.value
}

group "part" {
  count   = var.size
  groupid = "${var.name}-${count.index}"
  coment  = "a group"
}

output "id" {
  value = group.part[0].groupid
}
"#;
    let inner = r#"
variable "name" {
  type = string
}

pool "inner" {
  poolid  = var.name
  comment = ["not a text"]
}
"#;
    let text = r#"
data "vms" "all" {
}

module "part" {
  source   = "./part"
  for_each = data.vms.all.names
  name     = each.key
  size     = length(each.value)
}

group "last" {
  groupid = "last"
  comment = join(" ", [for part in module.part : part.id])
}

group "one" {
  groupid = "one"
  comment = module.part["router"].id
}
"#;
    let world = world(text);
    world.write("part/main.hcl", part);
    world.write("inner/main.hcl", inner);
    let output = ends(&world, &["validate"], 1);
    let expected = ["[var.name] + 1", "unknown attribute `coment`", "wrong value for `comment`"];
    for expected in expected {
        assert!(output.stderr.contains(expected), "{expected}: {output}");
    }
    world.write("part/main.hcl", &part.replace("  wrong  = [var.name] + 1\n", "").replace("coment ", "comment"));
    world.write("inner/main.hcl", &inner.replace("[\"not a text\"]", "\"a text\""));
    ends(&world, &["validate"], 0);
}

/// Returns the line of a stream that tells a diagnostic, and where it stands.
fn told<'a>(lines: &'a [serde_json::Value], summary: &str) -> (usize, &'a serde_json::Value) {
    let is_it = |line: &serde_json::Value| {
        let found = line["diagnostic"]["summary"].as_str();
        line["type"] == "diagnostic" && found.is_some_and(|found| found.contains(summary))
    };
    let found = lines.iter().enumerate().find(|(_, line)| is_it(line));
    found.unwrap_or_else(|| panic!("{summary} is not in {lines:#?}"))
}

#[test]
fn conditions_found_after_an_operation_are_in_the_stream_with_their_places() {
    let text = [
        TOKEN,
        r#"
check "luck" {
  assert {
    condition     = nonsensitive(length(token.ci.secret)) == 2
    error_message = "no luck"
  }
}
"#,
    ]
    .concat();
    let streamed = |text: &str, status: i32| {
        let output = ends(&world(text), &["apply", "-auto-approve", "-json"], status);
        let lines = output.stdout.lines().map(|line| serde_json::from_str(line).expect("each line is JSON"));
        lines.collect::<Vec<serde_json::Value>>()
    };
    let line_of = |text: &str, part: &str| {
        let line = format!("{CLUSTER}{text}").lines().position(|line| line.contains(part));
        serde_json::Value::from(line.expect("it is there") + 1)
    };

    let wrong = text.replace("LENGTH", "1");
    let lines = streamed(&wrong, 1);
    let (_, line) = told(&lines, "a postcondition does not hold: that is no secret");
    let diagnostic = &line["diagnostic"];
    assert_eq!((&line["@level"], &diagnostic["severity"]), (&"error".into(), &"error".into()));
    assert_eq!((&diagnostic["address"], &diagnostic["range"]["filename"]), (&"token.ci".into(), &"main.hcl".into()));
    assert_eq!(diagnostic["range"]["start"]["line"], line_of(&wrong, "self.secret"));
    assert!(diagnostic["snippet"]["code"].as_str().is_some_and(|code| code.contains("self.secret")), "{line}");
    let is_failure =
        |line: &serde_json::Value| line["type"] == "apply_errored" && line["hook"]["resource"]["addr"] == "token.ci";
    assert!(lines.iter().any(is_failure), "{lines:#?}");

    let right = text.replace("LENGTH", "36");
    let lines = streamed(&right, 0);
    let (at, line) = told(&lines, "check `luck` does not hold: no luck");
    assert_eq!((&line["@level"], &line["diagnostic"]["severity"]), (&"warn".into(), &"warning".into()));
    assert_eq!(line["diagnostic"]["range"]["start"]["line"], line_of(&right, "token.ci.secret"));
    let made = lines
        .iter()
        .position(|line| line["type"] == "apply_complete" && line["hook"]["resource"]["addr"] == "token.ci");
    assert!(made.is_some_and(|made| made < at), "the check has the last word: {lines:#?}");
}
