//! One cluster from outside: every endpoint alone, then what whichever answers tells. Only reads, and one ping per guest agent.

use super::{Area, Finding, certificates, judge};
use crate::observe::decode;
use crate::observe::{GuestKind, GuestView, Power};
use crate::plan::demand::Demand;
use crate::plan::permissions::{self, Grants};
use crate::proxmox::call::segment;
use crate::proxmox::https::Trust;
use crate::proxmox::{Call, CallError, Client, ErrorClass};
use futures_util::future::join_all;
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::Arc;

/// A guest whose agent is silent costs three seconds of one of its node's workers.
const AGENTS_MAX: usize = 8;

/// A cluster to look at.
pub struct Subject<'a> {
    /// Its label.
    pub name: Arc<str>,
    /// Its endpoints, each with a client of its own.
    pub endpoints: Vec<Endpoint>,
    /// How they prove who they are; none for a lab in this process.
    pub trust: Option<Trust>,
    /// What the stack takes for granted; none without a stack.
    pub demand: Option<&'a Demand>,
    /// What the token must be allowed, given the major version.
    pub needs: &'a (dyn Fn(u32) -> Grants + Sync),
    /// Tag of the stack's guests, whose agents are asked.
    pub tag: Option<String>,
    /// Tells the time here, in seconds since 1970.
    pub now: &'a (dyn Fn() -> i64 + Sync),
}

/// One way to a cluster.
pub struct Endpoint {
    /// Where it is.
    pub name: String,
    /// Asks only there.
    pub client: Arc<Client>,
}

/// Looks at a cluster.
pub async fn examine(subject: &Subject<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    let answers = join_all(subject.endpoints.iter().map(|endpoint| async move {
        let answer = endpoint.client.read(&Call::get("/version")).await;
        (endpoint, answer, (subject.now)())
    }))
    .await;
    let answering = answers.iter().find_map(|(endpoint, answer, now)| Some((endpoint, answer.as_ref().ok()?, *now)));
    for (endpoint, answer, _) in &answers {
        findings.push(match answer {
            Ok(_) => Finding::ok(Area::Endpoint, format!("{} answers", endpoint.name)),
            Err(error) => judge::endpoint(&endpoint.name, error, answering.is_some()),
        });
    }
    if let Some((endpoint, version, now)) = answering {
        let client = &*endpoint.client;
        findings.extend(subject.trust.as_ref().map(judge::trust));
        findings.push(judge::clock(client.simulator_clock(), client.server_time(), now));
        findings.push(judge::version(&decode::version(version)));
        // A simulated cluster lives in a time of its own.
        let there = client.simulator_clock().and_then(|_| client.server_time());
        findings.extend(Seen { subject, client, version, now: there.unwrap_or(now) }.all().await);
    }
    findings.into_iter().map(|finding| finding.of(&subject.name)).collect()
}

/// What an endpoint that answers is asked.
struct Seen<'a> {
    subject: &'a Subject<'a>,
    client: &'a Client,
    version: &'a Value,
    /// Seconds since 1970.
    now: i64,
}

