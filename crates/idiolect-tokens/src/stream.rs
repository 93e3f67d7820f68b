//! Text while it is generated: whole characters only, each once.

use crate::{Tokenizer, TokensError};

/// Decodes one token after another.
///
/// All parts that are returned, joined, are the text of all tokens decoded at once.
/// Only the tokens since the last returned part are decoded again.
#[derive(Debug)]
pub struct TextStream<'a> {
    tokenizer: &'a Tokenizer,
    skip_special: bool,
    ids: Vec<u32>,
    /// Tokens before this one are not decoded again; those from here up to `shown` give the decoder its context.
    context: usize,
    shown: usize,
}

impl<'a> TextStream<'a> {
    /// A stream without tokens.
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

    /// Takes a token and returns the text that is complete with it, often none.
    ///
    /// # Errors
    ///
    /// [`TokensError::Codec`].
    pub fn push(&mut self, id: u32) -> Result<String, TokensError> {
        self.ids.push(id);
        if self.adds_no_text_yet(id) {
            return Ok(String::new());
        }
        let Decoded { before, all } = self.decoded()?;
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
        let Decoded { before, all } = self.decoded()?;
        Ok(rest(&before, &all))
    }

    /// Whether a token adds no text yet: it is left out, unknown, or one of `SentencePiece`'s byte tokens, whose
    /// text is known when the last of them has come.
    fn adds_no_text_yet(&self, id: u32) -> bool {
        let Some(token) = self.tokenizer.token(id) else {
            return true;
        };
        let byte =
            token.len() == "<0x00>".len() && token.starts_with("<0x") && token.ends_with('>');
        byte || self.skip_special && self.tokenizer.is_special(id)
    }

    fn decoded(&self) -> Result<Decoded, TokensError> {
        let decode = |ids| self.tokenizer.decode(ids, self.skip_special);
        Ok(Decoded {
            before: decode(&self.ids[self.context..self.shown])?,
            all: decode(&self.ids[self.context..])?,
        })
    }
}

/// The text since `context`, before the new tokens and with them.
struct Decoded {
    before: String,
    all: String,
}

fn rest(before: &str, all: &str) -> String {
    all.strip_prefix(before).unwrap_or_default().to_owned()
}
