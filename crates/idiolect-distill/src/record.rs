//! A row of the journal: one rewrite with everything that made it.

use idiolect_data::Id;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::settings::Settings;
use crate::verdict::Verdict;

/// Who writes and how, as the caller says it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Identity {
    /// The model: a hash of its weights, or a server's name for it.
    pub model: String,
    /// A hash of the adapter, where there is one.
    pub adapter: Option<String>,
    /// The sampler's settings, and whatever else decides the text: dtype, stops, batch size.
    pub sampler: Value,
}

/// One rewrite with its provenance.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// The data set's id, unchanged.
    pub id: Id,
    /// Who wrote.
    #[serde(flatten)]
    pub identity: Identity,
    /// Name of the distillation template, and of the chat template around it.
    pub template: String,
    /// SHA-256 of the prompt's text, special tokens spelt out, in hexadecimal.
    pub prompt_sha256: String,
    /// Seed of this row's sampling.
    pub seed: u64,
    /// The rewrite, exactly as written.
    pub text: String,
    /// New tokens.
    pub token_count: usize,
    /// The new tokens, where the writer knows them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token_ids: Option<Vec<u32>>,
    /// Passes of the model that gave them, where the writer knows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub passes: Option<usize>,
    /// Why generation ended.
    pub finish_reason: String,
    /// The verdict with its reason.
    #[serde(flatten)]
    pub verdict: Verdict,
    /// Whether the rewrite took the place of the original response, which was kept otherwise.
    pub replaced: bool,
}

/// A field in which a journal and a run that would go on with it differ.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// The field of [`Record`]; `prompt_sha256` means another data set or chat template.
    pub field: &'static str,
    /// What the journal says, as JSON.
    pub journal: String,
    /// What the run says.
    pub now: String,
}

impl Record {
    /// The first field that decides the text and is not what the settings would have written.
    ///
    /// The prompt is compared where it is known, which takes rendering the example.
    pub(crate) fn difference(
        &self,
        settings: &Settings,
        prompt_sha256: Option<&str>,
    ) -> Option<Difference> {
        let (old, new) = (&self.identity, &settings.identity);
        let prompt = prompt_sha256.unwrap_or(&self.prompt_sha256);
        let fields = [
            ("model", json!(old.model), json!(new.model)),
            ("adapter", json!(old.adapter), json!(new.adapter)),
            ("sampler", old.sampler.clone(), new.sampler.clone()),
            (
                "template",
                json!(self.template),
                json!(settings.template_name()),
            ),
            ("seed", json!(self.seed), json!(settings.row_seed(&self.id))),
            ("prompt_sha256", json!(self.prompt_sha256), json!(prompt)),
        ];
        let (field, journal, now) = fields.into_iter().find(|(_, old, new)| old != new)?;
        Some(Difference {
            field,
            journal: journal.to_string(),
            now: now.to_string(),
        })
    }
}
