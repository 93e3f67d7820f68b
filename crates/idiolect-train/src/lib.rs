#![doc = include_str!("../README.md")]

mod checkpoint;
mod clip;
mod config;
mod error;
mod folder;
mod guard;
mod head;
mod objective;
mod optimizer;
mod params;
mod pass;
mod plan;
mod report;
mod schedule;
mod trainer;

pub use clip::{clip_by_global_norm, global_norm};
pub use config::{Schedule, TrainConfig};
pub use error::{BoxError, CountMismatch, TrainError};
pub use folder::RunFolder;
pub use head::{CHUNK_ROWS, HeadLoss, head_loss, head_nll};
pub use objective::{LossSum, Measured, Objective, Share};
pub use optimizer::{AdamW, AdamWState};
pub use plan::{Plan, RowSize, Window};
pub use report::{EvaluationRow, Event, StepRow, TimingRow};
pub use schedule::learning_rate;
pub use trainer::{Trained, Trainer};
