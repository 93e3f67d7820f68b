//! The tokenizer of a GGUF file: what the model's reader finds there, as the tokenizer takes it.

use std::path::Path;

use idiolect_model::gguf::GgufFile;
use idiolect_tokens::{GgufVocabulary, Tokenizer, TokenizerConfig};

use crate::LmError;

pub(super) fn read(model: &Path) -> Result<(Tokenizer, TokenizerConfig), LmError> {
    let found = GgufFile::open(model)?.vocabulary()?;
    let vocabulary = GgufVocabulary {
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
