//! What the program and its machine have: names that options take, completions, manual pages, devices.

pub(crate) mod doctor;
pub(crate) mod names;
pub(crate) mod shell;
