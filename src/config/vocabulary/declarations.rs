//! The blocks that declare something of a module, and what every object block and module call may have besides its own.

use super::{Attribute, Block, Takes};

/// What every object block may have besides its own attributes; a `module` block, too, but for `lifecycle`.
pub static META: Block = Block::new("meta-arguments", "What every object block may have besides its own attributes.")
    .attributes(&[
        COUNT,
        FOR_EACH,
        DEPENDS_ON,
        Attribute::new(
            "cluster",
            Takes::Any,
            "The cluster it runs on: `cluster.lab`. Inherited from tenant, template and module call.",
        ),
    ])
    .blocks(&[&LIFECYCLE]);

const COUNT: Attribute =
    Attribute::new("count", Takes::Number, "Makes so many instances; `count.index` is the number of each, from 0.");
const FOR_EACH: Attribute = Attribute::new(
    "for_each",
    Takes::Any,
    "Makes an instance for each entry of a map or set; it is `each.key` and `each.value`.",
);
const DEPENDS_ON: Attribute =
    Attribute::new("depends_on", Takes::Places, "Blocks it needs without referring to them: `[vm.database]`.");
const CONDITION: &[Attribute] = &[
    Attribute::new("condition", Takes::Any, "What must be true.").required(),
    Attribute::new("error_message", Takes::Text, "What to say if it is not.").required(),
];

pub(in crate::config) static LIFECYCLE: Block = Block::new("lifecycle", "What happens to the object when it changes.")
    .attributes(&[
        Attribute::new("prevent_destroy", Takes::Bool, "Refuses every plan that destroys it.").or("false"),
        Attribute::new("create_before_destroy", Takes::Bool, "When it is replaced, makes the new one first.")
            .or("false"),
        Attribute::new("ignore_changes", Takes::Places, "Attributes whose differences are left alone, or `all`."),
        Attribute::new("replace_triggered_by", Takes::Places, "Blocks and attributes whose change replaces it."),
    ])
    .blocks(&[&PRECONDITION, &POSTCONDITION]);

pub(in crate::config) static PRECONDITION: Block =
    Block::new("precondition", "What must hold before it is made or changed. There may be several.")
        .attributes(CONDITION);
pub(in crate::config) static POSTCONDITION: Block =
    Block::new("postcondition", "What must hold of it, as `self`, in the end. There may be several.")
        .attributes(CONDITION);
pub(in crate::config) static VALIDATION: Block =
    Block::new("validation", "What must hold of every value. There may be several.").attributes(CONDITION);
pub(in crate::config) static ASSERT: Block =
    Block::new("assert", "What should hold; if it does not, that is a warning.").attributes(CONDITION);

pub(in crate::config) static VARIABLE: Block = Block::new("variable", "A value that a module is given: `var.NAME`.")
    .label("its name")
    .attributes(&[
        Attribute::new(
            "type",
            Takes::Constraint,
            "What it takes: `string`, `list(number)`, `object({ size = optional(string) })`, `tenant`.",
        ),
        Attribute::new("default", Takes::Any, "What it is if nobody sets it; without one it must be set."),
        Attribute::new("description", Takes::Text, "What it is for."),
        Attribute::new("sensitive", Takes::Bool, "Hides its value wherever it goes.").or("false"),
        Attribute::new("ephemeral", Takes::Bool, "Keeps its value out of state and plan files.").or("false"),
        Attribute::new("nullable", Takes::Bool, "Whether null is a value for it; if not, null means the default.")
            .or("true"),
        Attribute::new("deprecated", Takes::Text, "What to do instead of setting it; told to whoever does."),
    ])
    .blocks(&[&VALIDATION])
    .example(
        r#"variable "players" {
  type        = number
  default     = 20
  description = "Players at once."

  validation {
    condition     = var.players > 0
    error_message = "A server without players is no server."
  }
}
"#,
    );

pub(in crate::config) static LOCALS: Block =
    Block::new("locals", "Named values of a module: every attribute is one, `local.NAME`.").example(
        r#"locals {
  worlds = ["lobby", "survival"]
  names  = [for world in local.worlds : "mc-${world}"]
}
"#,
    );

