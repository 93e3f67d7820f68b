//! Whether the numbers of a job are in their ranges, asked before anything is opened, computed or written.

use std::ops::RangeInclusive;

use idiolect_data::settings::require;
use idiolect_distill::DistillSettings;
use idiolect_finetune::{Loss, TrainSettings};

use crate::Error;
use crate::settings::{DistillJob, FORGETTING, SdftSettings};

/// Likeliest tokens that may be recorded at each token.
const LOGPROBS: RangeInclusive<usize> = 1..=1000;

impl DistillJob {
    /// Refuses a job in which two of the settings that it needs have no value.
    pub(crate) fn require(&self) -> Result<(), Error> {
        Ok(require(&[
            ("model", !self.model.model.is_empty()),
            ("data", !self.data.data.is_empty()),
            ("out", self.out.is_some()),
        ])?)
    }

    /// Refuses numbers out of range; looks at no file.
    ///
    /// # Errors
    ///
    /// The error of the part at fault, which names the first by its key.
    pub fn check(&self) -> Result<(), Error> {
        self.data.check()?;
        self.distill.validate()?;
        if let Some(count) = self.logprobs.filter(|count| !LOGPROBS.contains(count)) {
            return Err(Error::setting("logprobs", "1 to 1000", count));
        }
        if self.keep_responses {
            self.check_kept()?;
        }
        if self.server.is_some() && self.adapter.is_some() {
            let expected = "none beside a server, which has its own";
            return Err(Error::setting("adapter", expected, "an adapter"));
        }
        self.asking.check()?;
        Ok(self
            .generation
            .check()
            .map_err(idiolect_lm::LmError::from)?)
    }

    /// Refuses what would say how responses are rewritten where none is.
    fn check_kept(&self) -> Result<(), Error> {
        let (own, usual) = (&self.distill, DistillSettings::default());
        let unused = [
            ("preset", own.preset != usual.preset),
            ("check", own.check != usual.check),
            ("verdicts", own.verdicts != usual.verdicts),
            ("least_percent", own.least_percent != usual.least_percent),
            ("reasoning", own.reasoning != usual.reasoning),
        ];
        if let Some((name, _)) = unused.iter().find(|(_, is_set)| *is_set) {
            let expected = "no value beside keep_responses, which rewrites nothing";
            return Err(Error::setting(name, expected, "one"));
        }
        if self.logprobs.is_none() {
            let expected = "1 to 1000 with keep_responses, which records so many tokens at each";
            return Err(Error::setting("logprobs", expected, "nothing"));
        }
        Ok(())
    }
}

impl SdftSettings {
    /// Refuses numbers out of range, those of the trainings too, before the first stage begins.
    ///
    /// # Errors
    ///
    /// As [`DistillJob::check`].
    pub fn check(&self) -> Result<(), Error> {
        self.distillation().check()?;
        if self.finetune.loss == Loss::StoredKl {
            // One of the two trainings is on the original responses, of which no teacher wrote any.
            return Err(Error::setting(
                "loss",
                "ce in the whole job",
                Loss::StoredKl,
            ));
        }
        let training = TrainSettings {
            model: self.model.clone(),
            data: self.data.clone(),
            lora: self.lora.clone(),
            train: self.train.clone(),
            finetune: self.finetune.clone(),
            forgetting: self.forgetting.with_default(FORGETTING),
            out: self.out.clone(),
        };
        Ok(training.check()?)
    }
}
