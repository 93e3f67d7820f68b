//! The distributions beside the journals of several machines, which are brought together as their texts are.

use std::path::{Path, PathBuf};

use idiolect_completion::{LogprobFile, LogprobReader};
use idiolect_data::RunDir;

use crate::config::DistillConfig;
use crate::error::DistillError;
use crate::record::RewriteRecord;

/// The distributions beside the journals, which are brought together too.
pub(super) struct Distributions {
    from: Vec<Option<LogprobReader>>,
    to: Option<LogprobFile>,
}

impl Distributions {
    pub(super) fn new(
        config: &DistillConfig,
        journals: &[PathBuf],
        joined: &Path,
    ) -> Result<Self, DistillError> {
        let Some(head) = config.logprobs.clone() else {
            return Ok(Self {
                from: Vec::new(),
                to: None,
            });
        };
        // A part of which no text was written yet has none.
        let open = |journal: &PathBuf| {
            let path = RunDir::logprobs_beside(journal);
            path.exists()
                .then(|| LogprobReader::open(&path))
                .transpose()
        };
        Ok(Self {
            from: journals.iter().map(open).collect::<Result<_, _>>()?,
            // What an attempt that was killed left has no journal.
            to: Some(LogprobFile::open(
                &RunDir::logprobs_beside(joined),
                head,
                0,
            )?),
        })
    }

    /// The row of journal number `at`, its distributions copied.
    pub(super) fn joined(
        &mut self,
        at: usize,
        mut record: RewriteRecord,
    ) -> Result<RewriteRecord, DistillError> {
        let (Some(stored), Some(to)) = (&record.logprobs, &mut self.to) else {
            return Ok(record);
        };
        let Some(from) = self.from.get(at).and_then(Option::as_ref) else {
            return Err(DistillError::Setting {
                setting: "from",
                expected: "journal/logprobs*.bin beside each journal".to_owned(),
                found: format!("none for id {}", record.id),
            });
        };
        record.logprobs = Some(from.copy(&record.id, stored, to)?);
        Ok(record)
    }
}
