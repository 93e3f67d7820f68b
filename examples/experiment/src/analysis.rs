//! The tests of the design: the primary endpoint, and six others whose p-values are corrected together; and those of
//! the arm that was added later, corrected among themselves.
//!
//! All of them pair the items of two arms at the same seeds. Intervals resample items and seeds; p-values are those of
//! the paired permutation test over items, with the seeds averaged, and the secondary ones are corrected by the step-down
//! method of S. Holm (1979).

mod added;
mod draws;
mod tests_of;

pub(crate) use added::{added, divergence};
pub(crate) use draws::Items;
pub(crate) use tests_of::{AT_EQUAL_LEARNING, Finding, items, primary, secondary};

#[cfg(test)]
mod tests;
