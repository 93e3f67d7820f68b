//! What a distillation is asked to do, ready to run.

use std::sync::Arc;

use idiolect_completion::{BoxError, LogprobHead, Prompt};
use idiolect_data::{DataError, Dataset, Example, Id, RawRow, RawRows, Row};
use idiolect_metrics::python::strip;
use idiolect_prompt::{DistillTemplate, Template};
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::check::{Check, RewriteCheck};
use crate::error::DistillError;
use crate::extras::Extras;
use crate::prompt::{RewritePrompt, TemplatePrompt};

/// One distillation: which rows, which prompt, which verdicts. Who writes is the writer's to say.
#[derive(Debug, Clone)]
pub struct DistillConfig {
    /// The question that shows the reference answer; default [`DistillTemplate::using`].
    pub template: DistillTemplate,
    /// The checkpoint's chat template to put the question into; without one the template's own raw
    /// form is used, as the paper does. None by default.
    pub chat: Option<Template>,
    /// Whether the question is given as the turns of a chat, for writers that have a template of their own, as servers
    /// do; `chat` is not looked at then. False by default.
    pub turns: bool,
    /// A question of the user's own, in place of `template` and `chat`; none by default.
    pub prompt: Option<Arc<dyn RewritePrompt>>,
    /// The task's check; default [`Check::Text`].
    pub check: Arc<dyn RewriteCheck>,
    /// Verdicts beyond the paper's; none by default.
    pub extras: Extras,
    /// Share of the rows, 0 to 1, whose answers are rewritten at all; the others keep theirs.
    /// The paper's main results use 1, the default; 0 is plain fine-tuning.
    /// A larger share with the same seed contains the smaller one's rows.
    pub mix_ratio: f64,
    /// Whether the data set's own text fields are stripped of white space first, as the reference
    /// script does, and by default; rewrites always are.
    pub trim: bool,
    /// Whether the journal holds each prompt beside its hash; false by default.
    pub keep_prompts: bool,
    /// What is recorded of each token beside the journal, where the writer gives it; nothing by default.
    pub logprobs: Option<LogprobHead>,
    /// Chooses the rows of the mix, and gives each row its own seed; default 42.
    pub seed: u64,
}

impl Default for DistillConfig {
    fn default() -> Self {
        Self {
            template: DistillTemplate::using(),
            chat: None,
            turns: false,
            prompt: None,
            check: Check::Text.into(),
            extras: Extras::default(),
            mix_ratio: 1.0,
            trim: true,
            keep_prompts: false,
            logprobs: None,
            seed: 42,
        }
    }
}

impl DistillConfig {
    /// The prompt for rewriting the response of an example.
    ///
    /// # Errors
    ///
    /// A chat template may refuse the messages.
    pub fn prompt(&self, example: &Example) -> Result<Prompt, BoxError> {
        match &self.prompt {
            Some(own) => own.prompt(example),
            None => self.built_in().prompt(example),
        }
    }

    /// The prompts for the first `count` rows of a data set, as text with special tokens spelt out, each with its row's
    /// id.
    ///
    /// # Errors
    ///
    /// [`DistillError::Prompt`] names the row that a template refuses; those of rows that cannot be rewritten.
    pub fn prompts(&self, set: &Dataset, count: usize) -> Result<Vec<(Id, String)>, DistillError> {
        let set = self.prepared(set)?;
        let shown = |row: &Row| {
            let id = row.example.id.clone();
            match self.prompt(&row.example) {
                Ok(prompt) => Ok((id, prompt.to_string())),
                Err(source) => Err(DistillError::Prompt {
                    path: set.path.clone(),
                    id,
                    source,
                }),
            }
        };
        set.rows.iter().take(count).map(shown).collect()
    }

    /// The name of the template, and of what it is put into.
    #[must_use]
    pub fn template_name(&self) -> String {
        match &self.prompt {
            Some(own) => own.name(),
            None => self.built_in().name(),
        }
    }

    fn built_in(&self) -> TemplatePrompt<'_> {
        TemplatePrompt {
            template: &self.template,
            chat: self.chat.as_ref(),
            turns: self.turns,
        }
    }

    /// Whether the model answers without a reference, as [`answer_unaided`](crate::answer_unaided()) does.
    #[must_use]
    pub fn is_unaided(&self) -> bool {
        self.prompt.is_none() && self.template == DistillTemplate::unaided()
    }

    /// Whether nothing is rewritten, since the responses themselves are shown.
    pub(crate) fn keeps_responses(&self) -> bool {
        self.prompt.as_ref().is_some_and(|own| own.keeps_response())
    }

    /// A row's own seed, below 2^53 so that every JSON reader keeps it.
    ///
    /// It depends on the seed and the id alone, not on the other rows.
    #[must_use]
    pub fn row_seed(&self, id: &Id) -> u64 {
        let digest = Sha256::digest(format!("{}\n{id}", self.seed));
        let bytes = digest.iter().take(8);
        bytes.fold(0, |seed, &byte| (seed << 8) | u64::from(byte)) >> 11
    }

    /// The data set as it is distilled: checked, and without white space around its texts.
    pub(crate) fn prepared(&self, set: &Dataset) -> Result<Dataset, DistillError> {
        check_mix_ratio(self.mix_ratio)?;
        set.require_responses()?;
        set.require_unique_ids()?;
        Ok(if self.trim {
            trimmed(set)?
        } else {
            set.clone()
        })
    }
}

/// # Errors
///
/// [`DistillError::Setting`] for a mix ratio that is no share.
pub(crate) fn check_mix_ratio(mix_ratio: f64) -> Result<(), DistillError> {
    if (0.0..=1.0).contains(&mix_ratio) {
        return Ok(());
    }
    Err(DistillError::Setting {
        setting: "mix_ratio",
        expected: "a share from 0 to 1".to_owned(),
        found: mix_ratio.to_string(),
    })
}

/// The data set with white space stripped from the text fields of its rows, not from ids and not
/// from text deeper inside, as the reference script does (sail-sg/sdft@bfb6c255
/// `eval/gen_distilled_data.py`).
fn trimmed(set: &Dataset) -> Result<Dataset, DataError> {
    let rows = set.rows.iter().map(|row| {
        let mut fields = row.raw.clone();
        for (name, value) in &mut fields {
            if let Value::String(text) = value
                && *name != set.format.id
            {
                *text = strip(text).to_owned();
            }
        }
        RawRow {
            line: row.line,
            fields,
        }
    });
    let raw = RawRows {
        path: set.path.clone(),
        layout: set.layout,
        rows: rows.collect(),
    };
    let mut trimmed = Dataset::from_rows(raw, set.format.clone())?;
    // A set may be a part of a file, whose rows keep their numbers there.
    for (new, old) in trimmed.rows.iter_mut().zip(&set.rows) {
        new.example.id.clone_from(&old.example.id);
    }
    Ok(trimmed)
}
