//! Several models compared on the same rows: the base model and those that were trained from it.

mod compare;
mod table;
mod types;

pub use compare::{AnswerCheck, ComparedModel, ComparedRows, compare};
pub use types::{AnswerSample, Comparison, Gain, ModelScores, ProjectionShift};
