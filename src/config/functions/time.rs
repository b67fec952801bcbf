//! Times, in RFC 3339.

use super::call::{Arguments, Function, Outcome, Parameter, Problem, Returns, Takes, failed, wrong};
use crate::value::{Type, Value};
use jiff::civil::DateTime;
use jiff::{SignedDuration, Timestamp};

const TIME: Parameter = Parameter::new("time", Takes::Text);

pub(super) static FUNCTIONS: &[Function] = &[
    Function::new(
        "formatdate",
        &[Parameter::new("format", Takes::Text), TIME],
        Returns::Text,
        format,
        "Writes a time in a format: `YYYY MM DD hh mm ss`, `MMM` and `EEE` names, `HH` with `AA`, `ZZZZZ` zone, text in single quotes.",
        (r#"formatdate("DD MMM YYYY", "2026-11-20T18:00:00Z")"#, r#""20 Nov 2026""#),
    ),
    Function::new(
        "plantimestamp",
        &[],
        Returns::Text,
        |call| Ok(written(call.world.plan_time())),
        "Gives the time the plan was made at.",
        ("length(plantimestamp())", "20"),
    ),
    Function::new(
        "timestamp",
        &[],
        Returns::Text,
        now,
        "Gives the time of the apply; it is known only then.",
        ("length(timestamp())", "20"),
    ),
    Function::new(
        "timeadd",
        &[TIME, Parameter::new("duration", Takes::Text)],
        Returns::Text,
        add,
        "Adds a duration such as `1h30m` or `-10s` to a time.",
        (r#"timeadd("2026-11-20T18:00:00Z", "1h")"#, r#""2026-11-20T19:00:00Z""#),
    ),
    Function::new(
        "timecmp",
        &[TIME.named("first"), TIME.named("second")],
        Returns::Number,
        compare,
        "Gives -1, 0 or 1 as the first time is before, at or after the second.",
        (r#"timecmp("2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z")"#, "-1"),
    ),
];

fn written(time: Timestamp) -> Value {
    let whole = Timestamp::from_second(time.as_second()).unwrap_or(time);
    Value::from(whole.to_string())
}

fn now(call: &Arguments<'_>) -> Outcome {
    Ok(call.world.apply_time().map_or_else(|| Value::unknown(Type::Text), written))
}

/// A time as written: on the clock of its zone.
struct Time {
    clock: DateTime,
    offset_seconds: i64,
}

impl Time {
    fn argument(call: &Arguments<'_>, place: usize) -> Result<Self, Problem> {
        let text = call.text(place);
        Self::parse(text)
            .ok_or_else(|| Problem::Argument(place, format!("`{text}` is not a time such as `2026-11-20T18:00:00Z`")))
    }

    fn parse(text: &str) -> Option<Self> {
        let bytes = text.as_bytes();
        let is_shaped = bytes.len() >= 20
            && bytes.iter().enumerate().take(19).all(|(place, byte)| match place {
                4 | 7 => *byte == b'-',
                10 => *byte == b'T',
                13 | 16 => *byte == b':',
                _ => byte.is_ascii_digit(),
            });
        if !is_shaped || &bytes[17..19] == b"60" {
            return None;
        }
        let rest = &text[19..];
        let digits =
            rest.strip_prefix('.').map_or(0, |fraction| fraction.bytes().take_while(u8::is_ascii_digit).count());
        let (fraction, zone) = rest.split_at(if digits > 0 { digits + 1 } else { 0 });
        let clock: DateTime = format!("{}{}", &text[..19], &fraction[..fraction.len().min(10)]).parse().ok()?;
        let offset_seconds = match zone.as_bytes() {
            b"Z" => 0,
            [sign @ (b'+' | b'-'), h1, h2, b':', m1, m2]
                if [h1, h2, m1, m2].iter().all(|digit| digit.is_ascii_digit()) =>
            {
                let number = |tens: &u8, ones: &u8| i64::from(tens - b'0') * 10 + i64::from(ones - b'0');
                let (hours, minutes) = (number(h1, h2), number(m1, m2));
                if hours > 23 || minutes > 59 {
                    return None;
                }
                (hours * 3600 + minutes * 60) * if *sign == b'-' { -1 } else { 1 }
            }
            _ => return None,
        };
        Some(Self { clock, offset_seconds })
    }

    fn instant(&self) -> Option<DateTime> {
        self.clock.checked_sub(SignedDuration::from_secs(self.offset_seconds)).ok()
    }

    fn zone(&self, utc: &str, separator: &str) -> String {
        if self.offset_seconds == 0 && !utc.is_empty() {
            return utc.into();
        }
        let minutes = self.offset_seconds.abs() / 60;
        let sign = if self.offset_seconds < 0 { '-' } else { '+' };
        format!("{sign}{:02}{separator}{:02}", minutes / 60, minutes % 60)
    }
}

fn add(call: &Arguments<'_>) -> Outcome {
    let time = Time::argument(call, 0)?;
    let Some(duration) = duration(call.text(1)) else {
        return wrong(1, "a duration is written like `1h30m`, with the units h, m, s, ms, us and ns");
    };
    match time.clock.checked_add(duration) {
        Ok(clock) => Ok(Value::from(format!("{}{}", clock.strftime("%Y-%m-%dT%H:%M:%S"), time.zone("Z", ":")))),
        Err(_) => failed("the result is not a time within the calendar"),
    }
}

/// Reads a Go duration: `-1.5h`, `1h30m`.
fn duration(text: &str) -> Option<SignedDuration> {
    let (is_negative, unsigned) = match text.strip_prefix(['-', '+']) {
        Some(unsigned) => (text.starts_with('-'), unsigned),
        None => (false, text),
    };
    if unsigned == "0" {
        return Some(SignedDuration::ZERO);
    }
    let mut nanoseconds: f64 = 0.0;
    let mut rest = unsigned;
    while !rest.is_empty() {
        let digits = rest.find(|character: char| !character.is_ascii_digit() && character != '.')?;
        let (number, after) = rest.split_at(digits);
        let (unit, scale) =
            [("ns", 1.0), ("us", 1e3), ("µs", 1e3), ("ms", 1e6), ("s", 1e9), ("m", 6e10), ("h", 3.6e12)]
                .into_iter()
                .filter(|(unit, _)| after.starts_with(unit))
                .max_by_key(|(unit, _)| unit.len())?;
        nanoseconds += number.parse::<f64>().ok()? * scale;
        rest = &after[unit.len()..];
    }
    let is_usable = !unsigned.is_empty() && nanoseconds < 9.2e18;
    let signed = if is_negative { -nanoseconds } else { nanoseconds };
    is_usable.then(|| SignedDuration::from_nanos(signed.round() as i64))
}

fn compare(call: &Arguments<'_>) -> Outcome {
    let (first, second) = (Time::argument(call, 0)?.instant(), Time::argument(call, 1)?.instant());
    Ok(Value::from(first.cmp(&second) as i64))
}

fn format(call: &Arguments<'_>) -> Outcome {
    let time = Time::argument(call, 1)?;
    let mut result = String::new();
    let mut rest = call.text(0);
    while let Some(first) = rest.chars().next() {
        if rest.starts_with("''") && !rest.starts_with("'''") {
            result.push('\'');
            rest = &rest[2..];
        } else if first == '\'' {
            let (text, length) =
                quoted(rest).ok_or_else(|| Problem::Argument(0, "a quote in it is not closed".into()))?;
            result.push_str(&text);
            rest = &rest[length..];
        } else if first.is_ascii_alphabetic() {
            let length = rest.len() - rest.trim_start_matches(first).len();
            let verb = &rest[..length];
            match part(verb, &time) {
                Some(part) => result.push_str(&part),
                None => {
                    return wrong(
                        0,
                        format!("`{verb}` is not a verb of this function; other text stands in single quotes"),
                    );
                }
            }
            rest = &rest[length..];
        } else {
            result.push(first);
            rest = &rest[first.len_utf8()..];
        }
    }
    Ok(Value::from(result))
}

/// Reads `'text'`, in which `''` is a quote; returns also how long it was written.
fn quoted(rest: &str) -> Option<(String, usize)> {
    let mut text = String::new();
    let mut at = 1;
    loop {
        let end = at + rest.get(at..)?.find('\'')?;
        text.push_str(&rest[at..end]);
        if rest[end + 1..].starts_with('\'') {
            text.push('\'');
            at = end + 2;
        } else {
            return Some((text, end + 1));
        }
    }
}

fn part(verb: &str, time: &Time) -> Option<String> {
    let clock = &time.clock;
    let twelve = |hour: i8| if hour % 12 == 0 { 12 } else { hour % 12 };
    Some(match verb {
        "YYYY" => format!("{:04}", clock.year()),
        "YY" => format!("{:02}", clock.year() % 100),
        "MMMM" => clock.strftime("%B").to_string(),
        "MMM" => clock.strftime("%b").to_string(),
        "MM" => format!("{:02}", clock.month()),
        "M" => clock.month().to_string(),
        "DD" => format!("{:02}", clock.day()),
        "D" => clock.day().to_string(),
        "EEEE" => clock.strftime("%A").to_string(),
        "EEE" => clock.strftime("%a").to_string(),
        "hh" => format!("{:02}", clock.hour()),
        "h" => clock.hour().to_string(),
        "HH" => format!("{:02}", twelve(clock.hour())),
        "H" => twelve(clock.hour()).to_string(),
        "AA" => if clock.hour() < 12 { "AM" } else { "PM" }.into(),
        "aa" => if clock.hour() < 12 { "am" } else { "pm" }.into(),
        "mm" => format!("{:02}", clock.minute()),
        "m" => clock.minute().to_string(),
        "ss" => format!("{:02}", clock.second()),
        "s" => clock.second().to_string(),
        "ZZZZZ" => time.zone("", ":"),
        "ZZZZ" => time.zone("", ""),
        "ZZZ" => time.zone("UTC", ""),
        "Z" => time.zone("Z", ":"),
        _ => return None,
    })
}
