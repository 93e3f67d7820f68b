#![doc = include_str!("../README.md")]

mod adapter;
mod config;
mod error;
mod gradient;
mod merge;
mod peft;
mod shift;

pub use adapter::{Factors, LoraAdapter};
pub use config::{LoraConfig, Scaling, Targets};
pub use error::LoraError;
pub use gradient::{Positions, Tape, adapter_gradients};
pub use merge::{MergeReport, dense_update, merge, merge_checked};
pub use peft::{load, read_config, save};
pub use shift::{SiteShift, shift, total};
