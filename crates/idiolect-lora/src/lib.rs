#![doc = include_str!("../README.md")]

mod adapter;
mod combine;
mod config;
mod error;
mod factors;
mod gradient;
mod init;
mod merge;
mod paths;
mod patterns;
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
pub use gradient::{AdapterBatch, Checkpointing, HeadGradient, adapter_gradients};
pub use merge::{MergeReport, dense_update, merge, merge_checked};
pub use peft::{BaseModel, load_adapter, read_adapter_config, save_adapter};
pub use shift::{SiteShift, WeightShift, adapter_shift, total_shift, weight_shifts};
pub use targets::Targets;
pub use whole::{Norm, WholeModules};
