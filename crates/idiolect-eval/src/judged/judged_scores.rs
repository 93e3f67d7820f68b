//! What a judge's texts come to.

use idiolect_data::Id;

use crate::summary::EvalSummary;

/// What came of judging.
#[derive(Debug, Clone, PartialEq)]
pub struct JudgedScores {
    /// Means with their intervals over questions, means of groups, and the scores of each question.
    pub summary: EvalSummary,
    /// How many judgements there are.
    pub judgements: usize,
    /// Ids of those that hold no judgement in the benchmark's form; they are in no mean.
    pub unread: Vec<Id>,
    /// Questions whose answer is empty or blank.
    pub empty: usize,
    /// Mean of each run by itself, where the benchmark is run several times.
    pub runs: Vec<f64>,
}
