//! Reading an address as people write it after `-target` and as state and plan files keep it.

use super::{Address, AddressParts, Child, Key, ModulePath};
use crate::value;
use std::iter::Peekable;
use std::str::{CharIndices, FromStr};
use std::sync::Arc;

/// Why a text is not an address.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not an address: {expected} expected at character {column}")]
pub struct AddressError {
    /// The text.
    pub text: String,
    /// What should have been there.
    pub expected: &'static str,
    /// Where, in characters from 1.
    pub column: usize,
}

impl FromStr for Address {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        let mut reader = Reader { text, rest: text.char_indices().peekable() };
        let mut module = ModulePath::default();
        let mut kind = reader.name("a block type")?;
        while &*kind == "module" {
            reader.dot()?;
            let name = reader.name("the name of a module")?;
            module.0.push((name, reader.key()?));
            reader.dot()?;
            kind = reader.name("a block type")?;
        }
        reader.dot()?;
        let name = reader.name("the name of a block")?;
        let key = reader.key()?;
        let child = match reader.rest.peek() {
            None => None,
            Some(_) => {
                reader.dot()?;
                Some(Child { name: reader.name("the name of a part")?, key: reader.key()? })
            }
        };
        match reader.rest.peek() {
            None => Ok(AddressParts { module, kind, name, key, child }.into()),
            Some(_) => Err(reader.expected("the end")),
        }
    }
}

struct Reader<'a> {
    text: &'a str,
    rest: Peekable<CharIndices<'a>>,
}

impl Reader<'_> {
    fn expected(&mut self, expected: &'static str) -> AddressError {
        let byte = self.rest.peek().map_or(self.text.len(), |(at, _)| *at);
        AddressError { text: self.text.to_string(), expected, column: self.text[..byte].chars().count() + 1 }
    }

    fn take(&mut self, wanted: char) -> bool {
        self.rest.next_if(|(_, character)| *character == wanted).is_some()
    }

    fn dot(&mut self) -> Result<(), AddressError> {
        if self.take('.') { Ok(()) } else { Err(self.expected("`.`")) }
    }

    fn name(&mut self, expected: &'static str) -> Result<Arc<str>, AddressError> {
        let mut name = String::new();
        while let Some((_, character)) = self.rest.next_if(|(_, character)| is_name_character(*character)) {
            name.push(character);
        }
        match name.chars().next() {
            Some(first) if first.is_alphabetic() || first == '_' => Ok(value::name(&name)),
            _ => Err(self.expected(expected)),
        }
    }

    fn key(&mut self) -> Result<Option<Key>, AddressError> {
        if !self.take('[') {
            return Ok(None);
        }
        let key = if self.take('"') { Key::Text(self.quoted()?) } else { Key::Number(self.number()?) };
        if self.take(']') { Ok(Some(key)) } else { Err(self.expected("`]`")) }
    }

    fn number(&mut self) -> Result<u64, AddressError> {
        let mut digits = String::new();
        while let Some((_, digit)) = self.rest.next_if(|(_, character)| character.is_ascii_digit()) {
            digits.push(digit);
        }
        digits.parse().map_err(|_| self.expected("a number or a text in double quotes"))
    }

    fn quoted(&mut self) -> Result<Arc<str>, AddressError> {
        let mut text = String::new();
        loop {
            match self.rest.next() {
                Some((_, '"')) => return Ok(text.into()),
                Some((_, '\\')) => match self.rest.next() {
                    Some((_, 'n')) => text.push('\n'),
                    Some((_, escaped @ ('"' | '\\'))) => text.push(escaped),
                    _ => return Err(self.expected("`n`, `\"` or `\\` after a backslash")),
                },
                Some((_, character)) => text.push(character),
                None => return Err(self.expected("`\"`")),
            }
        }
    }
}

fn is_name_character(character: char) -> bool {
    character.is_alphanumeric() || character == '_' || character == '-'
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_is_printed_reads_back() {
        for text in [
            "vm.mc",
            "vm.mc[0]",
            "vm.mc[\"a b\"]",
            "tenant.acme.pool",
            "tenant.acme.access[\"kim@pve\"]",
            "module.a.module.b[\"x.y\"].vm.z[3].disk[\"scsi0\"]",
            "vm.mc[\"quote \\\" back \\\\ line \\n\"]",
        ] {
            assert_eq!(text.parse::<Address>().map(|address| address.to_string()), Ok(text.to_string()));
        }
    }

    #[test]
    fn what_is_not_an_address_says_where() {
        for (text, message) in [
            ("", "`` is not an address: a block type expected at character 1"),
            ("vm", "`vm` is not an address: `.` expected at character 3"),
            ("vm.", "`vm.` is not an address: the name of a block expected at character 4"),
            ("vm.x[", "`vm.x[` is not an address: a number or a text in double quotes expected at character 6"),
            ("vm.x[\"a", "`vm.x[\"a` is not an address: `\"` expected at character 8"),
            ("module.a", "`module.a` is not an address: `.` expected at character 9"),
            ("vm.x.a.b", "`vm.x.a.b` is not an address: the end expected at character 7"),
        ] {
            assert_eq!(text.parse::<Address>().expect_err(text).to_string(), message);
        }
    }

    proptest! {
        #[test]
        fn any_key_survives(key in "\\PC*") {
            let address = Address::new(ModulePath::default(), "vm", "x").instance(Some(Key::Text(key.into())));
            prop_assert_eq!(address.to_string().parse::<Address>(), Ok(address));
        }
    }
}
