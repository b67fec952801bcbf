//! `data "stack"`: the outputs of another stack, from its state.

use super::{Ask, Given, LookupType, Missing, Read};
use crate::resources::schema::{Attribute, Schema, Takes};
use crate::value::{Marks, Value};

/// The type.
pub(super) static STACK: LookupType = LookupType {
    name: "stack",
    summary: "The outputs of another stack, as its last apply left them. Sensitive ones stay sensitive.",
    schema: &SCHEMA,
    example: r#"data "stack" "network" {
  folder = "../network"
}

output "gateway" {
  value = data.stack.network.outputs.gateway
}
"#,
    answer,
};

static SCHEMA: Schema = Schema {
    attributes: &[
        Attribute::new("folder", Takes::Text, "Its folder. Its own `spawnpoint` block says where its state is.")
            .required(),
        Attribute::new("workspace", Takes::Text, "Its workspace.").or("default"),
        Attribute::new("outputs", Takes::Any, "Its outputs by name.").computed(),
    ],
    blocks: &[],
};

fn answer(ask: &Ask) -> Result<Given, Missing> {
    let folder = ask.text("folder").unwrap_or_default().to_owned();
    let workspace = ask.text("workspace").unwrap_or("default").to_owned();
    let outputs = match ask.snapshot.stacks.get(&(folder.clone(), workspace.clone())) {
        None => return Err(Missing::Read(Read::Stack(folder, workspace))),
        Some(Err(why)) => {
            let summary = format!("the state of the stack `{folder}` cannot be read: {why}");
            return Err(Missing::Wrong(Box::new(ask.wrong(summary, Some("folder")))));
        }
        Some(Ok(outputs)) => outputs,
    };
    let values = outputs.iter().map(|(name, record)| {
        let marks = if record.is_sensitive { Marks::SENSITIVE } else { Marks::NONE };
        (name.clone(), record.value.clone().with_marks(marks))
    });
    Ok(Given::from([("outputs", Value::object(values))]))
}
