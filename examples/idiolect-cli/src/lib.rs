//! The parts of the command line `idiolect`: how the crates are wired together.
//!
//! Nothing here computes: models, adapters, losses and metrics are the crates'.

pub mod adapting;
pub mod answering;
pub mod args;
pub mod commands;
mod comparing;
pub mod continuing;
pub mod curves;
pub mod dataset;
pub mod device;
pub mod distilling;
pub mod error;
pub mod fields;
pub mod fleet;
pub mod full;
pub mod halving;
pub mod hub;
pub mod identity;
pub mod job;
pub mod keys;
pub mod lazy;
pub mod logits;
pub mod measuring;
pub mod objective;
pub mod opened;
pub mod outcome;
pub mod planning;
pub mod plots;
pub mod prepared;
pub mod probe;
pub mod progress;
pub mod reach;
pub mod report;
pub mod rewriting;
pub mod rows;
pub mod scoring;
pub mod server;
pub mod settings;
pub mod table;
pub mod teaching;
pub mod tensorboard;
pub mod text;
pub mod training;
pub mod writing_args;
