//! Where a document is cut in two, and the file of the halves.
//!
//! Source: arXiv 2409.00096, section on data: a position uniform between the first and the last
//! quarter of the text by word count.
//! The paper gives no code; here the number of words before the cut is uniform over the whole numbers
//! from a quarter to three quarters of all words, both ends included.

use std::io::{BufRead, BufReader};
use std::path::PathBuf;

use idiolect_data::{DataError, Id, unread};
use idiolect_input::open_regular;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// A document in two parts, which together are the document without white space around it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Halves<'a> {
    /// The words before the cut; ends with a whole word.
    pub first: &'a str,
    /// The white space at the cut and the words after it.
    pub second: &'a str,
    /// Words between white space, in both.
    pub words: usize,
    /// Words of the first part.
    pub first_words: usize,
}

/// Cuts a text at a word of its middle half that the seed chooses; nothing for a text of less than
/// two words.
///
/// Of n words, k stay before the cut, n/4 <= k <= 3n/4, at least one on each side.
#[must_use]
pub fn halve(text: &str, seed: u64) -> Option<Halves<'_>> {
    let text = text.trim();
    let words = count_words(text);
    if words < 2 {
        return None;
    }
    let (low, high) = (words.div_ceil(4), words * 3 / 4);
    let span = (high - low + 1) as u64;
    let drawn = below(&mut ChaCha8Rng::seed_from_u64(seed), span);
    let first_words = low + usize::try_from(drawn).unwrap_or(0);
    let at = end_of_word(text, first_words);
    let (first, second) = text.split_at(at);
    Some(Halves {
        first,
        second,
        words,
        first_words,
    })
}

/// Words between white space.
pub(crate) fn count_words(text: &str) -> usize {
    text.split_whitespace().count()
}

/// A document's own seed, below 2^53 so that every JSON reader keeps it.
///
/// It depends on the seed and the id alone, not on the other documents.
pub(crate) fn document_seed(seed: u64, id: &Id) -> u64 {
    let digest = Sha256::digest(format!("{seed}\n{id}"));
    let bytes = digest.iter().take(8);
    bytes.fold(0, |seed, &byte| (seed << 8) | u64::from(byte)) >> 11
}

/// The byte behind the last letter of the text's `count`-th word.
fn end_of_word(text: &str, count: usize) -> usize {
    let word = text.split_whitespace().nth(count - 1).unwrap_or(text);
    // Both are parts of one string, so their addresses tell where the word stands.
    word.as_ptr() as usize - text.as_ptr() as usize + word.len()
}

/// Uniform below `span`, which is not 0: draws that would favour small numbers are drawn again.
fn below(random: &mut ChaCha8Rng, span: u64) -> u64 {
    let fair = u64::MAX - u64::MAX % span;
    loop {
        let drawn = random.next_u64();
        if drawn < fair {
            return drawn % span;
        }
    }
}

/// A document of the sample, cut: a line of `halves.jsonl`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Half {
    pub(crate) id: Id,
    pub(crate) first: String,
    /// With the white space before it.
    pub(crate) second: String,
    pub(crate) words: usize,
    pub(crate) first_words: usize,
}

/// The halves of a run, read one by one as often as they are needed.
pub(crate) struct HalvesFile(pub(crate) PathBuf);

impl HalvesFile {
    pub(crate) fn read(
        &self,
    ) -> Result<impl Iterator<Item = Result<Half, DataError>> + use<>, DataError> {
        let path = self.0.clone();
        let file = open_regular(&path).map_err(|source| unread(&path, source))?;
        let half = move |(at, line): (usize, std::io::Result<String>)| {
            let line = line.map_err(|source| unread(&path, source))?;
            serde_json::from_str(&line).map_err(|error| DataError::Json {
                path: path.clone(),
                line: at + 1,
                column: error.column().max(1),
                problem: error.to_string(),
            })
        };
        Ok(BufReader::new(file).lines().enumerate().map(half))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn cuts_stand_everywhere_in_the_middle_half_and_nowhere_else() {
        let text = (0..40).map(|n| n.to_string()).collect::<Vec<_>>().join(" ");
        let mut counts = [0_u32; 41];
        for seed in 0..4200 {
            counts[halve(&text, seed).unwrap().first_words] += 1;
        }
        assert!(counts[..10].iter().chain(&counts[31..]).all(|&n| n == 0));
        // 20 degrees of freedom: a chi-square above 45.3 has a probability of 0.001.
        let square = counts[10..=30]
            .iter()
            .map(|&n| (f64::from(n) - 200.0).powi(2) / 200.0);
        assert!(square.sum::<f64>() < 45.3, "{counts:?}");
    }

    #[test]
    fn short_texts() {
        assert_eq!(halve(" one\n", 1), None);
        assert_eq!(halve("", 1), None);
        let halves = halve("\u{2003}ein \u{a0}zwei ", 7).unwrap();
        assert_eq!((halves.first, halves.second), ("ein", " \u{a0}zwei"));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn the_halves_are_the_text(text in "[ \\n\\u{3000}]?([a-zß語]{1,4}[ \\n\\u{3000}]{1,2}){2,40}", seed: u64) {
            let halves = halve(&text, seed).unwrap();
            prop_assert_eq!(format!("{}{}", halves.first, halves.second), text.trim());
            prop_assert_eq!(count_words(halves.first), halves.first_words);
            prop_assert_eq!(count_words(halves.second), halves.words - halves.first_words);
            prop_assert!(4 * halves.first_words >= halves.words);
            prop_assert!(4 * halves.first_words <= 3 * halves.words);
            prop_assert!(halves.second.starts_with(char::is_whitespace));
            prop_assert!(!halves.first.ends_with(char::is_whitespace));
        }
    }
}
