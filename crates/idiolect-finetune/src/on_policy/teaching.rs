//! Settings of the method: teacher, context and divergence.

use std::path::{Path, PathBuf};

use idiolect_prompt::ContextTemplate;
use idiolect_train::{Divergence, Likeliest, Support, TeacherLoss};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::GroupSettings;
use super::choices::{AveragedOver, DivergenceKind, SupportKind, TeacherKind};
use crate::FineTuneError;

/// Teacher, context and divergence; flat keys of a configuration file.
///
/// Defaults are those of arXiv 2601.19897, but for the teacher: without a moving average, the model itself.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct TeachingSettings {
    /// Who teaches: `off`, the model without its adapter; `live`, the student as it is; `ema`, a moving average of it;
    /// or `original`, the student before the first of several rounds. Default `off`.
    pub teacher: TeacherKind,
    /// How far the teacher `ema` moves towards the student after each step, above 0 and at most 1. Default 0.01.
    pub ema_rate: f64,
    /// The adapter of the teacher `original`. Default: the one that the run starts with.
    pub teacher_adapter: Option<PathBuf>,
    /// What the teacher is shown beside the question: `sdft-2601`, `opsd-2601`, `opcd-2602`, or a template of your own
    /// in a .toml file. Default `sdft-2601`.
    pub context: String,
    /// What is minimised at each token: `forward-kl`, the teacher's divergence from the student, `reverse-kl`, the
    /// student's from the teacher, or `js`. Default `forward-kl`.
    pub divergence: DivergenceKind,
    /// The teacher's share of the mixture of `js`, above 0 and below 1. Default 0.5.
    pub js_weight: f64,
    /// Over which tokens of the vocabulary: `full`, `student-top-k`, `teacher-top-k`, or `sampled`, which needs
    /// `reverse-kl`. Default `full`.
    pub support: SupportKind,
    /// How many tokens the likeliest are, at least 1. Default 100.
    pub support_top_k: usize,
    /// Whether the rest of the vocabulary counts as one more token beside the likeliest. Default false.
    pub support_tail: bool,
    /// First tokens of each answer that are not trained. Default 3.
    pub skip_tokens: usize,
    /// Divides the logits of student and teacher in the loss, above 0 and at most 1000. Default: the temperature of the
    /// draws, and 1 where that is 0.
    pub loss_temperature: Option<f64>,
    /// Answers to each prompt, 1 to 1024. Default 1.
    pub rollouts: usize,
    /// Optimiser steps on each batch of answers, 1 to 1024. Default 1.
    pub updates_per_batch: usize,
    /// The largest weight of a token that an older student drew, above 0 and at most 1000000; it acts from the second
    /// step on the same answers on. Default 2.
    pub importance_clip: f64,
    /// What has equal weight in a step: `answers` or `tokens`. Default `answers`.
    pub averaged_over: AveragedOver,
    /// Answers that are judged, in groups of `rollouts`.
    #[serde(flatten)]
    pub groups: GroupSettings,
}

impl Default for TeachingSettings {
    fn default() -> Self {
        Self {
            teacher: TeacherKind::default(),
            ema_rate: 0.01,
            teacher_adapter: None,
            context: "sdft-2601".to_owned(),
            divergence: DivergenceKind::default(),
            js_weight: 0.5,
            support: SupportKind::default(),
            support_top_k: 100,
            support_tail: false,
            skip_tokens: 3,
            loss_temperature: None,
            rollouts: 1,
            updates_per_batch: 1,
            importance_clip: 2.0,
            averaged_over: AveragedOver::default(),
            groups: GroupSettings::default(),
        }
    }
}

impl TeachingSettings {
    /// Refuses numbers out of range and settings that do not go together.
    ///
    /// # Errors
    ///
    /// [`FineTuneError::Setting`] names the first of them.
    pub fn check(&self) -> Result<(), FineTuneError> {
        let to_1000 = "above 0 and at most 1000";
        let temperature = self.loss_temperature.unwrap_or(1.0);
        let most = |value: f64, most: f64| 0.0 < value && value <= most;
        let numbers = [
            (
                "ema_rate",
                self.ema_rate,
                most(self.ema_rate, 1.0),
                "above 0 and at most 1",
            ),
            (
                "js_weight",
                self.js_weight,
                0.0 < self.js_weight && self.js_weight < 1.0,
                "above 0 and below 1",
            ),
            (
                "loss_temperature",
                temperature,
                most(temperature, 1000.0),
                to_1000,
            ),
            (
                "importance_clip",
                self.importance_clip,
                most(self.importance_clip, 1e6),
                "above 0 and at most 1000000",
            ),
        ];
        if let Some((name, value, _, expected)) = numbers.iter().find(|(.., holds, _)| !holds) {
            return Err(FineTuneError::setting(*name, *expected, value));
        }
        let counts = [
            ("support_top_k", self.support_top_k, usize::MAX),
            ("rollouts", self.rollouts, 1024),
            ("updates_per_batch", self.updates_per_batch, 1024),
        ];
        let wrong = counts
            .iter()
            .find(|(_, count, most)| !(1..=*most).contains(count));
        if let Some((name, count, most)) = wrong {
            let expected = match *most {
                usize::MAX => "at least 1".to_owned(),
                most => format!("1 to {most}"),
            };
            return Err(FineTuneError::setting(*name, expected, count));
        }
        self.groups.check(self.rollouts)?;
        self.check_together()
    }

    fn check_together(&self) -> Result<(), FineTuneError> {
        let reverse = self.divergence == DivergenceKind::ReverseKl;
        if self.support == SupportKind::Sampled && !reverse {
            let expected = "reverse-kl beside support sampled";
            return Err(FineTuneError::setting(
                "divergence",
                expected,
                self.divergence,
            ));
        }
        match &self.teacher_adapter {
            Some(folder) if self.teacher != TeacherKind::Original => {
                let expected = "nothing without teacher original";
                let found = folder.display();
                Err(FineTuneError::setting("teacher_adapter", expected, found))
            }
            _ => self.template().map(drop),
        }
    }

    /// The context by its name or from its file.
    ///
    /// # Errors
    ///
    /// [`FineTuneError::Lm`] for a name that is none, and a file that is no template.
    pub fn template(&self) -> Result<ContextTemplate, FineTuneError> {
        let path = Path::new(&self.context);
        let is_file = path.extension().is_some_and(|ending| ending == "toml");
        let found = if is_file {
            ContextTemplate::from_file(path)
        } else {
            ContextTemplate::by_name(&self.context)
        };
        found.map_err(|error| FineTuneError::Lm(error.into()))
    }

    /// The loss at each token, for answers drawn at this temperature.
    #[must_use]
    pub fn loss(&self, temperature: f64) -> TeacherLoss {
        let part = Likeliest {
            count: self.support_top_k,
            tail: self.support_tail,
        };
        let drawn = if temperature > 0.0 { temperature } else { 1.0 };
        TeacherLoss {
            divergence: match self.divergence {
                DivergenceKind::ForwardKl => Divergence::Forward,
                DivergenceKind::ReverseKl => Divergence::Reverse,
                DivergenceKind::Js => Divergence::JensenShannon {
                    weight: self.js_weight,
                },
            },
            support: match self.support {
                SupportKind::Full => Support::Full,
                SupportKind::StudentTopK => Support::Student(part),
                SupportKind::TeacherTopK => Support::Teacher(part),
                SupportKind::Sampled => Support::Sampled,
            },
            temperature: self.loss_temperature.unwrap_or(drawn),
            clip: self.importance_clip,
        }
    }
}
