//! The tokenizer of a GGUF file: what the model's reader finds there, as the tokenizer takes it, and the other way round.

use std::path::Path;

use idiolect_model::gguf::GgufFile;
#[cfg(feature = "gguf")]
use idiolect_model::{ModelConfig, gguf::VocabularyMetadata};
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
        more_ends: [found.eot, found.eom],
        pad: found.pad,
        unk: found.unk,
        add_bos: found.add_bos,
        add_space_prefix: found.add_space_prefix,
        chat_template: found.chat_template,
    };
    Ok(Tokenizer::from_gguf(&vocabulary)?)
}

/// The vocabulary of a file with this tokenizer, for a model with this configuration.
#[cfg(feature = "gguf")]
pub(crate) fn vocabulary(
    tokenizer: &Tokenizer,
    config: &TokenizerConfig,
    model: &ModelConfig,
) -> Result<VocabularyMetadata, LmError> {
    let own = GgufVocabulary::of(tokenizer, config, model.vocab_size)?;
    // The tokenizer's own end of a text comes first where generation stops at it.
    let first = own
        .eos
        .filter(|eos| model.eos.is_empty() || model.eos.contains(eos));
    let rest = model.eos.iter().copied().filter(|id| Some(*id) != first);
    let mut ends = first.into_iter().chain(rest);
    let (eos, eot, eom) = (ends.next(), ends.next(), ends.next());
    Ok(VocabularyMetadata {
        model: own.model,
        pre: own.pre,
        tokens: own.tokens,
        scores: own.scores,
        token_types: own.token_types,
        merges: own.merges,
        bos: own.bos.or(model.bos),
        eos,
        eot,
        eom,
        pad: own.pad.or(model.pad),
        unk: own.unk,
        add_bos: own.add_bos,
        add_eos: None,
        add_space_prefix: own.add_space_prefix,
        chat_template: own.chat_template,
    })
}
