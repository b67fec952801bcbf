//! `data "nodes"`: the nodes of a cluster.

use super::{Ask, Given, LookupType, Missing, object_type, shaped, texts};
use crate::observe::NodeView;
use crate::resources::schema::{Attribute, Nested, Occurs, Schema, Takes};
use crate::resources::size;
use crate::value::{Type, Value};

/// The type.
pub(super) static NODES: LookupType = LookupType {
    name: "nodes",
    summary: "The nodes of a cluster, in the order of their names.",
    schema: &SCHEMA,
    example: r#"data "nodes" "all" {
}

vm "probe" {
  for_each = data.nodes.all.names
  template = template.debian13
  node     = each.key
}
"#,
    answer,
};

static SCHEMA: Schema = Schema {
    attributes: &[
        Attribute::new("online", Takes::Bool, "Only those that are online and answered, or only those that are not."),
        Attribute::new("names", Takes::Set(&Takes::Text), "Their names: what `for_each` takes.").computed(),
    ],
    blocks: &[Nested { name: "nodes", occurs: Occurs::Many, schema: &NODE, documentation: "What is known of each." }],
};

static NODE: Schema = Schema {
    attributes: &[
        Attribute::new("name", Takes::Text, "Its name.").computed(),
        Attribute::new("online", Takes::Bool, "Whether it is online and answered.").computed(),
        Attribute::new("cores", Takes::Number, "Its CPU cores.").computed(),
        Attribute::new("memory", Takes::Size, "Its memory.").computed(),
    ],
    blocks: &[],
};

fn answer(ask: &Ask) -> Result<Given, Missing> {
    let seen = ask.cluster()?;
    let online = ask.argument("online").and_then(Value::as_bool);
    let fits = |node: &NodeView| online.is_none_or(|online| node.is_online == online);
    let found: Vec<_> = seen.view.nodes.iter().filter(|(_, node)| fits(node)).collect();
    let of: Type = object_type(&NODE);
    let facts = |(name, node): &(&String, &NodeView)| {
        let given = Given::from([
            ("name", Value::text(name.as_str())),
            ("online", Value::from(node.is_online)),
            ("cores", Value::from(node.cores as i64)),
            ("memory", Value::text(size::print(node.memory_bytes))),
        ]);
        shaped(&NODE, &Value::null(Type::Dynamic), given)
    };
    Ok(Given::from([
        ("names", texts(found.iter().map(|(name, _)| name.as_str()))),
        ("nodes", Value::list(of, found.iter().map(facts))),
    ]))
}
