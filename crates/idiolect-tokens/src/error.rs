//! What can go wrong between segments and token ids.

use std::path::PathBuf;

use idiolect_input::{counted, shown};
use serde_json::Value;

/// The source of an error of the tokenizer library.
pub(crate) type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// Why a tokenizer could not be loaded, or text not become tokens.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TokensError {
    /// A tokenizer file could not be read.
    #[error("cannot read {}: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        source: std::io::Error,
    },
    /// The content of a tokenizer file is not valid.
    #[error("{what} is not usable: {source}")]
    Load {
        /// The file, or the part of a GGUF vocabulary.
        what: String,
        /// The reason.
        source: BoxError,
    },
    /// A vendor's own tokenizer file is of another kind, or contradicts itself.
    #[error("{}: expected {expected}, found {found}", path.display())]
    Native {
        /// The file.
        path: PathBuf,
        /// What it should hold.
        expected: String,
        /// What it holds.
        found: String,
    },
    /// A folder has no tokenizer in a form that is read.
    #[error(
        "{}: no tokenizer: expected tokenizer.json, tekken.json or tokenizer.model; for another one, open it in \
         transformers (AutoTokenizer) and save it (save_pretrained)",
        folder.display()
    )]
    NoTokenizer {
        /// The folder.
        folder: PathBuf,
    },
    /// A GGUF vocabulary contradicts itself, or needs a kind of tokenizer that is not known.
    #[error("GGUF vocabulary: {what} is {found}, expected {expected}")]
    Vocabulary {
        /// The metadata key.
        what: &'static str,
        /// What it should be.
        expected: String,
        /// What it is.
        found: String,
    },
    /// The vocabulary has no special token that is needed.
    #[error("the vocabulary has no token {token:?}, needed as {role}")]
    UnknownToken {
        /// Its spelling.
        token: String,
        /// What it is needed for.
        role: &'static str,
    },
    /// A word cannot become a token of the vocabulary.
    #[error("new token {token:?}: expected {expected}")]
    NewToken {
        /// Its spelling.
        token: String,
        /// What can be added.
        expected: &'static str,
    },
    /// Text could not be encoded or ids not decoded.
    #[error("the tokenizer failed: {source}")]
    Codec {
        /// The library's reason.
        source: BoxError,
    },
    /// Text begins with two beginning-of-text tokens: one of the template and one of the tokenizer.
    #[error("text begins with {token:?} twice")]
    DoubleBos {
        /// The token's spelling.
        token: String,
    },
    /// The tokenizer has ids that the embedding has no row for.
    #[error(
        "tokenizer larger than the embedding: token {:?} has id {highest_id}, {rows} rows",
        shown(token, 60)
    )]
    Embedding {
        /// The spelling of the token with the highest id.
        token: String,
        /// The highest id that the tokenizer can give.
        highest_id: u32,
        /// Rows of the embedding.
        rows: usize,
    },
    /// A row cannot be trained.
    #[error("row {id}: {problem}")]
    Row {
        /// The row's id.
        id: Value,
        /// Why not.
        problem: RowProblem,
    },
}

/// What is wrong with one row.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RowProblem {
    /// Nothing in it is trained.
    #[error("no trained token")]
    NoTrainedToken,
    /// A response does not end with an end-of-turn token, so the model would never learn to stop.
    #[error("a response ends with token {token} ({text:?}), expected an end-of-turn token")]
    NoEndOfTurn {
        /// The last trained token.
        token: u32,
        /// Its text.
        text: String,
    },
    /// It is longer than allowed.
    #[error("{}, more than {max_length}", counted(*length, "token", "tokens"))]
    TooLong {
        /// Tokens of the row.
        length: usize,
        /// Tokens allowed.
        max_length: usize,
    },
    /// An id or label is outside the embedding.
    #[error("token {token} at position {position} is outside the {rows} rows of the embedding")]
    TokenOutOfRange {
        /// Position, from 0.
        position: usize,
        /// The id or label.
        token: i64,
        /// Rows of the embedding.
        rows: usize,
    },
    /// There are not as many labels as ids.
    #[error("{}, expected {expected}", counted(*found, "label", "labels"))]
    LabelCount {
        /// Number of ids.
        expected: usize,
        /// Number of labels.
        found: usize,
    },
}
