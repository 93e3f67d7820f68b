//! Settings files: what they refuse and how, and that resolved settings come back as they were.
#![allow(clippy::unwrap_used, reason = "a test's own files")]

mod command;
mod refused;
mod resolved;
