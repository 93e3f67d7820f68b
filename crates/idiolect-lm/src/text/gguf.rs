//! The tokenizer of a GGUF file: what the model's reader finds there, as the tokenizer takes it.

use std::path::Path;

use idiolect_tokens::{Tokenizer, TokenizerConfig};

use crate::LmError;

#[cfg(feature = "gguf")]
pub(super) fn read(model: &Path) -> Result<(Tokenizer, TokenizerConfig), LmError> {
    let found = idiolect_model::gguf::GgufFile::open(model)?.vocabulary()?;
    let vocabulary = idiolect_tokens::GgufVocabulary {
        model: found.model,
        pre: found.pre,
        tokens: found.tokens,
        scores: found.scores,
        token_types: found.token_types,
        merges: found.merges,
        bos: found.bos,
        eos: found.eos,
        pad: found.pad,
        unk: found.unk,
        add_bos: found.add_bos,
        add_space_prefix: found.add_space_prefix,
        chat_template: found.chat_template,
    };
    Ok(Tokenizer::from_gguf(&vocabulary)?)
}

#[cfg(not(feature = "gguf"))]
pub(super) fn read(model: &Path) -> Result<(Tokenizer, TokenizerConfig), LmError> {
    let expected = "a folder, since this program was built without GGUF files (feature gguf)";
    Err(LmError::setting("model", expected, model.display()))
}
