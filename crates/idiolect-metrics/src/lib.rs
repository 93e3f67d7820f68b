#![doc = include_str!("../README.md")]

mod bleu;
pub mod call;
pub mod choice;
pub mod code;
pub mod ifeval;
pub mod interval;
pub mod judge;
pub mod math;
mod overlap;
mod rouge;
pub mod safety;
mod words;

pub use bleu::{bleu4, sacrebleu};
pub use rouge::{rouge_l, rouge_l_google};

/// Why a score could not be given.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum MetricsError {
    /// The label of a function-call row does not begin with a call.
    #[error("the label is not a function call: expected name(arguments), found {label:?}")]
    NotACall {
        /// The label, as it was compared (white space and quotes made uniform).
        label: String,
    },
    /// An instruction of `IFEval` is none of its 25, or lacks an argument.
    #[error("instruction {id:?} cannot be checked: {reason}")]
    Instruction {
        /// The instruction's name as given.
        id: String,
        /// What is wrong with the name or its arguments.
        reason: String,
    },
    /// Two lists that belong together item by item differ in length.
    #[error("{what}: expected {expected} items as on the other side, found {found}")]
    Lengths {
        /// The lists that were to be compared.
        what: &'static str,
        /// Length of the first.
        expected: usize,
        /// Length of the second.
        found: usize,
    },
    /// A question without choices, or whose right answer is none of them.
    #[error("the right choice is number {gold}, counted from 0, of {choices}")]
    Gold {
        /// Index of the right choice.
        gold: usize,
        /// How many choices there are.
        choices: usize,
    },
}

pub mod python {
    //! White space as Python counts it.
    //!
    //! The reference scores are Python programs: their `strip`, `split` and `\s` take the four
    //! separators U+001C to U+001F for white space, which Rust's `trim` and `\s` do not.
    //! Otherwise the two sets agree.

    /// Whether Python's `str.isspace` holds for this one character.
    #[must_use]
    pub fn is_space(c: char) -> bool {
        c.is_whitespace() || ('\u{1c}'..='\u{1f}').contains(&c)
    }

    /// `str.strip()`.
    #[must_use]
    pub fn strip(text: &str) -> &str {
        text.trim_matches(is_space)
    }

    /// `str.split()`: the stretches between white space, without empty ones.
    pub fn split(text: &str) -> impl Iterator<Item = &str> {
        text.split(is_space).filter(|word| !word.is_empty())
    }

    #[cfg(test)]
    mod tests {
        use super::*;

        #[test]
        fn the_four_ascii_separators_are_white_space() {
            assert_eq!(strip("\u{1c}a\u{1f}b\u{a0}\u{3000}"), "a\u{1f}b");
            assert_eq!(
                split("a\u{1d}b \u{1e} c").collect::<Vec<_>>(),
                ["a", "b", "c"]
            );
        }

        #[test]
        fn a_zero_width_space_is_not() {
            assert_eq!(strip("\u{200b}a"), "\u{200b}a");
        }
    }
}
