//! How likely a model finds text: batches of rows, the trained tokens of each, and texts that begin alike.

pub mod batch;
mod drawn;
mod head;
mod rows;
mod shared;
mod tokens;

pub use head::{HeadScores, head_nll, head_scores};
pub use rows::{RowScore, token_nll, token_scores};
pub use shared::{ScoredText, TokenCount};
pub(crate) use tokens::score_of;
pub use tokens::{RankedToken, TokenScore};
