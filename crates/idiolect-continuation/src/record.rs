//! A row of a journal: one text with everything that made it.

use idiolect_completion::{Completion, FinishReason, JournalRow, Made, Provenance, WriterIdentity};
use idiolect_data::Id;
use serde::{Deserialize, Serialize};

/// One text with its provenance.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ContinuationRecord {
    /// The document's id.
    pub id: Id,
    /// Who wrote.
    #[serde(flatten)]
    pub identity: WriterIdentity,
    /// How the writer was asked: raw, chat, or which question of a judge.
    pub form: String,
    /// SHA-256 of the prompt, in hexadecimal.
    pub prompt_sha256: String,
    /// Seed of this text's sampling.
    pub seed: u64,
    /// The text, exactly as written.
    pub text: String,
    /// New tokens.
    pub token_count: usize,
    /// Passes of the model that gave them, where the writer knows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub passes: Option<usize>,
    /// Why it ended.
    pub finish_reason: FinishReason,
}

impl ContinuationRecord {
    pub(crate) fn new(made: Made, completion: Completion) -> Self {
        Self {
            id: made.id,
            identity: made.writer,
            form: made.form,
            prompt_sha256: made.prompt_sha256,
            seed: made.seed,
            text: completion.text,
            token_count: completion.token_count,
            passes: completion.passes,
            finish_reason: completion.finish_reason,
        }
    }
}

impl JournalRow for ContinuationRecord {
    fn id(&self) -> &Id {
        &self.id
    }

    fn provenance(&self) -> Provenance<'_> {
        Provenance {
            writer: Some(&self.identity),
            form: Some(&self.form),
            seed: Some(self.seed),
            prompt_sha256: Some(&self.prompt_sha256),
        }
    }
}
