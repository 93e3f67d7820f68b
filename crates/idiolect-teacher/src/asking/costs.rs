//! What an attempt may cost, and what it did.

use crate::budget::Spent;
use crate::failure::Billed;
use crate::reply::Answer;
use crate::request::Call;

/// What a request may cost at most: a token holds two bytes and more of any text but code of
/// punctuation marks.
pub(super) fn most(call: &Call) -> Spent {
    Spent {
        attempts: 1,
        texts: 1,
        prompt_tokens: call.form.bytes().div_ceil(2) as u64,
        text_tokens: call.max_new_tokens as u64,
    }
}

/// What an answer cost; a server that does not count the prompt is taken to have read the most.
pub(super) fn spent(answer: &Answer, most: Spent) -> Spent {
    let prompt = answer.prompt_tokens;
    Spent {
        attempts: 1,
        texts: 1,
        prompt_tokens: if prompt == 0 {
            most.prompt_tokens
        } else {
            prompt
        },
        text_tokens: answer.text_tokens,
    }
}

/// What an attempt cost that brought nothing; an answer that does not say is taken to have cost the most.
pub(super) fn spent_in_vain(billed: Billed, most: Spent) -> Spent {
    let (prompt_tokens, text_tokens) = match billed {
        Billed::Nothing => (0, 0),
        Billed::Unknown => (most.prompt_tokens, most.text_tokens),
        Billed::Tokens { prompt, text } => (prompt, text),
    };
    Spent {
        attempts: 1,
        texts: 0,
        prompt_tokens,
        text_tokens,
    }
}
