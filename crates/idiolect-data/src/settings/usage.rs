//! What is said of a call that a parser or a library refuses: in one line, with options as they are typed, and with what
//! to write instead of a value.

use std::path::Path;

/// What a parser of command lines says, in one line: its own lines joined, without its usage, and what it quotes in the
/// quotation marks of this program's other messages.
#[must_use]
pub fn one_line(said: &str) -> String {
    let lines = said.lines().map(str::trim).filter(|line| !line.is_empty());
    let is_over = |line: &&str| line.starts_with("Usage:") || line.starts_with("For more");
    let mut joined = String::new();
    for line in lines.take_while(|line| !is_over(line)) {
        joined.push_str(match joined.chars().last() {
            None => "",
            Some(':') => " ",
            Some(_) if line.starts_with('[') => " ",
            Some(_) if line.starts_with("tip:") => "; ",
            Some(_) => ", ",
        });
        joined.push_str(line);
    }
    let joined = with_double_quotes(joined.trim_start_matches("error: "));
    let joined = joined.replace("invalid digit found in string", "expected a whole number");
    let joined = joined.replace("invalid float literal", "expected a number");
    let is_below = joined.starts_with("invalid value \"-") && joined.ends_with("a whole number");
    in_words(joined + if is_below { " from 0" } else { "" })
}

/// The text with single quotation marks around words as double ones; one within a word is an apostrophe.
fn with_double_quotes(text: &str) -> String {
    let is_word = |c: Option<char>| c.is_some_and(char::is_alphanumeric);
    let mut before = None;
    let mut chars = text.chars().peekable();
    let mut out = String::with_capacity(text.len());
    while let Some(char) = chars.next() {
        let is_apostrophe = is_word(before) && is_word(chars.peek().copied());
        out.push(if char == '\'' && !is_apostrophe {
            '"'
        } else {
            char
        });
        before = Some(char);
    }
    out
}

/// A parser's range in words: what is outside of that of its type is below 0, or has too many digits.
fn in_words(said: String) -> String {
    let Some((before, range)) = said.split_once(" is not in ") else {
        return said;
    };
    let before = before
        .rsplit_once(": ")
        .map_or(before, |(before, _)| before);
    let (least, most) = range.split_once("..=").unwrap_or((range, ""));
    let is_type = most.len() >= u32::MAX.to_string().len();
    let most = Some(most).filter(|most| !is_type && !most.is_empty());
    let most = most.map_or(String::new(), |most| format!(" to {most}"));
    format!("{before}: expected a whole number from {least}{most}")
}

/// What to write instead of a value that an option does not take, where that is known.
///
/// ```
/// # use idiolect_data::settings::value_hint;
/// let hint = value_hint("layers", "0-2").unwrap();
/// assert_eq!(hint, "blocks are named one by one: --layers 0,1,2");
/// ```
#[must_use]
pub fn value_hint(option: &str, value: &str) -> Option<String> {
    let has = |part: &str| value.contains(part);
    match option {
        "layers" => blocks(value),
        "quantize" if has("4") || has("8") => {
            let bits = if has("4") { 4 } else { 8 };
            Some(format!("a weight has 8 or 4 bits: --quantize {bits}"))
        }
        "epochs" | "max-steps" if value.parse::<f64>().is_ok_and(|value| value.fract() > 0.0) => {
            Some("--max-steps ends a run within an epoch".to_owned())
        }
        "host" => Some(
            "127.0.0.1 is this machine alone, 0.0.0.0 lets others reach it, which needs a key"
                .to_owned(),
        ),
        _ => None,
    }
}

/// What to write instead of an option with a value that it does not take, or of one that is given twice and takes a single
/// value, behind a semicolon; nothing where it is not known.
#[must_use]
pub fn call_hint(option: &str, value: Option<&str>, is_repeated: bool) -> String {
    let name = option.trim_start_matches('-');
    let several = "--prompts FILE takes several, each a row with id and prompt";
    let hint = match value {
        Some(value) => value_hint(name, value),
        None => (is_repeated && name == "prompt").then(|| several.to_owned()),
    };
    hint.map_or_else(String::new, |hint| format!("; {hint}"))
}

/// Blocks that are written as a range, written out.
fn blocks(range: &str) -> Option<String> {
    let (first, last) = range
        .split_once(['-', ':'])
        .or_else(|| range.split_once(".."))?;
    let (first, last) = (first.parse::<u16>().ok()?, last.parse::<u16>().ok()?);
    let list: Vec<String> = (first..=last).map(|block| block.to_string()).collect();
    let is_short = (1..100).contains(&list.len());
    is_short.then(|| format!("blocks are named one by one: --layers {}", list.join(",")))
}

/// A text with the settings in it as they are typed: those before a colon at its beginning, `top_p: expected ...` as
/// `--top-p: expected ...`, every word with an underscore that is one, and those that a phrase says to be one, as `the
/// option resume`. A text about a file of settings stays as it
/// is, for there they have these names.
///
/// `is_option` says whether there is an option of that name, without the hyphens before it.
#[must_use]
pub fn with_typed_names(text: &str, is_option: &dyn Fn(&str) -> bool) -> String {
    let text = &phrases(text, is_option);
    let (before, rest) = text.split_once(':').unwrap_or(("", text));
    if Path::new(before)
        .extension()
        .is_some_and(|end| end == "toml")
    {
        return text.to_owned();
    }
    let keys: Vec<String> = before.split(", ").map(as_typed).collect();
    if !before.is_empty() && keys.iter().all(|key| is_option(key)) {
        let keys: Vec<String> = keys.iter().map(|key| format!("--{key}")).collect();
        return format!("{}:{}", keys.join(", "), words(rest, is_option));
    }
    words(text, is_option)
}

