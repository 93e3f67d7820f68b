//! How long work is told on standard error: as a bar, as lines, as JSON, or not at all.

mod bar;
mod lines;
mod log;

pub(crate) use bar::Bar;
pub(crate) use log::{Log, LogForm};
