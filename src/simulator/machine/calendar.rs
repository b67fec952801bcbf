//! Calendar events such as `mon..fri 02:00`, `*/30` or `daily`: when does a schedule come due next? Times are UTC.

use jiff::civil::{Date, DateTime, Weekday};
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};

/// How far a search looks: an event that never comes is not looked for forever.
const LIMIT_DAYS: usize = 366 * 8;

/// A set of allowed values; empty allows all.
type Allowed = Vec<i16>;

/// A parsed schedule.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Calendar {
    weekdays: Vec<Weekday>,
    years: Allowed,
    months: Allowed,
    days: Allowed,
    hours: Allowed,
    minutes: Allowed,
    seconds: Allowed,
}

impl Calendar {
    /// Reads a schedule; the error is what the server says about it.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let failed = |context: &str| format!("unable to parse calendar event at '{text}' - Context(\"{context}\")");
        let words: Vec<&str> = match text.trim() {
            "minutely" => vec!["*:*"],
            "hourly" => vec!["*:00"],
            "daily" => vec!["00:00"],
            "weekly" => vec!["mon", "00:00"],
            "monthly" => vec!["*-*-1", "00:00"],
            "yearly" | "annually" => vec!["*-1-1", "00:00"],
            "quarterly" => vec!["*-1,4,7,10-1", "00:00"],
            "semiannually" | "semi-annually" => vec!["*-1,7-1", "00:00"],
            other => other.split_whitespace().collect(),
        };
        let mut calendar = Self::default();
        let mut has_time = false;
        for word in &words {
            if word.starts_with(|letter: char| letter.is_ascii_alphabetic()) {
                calendar.weekdays = weekdays(word).ok_or_else(|| failed("weekday"))?;
            } else if word.contains('-') && !word.contains(':') {
                calendar.read_date(word).ok_or_else(|| failed("date"))?;
            } else {
                calendar.read_time(word).ok_or_else(|| failed("time"))?;
                has_time = true;
            }
        }
        if words.is_empty() {
            return Err(failed("weekday"));
        }
        if !has_time {
            (calendar.hours, calendar.minutes) = (vec![0], vec![0]);
        }
        if calendar.seconds.is_empty() {
            calendar.seconds = vec![0];
        }
        Ok(calendar)
    }

    fn read_date(&mut self, word: &str) -> Option<()> {
        let parts: Vec<&str> = word.split('-').collect();
        let (year, month, day) = match parts[..] {
            [year, month, day] => (year, month, day),
            [month, day] => ("*", month, day),
            _ => return None,
        };
        self.years = values(year, 1970, 2199)?;
        self.months = values(month, 1, 12)?;
        self.days = values(day, 1, 31)?;
        Some(())
    }

    fn read_time(&mut self, word: &str) -> Option<()> {
        let parts: Vec<&str> = word.split(':').collect();
        let (hour, minute, second) = match parts[..] {
            [minute] => ("*", minute, "0"),
            [hour, minute] => (hour, minute, "0"),
            [hour, minute, second] => (hour, minute, second),
            _ => return None,
        };
        self.hours = values(hour, 0, 23)?;
        self.minutes = values(minute, 0, 59)?;
        self.seconds = values(second, 0, 59)?;
        Some(())
    }

    /// Returns the first time after `after_s`, in seconds since 1970.
    pub(super) fn next(&self, after_s: i64) -> Option<i64> {
        let after = Timestamp::from_second(after_s).ok()?.to_zoned(TimeZone::UTC).datetime();
        let mut date = after.date();
        for _ in 0..LIMIT_DAYS {
            if self.has_date(date)
                && let Some(found) = self.first_time(date, after)
            {
                return Some(found.to_zoned(TimeZone::UTC).ok()?.timestamp().as_second());
            }
            date = date.checked_add(1.day()).ok()?;
        }
        None
    }

    fn has_date(&self, date: Date) -> bool {
        let allows = |allowed: &Allowed, value: i16| allowed.is_empty() || allowed.contains(&value);
        (self.weekdays.is_empty() || self.weekdays.contains(&date.weekday()))
            && allows(&self.years, date.year())
            && allows(&self.months, i16::from(date.month()))
            && allows(&self.days, i16::from(date.day()))
    }

    fn first_time(&self, date: Date, after: DateTime) -> Option<DateTime> {
        let all =
            |allowed: &Allowed, last: i16| if allowed.is_empty() { (0..=last).collect() } else { allowed.clone() };
        for hour in all(&self.hours, 23) {
            for minute in all(&self.minutes, 59) {
                for second in all(&self.seconds, 59) {
                    let time = |value: i16| i8::try_from(value).unwrap_or(0);
                    let found = date.at(time(hour), time(minute), time(second), 0);
                    if found > after {
                        return Some(found);
                    }
                }
            }
        }
        None
    }
}

