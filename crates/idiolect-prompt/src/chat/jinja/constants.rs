//! Constants that a template would have computed while it is compiled.
//!
//! The engine folds `'x' * 1000000 * 1000000` before anything runs, so that no check between instructions
//! sees it. What the numbers of one tag could multiply its texts and lists to is bounded here, at most.

use idiolect_input::{LimitError, limits};
use minijinja::machinery::{Token, WhitespaceConfig, tokenize};
use minijinja::syntax::SyntaxConfig;

/// What one tag holds, as far as it matters for its constants.
#[derive(Default)]
struct Tag {
    multiplies: bool,
    has_text_or_list: bool,
    /// Product of its whole numbers.
    factor: u128,
    bytes: u128,
}

/// Refuses a source whose constants may together be larger than `most` bytes.
pub(super) fn check(source: &str, most: u64) -> Result<(), LimitError> {
    let space = WhitespaceConfig::default();
    let (mut tag, mut total) = (Tag::default(), 0_u128);
    for token in tokenize(source, false, SyntaxConfig, space) {
        // A source that has no tokens is told by the parser.
        let Ok((token, span)) = token else { break };
        match token {
            Token::VariableStart | Token::BlockStart => {
                total = tag.size().saturating_add(total);
                tag = Tag::default();
            }
            Token::Mul => tag.multiplies = true,
            Token::Pow => tag.raise(),
            Token::Str(_) | Token::String(_) | Token::BracketOpen => tag.has_text_or_list = true,
            Token::Int(number) => tag.multiply(number.into()),
            Token::Int128(number) => tag.multiply(*number),
            _ => {}
        }
        tag.bytes += u128::from(span.end_offset.saturating_sub(span.start_offset));
        if tag.size().saturating_add(total) > most.into() {
            return Err(limits::RENDERED_BYTES.exceeded(most, "more"));
        }
    }
    Ok(())
}

impl Tag {
    fn multiply(&mut self, number: u128) {
        self.factor = self.factor.max(1).saturating_mul(number.max(1));
    }

    fn raise(&mut self) {
        self.multiplies = true;
        // What a power may come to is not computed: any is too much beside a text.
        self.factor = u128::MAX;
    }

    fn size(&self) -> u128 {
        if self.multiplies && self.has_text_or_list {
            self.bytes.saturating_mul(self.factor.max(1))
        } else {
            0
        }
    }
}
