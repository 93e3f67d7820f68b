#![doc = include_str!("../README.md")]

mod choice;
mod config;
mod draft;
mod error;
mod finish;
mod group;
mod model;
mod prompt;
mod request;
mod row;
mod run;
mod sampling;
mod scores;
mod settings;
mod slot;

pub use choice::{Candidate, candidates};
pub use config::GenerationConfig;
pub use error::{BoxError, GenerateError};
pub use finish::FinishReason;
pub use model::{Decisive, Largest, Logits, NextLogits, RowPart};
pub use prompt::{PromptLimits, PromptProblem};
pub use request::{Generated, GenerationEvent, Request, Stops};
pub use run::{generate, groups};
pub use sampling::Sampling;
pub use settings::{GenerationSettings, Sampler, SamplingSettings};
