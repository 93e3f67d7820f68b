#![doc = include_str!("../README.md")]

mod choices;
mod duel;
mod error;
mod files;
mod held;
mod item;
mod judge;
mod mt_bench;
mod mt_questions;
mod prompts;
mod reading;
mod run;
mod sandbox;
mod summary;
mod task;

pub use duel::{Baseline, Duel, Pair};
pub use error::{BoxError, EvalError};
pub use held::Held;
pub use item::{Ask, Continuation, Draw, Gold, Item, Prompt, sampled};
pub use judge::{Judge, JudgeRequest, Judged, Judgement, judge_all};
pub use mt_bench::{MtBench, Talk};
pub use run::{Answer, Likelihood, Model, Row, Settings, Writing, run};
pub use sandbox::{Ending, Limits, Sandbox};
pub use summary::{Mean, Summary, alpaca_eval_outputs, pass_at, summarize, summarize_programs};
pub use task::Task;
