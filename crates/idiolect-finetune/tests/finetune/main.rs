//! Fine-tuning through the public surface, on tiny checkpoints.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "helpers of tests end them"
)]

mod again;
mod by_hand;
mod devices;
mod directory;
mod full;
mod held_out;
mod job;
mod lazy;
mod on_policy;
mod place;
mod refused;
mod resume;
mod resume_settings;
mod stored;
mod words;
