//! Scores of rows that hold answers and labels already, and their means.

mod kinds;
mod means;
mod record;

pub use kinds::{RowScores, ScoreKind, row_scores, with_ids};
pub use means::score_means;
pub use record::{ScoredRow, read_scored_rows};
