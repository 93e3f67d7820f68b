//! Scores of `SentencePiece` tokens from the merges of a `tokenizer.json`, which has no scores.
//!
//! A `tokenizer.json` applies merges in the order of its list; a GGUF file merges whichever pair makes the token of the
//! highest score. Both are the same where all merges to one token stand together, as transformers writes them: the
//! score is then the place of that group, counted down.

use std::collections::HashMap;

use crate::TokensError;

/// The score of each token; tokens that no merge makes come last.
pub(super) fn scores(
    tokens: &[String],
    merges: &[(String, String)],
) -> Result<Vec<f32>, TokensError> {
    let ids: HashMap<&str, usize> = tokens.iter().map(String::as_str).zip(0..).collect();
    let mut places: Vec<Option<usize>> = vec![None; tokens.len()];
    let (mut groups, mut last) = (0, None);
    for (left, right) in merges {
        let whole = format!("{left}{right}");
        let Some(&id) = ids.get(whole.as_str()) else {
            return Err(wrong("merges to tokens of the vocabulary", &whole));
        };
        if last == Some(id) {
            continue;
        }
        if places[id].is_some() {
            return Err(wrong("all merges to one token together", &whole));
        }
        places[id] = Some(groups);
        (groups, last) = (groups + 1, Some(id));
    }
    let place = |(id, place): (usize, &Option<usize>)| place.unwrap_or(groups + id);
    // Places are far below 2^24.
    let score = |place: usize| -(place as f32);
    Ok(places.iter().enumerate().map(place).map(score).collect())
}

fn wrong(expected: &str, found: &str) -> TokensError {
    TokensError::Vocabulary {
        what: "tokenizer.ggml.scores",
        expected: expected.into(),
        found: format!("a merge to {found:?} elsewhere"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn owned(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
        let owned = |(l, r): &(&str, &str)| ((*l).to_owned(), (*r).to_owned());
        pairs.iter().map(owned).collect()
    }

    #[test]
    fn a_token_scores_by_the_place_of_its_merges() {
        let tokens = ["a", "b", "c", "ab", "abc", "bc"].map(str::to_owned);
        let merges = owned(&[("b", "c"), ("ab", "c"), ("a", "bc"), ("a", "b")]);
        let found = scores(&tokens, &merges).unwrap();
        assert_eq!(found, [-3.0, -4.0, -5.0, -2.0, -1.0, 0.0]);
    }

    #[test]
    fn merges_that_no_scores_stand_for_are_refused() {
        let tokens = ["a", "b", "c", "ab", "abc", "bc"].map(str::to_owned);
        let merges = owned(&[("b", "c"), ("ab", "c"), ("a", "b"), ("a", "bc")]);
        let error = scores(&tokens, &merges).unwrap_err().to_string();
        let expected = "GGUF vocabulary: tokenizer.ggml.scores is a merge to \"abc\" elsewhere, expected all \
                        merges to one token together";
        assert_eq!(error, expected);
    }
}
