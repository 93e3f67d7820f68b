//! Why a score could not be computed.

/// Why a score could not be computed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum MetricsError {
    /// The label of a function-call row does not begin with a call.
    #[error("the label is not a function call: expected name(arguments), found {label:?}")]
    NotACall {
        /// The label as it was compared, with uniform white space and quotes.
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
    /// Two lists that are compared item by item differ in length.
    #[error("{what}: expected {expected} items as on the other side, found {found}")]
    Lengths {
        /// The lists.
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
