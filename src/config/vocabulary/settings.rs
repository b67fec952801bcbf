//! The blocks that set something for the whole stack.

use super::{Attribute, Block, Takes};

pub(in crate::config) static SPAWNPOINT: Block =
    Block::new("spawnpoint", "Settings of the stack. A stack has at most one.")
        .single()
        .attributes(&[
            Attribute::new(
                "required_version",
                Takes::Text,
                "Versions of Spawnpoint that may read the stack: `>= 0.1, < 2`.",
            ),
            Attribute::new(
                "project",
                Takes::Text,
                "Scope of the owner markers on Proxmox; default: the name of the folder.",
            ),
        ])
        .blocks(&[&STATE, &ENCRYPTION, &LIMITS])
        .example(
            r#"spawnpoint {
  required_version = ">= 0.1"
  project          = "home"

  state "sqlite" {
    path = ".spawnpoint/state.db"
  }
  limits {
    destroys = 0
  }
}
"#,
        );

static STATE: Block = Block::new(
    "state",
    "Where the state is kept. The label names one of the backends, which says what may stand in it.",
)
.single()
.label("the backend: sqlite, postgres, s3 or http")
.blocks(&[&STATES[0], &STATES[1], &STATES[2], &STATES[3]]);

pub(in crate::config) static ENCRYPTION: Block = Block::new(
    "encryption",
    "Where the key comes from that seals state, history and plan files. One of the three is given.",
)
.single()
.attributes(&[
    Attribute::new("passphrase", Takes::Text, "A text the key is made from.").sensitive(),
    Attribute::new("key_file", Takes::Text, "A file that holds the key."),
    Attribute::new("command", Takes::Texts, "A program and its arguments; it prints the passphrase."),
]);

pub(in crate::config) static LIMITS: Block = Block::new("limits", "Guard rails of every run.").single().attributes(&[
    Attribute::new(
        "destroys",
        Takes::Number,
        "Objects that one run may destroy; `-allow-destroys` lifts it once. Default: no limit.",
    ),
    Attribute::new("clones_per_node", Takes::Number, "Clones at once on one node."),
]);

pub(in crate::config) static CLUSTER: Block = Block::new("cluster", "A Proxmox VE cluster, where things run.")
    .label("the name others refer to it by")
    .attributes(&[
        Attribute::new(
            "endpoints",
            Takes::Texts,
            "URLs of its nodes. With several, the next one is tried when one is silent, and calls about a node go to the one named after it.",
        ),
        Attribute::new("token", Takes::Text, "API token: `user@realm!name=secret`.").sensitive(),
        Attribute::new("username", Takes::Text, "User, `name@realm`, where there is no token."),
        Attribute::new("password", Takes::Text, "Password of the user.").sensitive(),
        Attribute::new("ca_file", Takes::Text, "PEM file of the authority that signed its certificate."),
        Attribute::new(
            "fingerprints",
            Takes::Texts,
            "SHA-256 fingerprints of the certificates to trust, instead of an authority.",
        ),
        Attribute::new(
            "insecure",
            Takes::Bool,
            "Takes any certificate: whoever is in between can read and change everything.",
        )
        .or("false"),
        Attribute::new("proxy", Takes::Text, "HTTP proxy to go through: `http://proxy.lan:3128`. Those of the environment are not used.")
            .sensitive(),
        Attribute::new("vmid_range", Takes::Numbers, "First and last VMID to choose from: `[5000, 5999]`."),
        Attribute::new("default", Takes::Bool, "Takes the blocks that name no cluster. The only cluster always does."),
    ])
    .blocks(&[&SIMULATOR])
    .example(
        r#"cluster "home" {
  endpoints  = ["https://pve1.lan:8006", "https://pve2.lan:8006"]
  token      = "root@pam!plan=00000000-0000-0000-0000-000000000000"
  vmid_range = [5000, 5999]
}
"#,
    );

