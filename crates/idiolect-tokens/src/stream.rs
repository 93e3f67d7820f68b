//! Text as it is generated, for terminals: only whole characters, nothing twice.

use crate::{Tokenizer, TokensError};

/// Decodes token after token.
///
/// All parts that come out, joined, are the text of all tokens decoded at once.
/// Only the tokens since the last whole part are decoded again.
#[derive(Debug)]
pub struct TextStream<'a> {
    tokenizer: &'a Tokenizer,
    skip_special: bool,
    ids: Vec<u32>,
    /// Tokens before this one are forgotten; those up to `shown` give the decoder its context.
    context: usize,
    shown: usize,
}

impl<'a> TextStream<'a> {
    /// A stream at its beginning.
    #[must_use]
    pub fn new(tokenizer: &'a Tokenizer, skip_special: bool) -> Self {
        Self {
            tokenizer,
            skip_special,
            ids: Vec::new(),
            context: 0,
            shown: 0,
        }
    }

    /// Takes a token and gives the text that is now complete, often none.
    ///
    /// # Errors
    ///
    /// [`TokensError::Codec`].
    pub fn push(&mut self, id: u32) -> Result<String, TokensError> {
        self.ids.push(id);
        if self.says_nothing_yet(id) {
            return Ok(String::new());
        }
        let (before, all) = self.decoded()?;
        if all.ends_with(char::REPLACEMENT_CHARACTER) || all.len() <= before.len() {
            return Ok(String::new());
        }
        (self.context, self.shown) = (self.shown, self.ids.len());
        Ok(rest(&before, &all))
    }

    /// The text of tokens that never became complete.
    ///
    /// # Errors
    ///
    /// [`TokensError::Codec`].
    pub fn finish(self) -> Result<String, TokensError> {
        let (before, all) = self.decoded()?;
        Ok(rest(&before, &all))
    }

    /// Whether a token has no text of its own: left out, unknown, or one of `SentencePiece`'s
    /// bytes, of which a run is text or not as a whole, known only once it has ended.
    fn says_nothing_yet(&self, id: u32) -> bool {
        let Some(token) = self.tokenizer.token(id) else {
            return true;
        };
        let byte =
            token.len() == "<0x00>".len() && token.starts_with("<0x") && token.ends_with('>');
        byte || self.skip_special && self.tokenizer.is_special(id)
    }

    fn decoded(&self) -> Result<(String, String), TokensError> {
        let before = &self.ids[self.context..self.shown];
        let all = &self.ids[self.context..];
        let decode = |ids| self.tokenizer.decode(ids, self.skip_special);
        Ok((decode(before)?, decode(all)?))
    }
}

fn rest(before: &str, all: &str) -> String {
    all.strip_prefix(before).unwrap_or_default().to_owned()
}
