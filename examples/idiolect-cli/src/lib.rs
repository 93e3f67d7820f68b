//! The parts of the command line `idiolect`: how the crates are wired together.
//!
//! Nothing here computes: models, adapters, losses and metrics are the crates'.

pub mod adapting;
pub mod answering;
pub mod args;
pub mod commands;
pub mod continuing;
pub mod dataset;
pub mod device;
pub mod error;
pub mod full;
pub mod hub;
pub mod identity;
pub mod job;
pub mod keys;
pub mod logits;
pub mod objective;
pub mod opened;
pub mod outcome;
pub mod planning;
pub mod progress;
pub mod rewriting;
pub mod rows;
pub mod settings;
pub mod text;
pub mod training;
