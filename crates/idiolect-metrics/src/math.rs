//! The last number of a text, and whether two texts end in the same one.
//!
//! Sources, with their peculiarities: sail-sg/sdft@bfb6c255 `eval/utils.py` and `eval/eval_math.py`, whose
//! verdicts decide which rewrites a run trains on; [`gsm8k_extract`] and [`gsm8k_matches`] are
//! EleutherAI/lm-evaluation-harness@4e7e0d47, tasks `gsm8k` and `gsm8k_cot`.
//! Fractions, exponents and numbers in words are not read.

use std::sync::LazyLock;

use regex::Regex;

/// Python's `\s` is the regex crate's with U+001C to U+001F; `\d` is the same in both.
static NUMBER: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r"-?\d+(?:[,\s\x1c-\x1f]\d+)*(?:\.\d+)?").ok());

static DIGIT: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(r"^\d$").ok());

/// What the reference takes for the answer of a text without a usable number.
///
/// It is compared like any other number, so that two such texts agree.
pub const NO_NUMBER: &str = "-999999999";

/// The last whole number of `text` as it is written there, without commas and spaces.
///
/// `None` where there is no number, or the last one has a fraction other than zero
/// (`$1,000.00` gives `1000`, `$1,000.50` nothing).
/// Digits of any script count.
/// Numbers apart by one space are one number (`3 4` gives `34`), and a line break or tab between
/// two stays inside the result, which then equals no number.
#[must_use]
pub fn last_number(text: &str) -> Option<String> {
    let last = NUMBER.as_ref()?.find_iter(text).last()?.as_str();
    let number = last.replace([',', ' '], "");
    match number.split_once('.') {
        None => Some(number),
        Some((whole, part)) if part.chars().all(|c| digit(c) == Some('0')) => Some(whole.into()),
        Some(_) => None,
    }
}

/// Whether both texts end in the same whole number, of any length, by [`last_number`].
///
/// Two texts without a usable number agree with each other, and with [`NO_NUMBER`] itself.
#[must_use]
pub fn same_answer(label: &str, prediction: &str) -> bool {
    let answer = |text| canonical(last_number(text).as_deref().unwrap_or(NO_NUMBER));
    answer(label).is_some_and(|label| answer(prediction) == Some(label))
}

/// A whole number in ASCII digits without leading zeros or a minus before zero.
/// `None` where it contains anything but digits.
fn canonical(number: &str) -> Option<String> {
    let digits: String = number
        .trim_start_matches('-')
        .chars()
        .map(digit)
        .collect::<Option<_>>()?;
    let digits = digits.trim_start_matches('0');
    let sign = if number.starts_with('-') && !digits.is_empty() {
        "-"
    } else {
        ""
    };
    Some(format!("{sign}{digits}"))
}

/// The ASCII digit of the same value.
///
/// Unicode keeps the decimal digits of a script in one ascending run of ten from its zero, so the
/// value is the distance to the start of the run (some runs follow one another, hence the modulo).
fn digit(c: char) -> Option<char> {
    if c.is_ascii() {
        return c.is_ascii_digit().then_some(c);
    }
    let is_digit = |code: u32| {
        let mut buffer = [0; 4];
        char::from_u32(code).is_some_and(|c| {
            DIGIT
                .as_ref()
                .is_some_and(|rule| rule.is_match(c.encode_utf8(&mut buffer)))
        })
    };
    let code = u32::from(c);
    let start = (0..=code).rev().find(|&code| !is_digit(code))? + 1;
    if start > code {
        None
    } else {
        char::from_digit((code - start) % 10, 10)
    }
}

/// Where lm-evaluation-harness looks for the answer to a question of GSM8K.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Gsm8k {
    /// The first number after `#### `.
    Strict,
    /// The last number of all, a dollar sign and commas with it.
    Flexible,
    /// The first number after `The answer is `, less its last digit where the text ends there.
    Cot,
}

