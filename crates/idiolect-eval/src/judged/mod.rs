//! Tasks that a judge scores: MT-bench, and answers that are compared with a baseline's.

mod baseline;
mod judge;
mod judged_scores;
mod mt_bench;
mod mt_questions;
mod mt_scores;
mod pairwise;

pub use baseline::{AnswerPair, Baseline};
pub use judge::judge_all;
pub use judged_scores::JudgedScores;
pub use mt_bench::{Dialogue, MtBench, MtBenchRun};
pub use pairwise::PairwiseJudging;
