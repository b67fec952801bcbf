//! `spawnpoint sim check`: the sixty checks of `checks`, on a simulator of its own or on a real server.

use super::clusters::TOKEN;
use super::exit::Exit;
use super::server::ServerFlags;
use super::shell::{Ended, Shell};
use crate::checks::{self, CHECKS, Check, Facts, Outcome, Target, Verdict};
use crate::diagnostics::Diagnostic;
use crate::proxmox::https::{Secret, Trust};
use crate::simulator::{Lab, Options, Pace, RunningServer, Server, Store};
use serde_json::json;
use std::collections::BTreeSet;
use std::ops::RangeInclusive;
use std::sync::{Arc, Mutex};

/// Makes sixty checks of what a Proxmox VE server does
///
/// Without an endpoint they run against a simulator made for them. On a real server they make guests, pools and rules, use only the ids of
/// the disposable range, and take away what they made.
#[derive(clap::Args, Debug)]
pub(super) struct Args {
    #[command(flatten)]
    server: ServerFlags,
    /// API token `user@realm!name=secret`; better given as PROXMOX_VE_API_TOKEN, which other users of this machine cannot read
    #[arg(long, value_name = "TOKEN", requires = "endpoint")]
    token: Option<String>,
    /// Node to work on
    #[arg(long, value_name = "NODE")]
    node: Option<String>,
    /// Storage for disks
    #[arg(long, value_name = "STORAGE")]
    storage: Option<String>,
    /// Bridge for NICs
    #[arg(long, value_name = "BRIDGE")]
    bridge: Option<String>,
    /// A template with an operating system and a guest agent, which is cloned and not changed; default: the first on the node
    #[arg(long, value_name = "VMID")]
    image: Option<u32>,
    /// VMIDs that guests may be made under, and destroyed
    #[arg(long, value_name = "FIRST-LAST", value_parser = range)]
    disposable_range: Option<RangeInclusive<u32>>,
    /// How many times faster than real the clock runs; without it, a simulator's clock moves with each poll
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1000))]
    speed: Option<u32>,
    /// Version the simulator plays
    #[arg(long, value_name = "VERSION", conflicts_with = "endpoint", value_parser = ["9.2", "8.4"])]
    pve: Option<String>,
    /// Makes only the checks with these numbers
    #[arg(long, value_name = "N,N-N", value_parser = numbers)]
    only: Option<BTreeSet<u32>>,
    /// Writes one JSON object per check
    #[arg(long)]
    json: bool,
}

fn range(text: &str) -> Result<RangeInclusive<u32>, String> {
    let (first, last) = text.split_once('-').ok_or("expected two ids: 9100-9199")?;
    let id = |text: &str| text.trim().parse::<u32>().map_err(|_| format!("`{text}` is not a VMID"));
    let range = id(first)?..=id(last)?;
    if range.is_empty() || *range.start() < 100 || *range.end() > 999_999_999 {
        return Err("expected ids from 100 to 999999999, the lower one first".into());
    }
    Ok(range)
}

/// A set of numbers behind a name of its own: clap takes sets apart otherwise.
type Numbers = BTreeSet<u32>;

fn numbers(text: &str) -> Result<Numbers, String> {
    let mut numbers = Numbers::new();
    for part in text.split(',') {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        let number = |text: &str| text.trim().parse::<u32>().map_err(|_| format!("`{part}` is not a number"));
        numbers.extend(number(first)?..=number(last)?.min(1000));
    }
    Ok(numbers)
}

