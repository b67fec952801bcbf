//! `acl`: one access rule, which gives a user, group or token a role on a path. It is its own identity, so it never changes in place.

use super::schema::{Attribute, Impact, Schema, Takes};
use super::step::{Guard, GuardedCall, Lock, Step, Task, Verify};
use super::{Changed, Draft, Found, Lookup, ObjectType, Origin, Sighting};
use crate::observe::AclView;
use crate::proxmox::Call;
use crate::state::{Effect, Identity};
use crate::value::Value;

/// The type. Source: API section `/access/acl`.
pub static ACL: ObjectType = ObjectType {
    name: "acl",
    summary: "An access rule: gives a user, group or token a role on a path.",
    schema: &SCHEMA,
    origin: Origin::Made,
    example: r#"acl "auditor" {
  path    = "/vms"
  role    = "PVEAuditor"
  subject = "kim@pve"
}
"#,
    import_id: Some((
        "its path, role and subject with spaces between, such as `/vms PVEAuditor kim@pve`; a group begins with `@`",
        by_words,
    )),
    identify,
    sight,
    create,
    update,
    delete,
    is_replaced_first: true,
    locks,
    ..ObjectType::BASE
};

static SCHEMA: Schema = Schema {
    attributes: &[
        Attribute::new("path", Takes::Text, "Path in Proxmox's tree of objects, e.g. `/pool/acme`.")
            .required()
            .on_change(Impact::Recreate),
        Attribute::new("role", Takes::Text, "Role, e.g. `PVEVMUser`.").required().on_change(Impact::Recreate),
        Attribute::new("subject_kind", Takes::OneOf(&["user", "group", "token"]), "What gets the role.")
            .or("user")
            .on_change(Impact::Recreate),
        Attribute::new("subject", Takes::Text, "Who gets the role, e.g. `kim@pve`.")
            .required()
            .on_change(Impact::Recreate),
        Attribute::new("propagate", Takes::Bool, "Whether it holds for everything below the path.").or("true"),
    ],
    blocks: &[],
};

/// Returns the identity of a rule.
pub fn identity(path: &str, role: &str, subject_kind: &str, subject: &str) -> Identity {
    Identity::of([
        ("path", path.to_owned()),
        ("role", role.to_owned()),
        ("kind", subject_kind.to_owned()),
        ("subject", subject.to_owned()),
    ])
}

fn by_words(id: &str) -> Result<Identity, String> {
    let words: Vec<&str> = id.split_whitespace().collect();
    let [path, role, subject] = words.as_slice() else {
        return Err("expected a path, a role and a subject".to_owned());
    };
    let (kind, subject) = match (subject.strip_prefix('@'), subject.contains('!')) {
        (Some(group), _) => ("group", group),
        (None, true) => ("token", *subject),
        (None, false) => ("user", *subject),
    };
    Ok(identity(path, role, kind, subject))
}

fn identify(rule: &Value) -> Identity {
    let text = |name: &str| rule.get(name).and_then(Value::as_text).unwrap_or_default();
    identity(text("path"), text("role"), text("subject_kind"), text("subject"))
}

fn part<'a>(identity: &'a Identity, name: &str) -> &'a str {
    identity.get(name).unwrap_or_default()
}

fn sight(lookup: &Lookup) -> Sighting {
    let identity = lookup.identity;
    let rule = |propagates| AclView {
        path: part(identity, "path").to_owned(),
        role: part(identity, "role").to_owned(),
        subject_kind: part(identity, "kind").to_owned(),
        subject: part(identity, "subject").to_owned(),
        propagates,
    };
    let found = [true, false].into_iter().find_map(|propagates| lookup.view.acl.get(&rule(propagates)));
    found.map_or(Sighting::Absent, |rule| {
        Sighting::Present(Box::new(Found {
            value: Value::object([
                ("path", Value::text(rule.path.clone())),
                ("role", Value::text(rule.role.clone())),
                ("subject_kind", Value::text(rule.subject_kind.clone())),
                ("subject", Value::text(rule.subject.clone())),
                ("propagate", Value::from(rule.propagates)),
            ]),
            identity: identity.clone(),
            running: None,
            digest: None,
            notes: Vec::new(),
        }))
    })
}

fn create(draft: &Draft) -> Vec<Step> {
    vec![step(draft, "create", true)]
}

fn update(draft: &Draft, _changed: &Changed) -> Vec<Step> {
    vec![step(draft, "update", true)]
}

fn delete(draft: &Draft) -> Vec<Step> {
    vec![step(draft, "destroy", false)]
}

fn locks(_draft: &Draft) -> Vec<Lock> {
    vec![Lock::cluster_file("user.cfg")]
}

fn step(draft: &Draft, name: &str, is_present: bool) -> Step {
    let identity = draft.identity;
    let subjects = match part(identity, "kind") {
        "group" => "groups",
        "token" => "tokens",
        _ => "users",
    };
    let mut call = Call::put("/access/acl")
        .with("path", part(identity, "path"))
        .with("roles", part(identity, "role"))
        .with(subjects, part(identity, "subject"));
    call = match is_present {
        true => {
            let propagates = draft.desired.get("propagate").and_then(Value::as_bool).unwrap_or(true);
            call.with("propagate", if propagates { "1" } else { "0" })
        }
        false => call.with("delete", "1"),
    };
    Step {
        name: name.into(),
        task: Task::Call(Box::new(GuardedCall {
            call,
            guard: Guard::None,
            verify: Verify::ByContent { read: Call::get("/access/acl"), is_present },
            deadline_ms: 60_000,
        })),
        effect: Effect::None,
        estimate_ms: 0,
    }
}
