//! A model measured on a task, from settings to the files of its results.

mod comparison;
mod evaluate;
mod identity;
mod judge;
mod refused;
mod results;
mod settings;
mod shots;
mod suite;
mod task_table;

pub use evaluate::{EvalRun, Evaluation, evaluate};
pub use identity::EvaluatedModel;
pub use judge::{JudgeOpener, JudgeSettings};
pub use settings::EvalSettings;
pub use shots::Shots;
pub use task_table::{TaskScore, TaskTable};
