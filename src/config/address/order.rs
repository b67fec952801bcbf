//! The order of addresses: field by field, with runs of digits in names and keys compared as numbers.

use super::{Address, Child, Key, ModulePath};
use std::cmp::Ordering;
use std::sync::Arc;

/// Compares two texts so that `node-2` comes before `node-10`. Texts that differ are never equal.
fn natural(left: &str, right: &str) -> Ordering {
    let (left_bytes, right_bytes) = (left.as_bytes(), right.as_bytes());
    let same = left_bytes.iter().zip(right_bytes).take_while(|(left, right)| left == right).count();
    if same == left.len() && same == right.len() {
        return Ordering::Equal;
    }
    // What is the same decides nothing, but for digits right before the difference: they may belong to the number that differs.
    let start = same - left_bytes[..same].iter().rev().take_while(|byte| byte.is_ascii_digit()).count();
    let (mut left_rest, mut right_rest) = (&left_bytes[start..], &right_bytes[start..]);
    while let (Some(left_byte), Some(right_byte)) = (left_rest.first(), right_rest.first()) {
        let order = if left_byte.is_ascii_digit() && right_byte.is_ascii_digit() {
            let (left_digits, right_digits) = (take_digits(&mut left_rest), take_digits(&mut right_rest));
            left_digits.len().cmp(&right_digits.len()).then_with(|| left_digits.cmp(right_digits))
        } else {
            (left_rest, right_rest) = (&left_rest[1..], &right_rest[1..]);
            left_byte.cmp(right_byte)
        };
        if order.is_ne() {
            return order;
        }
    }
    // `a01` and `a1` are the same number but not the same text.
    left_rest.len().cmp(&right_rest.len()).then_with(|| left.cmp(right))
}

/// Takes a run of digits off the front and returns it without leading zeros.
fn take_digits<'a>(rest: &mut &'a [u8]) -> &'a [u8] {
    let length = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let (digits, after) = rest.split_at(length);
    *rest = after;
    let zeros = digits.iter().take_while(|digit| **digit == b'0').count();
    &digits[zeros..]
}

impl Ord for Key {
    fn cmp(&self, other: &Self) -> Ordering {
        match (self, other) {
            (Self::Number(left), Self::Number(right)) => left.cmp(right),
            (Self::Number(_), Self::Text(_)) => Ordering::Less,
            (Self::Text(_), Self::Number(_)) => Ordering::Greater,
            (Self::Text(left), Self::Text(right)) => natural(left, right),
        }
    }
}

impl Ord for ModulePath {
    fn cmp(&self, other: &Self) -> Ordering {
        for ((left_name, left_key), (right_name, right_key)) in self.0.iter().zip(&other.0) {
            let order = natural(left_name, right_name).then_with(|| left_key.cmp(right_key));
            if order.is_ne() {
                return order;
            }
        }
        self.0.len().cmp(&other.0.len())
    }
}

impl Ord for Child {
    fn cmp(&self, other: &Self) -> Ordering {
        natural(&self.name, &other.name).then_with(|| self.key.cmp(&other.key))
    }
}

impl Ord for Address {
    fn cmp(&self, other: &Self) -> Ordering {
        if Arc::ptr_eq(&self.0, &other.0) {
            return Ordering::Equal;
        }
        // Most addresses are of the root module and of a few kinds.
        let modules = if self.module.is_root() && other.module.is_root() {
            Ordering::Equal
        } else {
            self.module.cmp(&other.module)
        };
        let names = |one: &Arc<str>, other: &Arc<str>| match Arc::ptr_eq(one, other) {
            true => Ordering::Equal,
            false => natural(one, other),
        };
        modules
            .then_with(|| names(&self.kind, &other.kind))
            .then_with(|| names(&self.name, &other.name))
            .then_with(|| self.key.cmp(&other.key))
            .then_with(|| self.child.cmp(&other.child))
    }
}

impl PartialOrd for Key {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialOrd for ModulePath {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialOrd for Child {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialOrd for Address {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_inside_names_compare_as_numbers() {
        let mut names = vec!["n10", "n2", "n02", "n", "m9", "n2a", "n1"];
        names.sort_by(|left, right| natural(left, right));
        assert_eq!(names, ["m9", "n", "n1", "n02", "n2", "n2a", "n10"]);
    }

    #[test]
    fn addresses_sort_by_module_then_block_then_key_then_child() {
        let sorted = [
            "tenant.acme",
            "tenant.acme.pool",
            "vm.mc",
            "vm.mc[2]",
            "vm.mc[10]",
            "vm.mc[\"a\"]",
            "vm.mc10",
            "module.a.vm.x",
            "module.a.module.b.vm.x",
        ];
        let mut addresses: Vec<Address> =
            sorted.iter().rev().map(|text| text.parse().expect("these are addresses")).collect();
        addresses.sort();
        let texts: Vec<String> = addresses.iter().map(ToString::to_string).collect();
        assert_eq!(texts, sorted);
    }
}
