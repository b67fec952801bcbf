//! Stacks in, plan text out: each folder below `tests/stacks` has what it is planned from and the text a terminal would show.
//!
//! `main.hcl` is planned against the built-in lab, with `tests/data/files/urls.lab.hcl`. `1.hcl`, `2.hcl`, ... are planned one after another, each applied before the next; only
//! the last sentence of the first is shown. Comments at the head of a file say what else happens:
//!
//! ```text
//! # meanwhile: PUT /nodes/pve1/qemu/5000/config cores=8     a call behind our back, before this plan
//! # options: destroy -target=vm.a -exclude=vm.b -replace=vm.c
//! ```
//!
//! What was applied whole must plan empty afterwards. `UPDATE_GOLDEN=1` writes the texts anew; they are read in review.

use crate::planner_world::{Planned, PlannerWorld, lab_with_urls, options};
use spawnpoint::config::Address;
use spawnpoint::plan::{Mode, Options};
use spawnpoint::proxmox::Call;
use std::fs;
use std::path::{Path, PathBuf};

/// Plans the steps of a stack, and applies every one but a failing one.
fn show(name: &str, steps: &[String]) -> String {
    let mut world = PlannerWorld::new(name, &lab_with_urls());
    let mut shown = String::new();
    for (index, text) in steps.iter().enumerate() {
        meanwhile(&world, text);
        let options = options_of(text);
        let planned = world.plan(text, &options);
        match (steps.len(), index) {
            (1, _) => shown.push_str(&planned.text()),
            (_, 0) => shown.push_str(&format!("--- 1.hcl\n{}\n", last_line(&planned))),
            _ => shown.push_str(&format!("\n--- {}.hcl\n{}", index + 1, planned.text())),
        }
        let Some(plan) = &planned.plan else { continue };
        world.apply(plan);
        let is_whole = options.targets.is_empty() && options.excludes.is_empty();
        if is_whole {
            let again = world.plan(text, &Options { replace: Vec::new(), ..options });
            let is_empty = again.plan.as_ref().is_some_and(|plan| plan.is_empty() && plan.operations.is_empty());
            assert!(is_empty, "{name}: step {} does not plan empty after it was applied:\n{}", index + 1, again.text());
        }
    }
    shown
}

fn last_line(planned: &Planned) -> String {
    planned.text().lines().last().unwrap_or_default().to_owned()
}

fn comments<'a>(text: &'a str, key: &'a str) -> impl Iterator<Item = &'a str> {
    let head = text.lines().take_while(|line| line.starts_with('#'));
    head.filter_map(move |line| line.strip_prefix("# ")?.strip_prefix(key)?.strip_prefix(": "))
}

/// `METHOD PATH NAME=VALUE ...`; a tilde in a value stands for a space.
fn meanwhile(world: &PlannerWorld, text: &str) {
    for line in comments(text, "meanwhile") {
        let mut words = line.split_whitespace();
        let (method, path) = (words.next().expect("a method"), words.next().expect("a path"));
        let call = match method {
            "POST" => Call::post(path),
            "PUT" => Call::put(path),
            "DELETE" => Call::delete(path),
            other => panic!("what is `{other}`?"),
        };
        let parameters = words.map(|word| word.split_once('=').expect("NAME=VALUE"));
        let call = parameters.fold(call, |call, (name, value)| call.with(name, value.replace('~', " ")));
        world.send(&call);
    }
}

fn options_of(text: &str) -> Options {
    let (mut mode, mut targets, mut excludes, mut replace) = (Mode::Apply, Vec::new(), Vec::new(), Vec::new());
    for word in comments(text, "options").flat_map(str::split_whitespace) {
        let address = |text: &str| text.parse::<Address>().unwrap_or_else(|error| panic!("{word}: {error}"));
        match word.split_once('=') {
            None if word == "destroy" => mode = Mode::Destroy,
            None if word == "refresh-only" => mode = Mode::RefreshOnly,
            Some(("-target", rest)) => targets.push(address(rest)),
            Some(("-exclude", rest)) => excludes.push(address(rest)),
            Some(("-replace", rest)) => replace.push(address(rest)),
            _ => panic!("what is `{word}`?"),
        }
    }
    options(mode, targets, excludes, replace)
}

/// The texts of a folder in order: `main.hcl`, or `1.hcl`, `2.hcl`, ...
fn steps(folder: &Path) -> Vec<String> {
    if let Ok(text) = fs::read_to_string(folder.join("main.hcl")) {
        return vec![text];
    }
    (1..).map_while(|step| fs::read_to_string(folder.join(format!("{step}.hcl"))).ok()).collect()
}

#[test]
fn plans_read_as_written() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/stacks");
    let only = std::env::var("STACK").ok();
    let folders = fs::read_dir(&root).expect("the folder is there").map(|entry| entry.expect("it can be read").path());
    let mut folders: Vec<PathBuf> =
        folders.filter(|folder| only.as_ref().is_none_or(|only| folder.ends_with(only))).collect();
    folders.sort();
    assert!(!folders.is_empty(), "there are plans to test");
    let mut differing = Vec::new();
    for folder in folders {
        let name = folder.file_name().expect("it has a name").to_string_lossy().into_owned();
        let steps = steps(&folder);
        assert!(!steps.is_empty(), "{name} has something to plan");
        let Ok(shown) = std::panic::catch_unwind(|| show(&name, &steps)) else {
            differing.push(format!("{name}: see the panic above"));
            continue;
        };
        let golden = folder.join("plan.txt");
        if std::env::var_os("UPDATE_GOLDEN").is_some() {
            fs::write(&golden, &shown).expect("it can be written");
        } else if fs::read_to_string(&golden).ok().as_ref() != Some(&shown) {
            differing.push(format!("{name}:\n{shown}"));
        }
    }
    assert!(differing.is_empty(), "{}", differing.join("\n"));
}
