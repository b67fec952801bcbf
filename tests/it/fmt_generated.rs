//! Generated texts for `config::fmt`, the same in every run: what is formatted formats to itself, and only blanks were changed.
//!
//! 1 000 texts; 10 000 with `SPAWNPOINT_TESTS=full`. As many again are damaged at random: those may be refused, but what is written must
//! stay what it is.

use crate::harness::sized;
use spawnpoint::config::fmt::format;
use spawnpoint::diagnostics::Sources;
use std::io::Write as _;

/// A generator of numbers (xorshift) and of the texts they stand for. Every text it writes is HCL, with blanks at random.
struct Author {
    state: u64,
    names: usize,
}

impl Author {
    fn new(seed: u64) -> Self {
        Self { state: seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1, names: 0 }
    }

    fn below(&mut self, limit: usize) -> usize {
        self.state ^= self.state << 13;
        self.state ^= self.state >> 7;
        self.state ^= self.state << 17;
        (self.state >> 33) as usize % limit
    }

    fn one_of<'a>(&mut self, choices: &[&'a str]) -> &'a str {
        choices[self.below(choices.len())]
    }

    fn blank(&mut self) -> &'static str {
        self.one_of(&["", "", " ", "  ", "\t"])
    }

    fn line_end(&mut self) -> &'static str {
        self.one_of(&["\n", "\n", "\n", " \n", "\n\n", " # c\n", "// é\n", "/* x */\n"])
    }

    /// A name that was not used before.
    fn name(&mut self) -> String {
        self.names += 1;
        let stem = self.one_of(&["a", "long_name_of_something", "é", "日本", "x-y", "_", "in", "for"]);
        format!("{stem}{}", self.names)
    }

    fn spaced(&mut self, parts: &[&str]) -> String {
        let mut text = String::new();
        for part in parts {
            text.push_str(part);
            text.push_str(self.blank());
        }
        text
    }

    fn leaf(&mut self) -> String {
        let leaves = [
            "1",
            "2.5e3",
            "true",
            "null",
            "\"s\"",
            "\"\"",
            "\"é $${x} \\\"q\\\"  y\"",
            "var.x",
            "a.b [0]",
            "a . b",
            "x[ * ].y",
            "x.*.y",
            "each.value[\"k\"]",
            "m[-1]",
            "f( )",
            "[ ]",
            "{ }",
        ];
        self.one_of(&leaves).to_owned()
    }

    fn expression(&mut self, depth: usize) -> String {
        if depth == 0 {
            return self.leaf();
        }
        let (one, two) = (self.expression(depth - 1), self.expression(depth - 1));
        match self.below(12) {
            0 => {
                let operator = self.one_of(&["+", " - ", "*", "/", "%", "==", "!=", "<", ">=", "&&", "||"]);
                self.spaced(&["(", &one, operator, &two, ")"])
            }
            1 => self.spaced(&["-", "(", &one, ")"]),
            2 => self.spaced(&["(", &one, "?", &two, ":", &one, ")"]),
            3 => self.spaced(&["f(", &one, ",", &two, "...", ")"]),
            4 => self.spaced(&["p::f(", "\n", &one, ",", "\n", &two, "\n", ")"]),
            5 => self.spaced(&["[", &one, ",", &two, "]"]),
            6 => self.lines_of_list(&one, &two),
            7 => self.spaced(&["{", "k", "=", &one, ",", "(x)", ":", &two, "}"]),
            8 => self.lines_of_object(&one, &two),
            9 => format!("\"x ${{{}}} é %{{if {two}}}y%{{ endif ~}}\"", self.spaced(&["", &one])),
            10 => format!("[for x in {}]", self.spaced(&[&one, ":", &two])),
            _ => format!("{{for k, v in {} if x}}", self.spaced(&[&one, ":", "k", "=>", &two])),
        }
    }

    fn lines_of_list(&mut self, one: &str, two: &str) -> String {
        let ends = [self.line_end(), self.line_end(), self.line_end()];
        self.spaced(&["[", ends[0], one, ",", ends[1], two, ends[2], "]"])
    }

    fn lines_of_object(&mut self, one: &str, two: &str) -> String {
        let ends = [self.line_end(), self.line_end(), self.line_end()];
        self.spaced(&["{", ends[0], "k", "=", one, ends[1], "\"longer\"", "=", two, ends[2], "}"])
    }

    fn heredoc(&mut self) -> String {
        let opener = self.one_of(&["<<EOT", "<<-EOT"]);
        let expression = self.expression(1);
        let line = self.one_of(&["  text   y", "", "{ \"a\": [1,  2] }", "# no comment", "$x %y"]);
        format!("{opener}\n  first ${{ {expression} }}\n{line}\n  EOT")
    }

    fn attribute(&mut self) -> String {
        let name = self.name();
        let depth = self.below(4);
        let (value, end) = match self.below(10) {
            0 => (self.heredoc(), "\n"),
            _ => (self.expression(depth), self.line_end()),
        };
        let lead = self.blank();
        format!("{lead}{}{end}", self.spaced(&[&name, "=", &value]))
    }

    fn body(&mut self, depth: usize) -> String {
        let mut text = String::new();
        for _ in 0..self.below(6) {
            let item = match self.below(8) {
                0 => self.one_of(&["\n", "  # alone\n", "/* over\n lines */\n", "\t\n"]).to_owned(),
                1 | 2 if depth > 0 => self.block(depth - 1),
                _ => self.attribute(),
            };
            text.push_str(&item);
        }
        text
    }

    fn block(&mut self, depth: usize) -> String {
        let head = self.one_of(&["b", "b \"x\"", "variable  \"y z\"\t\"é\"", "b /* c */", "locals"]);
        let gap = self.blank();
        let end = self.line_end();
        match self.below(4) {
            0 => format!("{head}{gap}{{{gap}}}{end}"),
            1 => format!("{head}{gap}{{{gap}a={}{gap}}}{end}", self.leaf()),
            _ => format!("{head}{gap}{{{}{}{gap}}}{end}", self.line_end(), self.body(depth)),
        }
    }
}

