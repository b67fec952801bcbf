//! What the lexer makes of texts, written as `kind` and text of each token.

use super::*;

/// The kinds of the tokens that are no space, with their texts.
fn lexed(text: &str) -> String {
    let tokens = tokens(text);
    let whole: String = tokens.iter().map(|token| &text[token.range()]).collect();
    assert_eq!(whole, text, "nothing is lost");
    let shown = tokens
        .iter()
        .filter(|token| token.kind != TokenKind::Space)
        .map(|token| format!("{:?} {:?}", token.kind, &text[token.range()]));
    shown.collect::<Vec<_>>().join("\n")
}

fn kinds(text: &str) -> Vec<TokenKind> {
    tokens(text).iter().map(|token| token.kind).collect()
}

#[test]
fn templates_nest() {
    insta::assert_snapshot!(lexed("a = \"x $${y} ${~ f({k = \"${z}\"}) ~}\"\n"), @r#"
    Word "a"
    Equal "="
    OpenQuote "\""
    QuotedText "x $${y} "
    OpenInterpolation "${~"
    Word "f"
    OpenParenthesis "("
    OpenBrace "{"
    Word "k"
    Equal "="
    OpenQuote "\""
    OpenInterpolation "${"
    Word "z"
    CloseTemplate "}"
    CloseQuote "\""
    CloseBrace "}"
    CloseParenthesis ")"
    CloseTemplate "~}"
    CloseQuote "\""
    Newline "\n"
    "#);
}

#[test]
fn a_heredoc_ends_with_its_marker_alone_on_a_line() {
    insta::assert_snapshot!(lexed("a = <<-EOT\r\nEOTS\n ${x}EOT\n%{ if y }\n  EOT \r\nb"), @r#"
    Word "a"
    Equal "="
    OpenHeredoc "<<-EOT\r\n"
    HeredocText "EOTS\n"
    HeredocText " "
    OpenInterpolation "${"
    Word "x"
    CloseTemplate "}"
    HeredocText "EOT\n"
    OpenDirective "%{"
    Word "if"
    Word "y"
    CloseTemplate "}"
    HeredocText "\n"
    CloseHeredoc "  EOT "
    Newline "\r\n"
    Word "b"
    "#);
}

#[test]
fn numbers_leave_points_to_what_follows() {
    insta::assert_snapshot!(lexed("1... 1.5e-3.x 0.1 2e"), @r#"
    Number "1"
    Ellipsis "..."
    Number "1.5e-3"
    Dot "."
    Word "x"
    Number "0.1"
    Number "2"
    Word "e"
    "#);
}

#[test]
fn line_comments_hold_the_end_of_their_line() {
    insta::assert_snapshot!(lexed("# a\r\n// b\n/* c\n */ d # e"), @r##"
    Comment "# a\r\n"
    Comment "// b\n"
    Comment "/* c\n */"
    Word "d"
    Comment "# e"
    "##);
}

#[test]
fn what_is_no_token_is_invalid() {
    for text in ["/* open", "<<EOT x", "<<\n", "& ", "|", "~", "~}", "'", "\u{feff}", "\0", "\u{a0}", "\r", "\"a\nb\""]
    {
        assert!(kinds(text).contains(&TokenKind::Invalid), "{text:?}: {}", lexed(text));
    }
}

#[test]
fn depth_and_length_cost_no_stack_and_no_square() {
    let deep = 100_000;
    for piece in [
        "[", "{", "(", "\"${", "\"%{", "<<A\n${", "<<", "<<A", "\"", "/*", "$${", "\\", "\"\\é", "{~}", "<<A\n$",
        "\u{e9}",
    ] {
        let text = piece.repeat(deep);
        let tokens = tokens(&text);
        assert_eq!(tokens.last().map(|token| token.end as usize), Some(text.len()));
    }
}

proptest::proptest! {
    #[test]
    fn any_text_comes_back(text in r#"([\x00-\x7fé]|\$\{|%\{~|~\}|<<A\n|A\n|"|\\|\r\n|/\*|\*/){0,60}"#) {
        lexed(&text);
    }
}
