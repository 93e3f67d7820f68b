//! The likeliest tokens at each token of a text, with their log-probabilities: what a teacher would have written there.
//!
//! They are kept in a file beside the journal ([`LogprobFile`]), whose rows say where (`docs/decisions/0036`).

mod bytes;
mod file;
mod reader;

use serde::{Deserialize, Serialize};

pub use file::LogprobFile;
pub use reader::LogprobReader;

/// A token of the vocabulary with its log-probability.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TokenLogprob {
    /// Its id.
    pub token: u32,
    /// Natural logarithm of its probability, at most 0.
    pub log_probability: f32,
}

/// What is known of the tokens that are none of the likeliest.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LogprobTail {
    /// All entries are the likeliest tokens; of the others only what these leave of 1 is known. The form of a server's
    /// replies.
    #[default]
    Lumped,
    /// The last entry is one token of the others, drawn in proportion to its probability. With the probability of all
    /// of them as its weight it stands for them: a sum over the vocabulary is right on average over the draws.
    Drawn,
}

/// The distribution at each token of a text, as far as it is known.
#[derive(Debug, Clone, PartialEq)]
pub struct Logprobs {
    /// For each token, and the one that ended the text, the same number of entries, the likeliest first.
    pub entries: Vec<Vec<TokenLogprob>>,
    /// What the entries say of the other tokens.
    pub tail: LogprobTail,
    /// The token that ended the text; none where something else did.
    pub end: Option<u32>,
}

/// What all texts of a file have in common.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogprobHead {
    /// Entries of each token, at least 1.
    pub count: usize,
    /// Hash of the vocabulary that the ids are of.
    pub vocabulary: String,
    /// What the entries say of the other tokens.
    #[serde(default, skip_serializing_if = "LogprobTail::is_lumped")]
    pub tail: LogprobTail,
}

/// Where the distributions of a text stand, as the journal's row has it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredLogprobs {
    /// Tokens before it in the file.
    pub offset: u64,
    /// Its own tokens, the one that ended it included.
    pub tokens: u64,
    /// The token that ended the text; none where something else did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub end: Option<u32>,
    /// CRC-32C of its bytes, in hexadecimal.
    pub checksum: String,
}

impl LogprobTail {
    #[allow(clippy::trivially_copy_pass_by_ref, reason = "as serde calls it")]
    fn is_lumped(&self) -> bool {
        *self == Self::Lumped
    }
}

impl StoredLogprobs {
    /// The number of the token behind its last one.
    #[must_use]
    pub fn behind(&self) -> u64 {
        self.offset.saturating_add(self.tokens)
    }
}
