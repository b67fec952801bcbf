//! What was found, as text and as JSON.

use super::{Finding, Severity};
use crate::render::amount::count;
use crate::render::{Role, Style};
use serde_json::{Value, json};

/// Returns the findings under their clusters, this machine last, and how many ask for something.
pub fn text(findings: &[Finding], style: Style) -> String {
    let mut text = String::new();
    let mut heading = None;
    for finding in findings {
        let about = finding.cluster.as_ref().map_or("this machine".to_owned(), |name| format!("cluster \"{name}\""));
        if heading.as_ref() != Some(&about) {
            text.push_str(&format!("{}\n", style.paint(Role::Strong, &about)));
            heading = Some(about);
        }
        text.push_str(&lines(finding, style));
    }
    text.push_str(&format!("\n{}\n", verdict(findings)));
    text
}

fn lines(finding: &Finding, style: Style) -> String {
    let role = match finding.severity {
        Severity::Ok => Role::Add,
        Severity::Warn => Role::Change,
        Severity::Error => Role::Remove,
    };
    let severity = style.paint(role, &format!("{:<5}", finding.severity.to_string()));
    let mut text = format!("  {severity} · {:<10}  {}\n", finding.area.to_string(), finding.text);
    for remedy in &finding.remedies {
        text.push_str(&format!("          {}\n", style.paint(Role::Hint, remedy)));
    }
    text
}

fn verdict(findings: &[Finding]) -> String {
    let (errors, warnings) = (of(findings, Severity::Error), of(findings, Severity::Warn));
    match (errors, warnings) {
        (0, 0) => "Everything is as it should be.".to_owned(),
        (0, warnings) => format!("{}, no errors.", count(warnings, "warning")),
        (errors, 0) => format!("{}.", count(errors, "error")),
        (errors, warnings) => format!("{}, {}.", count(errors, "error"), count(warnings, "warning")),
    }
}

fn of(findings: &[Finding], severity: Severity) -> usize {
    findings.iter().filter(|finding| finding.severity == severity).count()
}

/// Returns the findings as one document.
pub fn document(findings: &[Finding]) -> Value {
    let finding = |finding: &Finding| {
        json!({
            "cluster": finding.cluster.as_deref(), "area": finding.area.to_string(),
            "severity": finding.severity.to_string(), "summary": finding.text, "remedies": finding.remedies,
        })
    };
    json!({
        "format_version": "1.0",
        "errors": of(findings, Severity::Error),
        "warnings": of(findings, Severity::Warn),
        "findings": findings.iter().map(finding).collect::<Vec<_>>(),
    })
}
