//! A server on loopback with a tiny checkpoint, and clients that behave well and badly.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    missing_docs,
    reason = "a test's own files"
)]

mod answers;
mod clients;
mod crowd;
mod logprobs;
mod refusals;
mod running;
