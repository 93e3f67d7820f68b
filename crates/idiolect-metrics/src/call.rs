//! Whether an answer makes the labelled function call.
//!
//! Source: sail-sg/sdft `eval/eval_openfunction.py`, branch main@bfb6c255 ([`matches_main`]) and
//! branch reproduce@953518bc ([`score_reproduce`]), which the repository names for the paper's figures; all of
//! these are whole multiples of one in 112 calls, so that no half mark is among them.
//! Calls are compared as text: the order of arguments and the spaces around `=` matter.

use std::sync::LazyLock;

use regex::Regex;

use crate::MetricsError;
use crate::python;

static CALL: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(r"^([a-zA-Z_][a-zA-Z0-9_]*(?:\.[a-zA-Z_][a-zA-Z0-9_]*)*)\((.*)\)").ok()
});

/// What Python's `\w` matches; the regex crate's also takes marks and joiners.
static WORD: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(r"[\p{L}\p{N}_]$").ok());

/// Whether `prediction` contains the labelled call (branch main).
///
/// White space is made uniform, quotes become double, the space after a comma goes.
/// A letter, digit or underscore before the call makes it another one; a point does not.
/// The label's arguments reach to its last closing parenthesis; text after it is ignored.
///
/// # Errors
///
/// [`MetricsError::NotACall`] where `label` does not begin with a call.
pub fn matches_main(label: &str, prediction: &str) -> Result<bool, MetricsError> {
    let label = Call::read(label)?;
    Ok(label.stands_in(&uniform(prediction)))
}

/// Branch reproduce: 1 where [`matches_main`] holds, 0.5 where only the arguments agree, else 0.
///
/// Arguments agree where the text between the first pair of parentheses of `prediction` has as
/// many parts between commas as the label's, and each holds the value of its counterpart (what
/// follows the first `=`).
/// The name is not compared; a label's part without `=` agrees with nothing.
///
/// # Errors
///
/// [`MetricsError::NotACall`] where `label` does not begin with a call.
pub fn score_reproduce(label: &str, prediction: &str) -> Result<f64, MetricsError> {
    let label = Call::read(label)?;
    let prediction = uniform(prediction);
    let score = if label.stands_in(&prediction) {
        1.0
    } else if label.arguments_agree(&prediction) {
        0.5
    } else {
        0.0
    };
    Ok(score)
}

/// A label, taken apart.
struct Call {
    /// The whole call, from its name to the closing parenthesis.
    text: String,
    /// The text between the parentheses.
    arguments: String,
}

impl Call {
    fn read(label: &str) -> Result<Self, MetricsError> {
        let label = uniform(label);
        let found = CALL.as_ref().and_then(|rule| rule.captures(&label));
        let call = found.map(|found| Self {
            text: found[0].into(),
            arguments: found[2].into(),
        });
        call.ok_or(MetricsError::NotACall { label })
    }

    fn stands_in(&self, prediction: &str) -> bool {
        let mut from = 0;
        // Calls may overlap, so the next search begins one character further, not after the call.
        while let Some(at) = prediction[from..].find(&self.text) {
            let (before, _) = prediction.split_at(from + at);
            if !ends_in_word(before) {
                return true;
            }
            from += at + 1;
        }
        false
    }

    fn arguments_agree(&self, prediction: &str) -> bool {
        let (Some(open), Some(close)) = (prediction.find('('), prediction.find(')')) else {
            return false;
        };
        let found: Vec<&str> = prediction
            .get(open + 1..close)
            .unwrap_or("")
            .split(',')
            .collect();
        let expected: Vec<&str> = self.arguments.split(',').collect();
        let holds = |(expected, found): (&&str, &&str)| {
            expected
                .split_once('=')
                .is_some_and(|(_, value)| found.contains(value))
        };
        expected.len() == found.len() && expected.iter().zip(&found).all(holds)
    }
}

fn ends_in_word(text: &str) -> bool {
    let Some(last) = text.chars().next_back() else {
        return false;
    };
    let mut buffer = [0; 4];
    WORD.as_ref()
        .is_some_and(|rule| rule.is_match(last.encode_utf8(&mut buffer)))
}

/// The reference's uniform spelling; doing it twice, as the reference does, changes nothing more.
fn uniform(text: &str) -> String {
    let words: Vec<&str> = python::split(text).collect();
    words.join(" ").replace('\'', "\"").replace(", ", ",")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_may_stand_anywhere_but_inside_a_word() {
        for (prediction, expected) in [
            ("Sure:\n```\nf(a=1, b='x')\n```", true),
            ("x.f(a=1,b=\"x\")", true),
            ("xf(a=1,b=\"x\")", false),
            ("中f(a=1,b=\"x\")", false),
            ("xf(a=1,b=\"x\") f(a=1,b=\"x\")", true),
            ("f(a = 1,b=\"x\")", false),
        ] {
            assert_eq!(
                matches_main("f(a=1, b=\"x\")", prediction),
                Ok(expected),
                "{prediction}"
            );
        }
    }

    #[test]
    fn overlapping_calls_are_all_looked_at() {
        assert_eq!(matches_main("f(1)f(1)", "xf(1)f(1)f(1)"), Ok(true));
    }

    #[test]
    fn arguments_alone_are_half_a_match() {
        assert_eq!(score_reproduce("f(a=1, b=2)", "g(1, 2)"), Ok(0.5));
        assert_eq!(score_reproduce("f(a=1, b=2)", "f(b=2, a=1)"), Ok(0.0));
        assert_eq!(score_reproduce("f(a=1)", ") f(a=1"), Ok(0.0));
        assert_eq!(score_reproduce("f()", "g()"), Ok(0.0));
    }

    #[test]
    fn a_label_that_is_no_call_is_an_error() {
        let error = matches_main("f (a=1)", "f(a=1)").unwrap_err();
        assert_eq!(
            error.to_string(),
            "the label is not a function call: expected name(arguments), found \"f (a=1)\""
        );
    }
}
