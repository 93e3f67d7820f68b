//! What a score may refuse.

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
}
