//! `backup_job`: a backup that the cluster makes by schedule. Its id is ours to choose, because the cluster does not tell the one it chooses.

use super::row::{self, Column, Row};
use super::schema::{Attribute, Impact, Nested, Occurs, Schema, Takes};
use super::{ObjectType, Objection};
use crate::observe::ClusterView;
use crate::proxmox::call::segment;
use crate::proxmox::property::PropertyString;
use crate::proxmox::{Call, decode};
use crate::state::Identity;
use crate::value::{Path, Value};
use serde_json::Value as Json;
use std::collections::BTreeMap;

const TABLE: &str = "/cluster/backup";

/// The type. Source: API section `/cluster/backup`.
pub static BACKUP_JOB: ObjectType = ObjectType {
    name: "backup_job",
    summary: "A backup job: backs guests up by schedule.",
    schema: &SCHEMA,
    example: r#"backup_job "nightly" {
  id       = "nightly"
  schedule = "03:30"
  storage  = "local"
  all      = true

  prune_backups {
    keep_daily = 7
  }
}
"#,
    tables: &[TABLE],
    check,
    import_id: Some(("its id", |id| super::named("job", id))),
    identify: |job| Identity::of([("job", row::text_of(job, "id").to_owned())]),
    sight: |lookup| ROW.sight(lookup),
    create: |draft| ROW.create(draft),
    update: |draft, changed| ROW.update(draft, changed),
    delete: |draft| ROW.delete(draft),
    is_replaced_first: true,
    locks: |_| ROW.locks(),
    ..ObjectType::BASE
};

static SCHEMA: Schema = Schema {
    attributes: &[
        Attribute::new("id", Takes::Text, "Its id on the cluster.").required().on_change(Impact::Recreate),
        Attribute::new("schedule", Takes::Text, "When it runs, as a calendar event: `03:30`, `mon..fri 02:00`.")
            .required(),
        Attribute::new("storage", Takes::Text, "Where the backups go."),
        Attribute::new("all", Takes::Bool, "Whether it backs up every guest.").or("false"),
        Attribute::new(
            "vmid",
            Takes::Set(&Takes::Integer(100, 999_999_999)),
            "The guests it backs up, e.g. `[vm.mc.vmid]`.",
        ),
        Attribute::new("pool", Takes::Text, "The pool whose guests it backs up, e.g. `tenant.acme.pool`."),
        Attribute::new("exclude", Takes::Set(&Takes::Integer(100, 999_999_999)), "With `all`: guests it leaves out."),
        Attribute::new("node", Takes::Text, "Only guests on this node."),
        Attribute::new("enabled", Takes::Bool, "Whether it runs.").or("true"),
        Attribute::new("comment", Takes::Text, "What it is for.").or(""),
        Attribute::new("mode", Takes::OneOf(&["snapshot", "suspend", "stop"]), "Whether guests run meanwhile.")
            .or("snapshot"),
        Attribute::new(
            "compress",
            Takes::OneOf(&["0", "1", "gzip", "lzo", "zstd"]),
            "How backups are compressed; `0`: not.",
        )
        .or("0"),
        Attribute::new("zstd", Takes::Integer(0, 256), "Threads of zstd; 0: half the cores."),
        Attribute::new("bwlimit", Takes::Integer(0, i64::MAX), "KiB per second at most; 0: no limit."),
        Attribute::new("ionice", Takes::Integer(0, 8), "Priority of reading and writing; 8: only when idle."),
        Attribute::new("notes_template", Takes::Text, "Notes of each backup, e.g. `{{guestname}}`."),
        Attribute::new("mailto", Takes::Set(&Takes::Text), "Who gets mail about it."),
        Attribute::new("mailnotification", Takes::OneOf(&["always", "failure"]), "When mail is sent."),
        Attribute::new(
            "notification_mode",
            Takes::OneOf(&["auto", "legacy-sendmail", "notification-system"]),
            "How people are told.",
        ),
        Attribute::new("protected", Takes::Bool, "Whether its backups are protected from removal."),
        Attribute::new("repeat_missed", Takes::Bool, "Whether a run that was missed is made up for.").or("false"),
        Attribute::new("remove", Takes::Bool, "Whether old backups are removed as `prune_backups` says.").or("true"),
    ],
    blocks: &[
        Nested {
            name: "prune_backups",
            occurs: Occurs::Once,
            schema: &PRUNE,
            documentation: "Which backups are kept; default: as the storage says.",
        },
        Nested {
            name: "fleecing",
            occurs: Occurs::Once,
            schema: &FLEECING,
            documentation: "Keeps guests fast while a slow storage is written to.",
        },
    ],
};

const fn keep(name: &'static str, documentation: &'static str) -> Attribute {
    Attribute::new(name, Takes::Integer(0, i64::MAX), documentation)
}

