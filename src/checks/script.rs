//! The checks as data: `checks.txt` read into [`Check`]s. Running them is in `run`.
//!
//! The head of `checks.txt` explains the form. A line that cannot be read is a mistake of ours, so reading names the line and gives up.

/// One check.
#[derive(Clone, Debug, PartialEq)]
pub struct Check {
    /// Its number, 1 to 60.
    pub number: u32,
    /// What should hold, in a few words.
    pub title: String,
    /// What a server must have for it: words such as `second-node`.
    pub needs: Vec<String>,
    /// What is done and seen, in order.
    pub lines: Vec<Line>,
}

/// One line of a check.
#[derive(Clone, Debug, PartialEq)]
pub struct Line {
    /// The line as written.
    pub text: String,
    /// What it says.
    pub step: Step,
}

/// What a line says.
#[derive(Clone, Debug, PartialEq)]
pub enum Step {
    /// Takes a free id.
    Id(String),
    /// Makes a guest under a free id and waits for it.
    Guest { name: String, is_container: bool, parameters: Vec<(String, String)> },
    /// Sends a request and compares its answer.
    Ask { ask: Ask, expected: Expected },
    /// Sends the same request for each name at once.
    Together { names: Vec<String>, ask: Ask },
    /// Sends a call when the check is over.
    Undo(Ask),
    /// Waits for the last task and compares how it ended.
    Task(Match),
    /// Compares the log of the last task, lines joined.
    Log(Match),
    /// Compares a place in the last answer.
    At { pointer: String, test: Test },
    /// Compares a header of the last answer.
    Header { name: String, expected: Match },
    /// Compares the body of the last answer as text.
    Body(Match),
    /// The last answer took at least this long.
    Took(u64),
    /// Keeps a place of the last answer under a name; with an expression, its first group.
    Save { name: String, pointer: String, expression: Option<String> },
    /// Repeats a read until a place in its answer is as expected.
    Until { ask: Ask, pointer: String, test: Test },
    /// Opens a connection by hand.
    Connect,
    /// Sends a request on that connection.
    Send(Ask),
    /// The server closes that connection within this many seconds.
    ClosesWithin(u64),
    /// The server closes that connection at or before this many requests.
    ClosesAfter { count: u32, ask: Ask },
    /// This many of the answers given together are like this.
    Answers { count: Option<usize>, expected: Expected },
    /// This many of the tasks started together ended like one of these.
    Tasks { count: Option<usize>, ends: Vec<Match> },
    /// Answers given together agree at this place.
    Same(String),
}

/// A request.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Ask {
    /// `none`, `wrong`, or the name of a saved secret; nothing: the token of the run.
    pub caller: Option<String>,
    pub is_chunked: bool,
    pub method: String,
    pub path: String,
    /// Encoded properly.
    pub parameters: Vec<(String, String)>,
    /// Sent as it is instead.
    pub raw: Option<String>,
    /// A body of this many bytes instead.
    pub fill: Option<usize>,
}

/// What an answer should be.
#[derive(Clone, Debug, PartialEq)]
pub struct Expected {
    pub status: u16,
    pub text: Option<Match>,
}

/// How a text is compared.
#[derive(Clone, Debug, PartialEq)]
pub enum Match {
    /// It is this.
    Is(String),
    /// A regular expression finds something in it.
    Like(String),
}

/// How a value is compared.
#[derive(Clone, Debug, PartialEq)]
pub enum Test {
    Is(String),
    IsNot(String),
    Like(String),
    /// It is there, and the expression finds nothing in it.
    Unlike(String),
    Absent,
    Present,
    /// A list holds an object with these members.
    Has(String),
    /// A list holds no object with these members.
    Lacks(String),
}

