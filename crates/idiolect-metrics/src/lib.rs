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
mod python;
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
