//! Progress of long work, told to the caller. Libraries print nothing themselves.

/// Hears how far long work is. Every method does nothing unless it is written.
pub trait Progress: Sync {
    /// A stage of `total` units begins, called `stage`; 0 where the number is not known.
    fn begin(&self, stage: &str, total: usize) {
        let _ = (stage, total);
    }

    /// So many units more are done.
    fn advance(&self, units: usize) {
        let _ = units;
    }

    /// The stage is over.
    fn end(&self) {}

    /// One line that a user should read, whether or not a stage is under way.
    fn note(&self, line: &str) {
        let _ = line;
    }
}

/// Hears nothing.
#[derive(Debug, Clone, Copy, Default)]
pub struct Quiet;

impl Progress for Quiet {}
