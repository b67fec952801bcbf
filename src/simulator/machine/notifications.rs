//! Notification targets: what is built in, and the lists over all kinds of them. Single targets are areas; nothing is ever sent.

use serde_json::{Value, json};

use super::Machine;
use super::areas::MATCHERS;
use super::objects::text;
use super::request::Answer;
use super::routes::{Context, Entry};

pub(super) const ROUTES: &[Entry] = &[
    ("GET", "/cluster/notifications/matchers", matchers),
    ("GET", "/cluster/notifications/targets", targets),
    ("GET", "/cluster/notifications/endpoints/sendmail", mail_targets),
    ("GET", "/cluster/notifications/matcher-fields", fields),
    ("GET", "/cluster/notifications/matcher-field-values", field_values),
];

const KINDS: [&str; 4] = ["gotify", "sendmail", "smtp", "webhook"];

fn matchers(machine: &mut Machine, _context: &Context) -> Answer {
    let built_in = json!({
        "comment": "Route all notifications to mail-to-root", "mode": "all", "name": "default-matcher", "origin": "builtin",
        "target": ["mail-to-root"],
    });
    let made = machine.objects_of(&MATCHERS).map(|(id, object)| {
        let mut row = machine.object_row(&MATCHERS, id, object);
        row.remove("digest");
        row.insert("origin".to_owned(), json!("user-created"));
        Value::Object(row)
    });
    Ok(Value::Array(std::iter::once(built_in).chain(made).collect()).into())
}

fn built_in_target() -> Value {
    json!({
        "comment": "Send mails to root@pam's email address", "name": "mail-to-root", "origin": "builtin", "type": "sendmail",
    })
}

fn targets(machine: &mut Machine, _context: &Context) -> Answer {
    let mut rows = vec![built_in_target()];
    for (key, object) in machine.objects.iter() {
        let Some((kind, name)) = key.strip_prefix("notifications.").and_then(|rest| rest.split_once('/')) else {
            continue;
        };
        if KINDS.contains(&kind) {
            let mut row = json!({ "name": name, "origin": "user-created", "type": kind });
            for member in ["comment", "disable"] {
                if let Some(value) = text(object, member) {
                    row[member] = if member == "disable" { json!(u8::from(value == "1")) } else { json!(value) };
                }
            }
            rows.push(row);
        }
    }
    Ok(Value::Array(rows).into())
}

fn mail_targets(machine: &mut Machine, _context: &Context) -> Answer {
    let file = &super::areas::SENDMAIL;
    let mut built_in = built_in_target();
    built_in["mailto-user"] = json!(["root@pam"]);
    built_in.as_object_mut().expect("it was made as an object").remove("type");
    let made = machine.objects_of(file).map(|(id, object)| {
        let mut row = machine.object_row(file, id, object);
        row.remove("digest");
        row.insert("origin".to_owned(), json!("user-created"));
        Value::Object(row)
    });
    Ok(Value::Array(std::iter::once(built_in).chain(made).collect()).into())
}

fn fields(_machine: &mut Machine, _context: &Context) -> Answer {
    Ok(json!([{ "name": "type" }, { "name": "hostname" }, { "name": "job-id" }]).into())
}

fn field_values(machine: &mut Machine, _context: &Context) -> Answer {
    let value = |field: &str, value: &str, comment: Option<&str>| match comment {
        Some(comment) => json!({ "field": field, "value": value, "comment": comment }),
        None => json!({ "field": field, "value": value }),
    };
    let kinds = [
        ("package-updates", "Package updates are available"),
        ("fencing", "Node fencing"),
        ("replication", "Replication job failed"),
        ("vzdump", "Backup notifications"),
    ];
    let kinds = kinds.map(|(kind, comment)| value("type", kind, Some(comment)));
    let hosts = machine.nodes.keys().map(|node| value("hostname", node, None));
    let jobs = machine.objects_of(&super::areas::BACKUP_JOBS).map(|(id, _)| value("job-id", id, None));
    Ok(Value::Array(kinds.into_iter().chain(hosts).chain(jobs).collect()).into())
}
