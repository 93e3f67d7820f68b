//! Every setting of an on-policy self-distillation in one flat file.

use idiolect_completion::{GenerationSettings, SamplingSettings};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::TeachingSettings;
use crate::{FineTuneError, Loss, TrainSettings, Truncation};

/// How answers are drawn where nothing is said: at temperature 1 from the whole distribution.
pub(crate) fn usual_generation() -> GenerationSettings {
    GenerationSettings {
        temperature: 1.0,
        speculate: 0,
        ..GenerationSettings::default()
    }
}

/// Every setting of an on-policy self-distillation; in files the parts are one flat table.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct OnPolicySettings {
    /// The training.
    #[serde(flatten)]
    pub run: TrainSettings,
    /// Teacher, context and divergence.
    #[serde(flatten)]
    pub teaching: TeachingSettings,
    /// How answers are drawn; what is not said is at temperature 1 from the whole distribution.
    #[serde(flatten)]
    pub sampling: SamplingSettings,
    /// The most tokens of an answer, 1 to 16777216. Default 256.
    pub max_new_tokens: usize,
    /// Answers that are drawn together, 1 to 65536. Default 8.
    pub generation_batch_size: usize,
    /// The most tokens that an answer guesses from itself and has verified in one pass of the model, at most 1024; 0, the
    /// default, is off.
    pub speculate: usize,
    /// Compute what prompts begin with in common once for all of them. Default true.
    pub prefix_sharing: bool,
    /// End an answer before any of these. Default none.
    pub stop: Vec<String>,
}

impl Default for OnPolicySettings {
    fn default() -> Self {
        let usual = usual_generation();
        Self {
            run: TrainSettings::default(),
            teaching: TeachingSettings::default(),
            sampling: SamplingSettings::default(),
            max_new_tokens: usual.max_new_tokens,
            generation_batch_size: usual.generation_batch_size,
            speculate: usual.speculate,
            prefix_sharing: usual.prefix_sharing,
            stop: usual.stop,
        }
    }
}

impl OnPolicySettings {
    /// Settings of a training that say nothing where its rows are answers.
    pub const UNUSED: [&'static str; 16] = [
        "full",
        "stored",
        "loss",
        "devices",
        "packing",
        "lazy",
        "truncation",
        "validation_share",
        "eval_data",
        "eval_sample",
        "eval_every",
        "eval_on_start",
        "patience",
        "return_best",
        "add_tokens",
        "modules_to_save",
    ];

    /// How answers are drawn.
    #[must_use]
    pub fn generation(&self) -> GenerationSettings {
        GenerationSettings {
            max_new_tokens: self.max_new_tokens,
            generation_batch_size: self.generation_batch_size,
            speculate: self.speculate,
            prefix_sharing: self.prefix_sharing,
            stop: self.stop.clone(),
            ..self.sampling.over(usual_generation())
        }
    }

    /// Refuses what can be refused without a look at the model or the data.
    ///
    /// # Errors
    ///
    /// Those of the parts; [`FineTuneError::Setting`] for settings of a training that have no meaning where its rows
    /// are answers.
    pub fn check(&self) -> Result<(), FineTuneError> {
        self.run.data.check()?;
        self.run.check()?;
        check_run(&self.run)?;
        self.teaching.check()?;
        let generation = self.generation().check();
        generation.map_err(|error| FineTuneError::Lm(error.into()))
    }

    /// The same settings with those of a run, a method and a generation said in full.
    pub(crate) fn of(
        run: &TrainSettings,
        teaching: &TeachingSettings,
        generation: &GenerationSettings,
    ) -> Self {
        Self {
            run: run.clone(),
            teaching: teaching.clone(),
            sampling: SamplingSettings {
                sampler: None,
                temperature: Some(generation.temperature),
                top_k: Some(generation.top_k),
                top_p: Some(generation.top_p),
                min_p: Some(generation.min_p),
                repetition_penalty: Some(generation.repetition_penalty),
            },
            max_new_tokens: generation.max_new_tokens,
            generation_batch_size: generation.generation_batch_size,
            speculate: generation.speculate,
            prefix_sharing: generation.prefix_sharing,
            stop: generation.stop.clone(),
        }
    }
}

