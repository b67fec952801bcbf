//! `spawnpoint console` on the real binary: every fact of `tests/data/expressions.jsonl` through `-json`, hostile input, and the prompt's
//! own way of reading.

use crate::harness::World;
use serde_json::{Value as Json, json};
use std::io::{BufRead, BufReader, Write};
use std::process::Stdio;

const CASES: &str = include_str!("../data/expressions.jsonl");
const DEVIATIONS: &str = include_str!("../../docs/deviations.md");

/// At least so many facts are as Terraform has them.
const AGREED_MIN: usize = 860;

/// Asks all questions at once.
fn asked(questions: &str) -> Vec<Json> {
    let output = World::new().run_with_input(&["console", "-json"], questions);
    assert_eq!(output.status, Some(0), "{}", output.stderr);
    output.stdout.lines().map(|line| serde_json::from_str(line).expect("an answer is JSON")).collect()
}

fn answer(question: &Json) -> Json {
    asked(&question.to_string()).pop().expect("a question has an answer")
}

fn question(case: &Json) -> String {
    let variables = json!({
        "name": "web", "names": ["alpha", "beta", "gamma"], "count_n": 3, "cidr": "10.20.0.0/16", "tpl": "hello ${name}!",
        "nul": null, "obj": {"a": 1, "b": {"c": "deep"}, "d": [1, 2]},
        "nested": [{"id": "i1", "tags": {"env": "prod"}}, {"id": "i2", "tags": {"env": "dev"}}, {"id": "i3", "tags": {"env": "prod"}}]
    });
    match case["vars"] == true {
        true => json!({ "expr": case["is"], "vars": variables }).to_string(),
        false => json!({ "expr": case["is"] }).to_string(),
    }
}

fn agrees(case: &Json, answer: &Json) -> bool {
    if case["error"] == true {
        let line = answer["line"].as_u64().unwrap_or_default();
        return answer["error"].is_string() && answer["detail"].is_string() && line >= 1;
    }
    if case["unknown"].is_string() {
        return answer["unknown"] == true && answer["type"] == case["type"];
    }
    let text = answer["json"].as_str().unwrap_or_default();
    // What zip gives differs between implementations.
    let is_alike = case["gzip"] == true || answer["json"] == case["json"];
    is_alike
        && serde_json::from_str::<Json>(text).is_ok_and(|value| value == answer["value"])
        && answer["type"] == case["type"]
        && answer["sensitive"] == (case["sensitive"] == true)
}

#[test]
fn every_fact_holds_through_the_binary() {
    let cases: Vec<Json> = CASES.lines().map(|line| serde_json::from_str(line).expect("a fact is JSON")).collect();
    let questions: Vec<String> = cases.iter().map(question).collect();
    let answers = asked(&questions.join("\n"));
    assert_eq!(answers.len(), cases.len());
    let (mut agreed, mut wrong) = (0, Vec::new());
    for (case, answer) in cases.iter().zip(&answers) {
        match case["rule"].as_str() {
            _ if !agrees(case, answer) => wrong.push(format!("{case}\n    {answer}")),
            None => agreed += 1,
            Some(rule) if DEVIATIONS.contains(&format!("`{rule}`")) => {}
            Some(rule) => wrong.push(format!("{case}\n    rule {rule} is not written down")),
        }
    }
    println!("{agreed} of {} facts agree through `console -json`, {} are wrong", cases.len(), wrong.len());
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(agreed >= AGREED_MIN, "{agreed} agree");
}

