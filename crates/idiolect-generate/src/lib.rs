#![doc = include_str!("../README.md")]

mod draft;
mod error;
mod model;
mod request;
mod row;
mod run;
mod sampling;
mod scores;
mod slot;

pub use error::{BoxError, GenerateError};
pub use model::{Largest, Logits, NextLogits, Part};
pub use request::{Event, FinishReason, Generated, Request, Settings, Stops};
pub use run::{generate, groups};
pub use sampling::{Candidate, Sampling, candidates};
