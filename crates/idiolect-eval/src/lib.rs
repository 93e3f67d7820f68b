#![doc = include_str!("../README.md")]

mod answer;
mod answers;
mod comparison;
mod error;
mod evaluation;
mod gold;
mod item;
mod judged;
mod model;
mod programs;
mod request_hash;
mod row_scores;
mod run;
mod sources;
mod summary;
mod tasks;
mod template;

pub use answer::{Answer, ItemAnswer};
pub use answers::{AnswerRun, answers};
pub use comparison::{
    AnswerCheck, AnswerSample, ComparedModel, ComparedRows, Comparison, Gain, ModelScores,
    ProjectionShift, compare,
};
pub use error::{EvalError, RowPlace};
pub use evaluation::{
    EvalRun, EvalSettings, EvaluatedModel, Evaluation, JudgeOpener, JudgeSettings, Shots,
    TaskScore, TaskTable, evaluate,
};
pub use gold::Gold;
pub use item::{Draw, GenerateRequest, Item, ItemRequest, sampled};
pub use judged::{
    AnswerPair, Baseline, Dialogue, JudgedScores, MtBench, MtBenchRun, PairwiseJudging, judge_all,
};
pub use model::{EvalModel, TextOnly};
pub use programs::{Ending, Limits, LimitsHeld, ProgramRuns, Sandbox, run_programs};
pub use row_scores::{
    RowScores, ScoreKind, ScoredRow, read_scored_rows, row_scores, score_means, with_ids,
};
pub use run::{AnswerSettings, run};
#[cfg(feature = "hub")]
pub use sources::fetch;
pub use sources::{DATA_FILES, DataFile, HubFile, HubSource, Source};
pub use summary::{EvalSummary, Mean, alpaca_eval_outputs, pass_at, summarize, summarize_programs};
pub use tasks::{
    Benchmark, ChoiceForm, Choices, GenerateForm, ItemForm, Metric, Pairwise, PromptForm,
    RightChoice, Task, WorkedExamples, built_in,
};
