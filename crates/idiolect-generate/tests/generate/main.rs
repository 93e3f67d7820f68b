//! Generation through its public surface, over a model whose logits are a function of each row's tokens.

#![allow(
    clippy::unwrap_used,
    reason = "a test that fails may panic, in its helpers too"
)]

mod batches;
mod events;
mod fake;
mod guesses;
mod refusals;
mod rows;
mod samplers;
mod stops;
