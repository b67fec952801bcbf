//! `user`: somebody who may log in. Its groups are part of it; its tokens are objects of their own.

use super::row::{self, Column, Row};
use super::schema::{Attribute, Impact, Schema, Takes};
use super::step::{Guard, Step};
use super::{Changed, Draft, ObjectType, Objection};
use crate::observe::ClusterView;
use crate::proxmox::Call;
use crate::proxmox::call::segment;
use crate::state::Identity;
use crate::value::{Path, Value};

/// The table of users with their groups and tokens.
pub(super) const TABLE: &str = "/access/users?full=1";

/// The type. Source: API section `/access/users`.
pub static USER: ObjectType = ObjectType {
    name: "user",
    summary: "A user: somebody who may log in.",
    schema: &SCHEMA,
    example: r#"user "sam" {
  userid  = "sam@pve"
  comment = "runs the survival server"
}
"#,
    tables: &[TABLE],
    check,
    import_id: Some(("its id, such as `kim@pve`", |id| super::named("user", id))),
    identify: |user| Identity::of([("user", row::text_of(user, "userid").to_owned())]),
    sight: |lookup| ROW.sight(lookup),
    create,
    update,
    delete: |draft| ROW.delete(draft),
    is_replaced_first: true,
    locks: |_| ROW.locks(),
    ..ObjectType::BASE
};

static SCHEMA: Schema = Schema {
    attributes: &[
        Attribute::new("userid", Takes::Text, "Name and realm, e.g. `sam@pve`.")
            .required()
            .on_change(Impact::Recreate),
        Attribute::new("comment", Takes::Text, "Who or what it is.").or(""),
        Attribute::new("email", Takes::Text, "Where notifications go.").or(""),
        Attribute::new("firstname", Takes::Text, "First name.").or(""),
        Attribute::new("lastname", Takes::Text, "Last name.").or(""),
        Attribute::new("enable", Takes::Bool, "Whether it may log in.").or("true"),
        Attribute::new(
            "expire",
            Takes::Integer(0, 4_102_444_800),
            "When it ends, in seconds since 1970; 0: never.",
        )
        .or("0"),
        Attribute::new(
            "groups",
            Takes::Set(&Takes::Text),
            "Groups it is in, e.g. `[group.admins.groupid]`; left out: nobody minds which.",
        ),
        Attribute::new("keys", Takes::Text, "Ids of its keys for two-factor login with Yubico.").or(""),
        Attribute::new(
            "password",
            Takes::Text,
            "Password, for the realms `pve` and `pam` only. A new one can be set by a login with a password, not by an API token.",
        )
        .sensitive()
        .recorded(),
    ],
    blocks: &[],
};

static ROW: Row = Row {
    schema: &SCHEMA,
    find: |view, identity| row::find(view, TABLE, "userid", name(identity)),
    names: |identity| vec![("userid", Value::text(name(identity)))],
    path: |identity| format!("/access/users/{}", segment(name(identity))),
    make: |identity| Call::post("/access/users").with("userid", name(identity)),
    columns: &[
        Column::new("comment").or_empty(),
        Column::new("email").or_empty(),
        Column::new("firstname").or_empty(),
        Column::new("lastname").or_empty(),
        Column::new("enable").or_empty(),
        Column::new("expire").or_empty(),
        Column::new("groups").or_empty(),
        Column::new("keys").or_empty(),
    ],
    file: "user.cfg",
    digest: None,
};

fn name(identity: &Identity) -> &str {
    identity.get("user").unwrap_or_default()
}

/// Only these realms keep passwords on the cluster.
fn check(user: &Value, _view: Option<&ClusterView>) -> Vec<Objection> {
    let userid = row::text_of(user, "userid");
    let realm = userid.rsplit_once('@').map(|(_, realm)| realm);
    let objection = |attribute: &str, summary: String, hint: &str| {
        vec![Objection { path: Path::attribute(attribute), summary, hint: hint.to_owned() }]
    };
    match realm {
        None => objection("userid", format!("`{userid}` has no realm"), "write the name with its realm: `sam@pve`"),
        Some("pve" | "pam") => Vec::new(),
        Some(realm) if user.get("password").is_some() => objection(
            "password",
            format!("users of the realm `{realm}` have no password on the cluster"),
            "remove this line: the realm's own server knows their passwords",
        ),
        Some(_) => Vec::new(),
    }
}

fn password(draft: &Draft) -> Option<String> {
    draft.desired.get("password").and_then(Value::as_text).map(str::to_owned)
}

fn create(draft: &Draft) -> Vec<Step> {
    let mut steps = ROW.create(draft);
    if let (Some(password), Some(Step { task: super::step::Task::Call(first), .. })) =
        (password(draft), steps.first_mut())
    {
        first.call = first.call.clone().with_secret("password", password);
    }
    steps
}

fn update(draft: &Draft, changed: &Changed) -> Vec<Step> {
    let mut steps = ROW.update(draft, changed);
    if let Some(password) = password(draft).filter(|_| changed.paths.contains(&Path::attribute("password"))) {
        let call = Call::put("/access/password").with("userid", name(draft.identity)).with_secret("password", password);
        steps.push(ROW.step(draft, "set password", call, Guard::None, true));
    }
    steps
}
