#![doc = include_str!("../README.md")]

mod asked;
mod check;
mod error;
mod journal;
mod judge;
mod language;
mod merge;
mod progress;
mod record;
mod run;
mod settings;
mod shard;
mod summary;
mod verdict;
mod writer;

pub use check::Check;
pub use error::DistillError;
pub use judge::{BANNED_OPENING, BANNED_PHRASES, judge, verdict};
pub use merge::{Double, MergeReport, merge};
pub use record::{Difference, Identity, Record};
pub use run::{Distilled, answer_unaided, distill, distill_shard};
pub use settings::{Extras, Settings};
pub use shard::Shard;
pub use summary::{Length, Summary};
pub use verdict::{Reason, Verdict};
pub use writer::{BoxError, Completion, RewriteRequest, TextToText};
