//! Rows of the embedding or of the head that train for some tokens alone: PEFT's `trainable_token_indices`.
//!
//! The file has the rows as they are after training, not their change, whatever its name for them says.

use idiolect_model::ModelConfig;

use super::files::CONFIG;
use super::tensors::Reader;
use crate::LoraError;
use crate::paths::{EMBEDDING, HEAD};

/// What a file calls the rows below the module.
pub(super) const ROWS: &str = "token_adapter.trainable_tokens_delta";

/// The tokens of one module.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct TokenRows {
    /// Path of the module, or the end of it.
    pub(super) module: String,
    /// Each once.
    pub(super) ids: Vec<usize>,
}

/// Ids of the rows that train, of both modules.
#[derive(Debug, Default)]
pub(super) struct Tokens {
    pub(super) embedding: Vec<usize>,
    pub(super) head: Vec<usize>,
    /// Whether the embedding's rows are the head's as well.
    pub(super) tied: bool,
}

impl Tokens {
    /// The rows of a model's embedding and head.
    ///
    /// As PEFT has it, a head that is the embedding follows it, unless it has other tokens of its own.
    pub(super) fn new(
        rows: &[TokenRows],
        model: &ModelConfig,
        keeps_tied: bool,
    ) -> Result<Self, LoraError> {
        let mut tokens = Self::default();
        for TokenRows { module, ids } in rows {
            match module.rsplit('.').next() {
                Some("embed_tokens") => tokens.embedding.clone_from(ids),
                Some(HEAD) => tokens.head.clone_from(ids),
                _ => return Err(wrong("embed_tokens or lm_head", module)),
            }
        }
        let (above, below) = (&tokens.embedding, &tokens.head);
        let differ = !below.is_empty() && above != below;
        if model.tied && keeps_tied && !above.is_empty() && differ {
            return Err(wrong(
                "the embedding's for a head that is the embedding",
                "others",
            ));
        }
        tokens.tied = model.tied && !above.is_empty() && !differ;
        Ok(tokens)
    }

    /// Those of a module.
    pub(super) fn of(&self, path: &str) -> &[usize] {
        match path {
            EMBEDDING => &self.embedding,
            _ if self.tied => &[],
            _ => &self.head,
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.embedding.is_empty() && self.head.is_empty()
    }
}

impl Reader<'_> {
    /// Puts the file's rows of some tokens in the place of a matrix's, `[words, hidden]`.
    pub(super) fn put_rows(
        &self,
        path: &str,
        ids: &[usize],
        matrix: &mut [f32],
    ) -> Result<(), LoraError> {
        let width = self.model.hidden_size;
        let rows = self.values(&Self::name(path, ROWS), &[ids.len(), width])?;
        let words = matrix.len() / width.max(1);
        for (id, row) in ids.iter().zip(rows.chunks_exact(width)) {
            let place = matrix.chunks_exact_mut(width).nth(*id);
            place
                .ok_or_else(|| wrong(&format!("ids below the {words} rows of {path}"), id))?
                .copy_from_slice(row);
        }
        Ok(())
    }
}

fn wrong(expected: &str, found: impl std::fmt::Display) -> LoraError {
    LoraError::Setting {
        place: Some(CONFIG.into()),
        field: "trainable_token_indices".into(),
        expected: expected.into(),
        found: found.to_string(),
    }
}