static PRUNE: Schema = Schema {
    attributes: &[
        Attribute::new("keep_all", Takes::Bool, "Whether all are kept."),
        keep("keep_last", "The newest, so many."),
        keep("keep_hourly", "One of each of the last hours, so many."),
        keep("keep_daily", "One of each of the last days, so many."),
        keep("keep_weekly", "One of each of the last weeks, so many."),
        keep("keep_monthly", "One of each of the last months, so many."),
        keep("keep_yearly", "One of each of the last years, so many."),
    ],
    blocks: &[],
};

static FLEECING: Schema = Schema {
    attributes: &[
        Attribute::new("enabled", Takes::Bool, "Whether it is done.").or("true"),
        Attribute::new("storage", Takes::Text, "A fast storage for it."),
    ],
    blocks: &[],
};

static ROW: Row = Row {
    schema: &SCHEMA,
    find: |view, identity| row::find(view, TABLE, "id", name(identity)),
    names: |identity| vec![("id", Value::text(name(identity)))],
    path: |identity| format!("{TABLE}/{}", segment(name(identity))),
    make: |identity| Call::post(TABLE).with("id", name(identity)),
    columns: &[
        Column::new("schedule"),
        Column::new("storage").always(),
        // Even `all=0` contradicts a list of guests.
        Column::new("all").written(
            |all| (all.as_bool() == Some(true)).then(|| "1".to_owned()),
            |member| decode::boolean(member).map(Value::from),
        ),
        Column::new("vmid"),
        Column::new("pool"),
        Column::new("exclude"),
        Column::new("node"),
        Column::new("enabled"),
        Column::new("comment"),
        Column::new("mode"),
        Column::new("compress"),
        Column::new("zstd"),
        Column::new("bwlimit"),
        Column::new("ionice"),
        Column::new("notes_template").sent_as("notes-template"),
        Column::new("mailto"),
        Column::new("mailnotification"),
        Column::new("notification_mode").sent_as("notification-mode"),
        Column::new("protected"),
        Column::new("repeat_missed").sent_as("repeat-missed"),
        Column::new("remove"),
        Column::new("prune_backups").sent_as("prune-backups").written(encoded, |member| decoded(&PRUNE, member)),
        Column::new("fleecing").written(encoded, |member| decoded(&FLEECING, member)),
    ],
    file: "jobs.cfg",
    digest: None,
};

fn name(identity: &Identity) -> &str {
    identity.get("job").unwrap_or_default()
}

fn check(job: &Value, _view: Option<&ClusterView>) -> Vec<Objection> {
    let is_written = |name: &&str| match job.get(name) {
        Some(value) => !value.is_null() && value.as_bool() != Some(false),
        None => false,
    };
    let written: Vec<&str> = ["all", "vmid", "pool"].into_iter().filter(is_written).collect();
    let objection = |name: &str, summary: String, hint: &str| Objection {
        path: Path::attribute(name),
        summary,
        hint: hint.to_owned(),
    };
    // Two options are about the backups in a storage, and the server takes them with its name only.
    if let Some(name) = ["notes_template", "protected"].into_iter().find(|name| job.get(name).is_some())
        && job.get("storage").is_none_or(Value::is_null)
    {
        return vec![objection(name, format!("`{name}` needs a storage"), "add `storage = \"...\"`")];
    }
    match written.as_slice() {
        [] => vec![objection(
            "all",
            "the job backs up nothing".to_owned(),
            "write `all = true`, `vmid = [...]` or `pool = ...`",
        )],
        ["all"] => Vec::new(),
        [_] if is_written(&"exclude") => {
            vec![objection("exclude", "`exclude` goes with `all` only".to_owned(), "remove this line")]
        }
        [_] => Vec::new(),
        [first, second, ..] => {
            vec![objection(second, format!("`{first}` and `{second}` contradict each other"), "keep one of them")]
        }
    }
}

/// Returns a block as the property string the server takes.
fn encoded(block: &Value) -> Option<String> {
    let entries = block.as_entries()?.iter().filter(|(_, value)| !value.is_null());
    let options: BTreeMap<String, String> =
        entries.map(|(name, value)| (name.replace('_', "-"), row::plain(value))).collect();
    (!options.is_empty()).then(|| PropertyString { default: None, options }.to_string())
}

/// Reads what is a property string or, in some versions, an object.
fn decoded(schema: &'static Schema, member: &Json) -> Option<Value> {
    let text = |name: &str| match member {
        Json::Object(members) => members.get(name).and_then(decode::text),
        other => {
            let default = schema.attribute("enabled").map(|attribute| attribute.name);
            let parsed = PropertyString::parse(&decode::text(other)?, default).ok()?;
            if Some(name) == default { parsed.default } else { parsed.option(name).map(str::to_owned) }
        }
    };
    let attribute = |attribute: &'static Attribute| {
        let text = text(&attribute.name.replace('_', "-"))?;
        Some((attribute.name, row::read(attribute, &Json::from(text))?))
    };
    Some(Value::object(schema.attributes.iter().filter_map(attribute)))
}
