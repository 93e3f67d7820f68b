//! A row as text, to look at: what is trained and what is not.

use crate::{IGNORE, TokenRow, Tokenizer, TokensError};

/// The row's text in parts, each with whether it is trained. Special tokens are shown.
///
/// # Errors
///
/// [`TokensError::Codec`].
pub fn preview(tokenizer: &Tokenizer, row: &TokenRow) -> Result<Vec<(String, bool)>, TokensError> {
    let trained: Vec<bool> = row.labels.iter().map(|&label| label != IGNORE).collect();
    let mut runs = Vec::new();
    let (mut start, mut shown) = (0, String::new());
    for run in trained.chunk_by(|a, b| a == b) {
        let end = start + run.len();
        // Decoding from the beginning keeps a space at the start of a part, which would be lost alone.
        let all = tokenizer.decode(&row.input_ids[..end], false)?;
        let text = match all.strip_prefix(&shown) {
            Some(rest) => rest.to_owned(),
            None => tokenizer.decode(&row.input_ids[start..end], false)?,
        };
        runs.push((text, run[0]));
        (start, shown) = (end, all);
    }
    Ok(runs)
}
