//! Paths of the two modules of a Hugging Face checkpoint that stand in no block.

/// The embedding.
pub(crate) const EMBEDDING: &str = "model.embed_tokens";
/// The head.
pub(crate) const HEAD: &str = "lm_head";
