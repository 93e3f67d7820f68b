//! What errors say of the token.

use std::fmt;

/// What an error says of the token.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum TokenState {
    /// There is none.
    None,
    /// It was sent.
    Sent {
        /// The variable or file that held it.
        source: String,
    },
    /// It was not sent, for the address is one of plain http on another machine.
    Withheld {
        /// The variable or file that holds it.
        source: String,
    },
}

impl fmt::Display for TokenState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::None => f.write_str("no token was sent, for HF_TOKEN holds none"),
            Self::Sent { source } => write!(f, "the token of {source} was sent"),
            Self::Withheld { source } => write!(
                f,
                "the token of {source} was not sent, for everybody on the way reads plain http"
            ),
        }
    }
}