#[test]
fn a_question_brings_its_own_names() {
    let question = json!({
        "expr": "[\n  var.size * 2,\n  local.who,\n  upper(vm.x.address),\n]",
        "vars": { "size": 12345678901234567890u64 }, "locals": { "who": "kim" }, "unknown": { "vm.x.address": "string" },
    });
    assert_eq!(answer(&question), json!({ "unknown": true, "type": "tuple([number, string, string])" }));
    let known = json!({ "expr": "{ a = var.size * 2, \"b<\" = local.who }", "vars": { "size": 1 }, "locals": { "who": "kim" } });
    assert_eq!(
        answer(&known).to_string(),
        r#"{"json":"{\"a\":2,\"b\\u003c\":\"kim\"}","sensitive":false,"type":"object({a = number, b< = string})","value":{"a":2,"b<":"kim"}}"#
    );
    let list = json!({ "expr": "vm.x.disks[0]", "unknown": { "vm.x.disks": "list(object({ size = number }))" } });
    assert_eq!(answer(&list), json!({ "unknown": true, "type": "object({size = number})" }));
    let wrong = json!({ "expr": "1 +\n  2", "vars": {} });
    assert_eq!(answer(&wrong)["line"], 1);
    let second = answer(&json!({ "expr": "[\n  1,\n  var.sise,\n]", "vars": { "size": 1 } }));
    assert_eq!((&second["error"], &second["line"]), (&json!("there is no `var.sise`"), &json!(3)));
    assert_eq!(second["detail"], "did you mean `size`?");
}

#[test]
fn an_answer_comes_before_the_next_question() {
    let world = World::new();
    let mut command = world.command(&["console", "-json"]);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("the binary starts");
    let mut questions = child.stdin.take().expect("it is piped");
    let mut answers = BufReader::new(child.stdout.take().expect("it is piped")).lines();
    for number in 1..4 {
        writeln!(questions, "{}", json!({ "expr": format!("{number} + 1") })).expect("it listens");
        let answer: Json = serde_json::from_str(&answers.next().expect("it answers").expect("text")).expect("JSON");
        assert_eq!(answer["value"], number + 1);
    }
    drop(questions);
    assert!(answers.next().is_none());
    assert!(child.wait().expect("it ends").success());
}

#[test]
fn hostile_questions_get_an_error_and_the_next_one_an_answer() {
    let deep = |open: &str, close: &str| format!("{}1{}", open.repeat(100_000), close.repeat(100_000));
    let expressions = [
        deep("[", "]"),
        deep("(", ")"),
        deep("\"${", "}\""),
        format!("1{}", " + 1".repeat(100_000)),
        "!".repeat(100_000),
        "[for a in range(1000) : [for b in range(1000) : [for c in range(1000) : 1]]]".into(),
        "range(1e9)".into(),
        "1e400".into(),
        "\u{0}".into(),
        "1\nother = 2".into(),
        "block {}".into(),
        String::new(),
        "\"".into(),
        "<<EOT".into(),
        "x".repeat(9 << 20),
    ];
    let mut questions: Vec<String> = expressions.iter().map(|text| json!({ "expr": text }).to_string()).collect();
    let lines = ["", "null", "[]", "{", "{}", "{\"expr\":1}", "\u{feff}{}", "{\"expr\":\"1\",\"vars\":[]}"];
    questions.extend(lines.map(String::from));
    questions.push(format!("{{\"expr\":\"var.a\",\"vars\":{{\"a\":{}}}}}", deep("[", "]")));
    questions.push(json!({ "expr": "a.b.c", "unknown": { "a.b": "string" } }).to_string());
    questions.push(json!({ "expr": "a.b.c", "unknown": { "a.b.c": "strung" } }).to_string());
    questions.push(json!({ "expr": "1 + 1" }).to_string());
    let mut answers = asked(&questions.join("\n"));
    assert_eq!(answers.len(), questions.len() - 1, "an empty line is no question");
    assert_eq!(answers.pop().map(|answer| answer["value"].clone()), Some(json!(2)));
    for (answer, question) in answers.iter().zip(questions.iter().filter(|line| !line.is_empty())) {
        let start: String = question.chars().take(60).collect();
        assert!(answer["error"].is_string(), "{start}: {answer}");
    }
}

#[test]
fn a_stack_is_asked_line_by_line() {
    let world = World::new();
    world.write(
        "main.hcl",
        "variable \"size\" {\n  default = 4\n}\nvariable \"token\" {\n  default   = \"hunter2\"\n  sensitive = true\n}\nlocals {\n  \
         names = [for n in range(var.size) : \"mc-${n}\"]\n}\n",
    );
    let input = "local.names[0]\n\n{\n  a = var.size\n}\nvar.token\nvar.sise\n1 / 0\nmax(1, 2)\nexit\nmin(1, 2)\n";
    let output = world.run_with_input(&["console"], input);
    insta::assert_snapshot!(output.to_string());
}
