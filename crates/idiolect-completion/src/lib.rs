#![doc = include_str!("../README.md")]

mod progress;
mod request;
mod scorer;
mod writer;

pub use idiolect_generate::FinishReason;
pub use progress::{Progress, Quiet};
pub use request::{Completion, CompletionRequest, Overrides, Prompt};
pub use scorer::{Likelihood, LikelihoodRequest, Scorer};
pub use writer::{BoxError, Writer, WriterFn, WriterIdentity};
