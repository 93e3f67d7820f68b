#![doc = include_str!("../README.md")]

mod check;
mod config;
mod error;
mod extras;
mod files;
mod journal;
mod judge;
mod merge;
mod prompt;
mod record;
mod report;
mod run;
mod settings;
mod shard;
mod verdict;

pub use check::{Check, RewriteCheck};
pub use config::DistillConfig;
pub use error::DistillError;
pub use extras::Extras;
pub use files::DistillFiles;
pub use judge::{BANNED_OPENING, BANNED_PHRASES, judge, verdict};
pub use merge::{DuplicateRow, MergedShards, join_shards, merge_into};
pub use prompt::RewritePrompt;
pub use record::RewriteRecord;
pub use report::side_by_side::{Change, SideBySide};
pub use report::summary::{DistillSummary, LogprobSum, ResponseLength};
pub use report::{DistillReport, ResponseNll, ResponseNlls};
pub use run::{Distilled, answer_unaided, distill, distill_into, distill_shard};
pub use settings::DistillSettings;
pub use shard::Shard;
pub use verdict::{Reason, Verdict};
