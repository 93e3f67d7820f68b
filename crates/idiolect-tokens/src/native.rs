//! Tokenizers in their vendors' own files: `SentencePiece` and tiktoken under the name `tokenizer.model`, and
//! Mistral's `tekken.json`. They become what `tokenizer.json` would be; a folder that has that needs none of them.

mod problem;
mod ranks;
mod sentence_piece;
mod tekken;
mod tiktoken;

use std::path::{Path, PathBuf};

use idiolect_input::{limits, read_bytes};

use self::problem::Problem;
use crate::{Tokenizer, TokenizerConfig, TokensError};

/// Names of the files, in the order in which they are looked for.
const TEKKEN: &str = "tekken.json";
const MODEL: &str = "tokenizer.model";

/// The tokenizer of a folder without a `tokenizer.json`, with what the vendor's file says of special tokens where the
/// configuration says nothing; none where there is no such file.
///
/// # Errors
///
/// [`TokensError::Read`], [`TokensError::Native`] for a file of another kind or with contradictions, and those of
/// [`Tokenizer::from_gguf`].
pub(crate) fn read(
    folder: &Path,
    config: TokenizerConfig,
) -> Result<Option<(Tokenizer, TokenizerConfig)>, TokensError> {
    let Some(path) = file(folder) else {
        return Ok(None);
    };
    let bytes = read_bytes(&path, &limits::TOKENIZER_BYTES);
    let bytes = bytes.map_err(|source| TokensError::Read {
        path: path.clone(),
        source,
    })?;
    let wrong = |problem: Problem| TokensError::Native {
        path: path.clone(),
        expected: problem.expected,
        found: problem.found,
    };
    let is_tekken = path.ends_with(TEKKEN);
    let vocabulary = match bytes.first() {
        _ if is_tekken => tekken::vocabulary(&bytes),
        // The first field of SentencePiece's message is a piece; tiktoken's file is text.
        Some(0x0A) => sentence_piece::vocabulary(&bytes),
        _ => tiktoken::vocabulary(&bytes),
    };
    let vocabulary = vocabulary.map_err(wrong)?;
    let (tokenizer, own) = Tokenizer::from_gguf(&vocabulary)?;
    let mut config = config;
    let special = &mut config.special;
    let gaps = [
        (&mut special.bos, own.special.bos),
        (&mut special.eos, own.special.eos),
        (&mut special.pad, own.special.pad),
        (&mut special.unk, own.special.unk),
    ];
    for (slot, found) in gaps {
        *slot = slot.take().or(found);
    }
    special.add_bos = special.add_bos.or(own.special.add_bos);
    let tokenizer = tokenizer.with_special(&config.special)?;
    Ok(Some((tokenizer, config)))
}

/// The vendor's file of a folder; Mistral's versions of `tokenizer.model` end in `.v1` and so on.
fn file(folder: &Path) -> Option<PathBuf> {
    let plain = [TEKKEN, MODEL].map(|name| folder.join(name));
    if let Some(path) = plain.into_iter().find(|path| path.is_file()) {
        return Some(path);
    }
    let files = std::fs::read_dir(folder).ok()?;
    let mut paths: Vec<PathBuf> = files.filter_map(|file| Some(file.ok()?.path())).collect();
    paths.retain(|path| {
        let name = path
            .file_name()
            .and_then(|name| name.to_str())
            .unwrap_or_default();
        name.starts_with("tokenizer.model.v") && path.is_file()
    });
    paths.sort_unstable();
    paths.pop()
}
