//! Addresses of blocks and of the children composites expand to: `[module.NAME[KEY].]TYPE.NAME[KEY][.CHILD[KEY]]`.
//!
//! Reading one from text is in `parse`. Addresses sort in natural order: `vm.node-2` comes before `vm.node-10`.

mod order;
mod parse;

pub use parse::AddressError;

use crate::value;
use std::fmt;
use std::ops::Deref;
use std::sync::Arc;

/// The key of one instance of a `count` or `for_each`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Key {
    /// From `count`.
    Number(u64),
    /// From `for_each`, or the label of a nested block.
    Text(Arc<str>),
}

impl fmt::Display for Key {
    /// Writes the key with its brackets: `[0]`, `["lobby"]`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(number) => write!(f, "[{number}]"),
            Self::Text(text) => {
                f.write_str("[\"")?;
                for character in text.chars() {
                    match character {
                        '"' | '\\' => write!(f, "\\{character}")?,
                        '\n' => f.write_str("\\n")?,
                        other => write!(f, "{other}")?,
                    }
                }
                f.write_str("\"]")
            }
        }
    }
}

/// A module instance; empty for the root module.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct ModulePath(pub Vec<(Arc<str>, Option<Key>)>);

impl ModulePath {
    /// Returns whether this is the root module.
    pub fn is_root(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns the path of an instance of a module that this one calls.
    #[must_use]
    pub fn then(&self, name: &Arc<str>, key: Option<Key>) -> Self {
        let mut steps = self.0.clone();
        steps.push((name.clone(), key));
        Self(steps)
    }

    /// Returns what something in this module is called from outside: `module.web.var.size`.
    pub(super) fn name_of(&self, kind: &str, name: &str) -> String {
        let dot = if self.is_root() { "" } else { "." };
        format!("{self}{dot}{kind}.{name}")
    }
}

impl fmt::Display for ModulePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, (name, key)) in self.0.iter().enumerate() {
            write!(f, "{}module.{name}", if index == 0 { "" } else { "." })?;
            if let Some(key) = key {
                write!(f, "{key}")?;
            }
        }
        Ok(())
    }
}

/// A named child of a composite block: `.pool`, `.access["kim@pve"]`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Child {
    /// Name, reserved in the composite's schema.
    pub name: Arc<str>,
    /// Key, if the composite has several.
    pub key: Option<Key>,
}

/// The address of a block instance or of a child of one. Cheap to clone: a plan holds each many times.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Address(Arc<AddressParts>);

/// What an address consists of.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct AddressParts {
    /// Module instance that holds the block.
    pub module: ModulePath,
    /// Block type: `vm`, `tenant`.
    pub kind: Arc<str>,
    /// Label.
    pub name: Arc<str>,
    /// Instance key.
    pub key: Option<Key>,
    /// Child, if this is not the block itself.
    pub child: Option<Child>,
}

impl Address {
    /// Returns the address of a block without instance key.
    pub fn new(module: ModulePath, kind: impl AsRef<str>, name: impl AsRef<str>) -> Self {
        // One copy of each is quickly seen to be the same.
        let (kind, name) = (value::name(kind.as_ref()), value::name(name.as_ref()));
        AddressParts { module, kind, name, key: None, child: None }.into()
    }

    /// Returns the parts, to be changed.
    pub fn to_parts(&self) -> AddressParts {
        (*self.0).clone()
    }

    /// Returns the address of one instance of this block.
    #[must_use]
    pub fn instance(&self, key: Option<Key>) -> Self {
        match self.child.is_none() && self.key == key {
            true => self.clone(),
            false => AddressParts { key, child: None, ..self.to_parts() }.into(),
        }
    }

    /// Returns whether both are instances (or children of instances) of one block in the text.
    pub fn is_same_block(&self, other: &Self) -> bool {
        self.name == other.name && self.kind == other.kind && self.module == other.module
    }

    /// Returns the address of a child of this block.
    #[must_use]
    pub fn child(&self, name: &str, key: Option<Key>) -> Self {
        AddressParts { child: Some(Child { name: name.into(), key }), ..self.to_parts() }.into()
    }

    /// Returns the address of the block that this is, or is a child of.
    #[must_use]
    pub fn block(&self) -> Self {
        match self.child {
            None => self.clone(),
            Some(_) => AddressParts { child: None, ..self.to_parts() }.into(),
        }
    }

    /// Returns whether `self`, used as a target, covers `other`: the same block, an instance of it, a child of it.
    pub fn covers(&self, other: &Self) -> bool {
        self.module == other.module
            && self.kind == other.kind
            && self.name == other.name
            && (self.key.is_none() || self.key == other.key)
            && (self.child.is_none() || self.child == other.child)
    }
}

impl Deref for Address {
    type Target = AddressParts;

    fn deref(&self) -> &AddressParts {
        &self.0
    }
}

impl From<AddressParts> for Address {
    fn from(parts: AddressParts) -> Self {
        Self(Arc::new(parts))
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.module.is_root() {
            write!(f, "{}.", self.module)?;
        }
        write!(f, "{}.{}", self.kind, self.name)?;
        if let Some(key) = &self.key {
            write!(f, "{key}")?;
        }
        if let Some(child) = &self.child {
            write!(f, ".{}", child.name)?;
            if let Some(key) = &child.key {
                write!(f, "{key}")?;
            }
        }
        Ok(())
    }
}
