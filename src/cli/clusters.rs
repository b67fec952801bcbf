//! From `cluster` blocks to clients: HTTPS to real servers, the in-process door to labs.

use super::configuration::Configuration;
use super::failure::{Failure, Outcome};
use super::shell::Shell;
use crate::apply::Clusters;
use crate::config::{ClusterSettings, World};
use crate::diagnostics::{Diagnostic, Diagnostics, Sources};
use crate::observe::Unread;
use crate::proxmox::https::{Credentials, Fingerprint, Secret, Settings, Trust};
use crate::proxmox::{Client, ErrorClass, Https, Limits, Transport};
use crate::simulator::{InProcess, Lab, Pace, Store};
use crate::value::Value;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex};

/// Endpoint of the default cluster, where its block names none.
pub(super) const ENDPOINT: &str = "PROXMOX_VE_ENDPOINT";
/// Token of the default cluster, where its block names none.
pub(super) const TOKEN: &str = "PROXMOX_VE_API_TOKEN";

/// Returns a client for each cluster. Nothing is dialled yet; labs are opened, and their locks are held until the clients are dropped.
///
/// # Errors
/// Every cluster that cannot work.
pub(super) fn connect(
    clusters: &BTreeMap<Arc<str>, ClusterSettings>,
    world: &dyn World,
    sources: &Sources,
    shell: &Shell,
) -> Outcome<Clusters> {
    let mut clients = Clusters::new();
    let mut found = Diagnostics::new();
    let is_only = clusters.len() == 1;
    for (name, settings) in clusters {
        let transport = match &settings.simulator {
            Some(simulator) => lab(name, simulator, settings, world, shell),
            None => wire(settings, is_only || settings.is_default, shell).and_then(|wire| https(name, wire)),
        };
        match transport {
            Ok(transport) => drop(clients.insert(name.clone(), Arc::new(Client::new(transport, Limits::default())))),
            Err(failure) => found.extend(failure.diagnostics.into_iter().map(|diagnostic| match diagnostic.span {
                Some(_) => diagnostic,
                None => diagnostic.at(settings.span),
            })),
        }
    }
    if found.has_errors() { Err(Failure::new(found, sources)) } else { Ok(clients) }
}

/// Returns why clusters could not be read, each at its block.
///
/// The header is shown and never the line of `token`, which may hold the secret itself.
pub(super) fn unread(failed: Vec<Unread>, configuration: &Configuration) -> Box<Failure> {
    let mut found = Diagnostics::new();
    for Unread { cluster, error } in failed {
        let settings = configuration.stack.clusters.get(&cluster);
        let says = |name: &str| settings.is_some_and(|settings| settings.attributes.contains_key(name));
        let summary = match (error.class, says("password"), says("token")) {
            (ErrorClass::Unauthenticated, true, _) => {
                format!("cluster `{cluster}` does not accept its `username` and `password`")
            }
            (ErrorClass::Unauthenticated, false, true) => format!("cluster `{cluster}` does not accept its `token`"),
            (ErrorClass::Unauthenticated, false, false) => {
                format!("cluster `{cluster}` does not accept the token in {TOKEN}")
            }
            _ => format!("cluster `{cluster}` cannot be read"),
        };
        let diagnostic = Diagnostic::error(format!("{summary}: {error}")).hints(error.hint);
        // A cluster that only the state still knows has no block.
        found.push(settings.into_iter().fold(diagnostic, |diagnostic, settings| diagnostic.at(settings.span)));
    }
    Failure::new(found, &configuration.sources)
}

/// Opens the door to a lab in this process.
///
/// # Errors
/// The lab cannot be read, or another process has it.
pub(super) fn lab(
    name: &str,
    simulator: &BTreeMap<Arc<str>, Value>,
    settings: &ClusterSettings,
    world: &dyn World,
    shell: &Shell,
) -> Outcome<Arc<dyn Transport>> {
    let text = |name: &str| simulator.get(name).and_then(Value::as_text);
    let mut lab = match text("lab") {
        Some(path) => read_lab(path, world)?,
        None => Lab::built_in(),
    };
    lab.cluster = name.to_owned();
    let pace = pace(text("time").unwrap_or("instant"))
        .ok_or_else(|| Diagnostic::error("`time` of a simulator is `instant` or `real`").at(settings.span))?;
    let folder = shell.labs_folder()?;
    let store = Store::open(&folder, &lab, pace).map_err(|error| {
        let diagnostic = Diagnostic::error(error.to_string());
        error.hint().map_or(diagnostic.clone(), |hint| diagnostic.hint(hint))
    })?;
    Ok(Arc::new(InProcess::new(Arc::new(Mutex::new(store)))))
}

