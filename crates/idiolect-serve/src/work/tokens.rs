//! Tokens with their log-probabilities, as answers show them: spelt, with their bytes and their places in the text.

use idiolect_lm::{LanguageModel, RankedToken, TokenScore, WrittenToken};
use idiolect_tokens::TextStream;

/// `OpenAI`'s number for a probability of nothing.
const LEAST: f32 = -9999.0;

/// A token's spelling, and how likely it is.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct TokenText {
    /// Its text; `bytes:\xe2\x82` for a part of a character, as `OpenAI` spells it.
    pub(crate) text: String,
    /// Its bytes.
    pub(crate) bytes: Vec<u8>,
    /// Natural logarithm of its probability.
    pub(crate) log_probability: f32,
}

/// A token of a text.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct TokenLine {
    /// The token; the first one of a prompt has no probability, which is 0 here.
    pub(crate) own: TokenText,
    /// Characters of the choice's text before it.
    pub(crate) offset: usize,
    /// The likeliest in its place; none for the first token of a prompt.
    pub(crate) likeliest: Option<Vec<TokenText>>,
}

/// The tokens of a prompt, of which all but the first have scores.
pub(super) fn of_prompt(
    model: &LanguageModel,
    ids: &[u32],
    scores: &[TokenScore],
) -> Vec<TokenLine> {
    let mut stream = TextStream::new(model.tokenizer(), true);
    let mut offset = 0;
    let mut place = |id: u32| {
        let before = offset;
        offset += stream.push(id).unwrap_or_default().chars().count();
        before
    };
    let mut lines = Vec::with_capacity(ids.len());
    for (at, id) in ids.iter().enumerate() {
        let offset = place(*id);
        let score = at.checked_sub(1).and_then(|at| scores.get(at));
        lines.push(match score {
            Some(score) => line(model, score, offset),
            None => TokenLine {
                own: spelt(model, *id, 0.0),
                offset,
                likeliest: None,
            },
        });
    }
    lines
}

/// New tokens of a row, from the place where the last ones ended.
#[derive(Debug, Clone, Default)]
pub(super) struct Places {
    text: String,
    /// Bytes that were counted, and the characters in them.
    bytes: usize,
    characters: usize,
}

impl Places {
    /// A row whose choice has so many characters before its own text.
    pub(super) fn behind(characters: usize) -> Self {
        Self {
            characters,
            ..Self::default()
        }
    }

    /// More text, and its tokens.
    pub(super) fn lines(
        &mut self,
        model: &LanguageModel,
        text: &str,
        tokens: &[WrittenToken],
    ) -> Vec<TokenLine> {
        self.text += text;
        let mut lines = Vec::with_capacity(tokens.len());
        for token in tokens {
            let between = self.text.get(self.bytes..token.begins);
            self.characters += between.unwrap_or_default().chars().count();
            self.bytes = self.bytes.max(token.begins);
            lines.push(line(model, &token.score, self.characters));
        }
        lines
    }
}

fn line(model: &LanguageModel, score: &TokenScore, offset: usize) -> TokenLine {
    let ranked = |token: &RankedToken| spelt(model, token.token, token.log_probability);
    TokenLine {
        own: ranked(&score.own),
        offset,
        likeliest: Some(score.likeliest.iter().map(ranked).collect()),
    }
}

fn spelt(model: &LanguageModel, id: u32, log_probability: f32) -> TokenText {
    let bytes = model.tokenizer().token_bytes(id);
    let text = if let Ok(text) = std::str::from_utf8(&bytes) {
        text.to_owned()
    } else {
        let hex = bytes.iter().map(|byte| format!("\\x{byte:02x}"));
        format!("bytes:{}", hex.collect::<String>())
    };
    TokenText {
        text,
        bytes,
        log_probability: log_probability.max(LEAST),
    }
}
