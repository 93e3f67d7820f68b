//! The plain row of a journal: a text and what made it.

use idiolect_data::Id;
use idiolect_generate::FinishReason;
use serde::{Deserialize, Serialize};

use crate::provenance::{JournalRow, Made, Provenance};
use crate::request::Completion;
use crate::writer::WriterIdentity;

/// A completion with everything that made it; a row of a journal of answers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AnswerRow {
    /// The request's id.
    pub id: Id,
    /// The text, exactly as written.
    pub text: String,
    /// New tokens.
    pub token_count: usize,
    /// Why it ended.
    pub finish_reason: FinishReason,
    /// Who wrote.
    #[serde(flatten)]
    pub writer: WriterIdentity,
    /// Hash of the prompt, in hexadecimal.
    pub prompt_sha256: String,
    /// Seed of the text's sampling.
    pub seed: u64,
}

impl AnswerRow {
    /// The row of a completion.
    #[must_use]
    pub fn new(made: Made, completion: Completion) -> Self {
        Self {
            id: made.id,
            text: completion.text,
            token_count: completion.token_count,
            finish_reason: completion.finish_reason,
            writer: made.writer,
            prompt_sha256: made.prompt_sha256,
            seed: made.seed,
        }
    }
}

impl JournalRow for AnswerRow {
    fn id(&self) -> &Id {
        &self.id
    }

    fn provenance(&self) -> Provenance<'_> {
        Provenance {
            writer: Some(&self.writer),
            form: None,
            seed: Some(self.seed),
            prompt_sha256: Some(&self.prompt_sha256),
        }
    }
}
