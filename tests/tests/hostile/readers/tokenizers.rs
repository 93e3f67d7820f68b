//! Tokenizers in their vendors' own files.

use std::path::Path;

use idiolect::BoxError;
use idiolect::tokens::Tokenizer;

use crate::reading::{Reader, any};

pub(super) const READERS: [Reader; 3] = [
    any("native", "native/tekken.json", encoded),
    any("native", "sentence/tokenizer.model", encoded),
    any("tiktoken", "tiktoken/tokenizer.model", encoded),
];

/// Special tokens, and the ids of a text and the text of those ids.
fn encoded(root: &Path, file: &str) -> Result<String, BoxError> {
    let path = root.join(file);
    let folder = path.parent().ok_or("a folder")?;
    let (tokenizer, config) = Tokenizer::from_folder(folder)?;
    let ids = tokenizer.encode_text("It is 1, so say 21 \u{e9}.")?;
    Ok(format!(
        "{:?} {ids:?} {:?}",
        config.special,
        tokenizer.decode(&ids, false)?
    ))
}
