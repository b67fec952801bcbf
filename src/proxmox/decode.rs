//! Lenient readings of JSON values: Proxmox VE sends numbers as strings, strings as numbers and booleans as 0, 1, "1" or true,
//! and which of them depends on the version and on the call. What the values mean is not known here.

use serde_json::Value;

/// Returns the whole number, whether it came as a number or as text.
pub fn integer(value: &Value) -> Option<i64> {
    // A float is exact only up to 2^53, so text is read as an integer first.
    const EXACT: f64 = 9_007_199_254_740_992.0;
    let text = numeral(value)?;
    text.parse().ok().or_else(|| {
        let float: f64 = text.parse().ok()?;
        (float.fract() == 0.0 && float.abs() <= EXACT).then_some(float as i64)
    })
}

/// Returns the finite number, whether it came as a number or as text (`cpulimit` is always text).
pub fn number(value: &Value) -> Option<f64> {
    numeral(value)?.parse().ok().filter(|float: &f64| float.is_finite())
}

/// Returns the truth value of any of the server's spellings: `1 on yes true` and `0 off no false`, as text, number or boolean.
pub fn boolean(value: &Value) -> Option<bool> {
    match written(value)?.trim().to_ascii_lowercase().as_str() {
        "1" | "on" | "yes" | "true" => Some(true),
        "0" | "off" | "no" | "false" => Some(false),
        _ => None,
    }
}

/// Returns the text of a scalar: a number as it was written, a boolean as the `1` or `0` that Proxmox VE would write.
pub fn text(value: &Value) -> Option<String> {
    written(value).map(str::to_owned)
}

/// Returns what [`text`] returns, without a copy where it stands there.
pub fn written(value: &Value) -> Option<&str> {
    match value {
        Value::String(text) => Some(text),
        Value::Number(number) => Some(number.as_str()),
        Value::Bool(truth) => Some(if *truth { "1" } else { "0" }),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

/// Returns a text that is the same for answers that say the same: the order of members and of items in lists changes from call to call,
/// and numbers come as text at times.
pub fn gist(value: &Value) -> String {
    let sorted = |mut items: Vec<String>| {
        items.sort();
        items.join(",")
    };
    match value {
        Value::Array(items) => sorted(items.iter().map(gist).collect()),
        Value::Object(members) => {
            sorted(members.iter().map(|(name, member)| format!("{name}={}", gist(member))).collect())
        }
        scalar => {
            let text = text(scalar).unwrap_or_default();
            let words = text.split([',', ';', ' ']).map(str::trim).filter(|word| !word.is_empty());
            sorted(words.map(str::to_owned).collect())
        }
    }
}

fn numeral(value: &Value) -> Option<&str> {
    match value {
        Value::Number(number) => Some(number.as_str()),
        Value::String(text) => Some(text.trim()),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    #[test]
    fn the_gist_is_what_is_said_not_how() {
        assert_eq!(gist(&json!("b,a")), gist(&json!(["a", "b"])));
        assert_eq!(gist(&json!({"x": 1, "y": "c,a"})), gist(&json!({"y": "a;c", "x": "1"})));
        assert_ne!(gist(&json!("a")), gist(&json!("b")));
    }

    #[test]
    fn reads_what_servers_send() {
        assert_eq!(integer(&json!("512")), Some(512));
        assert_eq!(integer(&json!(4.0)), Some(4));
        assert_eq!(integer(&json!("0.5")), None);
        assert_eq!(integer(&json!("")), None);
        assert_eq!(integer(&json!(true)), None);
        assert_eq!(number(&json!("0.1")), Some(0.1));
        assert_eq!(number(&json!("inf")), None);
        assert_eq!(boolean(&json!("2")), None);
        assert_eq!(boolean(&json!(null)), None);
        assert_eq!(text(&json!(null)), None);
        assert_eq!(text(&json!(["a"])), None);
        for truth in [json!(1), json!("1"), json!(true), json!("Yes"), json!("on")] {
            assert_eq!(boolean(&truth), Some(true), "{truth}");
        }
    }

    proptest! {
        #[test]
        fn an_integer_reads_the_same_as_number_and_as_text(whole: i64) {
            prop_assert_eq!(integer(&json!(whole)), Some(whole));
            prop_assert_eq!(integer(&json!(whole.to_string())), Some(whole));
            prop_assert_eq!(text(&json!(whole)), Some(whole.to_string()));
        }

        #[test]
        fn a_float_reads_the_same_as_number_and_as_text(float in -1e12..1e12f64) {
            prop_assert_eq!(number(&json!(float)), Some(float));
            prop_assert_eq!(number(&json!(float.to_string())), Some(float));
        }

        #[test]
        fn a_boolean_reads_the_same_in_every_form(truth: bool) {
            let digit = i32::from(truth);
            for value in [json!(truth), json!(digit), json!(digit.to_string()), json!(truth.to_string())] {
                prop_assert_eq!(boolean(&value), Some(truth));
            }
        }

        #[test]
        fn any_text_is_read_without_panic(any: String) {
            let value = json!(any);
            let _ = (integer(&value), number(&value), boolean(&value));
            prop_assert_eq!(text(&value), Some(any));
        }
    }
}
