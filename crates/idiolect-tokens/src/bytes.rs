//! The bytes that one token stands for: a token may be a part of a character, which text cannot show.
//!
//! Byte-level vocabularies spell each byte as a character (`bytes_to_unicode` of GPT-2); `SentencePiece`'s spell a
//! space as `▁`, and bytes without a word as `<0x0A>`.

use crate::Tokenizer;

/// How byte-level vocabularies spell a space and a line end.
const BYTE_LEVEL: [&str; 2] = ["\u{120}", "\u{10a}"];

impl Tokenizer {
    /// The bytes of a token, a space before a word included; a special token's spelling; nothing for an id outside
    /// the vocabulary.
    ///
    /// The bytes of the tokens of a text, joined, are the text, but for what a tokenizer adds: special tokens, and
    /// the space that `SentencePiece` puts before a text.
    #[must_use]
    pub fn token_bytes(&self, id: u32) -> Vec<u8> {
        let Some(token) = self.token(id) else {
            return Vec::new();
        };
        let is_added = self.inner.get_added_vocabulary().simple_id_to_token(id);
        if is_added.is_some() {
            return token.into_bytes();
        }
        if BYTE_LEVEL.iter().all(|spelt| self.id_of(spelt).is_some())
            && let Some(bytes) = token.chars().map(spelt_byte).collect()
        {
            return bytes;
        }
        let byte = token
            .strip_prefix("<0x")
            .and_then(|rest| rest.strip_suffix('>'));
        match byte.map(|digits| u8::from_str_radix(digits, 16)) {
            Some(Ok(byte)) => vec![byte],
            _ => token.replace('\u{2581}', " ").into_bytes(),
        }
    }
}

/// The byte that a character of a byte-level vocabulary spells: printable ones spell themselves, the others are the
/// characters from 256 on, in order.
fn spelt_byte(spelt: char) -> Option<u8> {
    let code = u32::from(spelt);
    let byte = match code {
        33..=126 | 161..=172 | 174..=255 => code,
        256..=288 => code - 256,
        289..=322 => code - 289 + 127,
        323 => 173,
        _ => return None,
    };
    u8::try_from(byte).ok()
}

#[cfg(test)]
mod tests {
    use super::spelt_byte;

    #[test]
    fn every_byte_is_spelt_once() {
        let mut bytes: Vec<u8> = (0..400)
            .filter_map(char::from_u32)
            .filter_map(spelt_byte)
            .collect();
        assert_eq!(spelt_byte('\u{120}'), Some(b' '));
        assert_eq!(spelt_byte('\u{10a}'), Some(b'\n'));
        bytes.sort_unstable();
        assert_eq!(bytes, (0..=255).collect::<Vec<u8>>());
    }
}
