//! Programs that the agent runs inside simulated guests: a handful that need no operating system.

use serde_json::{Value, json};

use super::Machine;
use super::request::{Answer, Fault};
use super::routes::Context;
use super::state::{Guest, Process};
use super::task::Event;

/// The first number a program gets in a guest that has just booted.
const FIRST_PROCESS: u32 = 146;
/// How long a program runs.
const RUN_MS: u64 = 30;
/// How long the server waits for a worker that cannot say what went wrong.
const BROKEN_MS: u64 = 5100;

pub(super) fn exec(machine: &mut Machine, context: &Context) -> Answer {
    let guest = machine.guest_with_agent(context)?;
    let words = context.parameters.list("command").to_vec();
    let input = context.parameters.get("input-data").unwrap_or_default();
    let Some(program) = words.first() else {
        return Err(Fault::parameter("command", "property is missing and it is not optional"));
    };
    if program.starts_with("/nonexistent") || program.is_empty() {
        // The text of this failure kills the worker that should send it.
        machine.advance(BROKEN_MS);
        return Err(Fault { has_body: false, ..Fault::new(596, "Broken pipe") });
    }
    let Some((exit_code, output)) = run(&guest, context.parameters.vmid(), &words, input) else {
        return Err(Fault::not_modelled("POST", &format!("agent/exec of `{program}` in a simulated guest")));
    };
    let done_ms = machine.now_ms() + RUN_MS;
    let number = machine.with_guest(context.parameters.vmid(), |guest| {
        let number = guest.processes.keys().next_back().map_or(FIRST_PROCESS, |last| last + 1);
        guest.processes.insert(number, Process { done_ms, exit_code, output: Some(output) });
        number
    });
    // The end is an event, so that time can be moved to it.
    machine.agenda.insert((done_ms, Event::InGuest(context.parameters.vmid())));
    Ok(json!({ "pid": number }).into())
}

/// Tells how a program ended, once; then nobody knows it any more.
pub(super) fn exec_status(machine: &mut Machine, context: &Context) -> Answer {
    let guest = machine.guest_with_agent(context)?;
    let number: u32 = context.parameters.number("pid").unwrap_or_default();
    let process = guest.processes.get(&number).filter(|process| process.output.is_some());
    // The number is lost on the way into this text.
    let process = process.ok_or_else(|| Fault::text("Agent error: PID ld does not exist"))?;
    if process.done_ms > machine.now_ms() {
        return Ok(json!({ "exited": 0 }).into());
    }
    let mut answer = json!({ "exited": 1, "exitcode": process.exit_code, "out-truncated": 0 });
    if let Some(output) = process.output.as_ref().filter(|output| !output.is_empty()) {
        answer["out-data"] = json!(output);
    }
    machine.with_guest(context.parameters.vmid(), |guest| {
        if let Some(process) = guest.processes.get_mut(&number) {
            process.output = None;
        }
    });
    Ok(answer.into())
}

/// Returns exit code and output of a program that can be played; nothing for any other.
fn run(guest: &Guest, vmid: u32, words: &[String], input: &str) -> Option<(i32, String)> {
    let arguments = &words[1..];
    let program = words[0].rsplit('/').next().unwrap_or_default();
    match program {
        "true" => Some((0, String::new())),
        "false" => Some((1, String::new())),
        "echo" => Some((0, format!("{}\n", arguments.join(" ")))),
        "hostname" if arguments.is_empty() => Some((0, format!("{}\n", guest.name(vmid)))),
        "cat" if arguments.is_empty() => Some((0, input.to_owned())),
        "cat" => {
            let contents: Option<Vec<&String>> = arguments.iter().map(|path| guest.files.get(path)).collect();
            Some(contents.map_or((1, String::new()), |contents| (0, contents.into_iter().cloned().collect())))
        }
        _ => None,
    }
}

/// The commands this agent knows.
pub(super) fn info(machine: &mut Machine, context: &Context) -> Answer {
    const COMMANDS: &[&str] = &[
        "network-get-route",
        "get-load",
        "get-cpustats",
        "get-diskstats",
        "ssh-remove-authorized-keys",
        "ssh-add-authorized-keys",
        "ssh-get-authorized-keys",
        "get-osinfo",
        "get-timezone",
        "get-users",
        "get-host-name",
        "exec",
        "exec-status",
        "get-memory-block-info",
        "set-memory-blocks",
        "get-memory-blocks",
        "set-user-password",
        "get-fsinfo",
        "get-disks",
        "set-vcpus",
        "get-vcpus",
        "network-get-interfaces",
        "suspend-hybrid",
        "suspend-ram",
        "suspend-disk",
        "fstrim",
        "fsfreeze-thaw",
        "fsfreeze-freeze-list",
        "fsfreeze-freeze",
        "fsfreeze-status",
        "file-flush",
        "file-seek",
        "file-write",
        "file-read",
        "file-close",
        "file-open",
        "shutdown",
        "info",
        "set-time",
        "get-time",
        "ping",
        "sync",
        "sync-delimited",
    ];
    machine.guest_with_agent(context)?;
    let row = |name: &&str| {
        let answers = !name.starts_with("suspend") && **name != *"shutdown";
        json!({ "name": format!("guest-{name}"), "enabled": true, "success-response": answers })
    };
    let commands: Vec<Value> = COMMANDS.iter().map(row).collect();
    Ok(json!({ "result": { "version": "10.0.13", "supported_commands": commands } }).into())
}

pub(super) fn timezone(machine: &mut Machine, context: &Context) -> Answer {
    machine.guest_with_agent(context)?;
    Ok(json!({ "result": { "offset": 0, "zone": "UTC" } }).into())
}

/// Time in nanoseconds since 1970.
pub(super) fn time(machine: &mut Machine, context: &Context) -> Answer {
    machine.guest_with_agent(context)?;
    Ok(json!({ "result": machine.now_ms() * 1_000_000 }).into())
}

/// Nobody is logged in, and no file system is told apart.
pub(super) fn nothing(machine: &mut Machine, context: &Context) -> Answer {
    machine.guest_with_agent(context)?;
    Ok(json!({ "result": [] }).into())
}
