#![doc = include_str!("../README.md")]

mod config;
mod error;
mod folder;
mod guard;
mod head;
mod optimizer;
mod params;
mod pass;
mod plan;
mod rate;
mod replica;
mod report;
mod schedule;
mod seam;
mod trainer;

pub use config::{BatchSize, RateRatio, TrainConfig};
pub use error::{BoxError, CountMismatch, TrainError};
pub use folder::RunFolder;
pub use guard::BestEvaluation;
pub use head::{
    Divergence, HeadLoss, Likeliest, StoredTeacher, Support, TaughtHead, TaughtToken, TeacherHead,
    TeacherLoss, TeacherRowLoss, TeacherRows, head_divergence, head_loss, stored_head_loss,
    teacher_head_loss, teacher_row_loss, trained_head_loss,
};
pub use idiolect_kernels::{CHUNK_ROWS, chunk_rows, chunk_rows_for};
pub use optimizer::{AdamW, AdamWState, clip_by_global_norm, global_norm};
pub use params::scale_gradients;
pub use plan::{Plan, RowSize, Window};
pub use rate::learning_rate;
pub use replica::Replica;
pub use report::{EvaluationRow, StepRow, TimingRow, TrainerEvent};
pub use schedule::Schedule;
pub use seam::{Evaluated, LossSum, Objective, Rows, StepContext, StepLoss, StepRows, StepStart};
pub use trainer::{Trained, Trainer};