/// Reads a lab file through the run's door.
pub(super) fn read_lab(path: &str, world: &dyn World) -> Outcome<Lab> {
    let bytes =
        world.read(path).map_err(|error| Diagnostic::error(format!("cannot read the lab file `{path}`: {error}")))?;
    let text =
        String::from_utf8(bytes).map_err(|_| Diagnostic::error(format!("the lab file `{path}` is not UTF-8")))?;
    Lab::parse(path, &text).map_err(|error| Diagnostic::error(error.to_string()).into())
}

/// Returns how time passes, by its word.
pub(super) fn pace(word: &str) -> Option<Pace> {
    match word {
        "instant" => Some(Pace::Instant),
        "real" => Some(Pace::REAL),
        _ => None,
    }
}

/// Returns the way to a real server.
///
/// # Errors
/// What is said about it cannot work.
pub(super) fn https(name: &str, wire: Settings) -> Outcome<Arc<dyn Transport>> {
    let https = Https::new(wire).map_err(|error| Diagnostic::error(format!("cluster `{name}`: {error}")))?;
    Ok(Arc::new(https))
}

/// Returns how a real server is reached.
///
/// # Errors
/// What is said about it is not enough, or contradicts itself.
pub(super) fn wire(settings: &ClusterSettings, is_default: bool, shell: &Shell) -> Outcome<Settings> {
    let environment = |name: &str| std::env::var(name).ok().filter(|text| is_default && !text.is_empty());
    let mut endpoints = texts(settings, "endpoints");
    if endpoints.is_empty() {
        endpoints.extend(environment(ENDPOINT));
    }
    if endpoints.is_empty() {
        return Err(Diagnostic::error(format!("cluster `{}` has no endpoint", settings.name))
            .hint(format!("write `endpoints = [\"https://pve1.example:8006\"]`, or set {ENDPOINT}"))
            .hint("to try things out without a server, write `simulator {}` instead")
            .into());
    }
    let mut wire = Settings::new(endpoints, credentials(settings, environment(TOKEN))?);
    wire.trust = trust(settings, &shell.folder)?;
    wire.proxy = settings.attributes.get("proxy").and_then(Value::as_text).map(str::to_owned);
    Ok(wire)
}

fn credentials(settings: &ClusterSettings, from_environment: Option<String>) -> Outcome<Credentials> {
    let text = |name: &str| settings.attributes.get(name).and_then(Value::as_text);
    if let (Some(user), Some(password)) = (text("username"), text("password")) {
        return Ok(Credentials::Password { user: user.into(), password: Secret::new(password) });
    }
    let token = text("token").map(str::to_owned).or(from_environment);
    let Some(token) = token else {
        return Err(Diagnostic::error(format!("cluster `{}` has no token", settings.name))
            .hint(format!("write `token = var.pve_token`, or set {TOKEN} to USER@REALM!NAME=SECRET"))
            .into());
    };
    // The text may be a secret: it is not repeated.
    token_of(&token).ok_or_else(|| {
        let name = &settings.name;
        Diagnostic::error(format!("the token of cluster `{name}` is not one, expected `USER@REALM!NAME=SECRET`")).into()
    })
}

/// Reads `USER@REALM!NAME=SECRET`.
pub(super) fn token_of(text: &str) -> Option<Credentials> {
    let (id, secret) = text.split_once('=')?;
    Some(Credentials::Token { id: id.into(), secret: Secret::new(secret) })
}

fn trust(settings: &ClusterSettings, folder: &Path) -> Outcome<Trust> {
    let fingerprints = texts(settings, "fingerprints");
    let ca_file = settings.attributes.get("ca_file").and_then(Value::as_text);
    let is_insecure = settings.attributes.get("insecure").and_then(Value::as_bool) == Some(true);
    match (fingerprints.is_empty(), ca_file, is_insecure) {
        (true, None, false) => Ok(Trust::SystemRoots),
        (true, None, true) => Ok(Trust::Insecure),
        (true, Some(path), false) => Ok(Trust::CaFile(folder.join(path))),
        (false, None, false) => {
            let parsed: Result<Vec<Fingerprint>, _> =
                fingerprints.iter().map(|text| text.parse::<Fingerprint>()).collect();
            parsed.map(Trust::Fingerprints).map_err(|error| Diagnostic::error(error.to_string()).into())
        }
        _ => Err(Diagnostic::error(format!(
            "cluster `{}` says more than one of `ca_file`, `fingerprints` and `insecure`, expected one",
            settings.name
        ))
        .into()),
    }
}

fn texts(settings: &ClusterSettings, name: &str) -> Vec<String> {
    let items = settings.attributes.get(name).and_then(Value::as_items).unwrap_or_default();
    items.iter().filter_map(Value::as_text).map(str::to_owned).collect()
}
