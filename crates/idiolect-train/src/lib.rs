#![doc = include_str!("../README.md")]

mod best;
mod checkpoint;
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

pub use best::Best;
pub use config::{RateRatio, Schedule, TrainConfig};
pub use error::{BoxError, CountMismatch, TrainError};
pub use folder::RunFolder;
pub use head::{
    CHUNK_ROWS, Divergence, HeadLoss, HeadScores, head_divergence, head_loss, head_nll, head_scores,
};
pub use objective::{Evaluated, LossSum, Measured, Objective, Share};
pub use optimizer::{AdamW, AdamWState, clip_by_global_norm, global_norm};
pub use plan::{Plan, RowSize, Window};
pub use report::{EvaluationRow, Event, StepRow, TimingRow};
pub use schedule::learning_rate;
pub use trainer::{Trained, Trainer};
