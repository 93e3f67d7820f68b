//! The vocabulary that an adapter brings with it, where it has more words than the model's.

use std::path::Path;

use idiolect_tokens::Tokenizer;

use super::TextFiles;
use crate::LmError;

/// The tokenizer of an adapter's folder, where it has more words than the model's; none where it is the
/// model's, or where the folder has none.
///
/// # Errors
///
/// [`LmError::Setting`] when it has fewer words, or another one in the place of one of the model's: the same
/// text as other ids would be another task. [`LmError::Tokens`] when it cannot be read.
pub(crate) fn larger(adapter: &Path, tokenizer: &Tokenizer) -> Result<Option<TextFiles>, LmError> {
    let path = adapter.join("tokenizer.json");
    if !path.is_file() {
        return Ok(None);
    }
    let theirs = TextFiles::read(adapter)?;
    let (count, found) = (tokenizer.vocab_size(), theirs.tokenizer.vocab_size());
    if found == count {
        return Ok(None);
    }
    let refused = |expected, found| {
        let place = path.display().to_string();
        Err(LmError::setting(place, expected, found))
    };
    if found < count {
        let expected = format!("the model's tokenizer of {count} words");
        return refused(expected, format!("one of {found} words"));
    }
    let ids = (0..count).filter_map(|id| u32::try_from(id).ok());
    let mut other = ids.filter(|id| theirs.tokenizer.token(*id) != tokenizer.token(*id));
    match other.next() {
        Some(id) => {
            let expected = format!("the model's word {:?} as id {id}", tokenizer.token(id));
            refused(expected, format!("{:?}", theirs.tokenizer.token(id)))
        }
        None => Ok(Some(theirs)),
    }
}