pub(in crate::config) static OUTPUT: Block =
    Block::new("output", "A value that a module gives: `module.CALL.NAME`, or `spawnpoint output`.")
        .label("its name")
        .attributes(&[
            Attribute::new("value", Takes::Any, "The value.").required(),
            Attribute::new("description", Takes::Text, "What it is."),
            Attribute::new("sensitive", Takes::Bool, "Hides it.").or("false"),
            Attribute::new("ephemeral", Takes::Bool, "Keeps it out of the state.").or("false"),
            DEPENDS_ON,
        ])
        .blocks(&[&PRECONDITION])
        .example(
            r#"output "slots" {
  value       = 2 * 20
  description = "Players on both servers."
}
"#,
        );

pub(in crate::config) static MODULE: Block =
    Block::new("module", "A call of another folder. Every other attribute sets a variable of it.")
        .label("the name others refer to it by")
        .attributes(&[
            Attribute::new(
                "source",
                Takes::Text,
                "The folder, relative to this one: `./modules/server`; or `https://.../x.tar.gz//folder`, `git::https://.../x.git//folder?ref=v1`, which `spawnpoint init` fetches.",
            )
            .required(),
            Attribute::new("checksum", Takes::Text, "What an archive must be: `sha256:` and 64 hexadecimal digits."),
            COUNT,
            FOR_EACH,
            DEPENDS_ON,
            Attribute::new("cluster", Takes::Any, "The cluster its blocks run on, unless they name one."),
        ])
        .example(
            r#"module "lobby" {
  source = "./server"
  name   = "lobby"
}
"#,
        );

static SCOPED_DATA: Block = Block::new(
    "data",
    "A look-up for these assertions alone, as a `data` block outside of it. If it fails, that is a warning, too.",
)
.label("its type, then its name");

pub(in crate::config) static CHECK: Block =
    Block::new("check", "Assertions about the whole: what does not hold is a warning.")
        .label("its name")
        .blocks(&[&SCOPED_DATA, &ASSERT])
        .example(
            r#"check "capacity" {
  assert {
    condition     = 2 * 20 <= 64
    error_message = "There are more slots than the line can carry."
  }
}
"#,
        );

pub(in crate::config) static MOVED: Block =
    Block::new("moved", "What was known under one address is known under another: nothing is made anew.")
        .attributes(&[
            Attribute::new("from", Takes::Place, "Where it was: a block, an instance or a module.").required(),
            Attribute::new("to", Takes::Place, "Where it is.").required(),
        ])
        .example(
            r#"moved {
  from = tenant.old
  to   = tenant.acme
}
"#,
        );

pub(in crate::config) static REMOVED: Block =
    Block::new("removed", "What was managed under an address is not any more.")
        .attributes(&[Attribute::new("from", Takes::Place, "Where it was: a block or a module.").required()])
        .blocks(&[&REMOVED_LIFECYCLE])
        .example(
            r#"removed {
  from = tenant.old

  lifecycle {
    destroy = false
  }
}
"#,
        );

pub(in crate::config) static REMOVED_LIFECYCLE: Block = Block::new("lifecycle", "What happens to the object.")
    .attributes(&[
        Attribute::new("destroy", Takes::Bool, "Destroys it; else it is forgotten and left alone.").or("true")
    ]);

pub(in crate::config) static IMPORT: Block = Block::new("import", "An object that exists becomes managed.")
    .attributes(&[
        Attribute::new(
            "to",
            Takes::Place,
            "The block, or instance of one, that it becomes: `vm.mc`, `vm.mc[each.key]`.",
        )
        .required(),
        Attribute::new(
            "id",
            Takes::Text,
            "How its type identifies it: a VMID, a name. The page of the block says which.",
        )
        .required(),
        Attribute::new(
            "for_each",
            Takes::Any,
            "Imports one object for each entry of a map or set; it is `each.key` and `each.value`.",
        ),
    ])
    .example(
        r#"import {
  to = template.debian13
  id = "9000"
}
"#,
    );
