//! The last number of a text, and whether two texts end in the same one.
//!
//! Source: sail-sg/sdft@bfb6c255 `eval/utils.py` and `eval/eval_math.py`, its quirks kept: the
//! verdicts decide which rewrites a run trains on.
//! It is not a reader of numbers: fractions, exponents and words are beyond it.

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
/// `None` where something else than digits stands in it.
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
