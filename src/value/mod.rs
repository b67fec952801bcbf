//! Values of the language: [`Value`] = [`Kind`] × [`Marks`], their [`Type`]s, and [`Number`]s.
//!
//! Evaluation lives in `config`; the only serialized form of a value is `wire`. `Value` is not `Serialize` on purpose, and a sensitive
//! value prints as `(sensitive)` even in `{:?}`.

mod convert;
mod decimal;
mod display;
mod entries;
mod equality;
mod kind;
mod marks;
mod number;
mod path;
mod types;
mod unify;
pub mod wire;

pub use convert::{Mismatch, convert};
pub use display::{Display, display_short};
pub use entries::{Entries, name, replaced};
pub use equality::equals;
pub use kind::{Items, Kind, Map, Object, Refinement, Value, normalized};
pub use marks::Marks;
pub use number::Number;
pub use path::{Path, Step};
pub use types::{ObjectField, Type};
pub use unify::{can_convert, unify};
