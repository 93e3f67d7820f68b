//! Softmax attention in which a group of query heads shares a key head, in both directions.

mod backward;
pub(super) mod cached;
mod few_queries;
mod forward;
mod matrix;
mod softmax;
mod tile;

pub(super) use backward::backward;
pub(super) use forward::{forward, takes_few};
pub(super) use tile::{Attended, Inputs};
