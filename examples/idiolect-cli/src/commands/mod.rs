//! One file a command.

pub mod combine;
pub mod continuation;
pub mod distill;
pub mod distill_merge;
pub mod evaluate;
pub mod generate;
pub mod inspect;
mod judged;
pub mod merge;
pub mod metrics;
pub mod report;
pub mod score;
pub mod sdft;
mod streaming;
pub mod train;