pub(in crate::config) static SIMULATOR: Block = Block::new(
    "simulator",
    "The cluster is not there: Spawnpoint plays it, and keeps what happens in `.spawnpoint/labs`.",
)
.single()
.attributes(&[
    Attribute::new("lab", Takes::Text, "A lab file to begin with; default: the built-in lab of three nodes."),
    Attribute::new("time", Takes::Text, "`instant`, or `real` for delays as on hardware.").or("instant"),
]);

pub(in crate::config) static NOTIFY: Block =
    Block::new("notify", "Whom to tell about a run, by a webhook. Checked only: this version sends nothing.")
        .label("the name of the receiver")
        .attributes(&[
            Attribute::new("url", Takes::Text, "Where to send it.").sensitive(),
            Attribute::new("on", Takes::Texts, "Events to send: `apply.failed`, `drift.new`, `drift.resolved`."),
        ])
        .example(
            r#"notify "discord" {
  url = "https://discord.example/webhook"
  on  = ["apply.failed", "drift.new"]
}
"#,
        );

pub(in crate::config) static DRIFT_IGNORE: Block = Block::new(
    "drift_ignore",
    "Drift that is known, and not told until it expires. Checked only: this version tells no drift by itself.",
)
.label("a name for it")
.attributes(&[
    Attribute::new("match", Takes::Text, "Addresses it is about; `*` stands for any characters."),
    Attribute::new("paths", Takes::Texts, "Attributes it is about; default: all."),
    Attribute::new("reason", Takes::Text, "Why, for whoever reads it later."),
    Attribute::new("expires", Takes::Text, "Date from which it is told again: `2026-12-01`."),
])
.example(
    r#"drift_ignore "lan-party" {
  match   = "vm.mc*"
  paths   = ["memory"]
  reason  = "LAN event, ticket 412"
  expires = "2026-12-01"
}
"#,
);

pub(in crate::config) static STATES: [Block; 4] = [
    Block::new("sqlite", "A file on this machine.")
        .attributes(&[Attribute::new("path", Takes::Text, "The file.").or(".spawnpoint/state.db")]),
    Block::new("postgres", "A PostgreSQL database. Not in this version.").attributes(&[
        Attribute::new("url", Takes::Text, "Connection string: `postgres://user@host/database`.").sensitive(),
        Attribute::new("schema", Takes::Text, "Schema of its tables."),
        Attribute::new("ca_file", Takes::Text, "PEM file of the authority that signed its certificate."),
    ]),
    Block::new("s3", "A bucket of an S3-compatible store. Not in this version.").attributes(&[
        Attribute::new("bucket", Takes::Text, "The bucket."),
        Attribute::new("key", Takes::Text, "Prefix of the objects in it."),
        Attribute::new("region", Takes::Text, "Region of the bucket."),
        Attribute::new("endpoint", Takes::Text, "URL of a store that is not Amazon's."),
        Attribute::new("access_key", Takes::Text, "Access key id."),
        Attribute::new("secret_key", Takes::Text, "Secret access key.").sensitive(),
        Attribute::new("path_style", Takes::Bool, "Puts the bucket into the path instead of the host name."),
        Attribute::new("ca_file", Takes::Text, "PEM file of the authority that signed its certificate."),
    ]),
    Block::new("http", "A server that speaks the protocol of Terraform's `http` backend. Not in this version.")
        .attributes(&[
            Attribute::new("address", Takes::Text, "URL of the state."),
            Attribute::new("lock_address", Takes::Text, "URL that locks it."),
            Attribute::new("unlock_address", Takes::Text, "URL that unlocks it."),
            Attribute::new("update_method", Takes::Text, "Method that writes it."),
            Attribute::new("lock_method", Takes::Text, "Method that locks it."),
            Attribute::new("unlock_method", Takes::Text, "Method that unlocks it."),
            Attribute::new("username", Takes::Text, "User of the server."),
            Attribute::new("password", Takes::Text, "Password of the user.").sensitive(),
            Attribute::new("headers", Takes::TextByName, "Headers of every request.").sensitive(),
            Attribute::new("ca_file", Takes::Text, "PEM file of the authority that signed its certificate."),
            Attribute::new("client_certificate", Takes::Text, "PEM file of the certificate to show."),
            Attribute::new("client_key", Takes::Text, "PEM file of its key."),
        ]),
];
