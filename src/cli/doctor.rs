//! `spawnpoint doctor`

use super::clusters::{self, ENDPOINT, TOKEN};
use super::configuration::{self, Configuration, Given};
use super::disk::Disk;
use super::exit::Exit;
use super::failure::{Failure, Outcome};
use super::flags::Values;
use super::server::ServerFlags;
use super::shell::{Ended, Shell};
use crate::config::{ClusterSettings, World};
use crate::diagnostics::{self, Diagnostics};
use crate::doctor::{self, Area, Endpoint, Finding, Severity, Subject, report};
use crate::plan::demand::{self, Demand};
use crate::plan::permissions::{self, Grants};
use crate::plan::{self, Options, PlanInput};
use crate::proxmox::https::{Settings, Trust};
use crate::proxmox::{Client, Limits};
use crate::resources::marker;
use crate::state::State;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Looks for what would keep a run from working, and says what to do about it. Changes nothing
///
/// Asks each cluster of the stack, or the server that is named, about endpoint, certificate, clock, version, nodes, privileges, storages,
/// bridges, templates and guest agents, and this machine about Ansible, SSH and disk space. Ends with 1 if something does not work.
#[derive(clap::Args, Debug)]
pub(super) struct Args {
    #[command(flatten)]
    values: Values,
    #[command(flatten)]
    server: ServerFlags,
    /// Writes the findings as JSON
    #[arg(long)]
    json: bool,
}

/// Runs the command.
pub(super) async fn run(args: Args, shell: &Shell) -> Ended {
    let world = Arc::new(Disk::new(shell.folder.clone()));
    let has_stack = world.list(".").is_ok_and(|names| names.iter().any(|name| name.ends_with(".hcl")));
    let (mut findings, runs_playbooks) = match has_stack && args.server.endpoint.is_empty() {
        true => of_stack(&world, args.values, shell).await,
        false => (of_server(&args.server, shell).await?, false),
    };
    findings.extend(doctor::machine::examine(&shell.folder, runs_playbooks).await);
    match args.json {
        true => shell
            .terminal
            .line(&serde_json::to_string_pretty(&report::document(&findings)).expect("JSON values can be written")),
        false => shell.terminal.data(&report::text(&findings, shell.terminal.out)),
    }
    let is_ill = findings.iter().any(|finding| finding.severity == Severity::Error);
    Ok(if is_ill { Exit::Error } else { Exit::Done })
}

/// Looks at the clusters of the stack. Returns too whether it runs playbooks.
async fn of_stack(world: &Arc<Disk>, values: Values, shell: &Shell) -> (Vec<Finding>, bool) {
    let configuration = match configuration::load(world.clone(), &Given::of_process(values.0), shell) {
        Ok(configuration) => configuration,
        Err(failure) => return (vec![of_files(&failure.diagnostics)], false),
    };
    let options = Options::default();
    let state = State::default();
    let Configuration { stack, games, .. } = &configuration;
    let input = PlanInput::of_files(stack, games, &state, &options, shell.now.as_second());
    let demands = demand::of_files(&input);
    let grants = BTreeMap::from([7, 8, 9].map(|major| (major, permissions::of_files(&input, major))));
    let mut findings = Vec::new();
    let said = plan::validate(&input);
    if said.has_errors() {
        findings.push(of_files(&said));
    }
    let clusters = &configuration.stack.clusters;
    for (name, settings) in clusters {
        let demand = demands.get(name).cloned().unwrap_or_default();
        let needs = |major: u32| grants[&major.clamp(7, 9)].get(name).cloned().unwrap_or_default();
        let is_default = clusters.len() == 1 || settings.is_default;
        findings.extend(of_cluster(settings, is_default, &demand, &needs, (&configuration, &**world), shell).await);
    }
    if clusters.is_empty() {
        let remedy = "write a `cluster` block; `simulator {}` in it needs no server";
        findings.push(Finding::warn(Area::Stack, "the stack has no cluster", remedy));
    }
    (findings, demands.values().any(|demand| demand.runs_playbooks))
}

/// The files have errors: what of them is sound is looked at all the same.
fn of_files(said: &Diagnostics) -> Finding {
    let first = said.iter().find(|diagnostic| diagnostic.severity == diagnostics::Severity::Error);
    let text = format!("the files have errors: {}", first.map_or("", |diagnostic| &diagnostic.summary));
    Finding::error(Area::Stack, text, "`spawnpoint validate` shows them all")
}

async fn of_cluster(
    settings: &ClusterSettings,
    is_default: bool,
    demand: &Demand,
    needs: &(dyn Fn(u32) -> Grants + Sync),
    (configuration, world): (&Configuration, &Disk),
    shell: &Shell,
) -> Vec<Finding> {
    let opened = match &settings.simulator {
        Some(simulator) => clusters::lab(&settings.name, simulator, settings, world, shell).map(|transport| {
            let client = Arc::new(Client::new(transport, Limits::default()));
            (vec![Endpoint { name: client.describe(), client }], None)
        }),
        None => clusters::wire(settings, is_default, shell).and_then(|wire| each(&settings.name, &wire)),
    };
    let (endpoints, trust) = match opened {
        Ok(opened) => opened,
        Err(failure) => return told(&failure).map(|finding| finding.of(&settings.name)).collect(),
    };
    let subject = Subject {
        name: settings.name.clone(),
        endpoints,
        trust,
        demand: Some(demand),
        needs,
        tag: Some(marker::project_tag(&configuration.stack.settings.project)),
        now: &|| jiff::Timestamp::now().as_second(),
    };
    doctor::examine(&subject).await
}

/// Looks at a server that no stack describes.
async fn of_server(server: &ServerFlags, shell: &Shell) -> Outcome<Vec<Finding>> {
    let Some(settings) = server.settings(shell)? else {
        let text = "there is no stack here, and no server is named: no cluster is looked at";
        let remedy =
            format!("run it in a stack's folder, or with `-endpoint https://HOST:8006` ({ENDPOINT}) and {TOKEN}");
        return Ok(vec![Finding::warn(Area::Stack, text, remedy)]);
    };
    let name: Arc<str> = "named".into();
    let (endpoints, trust) = each(&name, &settings)?;
    let subject = Subject {
        name,
        endpoints,
        trust,
        demand: None,
        needs: &|_| Grants::new(),
        tag: None,
        now: &|| jiff::Timestamp::now().as_second(),
    };
    Ok(doctor::examine(&subject).await)
}

/// Returns a client for each endpoint alone: fail-over would hide which of them does not work.
fn each(cluster: &str, settings: &Settings) -> Outcome<(Vec<Endpoint>, Option<Trust>)> {
    let endpoint = |endpoint: &String| {
        let alone = Settings { endpoints: vec![endpoint.clone()], ..settings.clone() };
        let client = Arc::new(Client::new(clusters::https(cluster, alone)?, Limits::default()));
        Ok(Endpoint { name: endpoint.trim_end_matches('/').to_owned(), client })
    };
    let endpoints: Outcome<Vec<Endpoint>> = settings.endpoints.iter().map(endpoint).collect();
    Ok((endpoints?, Some(settings.trust.clone())))
}

/// What keeps a cluster from being asked at all.
fn told(failure: &Failure) -> impl Iterator<Item = Finding> {
    failure.diagnostics.iter().map(|diagnostic| {
        let finding = Finding::error(Area::Endpoint, diagnostic.summary.clone(), String::new());
        Finding { remedies: diagnostic.hints.iter().map(ToString::to_string).collect(), ..finding }
    })
}
