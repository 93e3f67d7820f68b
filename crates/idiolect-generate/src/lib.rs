#![doc = include_str!("../README.md")]

mod choice;
mod draft;
mod error;
mod group;
mod model;
mod request;
mod row;
mod run;
mod sampling;
mod scores;
mod slot;

pub use choice::{Candidate, candidates};
pub use error::{BoxError, GenerateError};
pub use model::{Largest, Logits, NextLogits, Part};
pub use request::{Event, FinishReason, Generated, Request, Settings, Stops};
pub use run::{generate, groups};
pub use sampling::Sampling;
