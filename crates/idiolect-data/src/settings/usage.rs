//! What is said of a call that a parser or a library refuses: in one line, with options as they are typed, and with what
//! to write instead of a value.

use std::path::Path;

/// What a parser of command lines says, in one line: its own lines joined, without its usage.
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
    let joined = joined.trim_start_matches("error: ");
    let joined = joined.replace("invalid digit found in string", "expected a whole number");
    joined.replace("invalid float literal", "expected a number")
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
        "epochs" | "max-steps" if value.parse::<f64>().is_ok() => {
            Some("--max-steps ends a run within an epoch".to_owned())
        }
        "host" => Some(
            "127.0.0.1 is this machine alone, 0.0.0.0 lets others reach it, which needs a key"
                .to_owned(),
        ),
        _ => None,
    }
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
/// `--top-p: expected ...`, and every word with an underscore that is one. A text about a file of settings stays as it
/// is, for there they have these names.
///
/// `is_option` says whether there is an option of that name, without the hyphens before it.
#[must_use]
pub fn with_typed_names(text: &str, is_option: &dyn Fn(&str) -> bool) -> String {
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
            "unexpected argument '--foo' found; tip: a similar argument exists: '--food'"
        );
        let line = "error: these were not provided:\n  --a <A>\n  --b <B>\n\nUsage: x";
        assert_eq!(one_line(line), "these were not provided: --a <A>, --b <B>");
        let line =
            "error: invalid value 'x' for '--log <FORM>'\n  [possible values: human, json]\n";
        assert_eq!(
            one_line(line),
            "invalid value 'x' for '--log <FORM>' [possible values: human, json]"
        );
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
