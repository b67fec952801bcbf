//! Flags that several commands share, named as Terraform names them.

use crate::config::{Address, VariableArgument};
use clap::{Arg, ArgAction, ArgMatches, Args, Command, FromArgMatches};
use std::convert::Infallible;
use std::time::Duration;

/// `-var` and `-var-file`, in the order given: the last one wins, whichever flag it came by.
#[derive(Clone, Debug, Default)]
pub(super) struct Values(pub(super) Vec<VariableArgument>);

impl clap::Args for Values {
    fn augment_args(command: Command) -> Command {
        let repeated = |name: &'static str| Arg::new(name).long(name).action(ArgAction::Append);
        command
            .arg(
                repeated("var")
                    .value_name("NAME=VALUE")
                    .value_parser(variable)
                    .help("Sets a variable. May be repeated; the last one wins"),
            )
            .arg(
                repeated("var-file")
                    .value_name("FILE")
                    .value_parser(|path: &str| Ok::<_, Infallible>(VariableArgument::File(path.to_owned())))
                    .help("Reads variables from a file. May be repeated, in order with -var"),
            )
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

impl FromArgMatches for Values {
    /// clap keeps two flags apart, but tells the position of each.
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let mut found: Vec<(usize, VariableArgument)> = Vec::new();
        for name in ["var", "var-file"] {
            let positions = matches.indices_of(name).into_iter().flatten();
            let values = matches.get_many::<VariableArgument>(name).into_iter().flatten();
            found.extend(positions.zip(values.cloned()));
        }
        found.sort_by_key(|(position, _)| *position);
        Ok(Self(found.into_iter().map(|(_, argument)| argument).collect()))
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

fn variable(text: &str) -> Result<VariableArgument, String> {
    let (name, text) = text.split_once('=').ok_or("expected NAME=VALUE")?;
    Ok(VariableArgument::Value { name: name.trim().to_owned(), text: text.to_owned() })
}

/// What is planned, and how.
#[derive(Args, Clone, Debug)]
pub(super) struct Planning {
    /// Plans only this object and what it depends on. May be repeated.
    #[arg(long, value_name = "ADDRESS", value_parser = address)]
    pub(super) target: Vec<Address>,
    /// Leaves out this object and what depends on it. May be repeated.
    #[arg(long, value_name = "ADDRESS", value_parser = address)]
    pub(super) exclude: Vec<Address>,
    /// Makes this object anew, even if it could stay. May be repeated.
    #[arg(long, value_name = "ADDRESS", value_parser = address)]
    pub(super) replace: Vec<Address>,
    /// Operations at once.
    #[arg(long, value_name = "NUMBER", default_value_t = 10, value_parser = clap::value_parser!(u16).range(1..=256))]
    pub(super) parallelism: u16,
    /// Destroys at most this many objects in this run, whatever `limits` says.
    #[arg(long, value_name = "NUMBER")]
    pub(super) allow_destroys: Option<u64>,
}

/// How the clusters are looked at before a plan.
#[derive(clap::ValueEnum, Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refresh {
    /// Everything that is managed is read.
    True,
    /// What is recorded is not read, but taken to be as recorded.
    False,
    /// Guests that show no sign of a change since the last fast look are not read.
    Fast,
}

/// How long to wait for the lock.
#[derive(Args, Clone, Copy, Debug)]
pub(super) struct Locking {
    /// Waits this long if another run holds the lock: 30s, 5m.
    #[arg(long, value_name = "DURATION", default_value = "0s", value_parser = duration)]
    pub(super) lock_timeout: Duration,
}

/// Whether the user is asked.
#[derive(Args, Clone, Copy, Debug)]
pub(super) struct Approval {
    /// Does not ask for a `yes`.
    #[arg(long)]
    pub(super) auto_approve: bool,
    /// Whether to ask for what is missing.
    #[arg(long, value_name = "BOOL", default_value_t = true, default_missing_value = "true", num_args = 0..=1,
        require_equals = true, action = clap::ArgAction::Set)]
    pub(super) input: bool,
}

/// Reads an address as clap wants its errors.
pub(super) fn address(text: &str) -> Result<Address, String> {
    text.parse().map_err(|error: crate::config::AddressError| error.to_string())
}

fn duration(text: &str) -> Result<Duration, String> {
    let expected = || format!("`{text}` is not a duration, expected one such as `30s` or `5m`");
    let unit = text.find(|letter: char| !letter.is_ascii_digit()).ok_or_else(expected)?;
    let number: u64 = text[..unit].parse().map_err(|_| expected())?;
    let seconds = match &text[unit..] {
        "s" => 1,
        "m" => 60,
        "h" => 3600,
        _ => return Err(expected()),
    };
    Ok(Duration::from_secs(number.saturating_mul(seconds)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_have_units() {
        assert_eq!(duration("90s"), Ok(Duration::from_secs(90)));
        assert_eq!(duration("5m"), Ok(Duration::from_secs(300)));
        assert_eq!(duration("2h"), Ok(Duration::from_secs(7200)));
        for wrong in ["", "5", "m", "5x", "5 m", "-5m"] {
            assert!(duration(wrong).is_err(), "{wrong}");
        }
    }
}
