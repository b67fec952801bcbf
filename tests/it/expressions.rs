//! Every expression of `tests/data/expressions.jsonl`: what it gives, of what type, with which marks, or that it is an error.
//!
//! The facts are what Terraform 1.11.4 answered. A case with a `rule` is one where we answer differently on purpose; the rule is in
//! `docs/deviations.md`, and the case says what we answer.

use serde_json::Value as Json;
use spawnpoint::config::expression::{FunctionWorld, Reference, Resolved, Scope, evaluate, lower};
use spawnpoint::config::piece::Piece;
use spawnpoint::config::{World as Files, console};
use spawnpoint::diagnostics::{Diagnostic, FileId, Sources, Span};
use spawnpoint::value::{Display, Marks, Step, Type, Value};

const CASES: &str = include_str!("../data/expressions.jsonl");
const DEVIATIONS: &str = include_str!("../../docs/deviations.md");

#[derive(Debug)]
struct World;

impl Files for World {
    fn read(&self, path: &str) -> Result<Vec<u8>, String> {
        if path == "keys/acme.pub" {
            Ok(b"ssh-ed25519 AAAA".to_vec())
        } else {
            Err(format!("there is no file `{path}`"))
        }
    }

    fn is_file(&self, _: &str) -> Result<bool, String> {
        Ok(false)
    }

    fn files_below(&self, folder: &str) -> Result<Vec<String>, String> {
        if folder == "keys" {
            Ok(vec!["acme.pub".into(), "old/kim.pub".into()])
        } else {
            Err(format!("there is no folder `{folder}`"))
        }
    }

    fn absolute(&self, path: &str) -> String {
        format!("/work/{path}")
    }

    fn home(&self) -> Option<String> {
        Some("/home/kim".into())
    }

    fn list(&self, folder: &str) -> Result<Vec<String>, String> {
        Err(format!("there is no folder `{folder}`"))
    }

    fn exists(&self, _: &str) -> bool {
        false
    }
}

impl FunctionWorld for World {
    fn files(&self) -> &dyn Files {
        self
    }

    fn plan_time(&self) -> jiff::Timestamp {
        jiff::Timestamp::UNIX_EPOCH
    }

    fn apply_time(&self) -> Option<jiff::Timestamp> {
        Some(jiff::Timestamp::UNIX_EPOCH)
    }

    fn random(&self, _: Span) -> Option<[u8; 16]> {
        Some([7; 16])
    }
}

/// The names the cases refer to.
pub(super) struct Names(Value);

impl Names {
    pub(super) fn new(with_variables: bool) -> Self {
        let variables = serde_json::json!({
            "name": "web", "names": ["alpha", "beta", "gamma"], "count_n": 3, "cidr": "10.20.0.0/16", "tpl": "hello ${name}!",
            "nul": null, "obj": {"a": 1, "b": {"c": "deep"}, "d": [1, 2]},
            "nested": [{"id": "i1", "tags": {"env": "prod"}}, {"id": "i2", "tags": {"env": "dev"}}, {"id": "i3", "tags": {"env": "prod"}}]
        });
        let variables = if with_variables { value_of(&variables) } else { Value::object::<&str>([]) };
        let text = |name: &'static str, text: &'static str| Value::object([(name, Value::from(text))]);
        Self(Value::object([
            ("var", variables),
            ("local", text("v2", "lv")),
            ("terraform", text("workspace", "default")),
            ("path", Value::object(["module", "root", "cwd"].map(|name| (name, Value::from("."))))),
            ("terraform_data", Value::object([("u", Value::unknown(Type::Dynamic))])),
        ]))
    }
}

impl Scope for Names {
    fn resolve(&self, reference: &Reference) -> Result<Resolved, Diagnostic> {
        let missing = || Diagnostic::error(format!("there is no `{reference}`"));
        let root = self.0.get(&reference.root).ok_or_else(missing)?;
        let Some(Step::Attribute(name)) = reference.steps.first().map(|step| &step.step) else { return Err(missing()) };
        let is_unknown_attribute = &*reference.root == "terraform_data"
            && reference
                .attribute(1)
                .is_some_and(|name| !["id", "input", "output", "triggers_replace"].contains(&&**name));
        match root.get(name) {
            Some(value) if !is_unknown_attribute => Ok(Resolved { value: value.clone(), steps: 1 }),
            _ => Err(missing()),
        }
    }

    fn world(&self) -> &dyn FunctionWorld {
        &World
    }
}

