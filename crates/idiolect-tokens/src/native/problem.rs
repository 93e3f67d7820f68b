//! What is wrong with a vendor's file; the reader adds its path.

/// What a file should hold, and what it does.
#[derive(Debug)]
pub(super) struct Problem {
    pub(super) expected: String,
    pub(super) found: String,
}

impl Problem {
    pub(super) fn new(expected: impl Into<String>, found: impl Into<String>) -> Self {
        Self {
            expected: expected.into(),
            found: found.into(),
        }
    }
}
