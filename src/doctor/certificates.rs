//! Judges how long the certificates of the nodes hold. Nothing is asked here.

use super::{Area, Finding, Severity};
use crate::proxmox::decode::{integer, text};
use crate::proxmox::https::Trust;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// A certificate that ends sooner is told.
const SOON_DAYS: i64 = 30;
const DAY_S: i64 = 86_400;

/// The certificate of the cluster's own authority, which every node has.
const AUTHORITY: &str = "pve-root-ca.pem";
/// One that somebody put there, or that ACME renews; it is shown instead of the cluster's own.
const CUSTOM: &str = "pveproxy-ssl.pem";

/// Makes findings of the answers of GET /nodes/{node}/certificates/info, by node. `now` is in seconds since 1970.
pub(super) fn judge(answers: &BTreeMap<String, Value>, trust: Option<&Trust>, now: i64) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut ends = BTreeSet::new();
    let mut has_authority = false;
    for (node, answer) in answers {
        for row in answer.as_array().into_iter().flatten() {
            let Some(end) = row.get("notafter").and_then(integer) else { continue };
            let file = row.get("filename").and_then(text).unwrap_or_default();
            let is_authority = file == AUTHORITY;
            if is_authority && std::mem::replace(&mut has_authority, true) {
                continue;
            }
            ends.insert(end);
            let whose =
                if is_authority { "the cluster's own authority".to_owned() } else { format!("{node} ({file})") };
            findings.extend(one(&whose, node, &file, end - now, trust).map(|finding| (end, finding)));
        }
    }
    findings.sort_by_key(|(end, _)| *end);
    let findings: Vec<Finding> = findings.into_iter().map(|(_, finding)| finding).collect();
    match ends.first() {
        Some(first) if findings.is_empty() => {
            let days = (first - now) / DAY_S;
            vec![Finding::ok(Area::Tls, format!("certificates hold for another {days} days"))]
        }
        _ => findings,
    }
}

fn one(whose: &str, node: &str, file: &str, left_s: i64, trust: Option<&Trust>) -> Option<Finding> {
    if left_s >= SOON_DAYS * DAY_S {
        return None;
    }
    let text = match (left_s < 0, left_s.abs() / DAY_S) {
        (true, 0) => format!("the certificate of {whose} ended within the last day"),
        (true, days) => format!("the certificate of {whose} ended {days} days ago"),
        (false, 0) => format!("the certificate of {whose} ends within a day"),
        (false, days) => format!("the certificate of {whose} ends in {days} days"),
    };
    let remedy = match file {
        AUTHORITY => {
            "on one node: move /etc/pve/pve-root-ca.pem and /etc/pve/priv/pve-root-ca.key away, then `pvecm updatecerts --force` \
             on every node"
                .to_owned()
        }
        CUSTOM => format!(
            "on {node}: `pvenode acme cert renew --force` if ACME made it, else `pvenode cert set` with a new one"
        ),
        _ => format!("on {node}: `pvecm updatecerts --force`, then `systemctl restart pveproxy`"),
    };
    // Whoever pins a certificate does not look at its dates.
    let is_pinned = matches!(trust, None | Some(Trust::Fingerprints(_) | Trust::Insecure));
    let severity = if left_s < 0 && !is_pinned { Severity::Error } else { Severity::Warn };
    let mut finding = Finding { severity, ..Finding::warn(Area::Tls, text, remedy) };
    if matches!(trust, Some(Trust::Fingerprints(_))) && file != AUTHORITY {
        finding.remedies.push("then add the new one's fingerprint to `fingerprints`".to_owned());
    }
    Some(finding)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn told(rows: &Value, trust: &Trust) -> Vec<(Severity, String)> {
        let answers = BTreeMap::from([("pve1".to_owned(), rows.clone()), ("pve2".to_owned(), rows.clone())]);
        let findings = judge(&answers, Some(trust), 1_000_000_000);
        findings.into_iter().map(|finding| (finding.severity, finding.text)).collect()
    }

    fn row(file: &str, days: i64) -> Value {
        json!({ "filename": file, "notafter": 1_000_000_000 + days * DAY_S })
    }

    #[test]
    fn what_ends_soon_is_told_once_and_the_first_to_end_first() {
        let rows = json!([row("pve-root-ca.pem", 20), row("pve-ssl.pem", 400), row("pveproxy-ssl.pem", 3)]);
        let said = told(&rows, &Trust::SystemRoots);
        let of = |node: &str| (Severity::Warn, format!("the certificate of {node} (pveproxy-ssl.pem) ends in 3 days"));
        let own = (Severity::Warn, "the certificate of the cluster's own authority ends in 20 days".to_owned());
        assert_eq!(said, [of("pve1"), of("pve2"), own]);
        assert_eq!(
            told(&json!([row("pve-ssl.pem", 31)]), &Trust::SystemRoots),
            [(Severity::Ok, "certificates hold for another 31 days".to_owned())]
        );
    }

    #[test]
    fn one_that_ended_is_an_error_unless_it_is_pinned() {
        let rows = json!([row("pve-ssl.pem", -2)]);
        assert_eq!(told(&rows, &Trust::SystemRoots)[0].0, Severity::Error);
        let (severity, text) = &told(&rows, &Trust::Fingerprints(Vec::new()))[0];
        assert_eq!((*severity, &**text), (Severity::Warn, "the certificate of pve1 (pve-ssl.pem) ended 2 days ago"));
        assert!(told(&json!([]), &Trust::SystemRoots).is_empty(), "who tells nothing is not judged");
    }
}
