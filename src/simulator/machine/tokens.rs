//! API tokens of users.

use serde_json::{Value, json};

use super::Machine;
use super::access::no_such_user;
use super::request::{Answer, Fault};
use super::routes::Context;
use super::state::Token;

pub(super) fn handler(method: &str, template: &str) -> Option<fn(&mut Machine, &Context) -> Answer> {
    let handler: fn(&mut Machine, &Context) -> Answer = match (method, template) {
        ("GET", "/access/users/{userid}/token") => list,
        ("GET", "/access/users/{userid}/token/{tokenid}") => get,
        ("POST", "/access/users/{userid}/token/{tokenid}") => create,
        ("PUT", "/access/users/{userid}/token/{tokenid}") => update,
        ("DELETE", "/access/users/{userid}/token/{tokenid}") => delete,
        _ => return None,
    };
    Some(handler)
}

/// Returns what the API shows of a token; never the secret.
pub(super) fn row(id: Option<&String>, token: &Token) -> Value {
    let mut row = json!({ "expire": token.expires_s, "privsep": u8::from(token.is_separated) });
    if let Some(comment) = &token.comment {
        row["comment"] = json!(comment);
    }
    if let Some(id) = id {
        row["tokenid"] = json!(id);
    }
    row
}

fn list(machine: &mut Machine, context: &Context) -> Answer {
    let id = context.parameters.required("userid");
    let user = machine.access.users.get(id).ok_or_else(|| no_such_user(id))?;
    Ok(Value::Array(user.tokens.iter().map(|(id, token)| row(Some(id), token)).collect()).into())
}

fn missing(context: &Context) -> Fault {
    let (user, token) = (context.parameters.required("userid"), context.parameters.required("tokenid"));
    Fault::text(format!("no such token '{token}' for user '{user}'"))
}

fn get(machine: &mut Machine, context: &Context) -> Answer {
    let user = machine.access.users.get(context.parameters.required("userid"));
    let token = user.and_then(|user| user.tokens.get(context.parameters.required("tokenid")));
    Ok(row(None, token.ok_or_else(|| missing(context))?).into())
}

fn create(machine: &mut Machine, context: &Context) -> Answer {
    let parameters = &context.parameters;
    let (id, token_id) = (parameters.required("userid"), parameters.required("tokenid"));
    let user = machine.access.users.get(id).ok_or_else(|| no_such_user(id))?;
    if user.tokens.contains_key(token_id) {
        return Err(Fault::parameter("tokenid", "Token already exists."));
    }
    let token = Token {
        secret: machine.random_uuid(),
        is_separated: parameters.get("privsep") != Some("0"),
        expires_s: parameters.number("expire").unwrap_or(0),
        comment: parameters.get("comment").map(str::to_owned),
    };
    let mut info = row(None, &token);
    // The form values come back as the text they were sent as.
    info["privsep"] = json!(u8::from(token.is_separated).to_string());
    let data = json!({ "full-tokenid": format!("{id}!{token_id}"), "info": info, "value": token.secret });
    if let Some(user) = machine.access.users.get_mut(id) {
        user.tokens.insert(token_id.to_owned(), token);
    }
    Ok(data.into())
}

fn update(machine: &mut Machine, context: &Context) -> Answer {
    let parameters = &context.parameters;
    let new_secret = parameters.is_set("regenerate").then(|| machine.random_uuid());
    let user = machine.access.users.get_mut(parameters.required("userid"));
    let token = user.and_then(|user| user.tokens.get_mut(parameters.required("tokenid")));
    let token = token.ok_or_else(|| missing(context))?;
    if let Some(comment) = parameters.get("comment") {
        token.comment = Some(comment.to_owned());
    }
    if let Some(expires_s) = parameters.number("expire") {
        token.expires_s = expires_s;
    }
    if let Some(value) = parameters.get("privsep") {
        token.is_separated = value == "1";
    }
    let mut data = row(None, token);
    if let Some(value) = parameters.get("privsep") {
        data["privsep"] = json!(value);
    }
    if let Some(secret) = new_secret {
        token.secret.clone_from(&secret);
        data["value"] = json!(secret);
        data["full-tokenid"] = json!(format!("{}!{}", parameters.required("userid"), parameters.required("tokenid")));
    }
    Ok(data.into())
}

fn delete(machine: &mut Machine, context: &Context) -> Answer {
    let (id, token_id) = (context.parameters.required("userid"), context.parameters.required("tokenid"));
    let user = machine.access.users.get_mut(id);
    user.and_then(|user| user.tokens.remove(token_id)).ok_or_else(|| missing(context))?;
    let subject = format!("{id}!{token_id}");
    machine.access.entries.retain(|entry| entry.subject != subject);
    Ok(().into())
}
