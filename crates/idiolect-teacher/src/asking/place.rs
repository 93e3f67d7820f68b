//! What is asked for, and what is said when it does not come.

use std::time::Duration;

use serde_json::Value;

use super::tries::Tries;
use crate::error::TeacherError;
use crate::failure::FailureKind;

/// What is asked for, for the words of errors.
pub(super) struct Place<'a> {
    pub(super) url: String,
    pub(super) id: &'a Value,
    pub(super) expected: &'static str,
}

impl Place<'_> {
    /// How long to wait before another attempt, or why there will be none.
    pub(super) fn pause(
        &self,
        failure: FailureKind,
        tries: &mut Tries<'_>,
    ) -> Result<Duration, TeacherError> {
        let gave_up = |attempts, found| TeacherError::GaveUp {
            url: self.url.clone(),
            id: self.id.clone(),
            attempts,
            expected: self.expected,
            found,
        };
        match failure {
            FailureKind::Again(passing) => tries
                .after(passing)
                .map_err(|found| gave_up(tries.attempts, found)),
            FailureKind::Unusable { found } => Err(gave_up(tries.attempts + 1, found)),
            FailureKind::OtherLimitField { status, message }
            | FailureKind::Final { status, message } => Err(TeacherError::Status {
                url: self.url.clone(),
                id: self.id.clone(),
                status,
                message,
            }),
        }
    }
}