/// What an answer without a number extracts.
pub const GSM8K_INVALID: &str = "[invalid]";

/// The answer that lm-evaluation-harness extracts, or [`GSM8K_INVALID`].
#[must_use]
pub fn gsm8k_extract(filter: Gsm8k, response: &str) -> &str {
    static RULES: LazyLock<[Option<Regex>; 3]> = LazyLock::new(|| {
        [
            r"#### (-?[0-9.,]+)",
            r"(-?[$0-9.,]{2,})|(-?[0-9]+)",
            // The harness does not escape the full stop: any character ends the number.
            r"The answer is (-?[0-9.,]+).",
        ]
        .map(|rule| Regex::new(rule).ok())
    });
    let [strict, flexible, cot] = &*RULES;
    let found = match filter {
        Gsm8k::Strict => first_group(strict.as_ref(), response),
        Gsm8k::Cot => first_group(cot.as_ref(), response),
        Gsm8k::Flexible => flexible.as_ref().and_then(|rule| {
            let last = rule.find_iter(response).last();
            last.map(|found| found.as_str())
        }),
    };
    found.unwrap_or(GSM8K_INVALID)
}

fn first_group<'a>(rule: Option<&Regex>, text: &'a str) -> Option<&'a str> {
    let found = rule?.captures(text)?.get(1)?;
    Some(found.as_str())
}

/// Whether lm-evaluation-harness takes an extracted answer for that of `gold`, a whole worked
/// answer that ends in `#### ` and its number.
///
/// Commas, dollar signs, all up to `#### ` and one full stop at the end are taken away, then the
/// two must be the same text: `18.0` is not `18`.
#[must_use]
pub fn gsm8k_matches(gold: &str, extracted: &str) -> bool {
    let plain = |text: &str| {
        let text = text.replace([',', '$'], "");
        let text = text.rsplit_once("#### ").map_or(&*text, |(_, after)| after);
        // Python's `$` also matches before a line break at the end.
        let (text, end) = text
            .strip_suffix('\n')
            .map_or((text, ""), |text| (text, "\n"));
        let text = text.strip_suffix('.').unwrap_or(text);
        text.to_lowercase() + end
    };
    plain(gold) == plain(extracted)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn quirks_of_the_reference_are_kept() {
        for (text, expected) in [
            ("The answer is 5.", Some("5")),
            ("3 4", Some("34")),
            ("3\n4", Some("3\n4")),
            ("10-5", Some("-5")),
            ("$1,000.00", Some("1000")),
            ("$1,000.50", None),
            ("1.000.000", Some("000")),
            (".5", Some("5")),
            ("\u{2212}5", Some("5")),
            ("½ ² ⑤", None),
            ("", None),
        ] {
            assert_eq!(last_number(text).as_deref(), expected, "{text:?}");
        }
    }

    #[test]
    fn two_texts_without_a_usable_number_agree() {
        assert!(same_answer("none", "1.5"));
        assert!(same_answer("none", "-999999999"));
        assert!(!same_answer("none", "3\t4"));
        assert!(!same_answer("3\t4", "3\t4"));
    }

    #[test]
    fn digits_of_other_scripts_have_their_value() {
        assert!(same_answer("120", "１２０"));
        assert!(same_answer("120", "١٢٠"));
        // Five runs of mathematical digits follow one another.
        assert!(same_answer("90", "\u{1d7d7}\u{1d7f6}"));
    }

    #[test]
    fn zero_has_no_sign_and_no_length() {
        assert!(same_answer("0", "-0"));
        assert!(same_answer("0", "000"));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn a_number_of_any_length_equals_itself_with_zeros_before(n in "[1-9][0-9]{0,60}") {
            let (padded, longer) = (format!("= 00{n}."), format!("{n}0"));
            prop_assert!(same_answer(&n, &padded));
            prop_assert!(!same_answer(&n, &longer));
        }
    }
}
