//! Tests of the loop through its public surface, on a model of two small matrices.

// Clippy's leave for tests to unwrap does not reach their helpers.
#![allow(clippy::unwrap_used)]

mod accumulation;
mod checkpoints;
mod evaluation;
mod golden;
mod guards;
mod head;
mod in_folder;
mod mixed;
mod optimizer;
mod refused;
mod replicas;
mod resume;
mod rows;
mod schedule;
mod tiny;