fn value_of(json: &Json) -> Value {
    match json {
        Json::Null => Value::null(Type::Dynamic),
        Json::Bool(flag) => Value::from(*flag),
        Json::Number(number) => Value::from(number.as_i64().expect("only integers are used")),
        Json::String(text) => Value::from(text.as_str()),
        Json::Array(items) => Value::tuple(items.iter().map(value_of)),
        Json::Object(entries) => Value::object(entries.iter().map(|(key, entry)| (key.as_str(), value_of(entry)))),
    }
}

pub(super) fn answer(text: &str, scope: &Names) -> Result<Value, String> {
    console::evaluate(text, scope, &mut Sources::new()).map_err(|diagnostics| {
        diagnostics.iter().map(|diagnostic| diagnostic.summary.clone()).collect::<Vec<_>>().join("; ")
    })
}

/// Writes a value as JSON the way the facts were taken: by the language's own function.
pub(super) fn json_of(value: &Value) -> String {
    struct One(Value);
    impl Scope for One {
        fn resolve(&self, _: &Reference) -> Result<Resolved, Diagnostic> {
            Ok(Resolved { value: self.0.clone(), steps: 0 })
        }
        fn world(&self) -> &dyn FunctionWorld {
            &World
        }
    }
    let source = "jsonencode(it)";
    let parsed = source.parse().expect("the call is an expression");
    let call = lower(&parsed, Piece::whole(FileId(0), source)).expect("the call can be lowered");
    let (bare, _) = value.without_marks();
    evaluate(&call, &One(bare)).expect("known values can be written").as_text().expect("JSON is text").to_string()
}

fn disagreement(case: &Json, scope: &Names) -> Option<String> {
    let given = answer(case["is"].as_str().expect("a case has an expression"), scope);
    let (expects_error, expected_type) = (case["error"] == true, case["type"].as_str());
    let value = match given {
        Err(_) if expects_error => return None,
        Err(text) => return Some(format!("error: {text}")),
        Ok(value) if expects_error => return Some(format!("{value:?} instead of an error")),
        Ok(value) => value,
    };
    if let Some(shown) = case["unknown"].as_str() {
        let display = Display(&value).to_string();
        let is_alike = shown == display || shown.starts_with("toset(");
        return (value.is_wholly_known() || !is_alike || expected_type != Some(&value.type_of().to_string()))
            .then(|| format!("{display} of type {} instead of {shown} of type {expected_type:?}", value.type_of()));
    }
    if !value.is_wholly_known() {
        return Some(format!("unknown: {}", Display(&value)));
    }
    let json = json_of(&value);
    if case["gzip"] == true {
        let call = format!("base64gunzip({json})");
        return answer(&call, scope).is_err().then(|| format!("not gzip: {json}"));
    }
    let is_sensitive = value.marks().contains(Marks::SENSITIVE);
    let agrees = Some(&*json) == case["json"].as_str()
        && Some(&*value.type_of().to_string()) == expected_type
        && is_sensitive == (case["sensitive"] == true);
    (!agrees).then(|| format!("{json} of type {}, sensitive: {is_sensitive}", value.type_of()))
}

#[test]
fn expressions_give_what_terraform_gives() {
    let (with_variables, without) = (Names::new(true), Names::new(false));
    let (mut agreed, mut ruled, mut wrong) = (0, 0, Vec::new());
    for line in CASES.lines() {
        let case: Json = serde_json::from_str(line).expect("a line is JSON");
        let scope = if case["vars"] == true { &with_variables } else { &without };
        match (disagreement(&case, scope), case["rule"].as_str()) {
            (Some(text), _) => wrong.push(format!("{line}\n    {text}")),
            (None, None) => agreed += 1,
            (None, Some(rule)) if DEVIATIONS.contains(&format!("`{rule}`")) => ruled += 1,
            (None, Some(rule)) => wrong.push(format!("{line}\n    rule {rule} is not written down")),
        }
    }
    println!("{agreed} agree, {ruled} deviate by rule, {} are wrong", wrong.len());
    assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn examples_of_functions_give_what_they_say() {
    let scope = Names::new(true);
    for function in spawnpoint::config::functions::all() {
        let (call, gives) = function.example;
        if gives.starts_with("the ") || call.contains("local.greeting") {
            continue;
        }
        let (given, promised) = (answer(call, &scope), answer(gives, &scope).expect("an example gives a value"));
        let given = given.unwrap_or_else(|error| panic!("{call}: {error}"));
        assert_eq!(json_of(&given), json_of(&promised), "{call}");
    }
}

/// Summary, offending text, hints, and the values of the references involved.
type Complaint = (String, String, Vec<String>, Vec<(String, String)>);

/// Evaluates `case = ...` with one name, `it`, and returns what is wrong.
fn complaints(text: &str, it: &Value) -> Vec<Complaint> {
    struct One<'a>(&'a Value);
    impl Scope for One<'_> {
        fn resolve(&self, reference: &Reference) -> Result<Resolved, Diagnostic> {
            match &*reference.root {
                "it" => Ok(Resolved { value: self.0.clone(), steps: 0 }),
                _ => Err(Diagnostic::error(format!("there is no `{reference}`"))),
            }
        }
        fn world(&self) -> &dyn FunctionWorld {
            &World
        }
    }
    let parsed = text.parse().expect("the case is an expression");
    let result = lower(&parsed, Piece::whole(FileId(0), text)).and_then(|expression| evaluate(&expression, &One(it)));
    let told = |diagnostic: &Diagnostic| {
        let span = diagnostic.span.expect("every complaint has a place");
        let part = text[span.start as usize..span.end as usize].to_string();
        (diagnostic.summary.clone(), part, diagnostic.hints.clone(), diagnostic.values.clone())
    };
    result.err().iter().flat_map(|diagnostics| diagnostics.iter().map(told).collect::<Vec<_>>()).collect()
}

