//! A teacher against a server that is slow, cuts off, refuses, talks nonsense, and then is fine.
#![allow(clippy::unwrap_used, reason = "a test's own server")]

mod addresses;
mod asking;
mod bounds;
#[path = "../common/mod.rs"]
mod common;
mod fields;
mod given;
mod limits;
mod money;
mod reasoning;
mod tries;
mod waiting;
mod writer;
