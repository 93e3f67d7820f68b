//! The model at work: requests wait in a line, and one thread answers them one after the other.

mod job;
mod queue;
mod tokens;
mod worker;

pub(crate) use job::{Job, Reply};
pub(crate) use queue::{NoPlace, Queue};
pub(crate) use tokens::{TokenLine, TokenText};
pub(crate) use worker::work;
