//! What a self-distillation gives: the data set, its numbers, and how likely the model finds both.

use idiolect_completion::Progress;
use idiolect_data::Dataset;
use idiolect_distill::{DistillFiles, DistillReport, DistillSummary, ResponseNlls};
use idiolect_lm::LanguageModel;
use serde_json::Value;

use super::rows::response_nlls;
use crate::Error;

/// What a self-distillation gives.
#[derive(Debug, Clone)]
pub struct Rewritten {
    /// The data set with the rewrites that were kept.
    pub data: Dataset,
    /// The numbers.
    pub summary: DistillSummary,
    /// The files in the run directory.
    pub(super) files: DistillFiles,
    /// Whether the model answered without a reference.
    pub(super) is_unaided: bool,
    pub(super) spent: Option<Value>,
}

impl Rewritten {
    /// Scores the responses of the rows that are left, as they were and as they are, and writes both into the
    /// summary.
    pub(super) fn score(
        &self,
        model: &LanguageModel,
        set: &Dataset,
        progress: &dyn Progress,
    ) -> Result<DistillReport, Error> {
        let before = (!self.is_unaided).then_some(set.rows.as_slice());
        self.write_nll(response_nlls(model, before, &self.data.rows, progress)?)
    }

    pub(crate) fn write_nll(&self, nlls: ResponseNlls) -> Result<DistillReport, Error> {
        let report = self.report(Some(nlls));
        report.write(&self.files.summary())?;
        Ok(report)
    }

    pub(super) fn report(&self, target_nll: Option<ResponseNlls>) -> DistillReport {
        DistillReport {
            target_nll,
            spent: self.spent.clone(),
            ..DistillReport::new(&self.summary)
        }
    }
}