/// Reads `*`, `3`, `1,2`, `8..17`, `*/15` and `5/10`; nothing stands for any value.
fn values(text: &str, first: i16, last: i16) -> Option<Allowed> {
    if text == "*" {
        return Some(Vec::new());
    }
    let mut found = Vec::new();
    for item in text.split(',') {
        let (range, step) = match item.split_once('/') {
            Some((range, step)) => (range, step.parse().ok().filter(|step| *step > 0)?),
            None => (item, 1),
        };
        let has_step = item.contains('/');
        let (from, to) = match range.split_once("..") {
            Some((from, to)) => (from.parse().ok()?, to.parse().ok()?),
            None if range == "*" => (first, last),
            None => {
                let value: i16 = range.parse().ok()?;
                (value, if has_step { last } else { value })
            }
        };
        if from < first || to > last || from > to {
            return None;
        }
        let mut value = from;
        while value <= to {
            found.push(value);
            value += step;
        }
    }
    found.sort_unstable();
    found.dedup();
    Some(found)
}

fn weekdays(text: &str) -> Option<Vec<Weekday>> {
    let mut found = Vec::new();
    for item in text.split(',').filter(|item| !item.is_empty()) {
        match item.split_once("..") {
            Some((from, to)) => {
                let (mut day, to) = (weekday(from)?, weekday(to)?);
                found.push(day);
                while day != to {
                    day = day.wrapping_add(1);
                    found.push(day);
                }
            }
            None => found.push(weekday(item)?),
        }
    }
    Some(found)
}

fn weekday(text: &str) -> Option<Weekday> {
    let days = [
        ("monday", Weekday::Monday),
        ("tuesday", Weekday::Tuesday),
        ("wednesday", Weekday::Wednesday),
        ("thursday", Weekday::Thursday),
        ("friday", Weekday::Friday),
        ("saturday", Weekday::Saturday),
        ("sunday", Weekday::Sunday),
    ];
    let text = text.to_ascii_lowercase();
    let is_it = |name: &str| text == name || text == name[..3] || text == name[..2];
    days.iter().find(|(name, _)| is_it(name)).map(|(_, day)| *day)
}

/// Returns a time as `Mon Nov 23 02:00:00 2026`.
pub(super) fn print_utc(seconds: i64) -> String {
    Timestamp::from_second(seconds).unwrap_or_default().strftime("%a %b %e %H:%M:%S %Y").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn schedules_come_due_as_on_the_real_server() {
        // Friday 20 November 2026, 18:11 UTC.
        let now_s = 1_795_198_260;
        let next = |text: &str| Calendar::parse(text).map(|calendar| calendar.next(now_s).map(print_utc));
        for (text, expected) in [
            ("mon..fri 02:00", "Mon Nov 23 02:00:00 2026"),
            ("*/30", "Fri Nov 20 18:30:00 2026"),
            ("daily", "Sat Nov 21 00:00:00 2026"),
            ("sat 18:15", "Sat Nov 21 18:15:00 2026"),
            ("2..6:00/20", "Sat Nov 21 02:00:00 2026"),
            ("*-*-1 4:00", "Tue Dec  1 04:00:00 2026"),
            ("yearly", "Fri Jan  1 00:00:00 2027"),
        ] {
            assert_eq!(next(text), Ok(Some(expected.to_owned())), "{text}");
        }
        let refusal = "unable to parse calendar event at 'whenever' - Context(\"weekday\")";
        assert_eq!(next("whenever"), Err(refusal.to_owned()));
        assert_eq!(next("*-2-30 0:00"), Ok(None));
    }
}
