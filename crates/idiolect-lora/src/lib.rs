#![doc = include_str!("../README.md")]

mod adapter;
mod combine;
mod config;
mod error;
mod factors;
#[cfg(feature = "gguf")]
mod gguf;
mod gradient;
mod init;
mod merge;
mod paths;
mod peft;
mod places;
mod shift;
mod targets;
mod whole;

pub use adapter::LoraAdapter;
pub use combine::{ScaledAdapter, Stack, combine};
pub use config::{Init, LoraConfig, Scaling};
pub use error::LoraError;
pub use factors::Factors;
#[cfg(feature = "gguf")]
pub use gguf::{check_gguf, gguf_adapter};
pub use gradient::{AdapterBatch, Checkpointing, HeadGradient, adapter_gradients};
pub use merge::{MergeReport, Unmerged, dense_update, merge, merge_checked};
pub use peft::{BaseModel, load_adapter, load_without_model, read_adapter_config, save_adapter};
pub use shift::{SiteShift, WeightShift, adapter_shift, total_shift, weight_shifts};
pub use targets::Targets;
pub use whole::{Norm, WholeModules};
