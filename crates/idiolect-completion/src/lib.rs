#![doc = include_str!("../README.md")]

mod address;
mod cost;
mod error;
mod given;
mod journal;
mod logprobs;
mod progress;
mod prompt;
mod provenance;
mod reasoning;
mod request;
mod scorer;
mod watched;
mod writer;

pub use address::WriterAddress;
pub use cost::{earlier_costs, sum_costs};
pub use error::CompletionError;
pub use given::GivenResponse;
pub use idiolect_generate::{
    FinishReason, GenerateError, GenerationSettings, Sampler, Sampling, SamplingSettings,
};
pub use journal::{AnswerRow, CompletionJournal, HashOf, JournalRun, SeedOf};
pub use logprobs::{
    LogprobFile, LogprobHead, LogprobReader, LogprobTail, Logprobs, StoredLogprobs, TokenLogprob,
};
pub use progress::{Progress, Quiet};
pub use prompt::Prompt;
pub use provenance::{Difference, JournalRow, Made, Provenance};
pub use reasoning::{
    Reasoning, Replies, ReplyCounter, opens_reasoning, taken_out, with_reasoning, without_reasoning,
};
pub use request::{Completion, CompletionRequest, Overrides};
pub use scorer::{Likelihood, LikelihoodRequest, Scorer};
pub use watched::Watched;
pub use writer::{BoxError, Writer, WriterFn, WriterIdentity};
