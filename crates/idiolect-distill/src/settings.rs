//! What a distillation is asked to do.

use idiolect_data::{DataError, DataSet, Example, RawRow, RawRows};
use idiolect_metrics::python::strip;
use idiolect_prompt::{DistillTemplate, PromptError, Rendered, Template};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::DistillError;
use crate::check::Check;
use crate::record::Identity;

/// Verdicts beyond the paper's; the default switches all of them off, as its scripts do.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Extras {
    /// Refuses rewrites that were cut off at the limit of tokens.
    pub unfinished: bool,
    /// Refuses rewrites without text.
    pub empty: bool,
    /// Refuses rewrites that contain any of these texts, for instance [`Self::MARKUP`].
    pub echo: Vec<String>,
    /// Refuses rewrites with fewer words than this many per cent of the original's; 0 asks for none.
    pub least_percent: usize,
    /// Refuses rewrites in another language than the original's.
    ///
    /// The detector errs; `crates/idiolect-distill/tests/language.rs` counts how often.
    pub language: bool,
}

impl Extras {
    /// Markup of the paper's templates; `###` also heads sections in Markdown.
    pub const MARKUP: [&str; 4] = ["###", "[INST]", "[/INST]", "<<SYS>>"];
}

/// One distillation; which rows, which prompt, which verdicts.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The question that shows the reference answer.
    pub template: DistillTemplate,
    /// The checkpoint's chat template to put the question into; without one the template's own raw
    /// form is used, as the paper does.
    pub chat: Option<Template>,
    /// The task's check.
    pub check: Check,
    /// Verdicts beyond the paper's.
    pub extras: Extras,
    /// Share of the rows, 0 to 1, whose answers are rewritten at all; the others keep theirs.
    /// The paper's main results use 1; 0 is plain fine-tuning.
    /// A larger share with the same seed contains the smaller one's rows.
    pub mix_ratio: f64,
    /// Whether the data set's own text fields are stripped of white space first, as the reference
    /// script does; rewrites always are.
    pub trim: bool,
    /// Chooses the rows of the mix, and gives each row its own seed.
    pub seed: u64,
    /// Who writes; stands in every journal row, and must be the same to go on with a journal.
    pub identity: Identity,
}

impl Settings {
    /// The prompt for rewriting the response of an example.
    ///
    /// # Errors
    ///
    /// A chat template may refuse the messages.
    pub fn prompt(&self, example: &Example) -> Result<Rendered, PromptError> {
        match &self.chat {
            Some(chat) => chat.prompt(&self.template.messages(example)),
            None => Ok(self.template.prompt(example)),
        }
    }

    /// The name of the template, and of what it is put into.
    #[must_use]
    pub fn template_name(&self) -> String {
        match &self.chat {
            Some(chat) => format!("{} in {}", self.template.name(), chat.name()),
            None => self.template.name().to_owned(),
        }
    }

    /// A row's own seed, below 2^53 so that every JSON reader keeps it.
    ///
    /// It depends on the seed and the id alone, not on the other rows.
    #[must_use]
    pub fn row_seed(&self, id: &Value) -> u64 {
        let digest = Sha256::digest(format!("{}\n{id}", self.seed));
        let bytes = digest.iter().take(8);
        bytes.fold(0, |seed, &byte| (seed << 8) | u64::from(byte)) >> 11
    }

    /// The data set as it is distilled: checked, and without white space around its texts.
    pub(crate) fn prepared(&self, set: &DataSet) -> Result<DataSet, DistillError> {
        self.check_mix_ratio()?;
        set.require_responses()?;
        set.require_unique_ids()?;
        Ok(if self.trim {
            trimmed(set)?
        } else {
            set.clone()
        })
    }

    /// # Errors
    ///
    /// [`DistillError::Setting`] for a mix ratio that is no share.
    fn check_mix_ratio(&self) -> Result<(), DistillError> {
        if (0.0..=1.0).contains(&self.mix_ratio) {
            return Ok(());
        }
        Err(DistillError::Setting {
            setting: "mix ratio",
            expected: "a share from 0 to 1".to_owned(),
            found: self.mix_ratio.to_string(),
        })
    }
}

/// The data set with white space stripped from the text fields of its rows, not from ids and not
/// from text deeper inside, as the reference script does (sail-sg/sdft@bfb6c255
/// `eval/gen_distilled_data.py`).
fn trimmed(set: &DataSet) -> Result<DataSet, DataError> {
    let rows = set.rows.iter().map(|row| {
        let mut fields = row.raw.clone();
        for (name, value) in &mut fields {
            if let Value::String(text) = value
                && *name != set.columns.id
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
    let mut trimmed = DataSet::from_rows(raw, set.format, &set.columns)?;
    // A set may be a part of a file, whose rows keep their numbers there.
    for (new, old) in trimmed.rows.iter_mut().zip(&set.rows) {
        new.example.id.clone_from(&old.example.id);
    }
    Ok(trimmed)
}