/// What stands before a setting of a single word, which is told from other words by that.
const BEFORE_SETTINGS: [&str; 5] = [
    "the option ",
    "a run with ",
    "one with ",
    "a run with no ",
    "one with no ",
];

/// A text with the settings behind [`BEFORE_SETTINGS`] as they are typed.
fn phrases(text: &str, is_option: &dyn Fn(&str) -> bool) -> String {
    BEFORE_SETTINGS
        .iter()
        .fold(text.to_owned(), |text, before| {
            let mut parts = text.split(before);
            let mut out = parts.next().unwrap_or_default().to_owned();
            for part in parts {
                let end = part.find(|c: char| !c.is_ascii_lowercase() && c != '_');
                let (name, rest) = part.split_at(end.unwrap_or(part.len()));
                let typed = as_typed(name);
                match (is_option(&typed), *before) {
                    (true, "the option ") => out.extend(["--", &typed, rest]),
                    (true, before) => out.extend([before, "--", &typed, rest]),
                    (false, before) => out.extend([before, part]),
                }
            }
            out
        })
}

fn words(text: &str, is_option: &dyn Fn(&str) -> bool) -> String {
    let own = |word: &str| {
        let name = word.trim_matches(['(', ')', ',', ';', ':', '`']);
        let key = as_typed(name);
        if name.contains('_') && is_option(&key) {
            word.replace(name, &format!("--{key}"))
        } else {
            word.to_owned()
        }
    };
    let words: Vec<String> = text.split(' ').map(own).collect();
    words.join(" ")
}

/// A key of a settings file as it is typed.
pub(super) fn as_typed(key: &str) -> String {
    key.replace('_', "-")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_are_named_as_they_are_typed() {
        let is_option = |name: &str| ["top-p", "max-length", "data"].contains(&name);
        let shown = |text| with_typed_names(text, &is_option);
        assert_eq!(
            shown("top_p, data: expected one (max_length), as max_others say"),
            "--top-p, --data: expected one (--max-length), as max_others say"
        );
        assert_eq!(
            shown("top_p: expected max_length; found 2"),
            "--top-p: expected --max-length; found 2"
        );
        assert_eq!(
            shown("a.jsonl: row 0 (line 1): 9 tokens, more than 8 (max_length)"),
            "a.jsonl: row 0 (line 1): 9 tokens, more than 8 (--max-length)"
        );
        let is_option = |name: &str| ["resume", "rank", "packing"].contains(&name);
        let shown = |text| with_typed_names(text, &is_option);
        assert_eq!(one_line("error: it isn't 'x'"), "it isn't \"x\"");
        assert_eq!(
            shown("one or another (the option resume)"),
            "one or another (--resume)"
        );
        assert_eq!(
            shown("a.toml: expected none, or the option resume, found one"),
            "a.toml: expected none, or --resume, found one"
        );
        assert_eq!(
            shown("expected a run with rank 4, as asked, found one with no packing, the option x"),
            "expected a run with --rank 4, as asked, found one with no --packing, the option x"
        );
        for other in [
            "a text",
            "data is a word",
            "a.toml: top_p",
            "runs/max_length",
        ] {
            assert_eq!(shown(other), other);
        }
    }

    #[test]
    fn a_parsers_lines_are_one() {
        let line = "error: unexpected argument '--foo' found\n\n  tip: a similar argument exists: '--food'\n\nUsage: x";
        assert_eq!(
            one_line(line),
            "unexpected argument \"--foo\" found; tip: a similar argument exists: \"--food\""
        );
        let line = "error: these were not provided:\n  --a <A>\n  --b <B>\n\nUsage: x";
        assert_eq!(one_line(line), "these were not provided: --a <A>, --b <B>");
        let line =
            "error: invalid value 'x' for '--log <FORM>'\n  [possible values: human, json]\n";
        assert_eq!(
            one_line(line),
            "invalid value \"x\" for \"--log <FORM>\" [possible values: human, json]"
        );
    }

    #[test]
    fn a_number_outside_of_a_range_is_told_in_words() {
        for (said, expected) in [
            (
                "error: invalid value '-1' for '--rank <RANK>': invalid digit found in string",
                "invalid value \"-1\" for \"--rank <RANK>\": expected a whole number from 0",
            ),
            (
                "error: invalid value '70000' for '--port <PORT>': 70000 is not in 0..=65535",
                "invalid value \"70000\" for \"--port <PORT>\": expected a whole number from 0 to 65535",
            ),
            (
                "error: invalid value '-1' for '--seed <SEED>': -1 is not in 0..=18446744073709551615",
                "invalid value \"-1\" for \"--seed <SEED>\": expected a whole number from 0",
            ),
        ] {
            assert_eq!(one_line(said), expected);
        }
    }

    #[test]
    fn a_value_is_answered_with_the_nearest_that_is_taken() {
        for (option, value, expected) in [
            (
                "layers",
                "4:5",
                Some("blocks are named one by one: --layers 4,5"),
            ),
            ("layers", "all", None),
            (
                "quantize",
                "nf4",
                Some("a weight has 8 or 4 bits: --quantize 4"),
            ),
            (
                "quantize",
                "int8",
                Some("a weight has 8 or 4 bits: --quantize 8"),
            ),
            (
                "epochs",
                "1.5",
                Some("--max-steps ends a run within an epoch"),
            ),
            ("rank", "1.5", None),
        ] {
            assert_eq!(value_hint(option, value).as_deref(), expected);
        }
        assert!(value_hint("host", "localhost").is_some());
    }
}
