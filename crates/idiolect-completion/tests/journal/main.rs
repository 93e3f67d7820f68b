//! The journal from outside: what it refuses, how a run resumes, and that rows of earlier versions are read.
#![allow(clippy::unwrap_used, reason = "a test's own files")]

mod counter;
mod logprobs;
mod refused;
mod resumed;
