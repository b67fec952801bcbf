//! Whatever a cluster answers, a plan comes out of it or an error, never a panic: one answer of a whole refresh is changed at one place, for
//! every type of resource, with values of other types, broken texts and refusals. What the bytes of an answer may be is the concern of the
//! fuzz target `proxmox`.

use crate::attributes::{cases, map_devices};
use crate::harness::sized;
use crate::planner_world::{PlannerWorld, lab_with_urls};
use proptest::prelude::*;
use proptest::sample::Index;
use proptest::strategy::Union;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use serde_json::{Value, json};
use spawnpoint::plan::{Options, Plan};
use spawnpoint::proxmox::{Answer, Call, Transport, TransportError};
use spawnpoint::simulator::{InProcess, Pace, Store};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

/// What becomes of one answer.
#[derive(Clone, Debug)]
enum Wrong {
    /// The value at a place is another one.
    Value(Index, Value),
    /// The text at a place, or of the number there, has something else in it.
    Text(Index, Index, &'static str),
    /// The text at a place ends early.
    Cut(Index, Index),
    /// The value at a place is gone.
    Gone(Index),
    /// The value at a place is there twice.
    Twice(Index),
    /// There is no answer but a refusal.
    Refusal(u16, &'static str),
}

fn wrong() -> impl Strategy<Value = Wrong> {
    let values = [
        json!(null),
        json!(true),
        json!(-1),
        json!(0),
        json!(1),
        json!(1.5),
        json!(u64::MAX),
        json!(1e300),
        json!(""),
        json!("1"),
        json!("x"),
        json!([]),
        json!([null]),
        json!([[]]),
        json!({}),
        json!({ "": "" }),
    ];
    let pieces = ["", ",", "=", ":", "/", "%", "\n", "\0", "ä", "-", "0", "99999999999999999999", "G", "file="];
    let refusals = [
        (400, "Parameter verification failed."),
        (401, "invalid token value!"),
        (403, "Permission check failed"),
        (404, "Not Found"),
        (500, "no such resource"),
        (501, "Method not implemented"),
        (595, "Connection refused"),
        (596, "Broken pipe"),
    ];
    let place = || any::<Index>();
    prop_oneof![
        6 => (place(), prop::sample::select(values.to_vec())).prop_map(|(place, value)| Wrong::Value(place, value)),
        6 => (place(), place(), prop::sample::select(pieces.to_vec()))
            .prop_map(|(place, within, piece)| Wrong::Text(place, within, piece)),
        2 => (place(), place()).prop_map(|(place, end)| Wrong::Cut(place, end)),
        2 => place().prop_map(Wrong::Gone),
        1 => place().prop_map(Wrong::Twice),
        1 => prop::sample::select(refusals.to_vec()).prop_map(|(status, reason)| Wrong::Refusal(status, reason)),
    ]
}

/// Returns the places of a tree: its own, and those of everything in it.
fn places(tree: &Value) -> Vec<String> {
    let below = |key: &str, value: &Value| -> Vec<String> {
        let key = key.replace('~', "~0").replace('/', "~1");
        places(value).into_iter().map(|place| format!("/{key}{place}")).collect()
    };
    let inner: Vec<String> = match tree {
        Value::Array(items) => items.iter().enumerate().flat_map(|(at, item)| below(&at.to_string(), item)).collect(),
        Value::Object(entries) => entries.iter().flat_map(|(key, value)| below(key, value)).collect(),
        _ => Vec::new(),
    };
    std::iter::once(String::new()).chain(inner).collect()
}

impl Wrong {
    fn applied(&self, answer: &mut Answer) {
        let place = |index: &Index| {
            let places = places(&answer.data);
            places[index.index(places.len())].clone()
        };
        match self {
            Self::Value(at, value) => {
                let place = place(at);
                *answer.data.pointer_mut(&place).expect("the place is there") = value.clone();
            }
            Self::Text(at, within, piece) => {
                let place = place(at);
                change_text(answer.data.pointer_mut(&place), |text| {
                    let at = boundary(text, within);
                    text.insert_str(at, piece);
                });
            }
            Self::Cut(at, end) => {
                let place = place(at);
                change_text(answer.data.pointer_mut(&place), |text| text.truncate(boundary(text, end)));
            }
            Self::Gone(at) => {
                let place = place(at);
                let Some((outer, key)) = place.rsplit_once('/') else { return answer.data = Value::Null };
                match answer.data.pointer_mut(outer).expect("the place is there") {
                    Value::Object(entries) => drop(entries.remove(&key.replace("~1", "/").replace("~0", "~"))),
                    Value::Array(items) => drop(items.remove(key.parse().expect("a place in a list"))),
                    _ => unreachable!("something is in it"),
                }
            }
            Self::Twice(at) => {
                let place = place(at);
                let value = answer.data.pointer_mut(&place).expect("the place is there");
                *value = json!([value, value]);
            }
            Self::Refusal(status, reason) => {
                (answer.status, answer.data, answer.reason) = (*status, Value::Null, (*reason).to_owned());
            }
        }
    }
}

fn boundary(text: &str, index: &Index) -> usize {
    let all: Vec<usize> = text.char_indices().map(|(at, _)| at).chain([text.len()]).collect();
    all[index.index(all.len())]
}

fn change_text(value: Option<&mut Value>, change: impl Fn(&mut String)) {
    let Some(value) = value else { return };
    let mut text = match value {
        Value::String(text) => text.clone(),
        Value::Number(number) => number.to_string(),
        _ => return,
    };
    change(&mut text);
    *value = text.into();
}

/// The lab behind a transport that changes one answer.
struct Changing {
    lab: InProcess,
    /// Every call that was answered, with its answer's number of places.
    places: Mutex<BTreeMap<String, usize>>,
    wrong: Mutex<Option<(String, Wrong)>>,
}

#[async_trait::async_trait]
impl Transport for Changing {
    async fn send(&self, call: &Call) -> Result<Answer, TransportError> {
        let mut answer = self.lab.send(call).await?;
        let name = call.to_string();
        if let Some((_, wrong)) = self.wrong.lock().expect("no holder panics").as_ref().filter(|(at, _)| *at == name) {
            wrong.applied(&mut answer);
        }
        self.places.lock().expect("no holder panics").insert(name, places(&answer.data).len());
        Ok(answer)
    }

    fn describe(&self) -> String {
        self.lab.describe()
    }
}

impl Changing {
    /// A lab with everything that the stacks need.
    fn lab(name: &str) -> (Arc<Self>, PlannerWorld) {
        let store = Store::in_memory(&lab_with_urls(), Pace::Instant).expect("the lab opens");
        let lab = InProcess::new(Arc::new(Mutex::new(store)));
        let changing = Arc::new(Self { lab, places: Mutex::default(), wrong: Mutex::default() });
        let world = PlannerWorld::over(name, changing.clone());
        map_devices(&world);
        changing.places.lock().expect("no holder panics").clear();
        (changing, world)
    }

    /// Picks one of the calls that were made since the last time; one with more in its answer is picked more often.
    fn calls(&self) -> impl Strategy<Value = String> + use<> {
        let places = std::mem::take(&mut *self.places.lock().expect("no holder panics"));
        Union::new_weighted(places.into_iter().map(|(call, places)| (places as u32, Just(call))).collect())
    }

    fn change(&self, wrong: Option<(String, Wrong)>) {
        *self.wrong.lock().expect("no holder panics") = wrong;
    }
}

/// Runs a check for some of the wrong answers, the same each time.
fn for_some(count: u32, name: &str, calls: impl Strategy<Value = String>, check: impl Fn(String, Wrong)) {
    let config = Config { cases: count, failure_persistence: None, ..Config::default() };
    let mut runner = TestRunner::new_with_rng(config, TestRng::deterministic_rng(RngAlgorithm::ChaCha));
    let told = runner.run(&(calls, wrong()), |(call, wrong)| {
        check(call, wrong);
        Ok(())
    });
    told.unwrap_or_else(|error| panic!("{name}: {error}"));
}

fn stacks() -> Vec<(String, String)> {
    let only = std::env::var("ONLY").unwrap_or_default();
    let cases = cases().into_iter().map(|(_, case)| case);
    let cases = cases.filter(|case| case.is_for("9.2") && case.name.starts_with(&only));
    cases.map(|case| (case.name, case.lines.join("\n") + "\n")).collect()
}

fn apply(world: &mut PlannerWorld, text: &str) {
    let planned = world.plan(text, &Options::default());
    world.apply(planned.plan.as_ref().unwrap_or_else(|| panic!("{}", planned.text())));
    assert_done(world, text);
}

fn assert_done(world: &PlannerWorld, text: &str) {
    let planned = world.plan(text, &Options::default());
    assert!(planned.plan.as_ref().is_some_and(Plan::is_empty), "{}", planned.text());
}

#[test]
fn a_plan_tells_or_passes_over_what_it_does_not_understand() {
    for (name, text) in stacks() {
        let (changing, mut world) = Changing::lab(&name);
        apply(&mut world, &text);
        drop(changing.calls());
        assert_done(&world, &text);
        for_some(sized(60, 10), &name, changing.calls(), |call, wrong| {
            changing.change(Some((call, wrong)));
            if let Ok(planned) = world.try_plan(&text, &Options::default()) {
                assert!(planned.plan.is_some() || planned.diagnostics.has_errors(), "a plan or an error");
                planned.text();
            }
        });
    }
}

#[test]
fn an_apply_that_does_not_understand_is_finished_by_the_next() {
    for (name, text) in stacks() {
        let (changing, mut world) = Changing::lab(&name);
        apply(&mut world, &text);
        for_some(sized(10, 2), &name, changing.calls(), |call, wrong| {
            let (changing, mut world) = Changing::lab(&name);
            let planned = world.plan(&text, &Options::default());
            changing.change(Some((call, wrong)));
            let first = world.apply_or_tell(planned.plan.as_ref().expect("nothing is wrong yet"));
            changing.change(None);
            let planned = world.plan(&text, &Options::default());
            let made = planned.plan.as_ref().unwrap_or_else(|| panic!("{first:?}: {}", planned.text()));
            world.apply_or_tell(made).unwrap_or_else(|error| panic!("{first:?}, then {error}: {}", planned.text()));
            assert_done(&world, &text);
        });
    }
}
