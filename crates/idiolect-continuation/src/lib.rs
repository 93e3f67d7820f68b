#![doc = include_str!("../README.md")]

mod config;
mod corpus;
mod error;
mod export;
mod filter;
mod halve;
mod judge;
mod preset;
mod reader;
mod record;
mod run;
mod sample;
mod settings;
mod summary;
mod texts;

pub use config::{ContinuationConfig, PAPER_SYSTEM, RowForm, Shown, Target};
pub use corpus::{Corpus, CorpusKind, Document};
pub use error::ContinuationError;
pub use filter::{Filters, TextReason, TextVerdict, starts_with_capital};
pub use halve::{Halves, halve};
pub use judge::{JudgeAnswer, JudgeQuestion};
pub use preset::{PRESETS, preset, preset_layer};
pub use reader::DOCUMENT_BYTES;
pub use record::ContinuationRecord;
pub use run::{ContinuationWriters, Continued, continue_corpus};
pub use sample::Reservoir;
pub use settings::{ContinuationSettings, ShownAs};
pub use summary::{ContinuationSummary, CorpusCounts, JudgeCounts};