/// Runs the command.
pub(super) async fn run(args: Args, shell: &Shell) -> Ended {
    let checks = checks::parse(CHECKS).expect("a test reads the checks");
    let simulator = match args.server.endpoint.is_empty() {
        false => None,
        true => Some(Simulator::start(&args).await.map_err(Diagnostic::error)?),
    };
    let target = target(&args, simulator.as_ref(), shell)?;
    let facts = Facts::gather(&target)
        .await
        .map_err(|error| Diagnostic::error(format!("cannot check `{}`: {error}", target.endpoint)))?;
    let mut outcomes = Vec::new();
    for check in checks.iter().filter(|check| args.only.as_ref().is_none_or(|only| only.contains(&check.number))) {
        let outcome = checks::run(&facts, check).await;
        shell.terminal.data(&if args.json { as_json(&outcome) } else { as_text(check, &outcome) });
        outcomes.push(outcome);
    }
    let count = |is: fn(&Verdict) -> bool| outcomes.iter().filter(|outcome| is(&outcome.verdict)).count();
    let passed = count(|verdict| *verdict == Verdict::Pass);
    let differ = count(|verdict| matches!(verdict, Verdict::Differs { .. }));
    let skipped = outcomes.len() - passed - differ;
    match args.json {
        true => shell.terminal.line(&json!({"passed": passed, "differ": differ, "skipped": skipped}).to_string()),
        false => shell.terminal.line(&format!("{passed} passed, {differ} differ, {skipped} skipped")),
    }
    Ok(if differ == 0 { Exit::Done } else { Exit::Error })
}

fn as_text(check: &Check, outcome: &Outcome) -> String {
    let Check { number, title, .. } = check;
    match &outcome.verdict {
        Verdict::Pass => format!("{number:>2}  pass     {title}\n"),
        Verdict::Differs { expected, got } => {
            format!("{number:>2}  differs  {title}\n             expected  {expected}\n             got       {got}\n")
        }
        Verdict::Skipped(why) => format!("{number:>2}  skipped  {title}: {why}\n"),
    }
}

fn as_json(outcome: &Outcome) -> String {
    let mut line = json!({"check": outcome.number, "title": outcome.title});
    match &outcome.verdict {
        Verdict::Pass => line["result"] = "pass".into(),
        Verdict::Differs { expected, got } => {
            line["result"] = "differs".into();
            line["expected"] = expected.as_str().into();
            line["got"] = got.as_str().into();
        }
        Verdict::Skipped(why) => {
            line["result"] = "skipped".into();
            line["why"] = why.as_str().into();
        }
    }
    format!("{line}\n")
}

fn target(args: &Args, simulator: Option<&Simulator>, shell: &Shell) -> Result<Target, Diagnostic> {
    let Args { node, storage, bridge, image, .. } = args;
    let common = |endpoint: String, trust, token: &str| Target {
        endpoint,
        trust,
        token: Secret::new(token),
        node: node.clone(),
        storage: storage.clone(),
        bridge: bridge.clone(),
        image: *image,
        disposable: args.disposable_range.clone().unwrap_or(9100..=9199),
        speed: args.speed.unwrap_or(1),
    };
    if let Some(Simulator { server, .. }) = simulator {
        let trust = Trust::CaFile(server.ca_pem.clone());
        return Ok(common(format!("https://{}", server.address), trust, &server.token));
    }
    if args.disposable_range.is_none() {
        return Err(Diagnostic::error("checks on a server that is not their own make guests and destroy them")
            .hint("say which VMIDs they may use: `-disposable-range 9100-9199`"));
    }
    let token = args.token.clone().or_else(|| std::env::var(TOKEN).ok()).ok_or_else(|| {
        Diagnostic::error("checks need an API token").hint(format!("set {TOKEN}=user@realm!name=secret"))
    })?;
    let [endpoint] = args.server.endpoint.as_slice() else {
        return Err(Diagnostic::error("checks are made on one server").hint("name one `-endpoint`"));
    };
    Ok(common(endpoint.clone(), args.server.trust(shell), &token))
}

/// A simulator for one run of the checks, which leaves nothing behind.
struct Simulator {
    server: RunningServer,
    /// Its certificates.
    _folder: tempfile::TempDir,
}

impl Simulator {
    async fn start(args: &Args) -> Result<Self, String> {
        let mut lab = Lab::built_in();
        if let Some(version) = &args.pve {
            lab.version.clone_from(version);
        }
        let pace = args.speed.map_or(Pace::Instant, |speed| Pace::Real { speed });
        let store = Store::in_memory(&lab, pace).map_err(|error| error.to_string())?;
        let folder = tempfile::tempdir().map_err(|error| error.to_string())?;
        let options = Options { folder: folder.path().to_owned(), interceptor: None };
        let listen = ([127, 0, 0, 1], 0).into();
        let server = Server::start(listen, Arc::new(Mutex::new(store)), options).await?;
        Ok(Self { server, _folder: folder })
    }
}
