#![doc = include_str!("../README.md")]

mod error;
mod model;
mod request;
mod row;
mod run;
mod sampling;

pub use error::{BoxError, GenerateError};
pub use model::{Logits, NextLogits};
pub use request::{Event, FinishReason, Generated, Request, Settings, Stops};
pub use run::{batches, generate};
pub use sampling::{Candidate, Sampling, candidates};
