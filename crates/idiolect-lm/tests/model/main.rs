//! A language model on the tiny checkpoints: opened, asked, scored, with adapters and words, as a writer.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "helpers of tests end them"
)]

mod adapters;
mod answers;
mod files;
mod likelihoods;
mod opened;
mod padding;
mod reasoning;
mod row_files;
mod scored;
mod scores;
mod templates;
mod text_likelihoods;
mod tiny;
mod words;
mod writers;
