//! Guesses of a row's next tokens from its own tokens, to be verified many in one pass.
//!
//! Prompt-lookup decoding (A. Saxena, 2023; `prompt_lookup_num_tokens` in transformers): a text that
//! repeats or rewrites what it has before it goes on as that did.

/// The most tokens that are looked for; longer matches are no better guides.
const LONGEST: usize = 4;
/// The fewest: a single token stands everywhere.
const SHORTEST: usize = 2;

/// What followed the last few tokens where they stood before, at most `most` tokens.
///
/// The longest match wins, of equally long ones the latest.
pub(crate) fn draft(tokens: &[u32], most: usize) -> &[u32] {
    let Some((&last, before)) = tokens.split_last().filter(|_| most > 0) else {
        return &[];
    };
    let (mut best, mut place) = (SHORTEST - 1, 0);
    for end in (0..before.len()).rev().filter(|&end| tokens[end] == last) {
        let same = |back: &usize| tokens[end - back] == before[before.len() - back];
        let matched = 1 + (1..LONGEST.min(end + 1)).take_while(same).count();
        if matched > best {
            (best, place) = (matched, end + 1);
        }
        if best == LONGEST {
            break;
        }
    }
    if place == 0 {
        return &[];
    }
    &tokens[place..tokens.len().min(place + most)]
}

#[cfg(test)]
mod tests {
    use super::draft;

    #[test]
    fn the_longest_match_wins_and_then_the_latest() {
        assert_eq!(draft(&[1, 2, 3, 4, 9, 2, 3, 5, 1, 2, 3], 2), [4, 9]);
        assert_eq!(draft(&[1, 2, 3, 1, 2, 4, 1, 2], 1), [4]);
    }

    #[test]
    fn one_token_is_no_match() {
        assert!(draft(&[1, 2, 3, 1], 4).is_empty());
        assert!(draft(&[], 4).is_empty());
    }

    #[test]
    fn a_draft_ends_with_what_is_known() {
        assert_eq!(draft(&[7, 7, 7], 4), [7]);
        assert_eq!(draft(&[1, 2, 1, 2], 9), [1, 2]);
        assert!(draft(&[1, 2, 1, 2], 0).is_empty());
    }
}
