//! What a user sets about a distillation, in a file or on the command line.

use idiolect_completion::Reasoning;
use idiolect_prompt::{DistillTemplate, PromptError, Template};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::check::Check;
use crate::config::{DistillConfig, check_mix_ratio};
use crate::error::DistillError;
use crate::extras::Extras;

/// How answers are rewritten; flat keys of a configuration file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct DistillSettings {
    /// Distillation template: `using` (the default), `refer` or `gsm8k` in the checkpoint's chat template, or a
    /// preset of the paper's scripts, for example `sdft-2402/main/using`; `unaided` shows no reference, and
    /// drops rows without an answer.
    pub preset: String,
    /// What a rewrite must pass: text (the default), math, call, call-half or code.
    pub check: Check,
    /// Share of the responses that may be replaced, 0 to 1; default 1.
    pub mix_ratio: f64,
    /// What is refused beside that: `unfinished`, `empty`, `echo` (of the template's markup), `short`, `language`
    /// (another than the original's), or `none` alone. Default in a chat template: `unfinished`, `empty` and
    /// `echo`; in a preset of the paper's scripts: none. In a chat template `echo` also ends a rewrite at `###`, which
    /// strong models write as a heading or a comment of their own.
    pub verdicts: Vec<String>,
    /// Fewest words, in per cent of the original's, for the verdict `short`, at most 10000; default 50.
    pub least_percent: usize,
    /// What becomes of reasoning (`<think>…</think>`) in the rewrites: remove (the default), which counts it; or keep.
    pub reasoning: Reasoning,
    /// Keep each prompt in the journal, beside its hash; default false.
    pub keep_prompts: bool,
}

impl Default for DistillSettings {
    fn default() -> Self {
        Self {
            preset: "using".to_owned(),
            check: Check::default(),
            mix_ratio: 1.0,
            verdicts: Vec::new(),
            least_percent: 50,
            reasoning: Reasoning::default(),
            keep_prompts: false,
        }
    }
}

impl DistillSettings {
    /// Refuses names that are none and numbers out of range.
    ///
    /// # Errors
    ///
    /// [`DistillError::Setting`] names the first by its key.
    pub fn validate(&self) -> Result<(), DistillError> {
        self.template()?;
        check_mix_ratio(self.mix_ratio)?;
        Extras::from_names(&self.verdicts, self.least_percent).map(drop)
    }

    /// The distillation of a model with this chat template; `seed` chooses the rows and the draws.
    ///
    /// # Errors
    ///
    /// As [`Self::validate`].
    pub fn config(&self, template: &Template, seed: u64) -> Result<DistillConfig, DistillError> {
        self.validate()?;
        let wrapped = self.is_wrapped(template);
        Ok(DistillConfig {
            template: self.template()?,
            chat: wrapped.then(|| template.clone()),
            check: self.check.into(),
            extras: self.extras(wrapped)?,
            mix_ratio: self.mix_ratio,
            keep_prompts: self.keep_prompts,
            seed,
            ..DistillConfig::default()
        })
    }

    /// Texts that end a rewrite beside those of the model: inside a chat template the heading that small
    /// models go on with, where the verdict `echo` is on, which refuses it.
    #[must_use]
    pub fn stops(&self, template: &Template) -> Vec<String> {
        let wrapped = self.is_wrapped(template);
        let refuses = |extras: Extras| !extras.echo.is_empty();
        let stop = wrapped && self.extras(wrapped).is_ok_and(refuses);
        stop.then(|| DistillTemplate::CHAT_STOP.to_owned())
            .into_iter()
            .collect()
    }

    /// Whether the question is in the raw form of the paper's scripts, as a preset's full name has it; a short name is
    /// put into a chat template.
    #[must_use]
    pub fn is_raw(&self) -> bool {
        self.preset.contains('/')
    }

    fn is_wrapped(&self, template: &Template) -> bool {
        !self.is_raw() && matches!(template, Template::Chat(_))
    }

    fn template(&self) -> Result<DistillTemplate, DistillError> {
        DistillTemplate::by_name(&self.preset).map_err(|error| DistillError::Setting {
            setting: "preset",
            expected: match &error {
                PromptError::UnknownTemplate { known, .. } => known.join(", "),
                other => other.to_string(),
            },
            found: self.preset.clone(),
        })
    }

    /// The verdicts beside the paper's.
    fn extras(&self, wrapped: bool) -> Result<Extras, DistillError> {
        let percent = self.least_percent;
        match (self.verdicts.is_empty(), wrapped) {
            (true, true) => Extras::from_names(&Extras::USUAL, percent),
            _ => Extras::from_names(&self.verdicts, percent),
        }
    }
}

#[cfg(test)]
mod tests {
    use idiolect_prompt::NamedTemplate;
    use serde_json::json;

    use super::*;

    fn raw() -> Template {
        Template::Named(NamedTemplate::by_name("alpaca").unwrap())
    }

    #[test]
    fn the_defaults_are_the_papers() {
        let settings: DistillSettings = serde_json::from_value(json!({})).unwrap();
        assert_eq!(settings, DistillSettings::default());
        let config = settings.config(&raw(), 7).unwrap();
        assert_eq!(config.template_name(), "sdft-2402/main/using");
        assert_eq!((config.extras, config.seed), (Extras::default(), 7));
        assert!(settings.stops(&raw()).is_empty() && config.trim);
    }

    #[test]
    fn bad_settings_are_named_by_their_key() {
        let told = |value| {
            let settings: DistillSettings = serde_json::from_value(value).unwrap();
            settings.config(&raw(), 0).unwrap_err().to_string()
        };
        assert!(told(json!({"preset": "usin"})).starts_with("preset: expected "));
        assert!(told(json!({"preset": "usin"})).ends_with("found usin"));
        assert_eq!(
            told(json!({"mix_ratio": 1.5})),
            "mix_ratio: expected a share from 0 to 1, found 1.5"
        );
        assert!(told(json!({"verdicts": ["none", "empty"]})).ends_with("found none"));
        assert_eq!(
            told(json!({"least_percent": 10_001})),
            "least_percent: expected at most 10000, found 10001"
        );
    }

    #[test]
    fn the_schema_has_the_keys_of_the_file() {
        let schema = schemars::schema_for!(DistillSettings).to_value();
        let written = serde_json::to_value(DistillSettings::default()).unwrap();
        let keys = |value: &serde_json::Value| -> Vec<String> {
            let mut keys: Vec<_> = value.as_object().unwrap().keys().cloned().collect();
            keys.sort();
            keys
        };
        assert_eq!(keys(&schema["properties"]), keys(&written));
    }
}
