//! A row of the journal: one rewrite with everything that made it.

use idiolect_completion::{
    Completion, FinishReason, JournalRow, Made, Provenance, StoredLogprobs, WriterIdentity,
};
use idiolect_data::Id;
use serde::{Deserialize, Serialize};

use crate::verdict::Verdict;

/// One rewrite with its provenance.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RewriteRecord {
    /// The data set's id, unchanged.
    pub id: Id,
    /// Who wrote.
    #[serde(flatten)]
    pub identity: WriterIdentity,
    /// Name of the distillation template, and of the chat template around it.
    pub template: String,
    /// SHA-256 of the prompt's text, special tokens spelt out, in hexadecimal.
    pub prompt_sha256: String,
    /// The prompt itself, special tokens spelt out, where the settings keep it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prompt: Option<String>,
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
    /// Where the likeliest tokens at each of its tokens stand, where they were recorded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub logprobs: Option<StoredLogprobs>,
    /// Why generation ended.
    pub finish_reason: FinishReason,
    /// The verdict with its reason.
    #[serde(flatten)]
    pub verdict: Verdict,
    /// Whether the rewrite took the place of the original response, which was kept otherwise.
    pub replaced: bool,
}

impl RewriteRecord {
    pub(crate) fn new(made: Made, completion: Completion, verdict: Verdict) -> Self {
        Self {
            id: made.id,
            identity: made.writer,
            template: made.form,
            prompt_sha256: made.prompt_sha256,
            prompt: None,
            seed: made.seed,
            text: completion.text,
            token_count: completion.token_count,
            token_ids: completion.token_ids,
            passes: completion.passes,
            logprobs: None,
            finish_reason: completion.finish_reason,
            replaced: verdict.is_keep(),
            verdict,
        }
    }

    /// The completion that the row holds.
    pub(crate) fn completion(&self) -> Completion {
        Completion {
            id: self.id.clone(),
            text: self.text.clone(),
            token_count: self.token_count,
            token_ids: self.token_ids.clone(),
            passes: self.passes,
            logprobs: None,
            finish_reason: self.finish_reason.clone(),
        }
    }
}

impl JournalRow for RewriteRecord {
    const FORM: &'static str = "template";

    fn id(&self) -> &Id {
        &self.id
    }

    fn provenance(&self) -> Provenance<'_> {
        Provenance {
            writer: Some(&self.identity),
            form: Some(&self.template),
            seed: Some(self.seed),
            prompt_sha256: Some(&self.prompt_sha256),
        }
    }
}