/// Reads a text of checks.
///
/// # Errors
/// Names the line that cannot be read.
pub fn parse(text: &str) -> Result<Vec<Check>, String> {
    let mut checks: Vec<Check> = Vec::new();
    for (at, line) in text.lines().enumerate() {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let fail = |why: &str| format!("line {}: {why}: {line}", at + 1);
        if let Some(rest) = line.strip_prefix("check ") {
            let (number, title) = rest.split_once(' ').ok_or_else(|| fail("a check has a number and a title"))?;
            let number = number.parse().map_err(|_| fail("not a number"))?;
            checks.push(Check { number, title: title.to_owned(), needs: Vec::new(), lines: Vec::new() });
            continue;
        }
        let check = checks.last_mut().ok_or_else(|| fail("a line before the first check"))?;
        match line.strip_prefix("needs ") {
            Some(needs) => check.needs.extend(needs.split_whitespace().map(str::to_owned)),
            None => {
                let step = step(line).map_err(|why| fail(&why))?;
                check.lines.push(Line { text: line.to_owned(), step });
            }
        }
    }
    Ok(checks)
}

fn step(line: &str) -> Result<Step, String> {
    let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
    let rest = rest.trim();
    let step = match word {
        "id" => Step::Id(rest.to_owned()),
        "guest" | "container" => {
            let mut words = words(rest).into_iter();
            let name = words.next().ok_or("a guest has a name")?;
            let parameters = words.map(|word| pair(&word)).collect::<Result<_, _>>()?;
            Step::Guest { name, is_container: word == "container", parameters }
        }
        "together" => {
            let (names, request) = rest.split_once(" : ").ok_or("expected NAMES : REQUEST")?;
            Step::Together { names: names.split_whitespace().map(str::to_owned).collect(), ask: ask(request)? }
        }
        "undo" => Step::Undo(ask(rest)?),
        "task" => Step::Task(matching(rest)),
        "log" => Step::Log(matching(rest)),
        "header" => {
            let (name, expected) = rest.split_once(' ').ok_or("expected a header and what it is")?;
            Step::Header { name: name.to_owned(), expected: matching(expected) }
        }
        "body" => Step::Body(matching(rest)),
        "took" => Step::Took(seconds(rest)?),
        "save" => {
            let mut parts = rest.splitn(2, ' ');
            let name = parts.next().unwrap_or_default().to_owned();
            let place = parts.next().ok_or("expected a name and a place")?;
            let (pointer, expression) = place.split_once(" ~ ").map_or((place, None), |(at, re)| (at, Some(re)));
            Step::Save { name, pointer: pointer.to_owned(), expression: expression.map(str::to_owned) }
        }
        "until" => {
            let at = rest.find(" /data").ok_or("expected a request and a place in its answer")?;
            let (pointer, test) = place(&rest[at + 1..])?;
            Step::Until { ask: ask(&rest[..at])?, pointer, test }
        }
        "connect" => Step::Connect,
        "send" => Step::Send(ask(rest)?),
        "closes" => closes(rest)?,
        "answers" => {
            let (count, expected) = rest.split_once(' ').ok_or("expected how many and how")?;
            Step::Answers { count: count.parse().ok(), expected: expectation(expected)? }
        }
        "tasks" => {
            let (count, ends) = rest.split_once(' ').ok_or("expected how many and how")?;
            Step::Tasks { count: count.parse().ok(), ends: ends.split(" or ").map(matching).collect() }
        }
        "same" => Step::Same(rest.to_owned()),
        _ if word.starts_with('/') => {
            let (pointer, test) = place(line)?;
            Step::At { pointer, test }
        }
        _ => {
            let (request, expected) = line.split_once(" => ").map_or((line, None), |(ask, then)| (ask, Some(then)));
            let expected = expected.map_or(Ok(Expected { status: 200, text: None }), expectation)?;
            Step::Ask { ask: ask(request)?, expected }
        }
    };
    Ok(step)
}

fn closes(rest: &str) -> Result<Step, String> {
    let rest = rest.strip_prefix("within ").ok_or("expected `closes within`")?;
    match rest.split_once(" requests ") {
        Some((count, request)) => {
            Ok(Step::ClosesAfter { count: count.parse().map_err(|_| "not a number")?, ask: ask(request)? })
        }
        None => Ok(Step::ClosesWithin(seconds(rest)?)),
    }
}

fn seconds(text: &str) -> Result<u64, String> {
    text.strip_suffix('s').and_then(|number| number.parse().ok()).ok_or_else(|| "expected seconds: 3s".to_owned())
}

