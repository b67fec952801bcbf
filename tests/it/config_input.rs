//! What comes from outside: bytes that are no text, values of variables, modules in folders, hostile files, large stacks.

use spawnpoint::config::{Input, MemoryWorld, Objects, Stack, VariableArgument, World, load};
use spawnpoint::diagnostics::{Diagnostics, Sources};
use spawnpoint::render::Style;
use spawnpoint::render::diagnostics::text;
use std::collections::BTreeMap;
use std::sync::Arc;

fn input(world: impl World + 'static) -> Input<'static> {
    Input {
        world: Arc::new(world),
        folder: ".",
        environment: BTreeMap::new(),
        arguments: Vec::new(),
        object_types: &["game_server", "template", "tenant", "vm"],
        lookups: Arc::new(spawnpoint::lookups::Snapshot::default()),
        workspace: "default",
        folder_name: "home",
        working_folder: "/stack",
        now: "2026-11-20T12:00:00Z".parse().expect("this is a time"),
        test: None,
    }
}

fn messages((_, sources, diagnostics): &(Option<Stack>, Sources, Diagnostics)) -> Vec<String> {
    let place = |diagnostic: &spawnpoint::diagnostics::Diagnostic| {
        let span = diagnostic.span?;
        let source = sources.get(span.file);
        let position = source.position(span.start);
        Some(format!("{}:{}:{}: ", source.name, position.line, position.column))
    };
    diagnostics
        .iter()
        .map(|diagnostic| format!("{}{}", place(diagnostic).unwrap_or_default(), diagnostic.summary))
        .collect()
}

fn check<C: Into<Vec<u8>>>(files: impl IntoIterator<Item = (&'static str, C)>, expected: &[&str]) {
    assert_eq!(messages(&load(&input(MemoryWorld::new(files)))), expected);
}

/// The outputs of a stack that must load.
fn outputs(input: &Input) -> BTreeMap<String, String> {
    let (stack, sources, diagnostics) = load(input);
    let Some(stack) = stack else {
        panic!("{}", text(&diagnostics, &sources, Style::Plain));
    };
    let (outputs, diagnostics) = stack.outputs(&Objects::new());
    assert!(diagnostics.is_empty(), "{}", text(&diagnostics, &sources, Style::Plain));
    outputs.into_iter().map(|(name, output)| (name.to_string(), format!("{:?}", output.value))).collect()
}

#[test]
fn every_file_reports_what_is_wrong_with_it() {
    check(
        [("a.hcl", "vm \"a\" {\n  x = \n}\n"), ("b.hcl", "vm \"b\" {\n"), ("c.hcl", "vm \"c\" {\n}\n")],
        &[
            "a.hcl:2:5: a value is missing after `=`, found the end of the line",
            "b.hcl:1:8: this block is never closed, expected `}`",
        ],
    );
}

#[test]
fn what_is_no_text_is_said_to_be_none() {
    check([("a.hcl", b"# \xff\n".to_vec())], &["a.hcl:1:3: byte 0xff is not UTF-8, expected UTF-8 text"]);
    check([("a.hcl", "# x\n\0")], &["a.hcl:2:1: found a NUL character, expected text"]);
    check([("a.hcl", vec![b' '; (8 << 20) + 1])], &["`a.hcl` is too large: 8 MiB, expected at most 8 MiB"]);
}

#[test]
fn byte_order_marks_and_carriage_returns_are_harmless() {
    let world = MemoryWorld::new([(
        "a.hcl",
        "\u{feff}locals {\r\n  a = 1\r\n}\r\noutput \"o\" {\r\n  value = local.a\r\n}\r\n",
    )]);
    assert_eq!(outputs(&input(world))["o"], "1");
}

#[test]
fn files_that_are_not_part_of_a_module_are_left_alone() {
    let wrong = "this is { not parsed";
    check(
        [
            ("a.hcl", "vm \"a\" {\n}\n"),
            ("x.test.hcl", wrong),
            ("x.lab.hcl", wrong),
            (".hidden.hcl", wrong),
            ("sub/y.hcl", wrong),
        ],
        &[],
    );
    check([("notes.txt", "")], &["the folder `.` has no `*.hcl` file"]);
}

#[test]
fn the_strongest_source_of_a_variable_wins() {
    let names = ["a", "b", "c", "d", "e"];
    let mut stack = String::new();
    for name in names {
        stack +=
            &format!("variable \"{name}\" {{\n  type = string\n}}\noutput \"{name}\" {{\n  value = var.{name}\n}}\n");
    }
    let given = |from: usize, value: &str| -> String {
        names[from..].iter().map(|name| format!("{name} = \"{value}\"\n")).collect()
    };
    let world = MemoryWorld::new([
        ("main.hcl", stack),
        ("spawnpoint.vars.hcl", given(1, "own")),
        ("a.auto.vars.hcl", given(2, "auto a")),
        ("b.auto.vars.hcl", given(3, "auto b")),
        ("given.vars.hcl", given(4, "file")),
    ]);
    let mut input = input(world);
    input.environment = names.iter().map(|name| (name.to_string(), "environment".to_string())).collect();
    input.arguments = vec![
        VariableArgument::Value { name: "e".to_string(), text: "argument".to_string() },
        VariableArgument::File("given.vars.hcl".to_string()),
    ];
    let values: Vec<String> = outputs(&input).into_values().collect();
    assert_eq!(values, ["\"environment\"", "\"own\"", "\"auto a\"", "\"auto b\"", "\"file\""]);
}

#[test]
fn texts_from_outside_become_values_of_the_declared_type() {
    let stack = r#"
variable "text" {
  type = string
}
variable "number" {
  type = number
}
variable "list" {
  type = list(object({ name = string, size = optional(number, 5) }))
}
output "all" {
  value = [var.text, var.number, var.list]
}
"#;
    let mut input = input(MemoryWorld::new([("main.hcl", stack)]));
    let given = [("text", "[1]"), ("number", "12"), ("list", "[{ name = \"a\" }, { name = \"b\", size = 6 }]")];
    input.environment = given.iter().map(|(name, text)| (name.to_string(), text.to_string())).collect();
    assert_eq!(outputs(&input)["all"], r#"["[1]", 12, [{"name": "a", "size": 5}, {"name": "b", "size": 6}]]"#);
}

#[test]
fn wrong_values_of_variables_name_their_origin() {
    let stack =
        "variable \"n\" {\n  type = number\n}\nvariable \"l\" {\n  type = list(string)\n  sensitive = true\n}\n";
    let mut input = input(MemoryWorld::new([("main.hcl", stack), ("spawnpoint.vars.hcl", "m = 1\n")]));
    input.environment =
        BTreeMap::from([("l".to_string(), "[hunter2".to_string()), ("unrelated".to_string(), String::new())]);
    input.arguments = vec![
        VariableArgument::Value { name: "n".to_string(), text: "many".to_string() },
        VariableArgument::Value { name: "o".to_string(), text: "1".to_string() },
    ];
    let result = load(&input);
    assert_eq!(
        messages(&result),
        [
            "the value of `SPAWNPOINT_VAR_l` is no valid expression",
            "spawnpoint.vars.hcl:1:1: there is no variable `m`",
            "there is no variable `o`"
        ]
    );
    assert!(!text(&result.2, &result.1, Style::Plain).contains("hunter2"));
}

#[test]
fn modules_have_instances_inputs_and_outputs() {
    let root = r#"
module "zone" {
  source   = "./zone"
  for_each = { a = 1, b = 2 }
  size     = each.value
}
module "after" {
  source = "./zone"
  count  = module.zone["b"].twice
  size   = count.index
}
output "all" {
  value = [module.zone["a"].twice, [for key, zone in module.zone : zone.twice], module.after[*].twice]
}
"#;
    let zone = r#"
variable "size" {
  type = number
}
vm "one" {
  cores = var.size
}
output "twice" {
  value = var.size * 2
}
"#;
    let input = input(MemoryWorld::new([("main.hcl", root), ("zone/main.hcl", zone)]));
    assert_eq!(outputs(&input)["all"], "[2, [2, 4], [0, 2, 4, 6]]");
    let stack = load(&input).0.expect("it loads");
    let addresses: Vec<String> = stack.blocks.iter().map(|block| block.address.to_string()).collect();
    assert_eq!(addresses[..2], ["module.after[0].vm.one", "module.after[1].vm.one"]);
    assert_eq!(addresses[4..], ["module.zone[\"a\"].vm.one", "module.zone[\"b\"].vm.one"]);
}

#[test]
fn modules_that_call_themselves_are_an_error() {
    let call = |to: &str| format!("module \"m\" {{\n  source = \"{to}\"\n}}\n");
    check(
        [("main.hcl", call("./a")), ("a/main.hcl", call("../b")), ("b/main.hcl", call("../a"))],
        &["a/main.hcl:2:12: the module `b` calls itself, expected modules that end somewhere"],
    );
}

#[test]
fn modules_that_double_at_each_level_end_with_a_message() {
    let mut files = vec![("main.hcl".to_string(), "module \"m\" {\n  source = \"./m0\"\n}\n".to_string())];
    for level in 0..25 {
        let next = level + 1;
        let calls = ["x", "y"].map(|name| format!("module \"{name}\" {{\n  source = \"../m{next}\"\n}}\n"));
        files.push((format!("m{level}/main.hcl"), calls.concat()));
    }
    files.push(("m25/main.hcl".to_string(), "locals {\n}\n".to_string()));
    let result = load(&input(MemoryWorld::new(files)));
    assert!(
        messages(&result)[0].ends_with("too many module calls: at most 32 deep and 20000 instances"),
        "{:?}",
        messages(&result)[0]
    );
    assert_eq!(messages(&result).len(), 1);
}

#[test]
fn hostile_texts_get_an_answer() {
    let nested = format!("locals {{\n  a = {}{}\n}}\n", "[".repeat(100_000), "]".repeat(100_000));
    check([("a.hcl", nested)], &["a.hcl:2:71: nested too deeply, expected at most 64 levels"]);
    let open = format!("locals {{\n  a = {}\n}}\n", "[".repeat(100_000));
    check([("a.hcl", open)], &["a.hcl:2:71: nested too deeply, expected at most 64 levels"]);
    let sum = format!("locals {{\n  a = 1{}\n}}\n", " + 1".repeat(100_000));
    assert!(
        messages(&load(&input(MemoryWorld::new([("a.hcl", sum)]))))[0]
            .ends_with("too many operators in one expression, expected at most 128")
    );
    let blocks = "a {\n".repeat(100_000);
    assert_eq!(messages(&load(&input(MemoryWorld::new([("a.hcl", blocks)])))).len(), 1);
    let mut chain: String = (0..20_000).map(|at| format!("  a{at} = local.a{}\n", at + 1)).collect();
    chain = format!("locals {{\n{chain}  a20000 = 1\n}}\n");
    let result = load(&input(MemoryWorld::new([("a.hcl", chain)])));
    assert!(
        messages(&result)[0].ends_with("a chain of more than 100 names that refer to names, expected fewer"),
        "{:?}",
        messages(&result)
    );
}

#[test]
fn a_module_call_may_choose_the_cluster() {
    let root = "cluster \"a\" {\n  default = true\n}\ncluster \"b\" {\n}\nmodule \"m\" {\n  source = \"./m\"\n  cluster = cluster.b\n}\n";
    let stack =
        load(&input(MemoryWorld::new([("main.hcl", root), ("m/main.hcl", "vm \"x\" {\n}\n")]))).0.expect("it loads");
    assert_eq!(stack.blocks[0].called_cluster.as_deref(), Some("b"));
}

#[test]
fn a_secret_value_is_not_shown_when_it_is_wrong() {
    let stack = "variable \"pin\" {\n  type = number\n  sensitive = true\n}\n";
    let (_, sources, diagnostics) =
        load(&input(MemoryWorld::new([("main.hcl", stack), ("spawnpoint.vars.hcl", "pin = \"hunter2\"\n")])));
    let shown = text(&diagnostics, &sources, Style::Plain);
    assert!(shown.contains("`spawnpoint.vars.hcl`, line 1") && !shown.contains("hunter2"), "{shown}");
}

#[test]
fn outputs_do_not_let_secrets_out() {
    let stack = "variable \"pin\" {\n  default = 1\n  sensitive = true\n}\noutput \"o\" {\n  value = [var.pin]\n}\n";
    let stack = load(&input(MemoryWorld::new([("main.hcl", stack)]))).0.expect("it loads");
    let (_, diagnostics) = stack.outputs(&Objects::new());
    let summaries: Vec<&str> = diagnostics.iter().map(|diagnostic| &*diagnostic.summary).collect();
    assert_eq!(summaries, ["`output.o` is made from sensitive values, expected `sensitive = true`"]);
}
