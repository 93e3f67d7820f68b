#![doc = include_str!("../README.md")]

mod choices;
mod error;
mod files;
mod item;
mod prompts;
mod run;
mod sandbox;
mod summary;
mod task;

pub use error::{BoxError, EvalError};
pub use item::{Ask, Continuation, Gold, Item, Prompt};
pub use run::{Answer, Likelihood, Model, Row, Settings, run};
pub use sandbox::{Ending, Limits, Sandbox};
pub use summary::{Mean, Summary, alpaca_eval_outputs, summarize};
pub use task::Task;
