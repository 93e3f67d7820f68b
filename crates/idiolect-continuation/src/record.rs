//! A row of a journal: one text with everything that made it.

use idiolect_data::Id;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::writer::{Completion, ContinuationRequest};

/// Who writes and how, as the caller says it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Identity {
    /// The model: a hash of its weights, or a server's name for it.
    pub model: String,
    /// A hash of the adapter, where there is one.
    pub adapter: Option<String>,
    /// The sampler's settings, and whatever else decides the text: dtype, stops, token limit.
    pub sampler: Value,
}

/// One text with its provenance.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// What made it.
    #[serde(flatten)]
    pub made: Made,
    /// The text, exactly as written.
    pub text: String,
    /// New tokens.
    pub token_count: usize,
    /// Passes of the model that gave them, where the writer knows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub passes: Option<usize>,
    /// Why it ended.
    pub finish_reason: String,
}

/// Everything about a text but the text itself, so that a long journal can be looked through.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Made {
    /// The document's id.
    pub id: Id,
    /// Who wrote.
    #[serde(flatten)]
    pub identity: Identity,
    /// How the writer was asked: raw, chat, or which question of a judge.
    pub form: String,
    /// SHA-256 of the prompt, in hexadecimal.
    pub prompt_sha256: String,
    /// Seed of this text's sampling.
    pub seed: u64,
}

/// A field in which a journal and a run that would go on with it differ.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// The field of [`Made`]; `prompt_sha256` means another corpus or another cut.
    pub field: &'static str,
    /// What the journal says, as JSON.
    pub journal: String,
    /// What the run says.
    pub now: String,
}

impl Made {
    pub(crate) fn new(request: &ContinuationRequest, identity: &Identity, form: &str) -> Self {
        Self {
            id: request.id.clone(),
            identity: identity.clone(),
            form: form.to_owned(),
            prompt_sha256: sha256(&request.prompt.canonical()),
            seed: request.seed,
        }
    }

    pub(crate) fn record(self, completion: Completion) -> Record {
        Record {
            made: self,
            text: completion.text,
            token_count: completion.token_count,
            passes: completion.passes,
            finish_reason: completion.finish_reason,
        }
    }

    /// The first field in which two differ.
    pub(crate) fn difference(&self, now: &Self) -> Option<Difference> {
        let fields = |made: &Self| {
            let identity = &made.identity;
            [
                ("model", json!(identity.model)),
                ("adapter", json!(identity.adapter)),
                ("sampler", identity.sampler.clone()),
                ("form", json!(made.form)),
                ("seed", json!(made.seed)),
                ("prompt_sha256", json!(made.prompt_sha256)),
            ]
        };
        let pairs = fields(self).into_iter().zip(fields(now));
        let mut pairs = pairs.filter(|(old, new)| old != new);
        let ((field, journal), (_, now)) = pairs.next()?;
        Some(Difference {
            field,
            journal: journal.to_string(),
            now: now.to_string(),
        })
    }
}

fn sha256(text: &str) -> String {
    let digest = Sha256::digest(text);
    let nibbles = digest.iter().flat_map(|byte| [byte >> 4, byte & 15]);
    nibbles
        .filter_map(|nibble| char::from_digit(nibble.into(), 16))
        .collect()
}