fn without_blanks(text: &str) -> String {
    text.chars().filter(|character| !matches!(character, ' ' | '\t')).collect()
}

#[test]
fn generated_texts_stay_once_formatted() {
    let count = sized(10_000, 1_000);
    for seed in 1..=count {
        let text = Author::new(seed).body(3);
        let formatted = |text: &str| format("generated.hcl", text.as_bytes(), &mut Sources::new());
        let once = formatted(&text).unwrap_or_else(|errors| panic!("text {seed} is refused: {errors:?}\n{text}"));
        assert_eq!(without_blanks(&once), without_blanks(&text), "text {seed} lost something");
        let twice = formatted(&once).unwrap_or_else(|errors| panic!("text {seed} is refused: {errors:?}\n{once}"));
        assert_eq!(twice, once, "text {seed} is\n{text}");
    }
    writeln!(std::io::stderr(), "{count} generated texts").expect("standard error can be written");
}

/// What a damaged text gets put in.
const SPLINTERS: [&str; 24] = [
    "${", "}", "\"", "{", "[", "]", "(", ")", "<<EOT\n", "EOT\n", "#", "/*", "*/", "\n", "\r\n", "\\", "$${",
    "%{if x}", "~}", "...", "=", ".", "-", "\u{a0}",
];

#[test]
fn damaged_texts_are_refused_or_stay_once_formatted() {
    let count = sized(10_000, 1_000);
    let mut taken = 0;
    for seed in 1..=count {
        let mut author = Author::new(seed);
        let mut text = author.body(1);
        for _ in 0..=author.below(3) {
            let at = text.floor_char_boundary(author.below(text.len() + 1));
            let until = text.ceil_char_boundary((at + author.below(4)).min(text.len()));
            text.replace_range(at..until, author.one_of(&SPLINTERS));
        }
        let formatted = |text: &str| format("damaged.hcl", text.as_bytes(), &mut Sources::new());
        if let Ok(once) = formatted(&text) {
            taken += 1;
            assert_eq!(formatted(&once).as_ref(), Ok(&once), "text {seed} is\n{text}");
        }
    }
    writeln!(std::io::stderr(), "{count} damaged texts, {taken} of them taken").expect("standard error can be written");
}
