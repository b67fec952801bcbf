//! The blocks of test files, which are no part of any module.

use super::{Attribute, Block, Takes};

const CONDITION: &[Attribute] = &[
    Attribute::new("condition", Takes::Any, "What must be true.").required(),
    Attribute::new("error_message", Takes::Text, "What to say if it is not.").required(),
];

pub(in crate::config) static RUN: Block =
    Block::new("run", "One step of a test: plans or applies the module on the simulated cluster, then judges.")
        .label("its name; later runs read its outputs as `run.NAME.OUTPUT`")
        .attributes(&[
            Attribute::new(
                "command",
                Takes::Place,
                "`plan` or `apply`. A plan leaves the cluster as it is, and what only an apply finds out is not known.",
            )
            .or("apply"),
            Attribute::new(
                "expect_failures",
                Takes::Places,
                "What must fail, and nothing else may: `[var.players, check.capacity, output.slots, vm.mc]`.",
            ),
            Attribute::new(
                "state_key",
                Takes::Text,
                "Which state the run works on. Default: one for the module under test, one for each other module.",
            ),
        ])
        .blocks(&[&VARIABLES, &TEST_MODULE, &TEST_ASSERT])
        .example(
            r#"run "makes_room_for_all" {
  variables {
    players = 40
  }

  assert {
    condition     = output.slots == 40
    error_message = "Everybody who is expected has a slot."
  }
}

run "refuses_an_empty_server" {
  command = plan

  variables {
    players = 0
  }

  expect_failures = [var.players]
}
"#,
        );

pub(in crate::config) static VARIABLES: Block = Block::new(
    "variables",
    "Values of variables, by name. They win over values from outside, and those of a `run` over those of the file; a `run` may use `run.NAME.OUTPUT` and `var.NAME` of the file.",
)
.single();

pub(in crate::config) static TEST_MODULE: Block =
    Block::new("module", "The module that is run instead of the one in the folder of the stack.").single().attributes(
        &[Attribute::new("source", Takes::Text, "Its folder, relative to the stack: `./tests/setup`.").required()],
    );

pub(in crate::config) static TEST_ASSERT: Block =
    Block::new("assert", "What must hold afterwards, said with everything the module may name, `output.NAME` and `run.NAME.OUTPUT`. There may be several.")
        .attributes(CONDITION);

pub(in crate::config) static TEST_SIMULATOR: Block =
    Block::new("simulator", "The cluster that the file is tested on; without it, the built-in lab.")
        .single()
        .attributes(&[Attribute::new("lab", Takes::Text, "A lab file, relative to the stack: `three-nodes.lab.hcl`.")]);
