#![doc = include_str!("../README.md")]

mod close;
#[cfg(feature = "burn")]
mod device;
mod error;
mod golden;
pub mod hub;
mod journal;
#[cfg(feature = "burn")]
mod nudge;
mod pipe;
mod place;
mod processor;
pub mod recorded_scores;
mod skip;

pub use close::{assert_close, max_abs_diff};
#[cfg(feature = "burn")]
pub use device::{bound, device};
pub use error::TestkitError;
pub use golden::Tensors;
pub use journal::without_checksums;
#[cfg(feature = "burn")]
pub use nudge::Nudge;
pub use pipe::pipe;
pub use place::{minilm, shared, shared_file, smollm2_folder, smollm2_gguf, workspace_root};
pub use processor::processor_seconds;
pub use skip::skipped;