#[test]
fn complaints_show_the_part_the_values_and_the_way_out() {
    let it = Value::object([
        ("size", Value::from("big")),
        ("token", Value::from("hunter2").with_marks(Marks::SENSITIVE)),
        ("names", Value::tuple([Value::from("a")])),
    ]);
    let cases = [
        ("it.size * 2", "operand is a string: a number is required", "it.size", "", "it.size is \"big\""),
        ("it.token + 1", "operand is a string: a number is required", "it.token", "", "it.token is (sensitive)"),
        ("it.sise", "there is no attribute `sise` here", "sise", "did you mean `size`?", ""),
        ("it.names[3]", "there is no item 3: there is one item, and its index is 0", "[3]", "", "it.names is [\"a\"]"),
        ("[for n in it.names : n + 1]", "operand is a string: a number is required", "n", "", "n is \"a\""),
        ("uper(it.size)", "there is no function `uper`", "uper", "did you mean `upper`?", "it.size is \"big\""),
        ("nope", "there is no `nope`", "nope", "", ""),
    ];
    for (text, summary, part, hint, value) in cases {
        let complaints = complaints(text, &it);
        let [(said, underlined, hints, values)] = &complaints[..] else { panic!("{text}: {complaints:?}") };
        let values: Vec<String> = values.iter().map(|(name, is)| format!("{name} {is}")).collect();
        assert_eq!((said.as_str(), hints.join("; ").as_str()), (summary, hint), "{text}");
        assert!(underlined.contains(part) && underlined.len() <= part.len() + 2, "{text}: {underlined}");
        assert!(value.is_empty() || values.iter().any(|told| told == value), "{text}: {values:?}");
        assert!(!values.concat().contains("hunter2"), "{text}");
    }
    // What does not follow from each other is told at once, and a wrong loop body is told a few times, not a thousand.
    assert_eq!(complaints("[it.a, it.b, it.size / 0]", &it).len(), 3);
    assert!(complaints("[for n in range(1000) : n + it.names[n]]", &it).len() <= 20);
}

#[test]
fn hostile_expressions_end_with_a_message() {
    let mut doubled = Value::tuple([Value::from("ha")]);
    let mut rounds = 0;
    loop {
        let value = doubled.clone();
        let complaints = complaints("[it, it, it, it]", &value);
        if let [(summary, ..)] = &complaints[..] {
            assert!(summary.starts_with("value is too large"), "{summary}");
            break;
        }
        doubled = Value::tuple([value.clone(), value.clone(), value.clone(), value]);
        rounds += 1;
        assert!(rounds < 100, "a value may grow without end");
    }
    let cube = "[for a in range(1000) : [for b in range(1000) : [for c in range(1000) : 1]]]";
    assert!(complaints(cube, &doubled)[0].0.contains("more than 1000000 items"));
    let long = complaints(r#"join("", [for n in range(1024) : it])"#, &Value::from("x".repeat(100_000)));
    assert!(long[0].0.contains("longer than 64 MiB"), "{long:?}");
    assert!(complaints(&format!("it{}", ".a".repeat(100_000)), &doubled).len() == 1);
    assert!(complaints(&format!("it{}", "[*]".repeat(10_000)), &doubled)[0].0.contains("splats in a row"));
    assert!(complaints("pow(10, 300) * pow(10, 300) * parseint(format(\"1%010000d\", 0), 10)", &doubled).len() == 1);
}