/// Refuses settings of a training that have no meaning where its rows are answers: those of
/// [`OnPolicySettings::UNUSED`] that would have an effect by themselves.
///
/// # Errors
///
/// [`FineTuneError::Setting`] names the first of them.
pub(crate) fn check_run(settings: &TrainSettings) -> Result<(), FineTuneError> {
    let own = &settings.finetune;
    let others = [
        ("full", own.full),
        ("loss", own.loss != Loss::CrossEntropy),
        ("devices", !own.devices.is_empty()),
        ("packing", own.packing),
        ("lazy", own.lazy == Some(true)),
        ("truncation", own.truncation != Truncation::default()),
        ("validation_share", own.validation_share > 0.0),
        ("eval_data", own.eval_data.is_some()),
        ("add_tokens", !own.add_tokens.is_empty()),
        ("modules_to_save", !settings.lora.modules_to_save.is_empty()),
    ];
    match others.iter().find(|(_, given)| *given) {
        Some((name, _)) => {
            let expected = "nothing in an on-policy self-distillation";
            Err(FineTuneError::setting(*name, expected, "a value"))
        }
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use idiolect_data::settings::{Layer, duplicates, resolve, to_toml};

    use super::*;
    use crate::TeacherKind;

    fn parsed(text: &str) -> OnPolicySettings {
        let values = toml::from_str(text).unwrap();
        let name = "test".to_owned();
        resolve(&[Layer { name, values }]).unwrap()
    }

    #[test]
    fn every_key_belongs_to_one_part_and_what_is_written_is_read_back() {
        assert_eq!(duplicates::<OnPolicySettings>(), Vec::<String>::new());
        let given = parsed(
            "model = \"m\"\nteacher = \"ema\"\nsupport = \"student-top-k\"\ntop_p = 0.9\nrank = 4\n",
        );
        assert_eq!(given.teaching.teacher, TeacherKind::Ema);
        assert_eq!(given.run.lora.rank, 4);
        let whole = OnPolicySettings::of(&given.run, &given.teaching, &given.generation());
        let text = to_toml(&whole).unwrap();
        for line in [
            "teacher = \"ema\"",
            "temperature = 1.0",
            "top_p = 0.9",
            "rollouts = 1",
        ] {
            assert!(
                text.lines().any(|own| own == line),
                "{line} is not in:\n{text}"
            );
        }
        assert_eq!(parsed(&text), whole);
        assert_eq!(parsed(&text).generation(), given.generation());
    }

    #[test]
    fn what_is_out_of_range_or_does_not_go_together_is_refused_by_name() {
        let refused = |text: &str| parsed(text).teaching.check().unwrap_err().to_string();
        for (text, told) in [
            (
                "ema_rate = 0.0",
                "ema_rate: expected above 0 and at most 1, found 0",
            ),
            (
                "js_weight = 1.0",
                "js_weight: expected above 0 and below 1, found 1",
            ),
            (
                "loss_temperature = 0.0",
                "loss_temperature: expected above 0",
            ),
            ("importance_clip = 0.0", "importance_clip: expected above 0"),
            (
                "support_top_k = 0",
                "support_top_k: expected at least 1, found 0",
            ),
            (
                "rollouts = 1025",
                "rollouts: expected 1 to 1024, found 1025",
            ),
            (
                "updates_per_batch = 0",
                "updates_per_batch: expected 1 to 1024, found 0",
            ),
            (
                "support = \"sampled\"",
                "divergence: expected reverse-kl beside support sampled, found forward-kl",
            ),
            (
                "teacher_adapter = \"a\"",
                "teacher_adapter: expected nothing without teacher original",
            ),
            ("context = \"sdft\"", "unknown template \"sdft\""),
        ] {
            let error = refused(text);
            assert!(error.starts_with(told), "{error}");
        }
        let run = |text: &str| check_run(&parsed(text).run).unwrap_err().to_string();
        for text in [
            "packing = true",
            "validation_share = 0.5",
            "truncation = \"cut\"",
        ] {
            assert!(
                run(text).contains("nothing in an on-policy self-distillation"),
                "{text}"
            );
        }
        assert!(check_run(&parsed("").run).is_ok() && parsed("").teaching.check().is_ok());
    }

    #[test]
    fn the_loss_has_the_temperature_of_the_draws() {
        let teaching = TeachingSettings::default();
        let of = |temperature| teaching.loss(temperature).temperature;
        assert_eq!(
            [of(0.0), of(0.7)].map(f64::to_bits),
            [1.0, 0.7].map(f64::to_bits)
        );
        let own = parsed("loss_temperature = 2.0\ntemperature = 0.5\n");
        let found = own.teaching.loss(own.generation().temperature).temperature;
        assert!((found - 2.0).abs() < 1e-12);
    }
}
