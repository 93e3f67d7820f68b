//! Tokens as bytes with ranks, as tiktoken keeps them: byte-level names, and the pairs that make each token.
//!
//! Names are GPT-2's (`bytes_to_unicode`). Every pair of tokens that joined is a token is a merge, in the order of
//! that token's rank, as transformers converts them (`convert_slow_tokenizer.py`, `TikTokenConverter`).

use std::collections::HashMap;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use idiolect_input::limits;

use super::problem::Problem;

/// The bytes of a token in base64; none where it is not that.
///
/// # Errors
///
/// A token that is too long to be split in all ways.
pub(super) fn decoded(token: &str) -> Result<Option<Vec<u8>>, Problem> {
    let Ok(bytes) = STANDARD.decode(token) else {
        return Ok(None);
    };
    let length = limits::TOKEN_BYTES.check(bytes.len() as u64);
    length.map_err(|error| Problem::new("tokens within the limit", error.to_string()))?;
    Ok(Some(bytes))
}

/// A token as `tokenizer.json` spells it: a character for each byte.
pub(super) fn name(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| char_of(*byte)).collect()
}

fn char_of(byte: u8) -> char {
    let is_shown = |byte: u8| matches!(byte, b'!'..=b'~' | 0xA1..=0xAC | 0xAE..=0xFF);
    if is_shown(byte) {
        return char::from(byte);
    }
    let before = (0..byte).filter(|other| !is_shown(*other)).count();
    u32::try_from(0x100 + before)
        .ok()
        .and_then(char::from_u32)
        .unwrap_or('\u{FFFD}')
}

/// The merges of tokens that are in the order of their ranks, two names with a space between.
pub(super) fn merges(tokens: &[Vec<u8>]) -> Vec<String> {
    let ranks: HashMap<&[u8], usize> = tokens.iter().map(Vec::as_slice).zip(0..).collect();
    let mut out = Vec::new();
    for token in tokens {
        let splits = (1..token.len()).map(|at| token.split_at(at));
        let mut pairs: Vec<_> = splits
            .filter_map(|(left, right)| Some((*ranks.get(left)?, *ranks.get(right)?, left, right)))
            .collect();
        pairs.sort_unstable();
        out.extend(
            pairs
                .into_iter()
                .map(|(_, _, left, right)| format!("{} {}", name(left), name(right))),
        );
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_of_gpt2() {
        assert_eq!(name(b" a\n\xff\x00\xad"), "ĠaĊÿĀŃ");
    }

    #[test]
    fn merges_are_in_the_order_of_what_they_make() {
        let tokens = [&b"a"[..], b"b", b"c", b"bc", b"ab", b"abc"].map(<[u8]>::to_vec);
        assert_eq!(merges(&tokens), ["b c", "a b", "a bc", "ab c"]);
    }
}
