//! `game_server`: one server of a game on a guest. It becomes a `provision`: the run of the game's playbook in that guest.

use super::{BlockType, ChildType, Role};
use crate::config::Key;
use crate::resources::provision;
use crate::resources::schema::{Attribute, Impact, Nested, Occurs, Schema, Takes};
use crate::resources::vm::schema::CONNECTION;
use crate::value::Value;

/// The block.
pub static GAME_SERVER: BlockType = BlockType {
    name: "game_server",
    summary: "A game server on a virtual machine, answering players.",
    schema: &SCHEMA,
    role: Role::Composite(CHILDREN),
    example: r#"game_server "survival" {
  vm      = vm.mc
  game    = "minecraft-java"
  version = "1.21.8"
}
"#,
};

static SCHEMA: Schema = Schema {
    attributes: &[
        Attribute::new("vm", Takes::Reference("vm"), "The guest it runs on.").required(),
        Attribute::new("game", Takes::Text, "The game: a folder under playbooks/, ours or the stack's own.").required(),
        Attribute::new("version", Takes::Text, "Version to run; default: the game's.").chosen(),
        Attribute::new("port", Takes::Port, "Port it answers on; `auto`: the game's default, then its stride.")
            .or("auto"),
        Attribute::new(
            "expose",
            Takes::OneOf(&["public", "tenant"]),
            "Who may reach it; public ports count against the tier.",
        )
        .or("tenant")
        .on_change(Impact::None),
        Attribute::new("power", Takes::OneOf(&["running", "stopped"]), "Whether it runs.").or("running"),
        Attribute::new("settings", Takes::Any, "Settings of the game, validated against its manifest."),
        Attribute::new("secrets", Takes::Any, "Secret settings, such as passwords."),
        Attribute::new("endpoint", Takes::Text, "Where players connect: address and port.").computed(),
    ],
    blocks: &[Nested {
        name: "connection",
        occurs: Occurs::Once,
        schema: &CONNECTION,
        documentation: "How to reach the guest by SSH; default: the guest's, then the tenant's.",
    }],
};

const CHILDREN: &[ChildType] =
    &[ChildType { name: "provision", object: &provision::PROVISION, keyed_by: None, desired: provision_of }];

/// The planner has put what the playbook needs under `provision` of the evaluated block.
fn provision_of(server: &Value, _key: Option<&Key>) -> Value {
    server.get("provision").cloned().unwrap_or_else(|| Value::object([("game", Value::text(""))]))
}
