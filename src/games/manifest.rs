//! What a manifest says, as types. Reading it from text is in `parse`.

use crate::value::Value;
use regex::Regex;
use std::collections::BTreeMap;
use std::sync::Arc;

/// A game: everything Spawnpoint knows about it besides its playbook.
#[derive(Clone, Debug)]
pub struct Game {
    /// The name users write in `game = "..."`; the name of the folder.
    pub name: Arc<str>,
    /// The name people know it by.
    pub title: Arc<str>,
    /// How to ask a server whether it is up, and who plays.
    pub query: Query,
    /// The game's ports by purpose. `game` is the one players connect to and is always there.
    pub ports: BTreeMap<Arc<str>, Port>,
    /// What a machine for one server needs when the user says nothing.
    pub sizing: Sizing,
    /// How the server is asked to end without losing anything.
    pub stop: Stop,
    /// Files and folders below the server's data folder that hold the world: what a backup takes.
    pub saves: Vec<Arc<str>>,
    /// Versions with a pinned artifact.
    pub versions: BTreeMap<Arc<str>, Version>,
    /// What users can set.
    pub settings: BTreeMap<Arc<str>, Setting>,
    /// What users can set and nobody may see.
    pub secrets: BTreeMap<Arc<str>, SecretKey>,
}

/// The protocol a running server answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Query {
    /// Server list ping of Minecraft: Java Edition, over TCP.
    MinecraftJava,
}

impl Query {
    /// Every protocol.
    pub const ALL: [Self; 1] = [Self::MinecraftJava];

    /// Returns the name in manifests.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::MinecraftJava => "minecraft-java",
        }
    }
}

/// One port of a game.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Port {
    /// Transport protocol.
    pub protocol: Protocol,
    /// The port the game's players expect.
    pub default: u16,
    /// Distance to the next port when the default is taken on the same machine.
    pub stride: u16,
    /// What it is for.
    pub description: Arc<str>,
}

/// A transport protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    /// TCP
    Tcp,
    /// UDP
    Udp,
}

/// Machine size for one server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sizing {
    /// CPU cores.
    pub cores: u32,
    /// Memory in MiB.
    pub memory_mib: u64,
    /// Disk in GiB.
    pub disk_gib: u64,
}

/// How a server ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stop {
    /// How it is told.
    pub by: StopBy,
    /// How long it may take to save the world, in seconds, before it is killed.
    pub timeout_seconds: u32,
}

/// The way a server is told to end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StopBy {
    /// These console commands in order.
    Console(Vec<Arc<str>>),
    /// This signal, as systemd spells it: `SIGINT`.
    Signal(Arc<str>),
}

/// A version whose artifact is pinned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Version {
    /// Where the artifact is.
    pub url: Arc<str>,
    /// Its SHA-256 in 64 lower-case hexadecimal digits.
    pub sha256: Arc<str>,
    /// Packages of the guest's distribution that this version runs on, such as a Java runtime.
    pub packages: Vec<Arc<str>>,
}

/// One setting.
#[derive(Clone, Debug)]
pub struct Setting {
    /// What it may be.
    pub of: SettingType,
    /// Its value when the user says nothing. Without one the key is left alone.
    pub default: Option<Value>,
    /// Whether the user has to decide.
    pub is_required: bool,
    /// Whether it is the user's consent to something: without `true` the game does not start.
    pub is_consent: bool,
    /// Whether a change disconnects the players: the server reads it at start only.
    pub needs_restart: bool,
    /// Whether its value may not be shown.
    pub is_sensitive: bool,
    /// The game's own file that holds it. Without one it is for the playbook only.
    pub file: Option<Arc<str>>,
    /// The user's manual.
    pub description: Arc<str>,
}

/// What a setting may be.
#[derive(Clone, Debug)]
pub enum SettingType {
    /// `true` or `false`; only one of them where the other makes no sense.
    Bool {
        /// The only value allowed, if there is just one.
        only: Option<bool>,
    },
    /// A whole number between two bounds, both included.
    Number {
        /// Least value.
        min: Option<i64>,
        /// Greatest value.
        max: Option<i64>,
    },
    /// Text.
    Text {
        /// Greatest number of characters.
        length_max: Option<u64>,
        /// What the whole text must match.
        pattern: Option<Regex>,
    },
    /// One of these texts.
    Choice(Vec<Arc<str>>),
    /// A list of texts.
    Texts,
}

/// One secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SecretKey {
    /// Whether the game does not work without it.
    pub is_required: bool,
    /// The user's manual.
    pub description: Arc<str>,
}

impl Game {
    /// Returns the port that players connect to.
    pub fn game_port(&self) -> &Port {
        self.ports.get("game").expect("a manifest without a `game` port is not parsed")
    }
}