fn expectation(text: &str) -> Result<Expected, String> {
    let (status, text) = text.split_once(' ').unwrap_or((text, ""));
    let status = status.parse().map_err(|_| "expected a status")?;
    Ok(Expected { status, text: (!text.is_empty()).then(|| matching(text)) })
}

fn matching(text: &str) -> Match {
    match text.strip_prefix("~ ") {
        Some(expression) => Match::Like(expression.to_owned()),
        None => Match::Is(text.to_owned()),
    }
}

fn place(text: &str) -> Result<(String, Test), String> {
    let (pointer, test) = text.split_once(' ').ok_or("expected a place and what is there")?;
    let (word, rest) = test.split_once(' ').unwrap_or((test, ""));
    let rest = rest.to_owned();
    let test = match word {
        "=" => Test::Is(rest),
        "!=" => Test::IsNot(rest),
        "~" => Test::Like(rest),
        "unlike" => Test::Unlike(rest),
        "absent" => Test::Absent,
        "present" => Test::Present,
        "has" => Test::Has(rest),
        "lacks" => Test::Lacks(rest),
        _ => return Err(format!("`{word}` is no comparison")),
    };
    Ok((pointer.to_owned(), test))
}

fn ask(text: &str) -> Result<Ask, String> {
    let mut ask = Ask::default();
    let mut words = words(text).into_iter();
    loop {
        match words.next().as_deref() {
            Some("as") => ask.caller = words.next(),
            Some("chunked") => ask.is_chunked = true,
            Some(method @ ("GET" | "POST" | "PUT" | "DELETE")) => {
                method.clone_into(&mut ask.method);
                break;
            }
            other => return Err(format!("`{}` is no request", other.unwrap_or_default())),
        }
    }
    ask.path = words.next().ok_or("a request has a path")?;
    for word in words {
        if let Some(raw) = word.strip_prefix(':') {
            ask.raw = Some(raw.to_owned());
        } else if let Some(size) = word.strip_prefix("fill:") {
            ask.fill = Some(size.parse().map_err(|_| "not a size")?);
        } else {
            ask.parameters.push(pair(&word)?);
        }
    }
    Ok(ask)
}

fn pair(word: &str) -> Result<(String, String), String> {
    let (name, value) = word.split_once('=').ok_or_else(|| format!("`{word}` is no parameter"))?;
    Ok((name.to_owned(), value.to_owned()))
}

/// Splits at blanks outside of double quotes, which are taken away.
fn words(text: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut is_quoted = false;
    for letter in text.chars() {
        match letter {
            '"' => is_quoted = !is_quoted,
            ' ' if !is_quoted => words.push(String::new()),
            other => words.last_mut().expect("there is always one").push(other),
        }
    }
    words.retain(|word| !word.is_empty());
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    fn only(line: &str) -> Step {
        let checks = parse(&format!("check 1 x\n{line}\n")).expect("the line can be read");
        checks[0].lines[0].step.clone()
    }

    #[test]
    fn a_request_has_parameters_and_what_is_expected() {
        let Step::Ask { ask, expected } = only("as none PUT /a/{b} description=\"x y\" => 500 ~ ^VM .* locked$") else {
            panic!("it is a request");
        };
        assert_eq!(ask.caller.as_deref(), Some("none"));
        assert_eq!(ask.parameters, [("description".to_owned(), "x y".to_owned())]);
        assert_eq!(expected, Expected { status: 500, text: Some(Match::Like("^VM .* locked$".into())) });
    }

    #[test]
    fn lines_that_cannot_be_read_are_named() {
        let error = parse("check 1 x\n  FETCH /version\n").expect_err("there is no such method");
        assert!(error.starts_with("line 2:"), "{error}");
        assert!(parse("GET /version\n").is_err());
        assert!(parse("check 1 x\n/data ? 3\n").is_err());
    }

    #[test]
    fn the_sixty_are_there_in_order() {
        let checks = parse(super::super::CHECKS).expect("our own checks can be read");
        let numbers: Vec<u32> = checks.iter().map(|check| check.number).collect();
        assert_eq!(numbers, (1..=60).collect::<Vec<_>>());
        assert!(checks.iter().all(|check| !check.lines.is_empty()));
    }
}
