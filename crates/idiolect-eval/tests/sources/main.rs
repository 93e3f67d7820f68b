//! The table of files: against the tasks, against the page, and against the rows that the Hub has in their place.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "helpers of tests end them"
)]

mod columns;
mod layouts;
mod table;
