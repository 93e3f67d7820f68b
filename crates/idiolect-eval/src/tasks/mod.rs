//! Tasks: values of the user's own, written as a struct or in a TOML file, and those that come with the crate.

mod built_in;
mod choices;
mod files;
mod form;
mod generated;
mod named;
mod reading;
mod task;
mod truthfulqa;

pub use built_in::built_in;
pub(crate) use files::{TaskRow, rows};
pub use form::{
    Benchmark, ChoiceForm, Choices, GenerateForm, ItemForm, Metric, Pairwise, PromptForm,
    RightChoice,
};
pub(crate) use generated::MT_BENCH_TOKENS;
pub use task::{Task, WorkedExamples};
