//! Every class that is read, on tiny checkpoints that transformers made and saved: `tests/golden/classes.py` made them
//! and the values, which are those of transformers and PEFT.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "helpers of tests end them"
)]

mod case;
mod files;
mod forward;
mod generation;
mod likelihoods;
mod native;
mod python;
#[path = "../peft_training/recorded.rs"]
mod recorded;
mod training;
mod written;