impl Seen<'_> {
    async fn all(&self) -> Vec<Finding> {
        let resources = Call::get("/cluster/resources");
        let (permissions, resources, status) =
            tokio::join!(self.read("/access/permissions"), self.client.read(&resources), self.read("/cluster/status"));
        let mut findings = vec![self.privileges(&permissions)];
        let resources = match resources {
            Ok(answer) => decode::resources(&answer),
            Err(error) => {
                findings.push(Finding::unseen(Area::Nodes, "the cluster", &error, "try again"));
                return findings;
            }
        };
        // Without the right to audit the cluster nobody tells of quorum; then only the nodes are judged.
        let quorate = status.ok().as_ref().and_then(judge::is_quorate);
        findings.push(judge::nodes(&resources.nodes, quorate));
        let online: Vec<&String> =
            resources.nodes.iter().filter(|(_, node)| node.is_online).map(|(name, _)| name).collect();
        let (certificates, unseen) = self.of_nodes(&online, "certificates/info", Area::Tls).await;
        findings.extend(unseen);
        findings.extend(certificates::judge(&certificates, self.subject.trust.as_ref(), self.now));
        findings.extend(self.storages(&online).await);
        findings.extend(self.bridges(&online).await);
        findings.extend(self.templates(&resources.guests).await);
        findings.extend(self.agents(&resources.guests).await);
        findings
    }

    async fn read(&self, path: &str) -> Result<Value, CallError> {
        self.client.read(&Call::get(path)).await
    }

    fn privileges(&self, held: &Result<Value, CallError>) -> Finding {
        let version = decode::version(self.version);
        let major = version.split('.').next().and_then(|number| number.parse().ok()).unwrap_or(9);
        match held {
            Ok(held) => judge::privileges(held, &permissions::missing(&(self.subject.needs)(major), held)),
            Err(error) => Finding::unseen(Area::Privileges, "what the token may do", error, "try again"),
        }
    }

    async fn storages(&self, online: &[&String]) -> Vec<Finding> {
        let (answers, mut findings) = self.of_nodes(online, "storage", Area::Storage).await;
        findings.extend(judge::storages(&answers, self.subject.demand));
        findings
    }

    async fn bridges(&self, online: &[&String]) -> Vec<Finding> {
        let (answers, mut findings) = self.of_nodes(online, "network?type=any_bridge", Area::Bridge).await;
        findings.extend(judge::bridges(&answers, self.subject.demand));
        findings
    }

    /// Reads a list of each node.
    async fn of_nodes(&self, online: &[&String], what: &str, area: Area) -> (BTreeMap<String, Value>, Vec<Finding>) {
        let (path, query) = what.split_once('?').unwrap_or((what, ""));
        let answers = join_all(online.iter().map(|node| async move {
            let call = Call::get(format!("/nodes/{}/{path}", segment(node)));
            let call = query.split_once('=').into_iter().fold(call, |call, (name, value)| call.with(name, value));
            ((*node).clone(), self.client.read(&call).await)
        }))
        .await;
        let (mut read, mut findings) = (BTreeMap::new(), Vec::new());
        for (node, answer) in answers {
            match answer {
                Ok(answer) => drop(read.insert(node, answer)),
                Err(error) => findings.push(Finding::unseen(area, &format!("{path} of {node}"), &error, "try again")),
            }
        }
        (read, findings)
    }

    /// The templates the stack adopts; without any, all there are.
    async fn templates(&self, guests: &BTreeMap<u32, GuestView>) -> Vec<Finding> {
        let wanted = self.subject.demand.map(|demand| &demand.templates).filter(|wanted| !wanted.is_empty());
        let vmids: Vec<u32> = match wanted {
            Some(wanted) => wanted.iter().copied().collect(),
            None => guests.values().filter(|guest| guest.is_template).map(|guest| guest.vmid).collect(),
        };
        if vmids.is_empty() {
            return vec![judge::no_templates()];
        }
        let findings = vmids.into_iter().map(|vmid| async move {
            let Some(guest) = guests.get(&vmid) else { return judge::absent_template(vmid, guests) };
            if guest.kind != GuestKind::Qemu {
                return Vec::new();
            }
            let path = format!("/nodes/{}/qemu/{vmid}/config", segment(&guest.node));
            match self.read(&path).await {
                Ok(answer) => judge::template(guest, &decode::config(&answer)),
                Err(error) => vec![Finding::unseen(Area::Template, &format!("template {vmid}"), &error, "try again")],
            }
        });
        join_all(findings).await.into_iter().flatten().collect()
    }

    /// Asks the agents of the stack's running guests.
    async fn agents(&self, guests: &BTreeMap<u32, GuestView>) -> Vec<Finding> {
        let Some(tag) = &self.subject.tag else { return Vec::new() };
        let is_ours = |guest: &&GuestView| {
            guest.kind == GuestKind::Qemu && guest.power == Power::Running && guest.tags.contains(tag)
        };
        let ours: Vec<&GuestView> = guests.values().filter(is_ours).take(AGENTS_MAX).collect();
        if ours.is_empty() {
            return vec![Finding::ok(Area::Agent, "no guest of this stack runs: no agent is asked")];
        }
        let answers = join_all(ours.iter().map(|guest| async move {
            let ping = Call::post(format!("/nodes/{}/qemu/{}/agent/ping", segment(&guest.node), guest.vmid));
            self.client.write(&ping).await.err().map(|error| (*guest, error))
        }))
        .await;
        let silent: Vec<_> = answers.into_iter().flatten().collect();
        let answering = ours.len() - silent.len();
        let mut findings = Vec::new();
        if answering > 0 {
            findings.push(Finding::ok(Area::Agent, format!("answers in {answering} of {} running guests", ours.len())));
        }
        findings.extend(silent.iter().map(|(guest, error)| judge::silent_agent(guest, error)));
        findings
    }
}

/// Returns whether a server cannot be believed rather than not reached.
pub(super) fn is_distrust(error: &CallError) -> bool {
    // The words are those of the one place that judges certificates.
    error.class == ErrorClass::Unreachable && error.text.contains("the server's certificate")
}
