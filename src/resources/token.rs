//! `token`: an API token of a user. Its secret is told once, by the call that makes it; the state keeps it sealed.

use super::row::{self, Column, Look, Row};
use super::schema::{Attribute, Impact, Schema, Takes};
use super::step::{Step, Task};
use super::{Draft, Lookup, ObjectType, Sighting, user};
use crate::observe::ClusterView;
use crate::proxmox::call::segment;
use crate::proxmox::{Call, decode};
use crate::state::Identity;
use crate::value::Value;
use std::borrow::Cow;

/// The type. Source: API section `/access/users/{userid}/token`.
pub static TOKEN: ObjectType = ObjectType {
    name: "token",
    summary: "An API token of a user.",
    schema: &SCHEMA,
    example: r#"token "ci" {
  userid  = "kim@pve"
  tokenid = "ci"
  comment = "plans every night"
}
"#,
    tables: &[user::TABLE],
    import_id: Some((
        "its user and name, such as `kim@pve!ci`; its secret cannot be read again, so it stays unknown",
        by_name,
    )),
    identify: |token| {
        let text = |name: &str| row::text_of(token, name).to_owned();
        Identity::of([("user", text("userid")), ("token", text("tokenid"))])
    },
    sight,
    create,
    update: |draft, changed| ROW.update(draft, changed),
    delete: |draft| ROW.delete(draft),
    is_replaced_first: true,
    locks: |_| ROW.locks(),
    ..ObjectType::BASE
};

static SCHEMA: Schema = Schema {
    attributes: &[
        Attribute::new("userid", Takes::Text, "Its user, e.g. `kim@pve`.").required().on_change(Impact::Recreate),
        Attribute::new("tokenid", Takes::Text, "Its name: the part behind `!`.").required().on_change(Impact::Recreate),
        Attribute::new("comment", Takes::Text, "What it is for.").or(""),
        Attribute::new("expire", Takes::Integer(0, 4_102_444_800), "When it ends, in seconds since 1970; 0: never.")
            .or("0"),
        Attribute::new(
            "privsep",
            Takes::Bool,
            "Whether it has only the rights given to itself; without, it has all of its user's.",
        )
        .or("true"),
        Attribute::new(
            "secret",
            Takes::Text,
            "Its secret. Proxmox tells it once; the state keeps it sealed. Lost, it needs a new token: `-replace=token.NAME`.",
        )
        .computed()
        .sensitive(),
    ],
    blocks: &[],
};

static ROW: Row = Row {
    schema: &SCHEMA,
    find,
    names: |identity| vec![("userid", Value::text(userid(identity))), ("tokenid", Value::text(tokenid(identity)))],
    path,
    make: |identity| Call::post(path(identity)),
    columns: &[Column::new("comment").or_empty(), Column::new("expire").or_empty(), Column::new("privsep").or_empty()],
    file: "user.cfg",
    digest: None,
};

fn userid(identity: &Identity) -> &str {
    identity.get("user").unwrap_or_default()
}

fn tokenid(identity: &Identity) -> &str {
    identity.get("token").unwrap_or_default()
}

fn path(identity: &Identity) -> String {
    format!("/access/users/{}/token/{}", segment(userid(identity)), segment(tokenid(identity)))
}

fn by_name(id: &str) -> Result<Identity, String> {
    match id.split_once('!') {
        Some((user, token)) if user.contains('@') && !token.is_empty() => {
            Ok(Identity::of([("user", user.to_owned()), ("token", token.to_owned())]))
        }
        _ => Err("expected a user, `!` and the name of the token".to_owned()),
    }
}

/// What is imported was made elsewhere, and its secret told there.
fn sight(lookup: &Lookup) -> Sighting {
    let mut sighting = ROW.sight(lookup);
    if let Sighting::Present(found) = &mut sighting
        && lookup.is_claim
    {
        found.notes.push(
            "its secret was told to whoever made it and cannot be read: `secret` is null. For a new one replace it"
                .to_owned(),
        );
    }
    sighting
}

fn find<'a>(view: &'a ClusterView, identity: &Identity) -> Look<'a> {
    let user = match row::find(view, user::TABLE, "userid", userid(identity)) {
        Look::At(Cow::Borrowed(user)) => user,
        Look::At(Cow::Owned(_)) | Look::Nowhere => return Look::Nowhere,
        hidden @ Look::Hidden(_) => return hidden,
    };
    let mut tokens = user.get("tokens").and_then(|tokens| tokens.as_array()).into_iter().flatten();
    let is_it =
        |token: &&serde_json::Value| token.get("tokenid").and_then(decode::text).as_deref() == Some(tokenid(identity));
    tokens.find(is_it).map_or(Look::Nowhere, |token| Look::At(Cow::Borrowed(token)))
}

fn create(draft: &Draft) -> Vec<Step> {
    let reveal = |step: Step| match step.task {
        Task::Call(call) => Step { task: Task::Reveal { call, member: "value", attribute: "secret" }, ..step },
        task => Step { task, ..step },
    };
    ROW.create(draft).into_iter().map(reveal).collect()
}
