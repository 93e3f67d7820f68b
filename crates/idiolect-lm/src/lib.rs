#![doc = include_str!("../README.md")]

mod adapters;
pub mod device;
mod dtype;
mod error;
#[cfg(feature = "gguf")]
mod export;
mod generate;
mod hub;
pub mod jobs;
pub mod likelihood;
mod model;
pub mod rows;
mod settings;
mod text;
mod writer;

pub use adapters::{
    CombineSummary, MergeOptions, MergeSummary, ShiftRow, ShiftSummary, Shifts, WeightedAdapter,
    adapter_folder,
};
pub use device::on_threads;
pub use dtype::Dtype;
pub use error::LmError;
#[cfg(feature = "gguf")]
pub use export::{Export, ExportContent, ExportSummary, export};
pub use generate::{DecoderLogits, GenerateRun, MixedPrompt, RowEvent, ScoredRun, WrittenToken};
#[cfg(feature = "hub")]
pub use hub::tell_download;
pub use hub::{check_place, locate};
pub use likelihood::{
    RankedToken, RowScore, ScoredText, TokenCount, TokenScore, batch, token_nll, token_scores,
};
pub use model::{
    AdapterSummary, LanguageModel, LoadedSummary, MaskedRow, MemorySummary, ModelSummary,
};
pub use rows::{GeneratedRow, ModelPrompt, PromptRow, RowAdapter, ScoreRow};
pub use settings::ModelSettings;
pub use writer::LocalWriter;
