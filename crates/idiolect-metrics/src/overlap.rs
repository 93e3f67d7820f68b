//! How many n-grams two sequences share, and their longest common subsequence.
//!
//! Symbols are numbers: characters by their scalar value, words by [`number`].

use std::collections::HashMap;

/// The longest n-gram that is counted.
pub(crate) const ORDERS: usize = 4;

/// Gives equal words equal numbers, counted over both sequences.
pub(crate) fn number<'a, const N: usize>(texts: [&[&'a str]; N]) -> [Vec<u32>; N] {
    let mut ids: HashMap<&'a str, u32> = HashMap::new();
    texts.map(|words| {
        let mut next = |word: &'a str| {
            let fresh = u32::try_from(ids.len()).unwrap_or(u32::MAX);
            *ids.entry(word).or_insert(fresh)
        };
        words.iter().map(|word| next(word)).collect()
    })
}

/// The n-grams of `symbols` in sorted order, each packed into one number.
fn sorted_grams(symbols: &[u32], n: usize) -> Vec<u128> {
    let pack = |gram: &[u32]| gram.iter().fold(0, |all, &s| (all << 32) | u128::from(s));
    let mut grams: Vec<u128> = symbols.windows(n).map(pack).collect();
    grams.sort_unstable();
    grams
}

/// Size of the intersection of the two multisets of n-grams, for n from 1 to [`ORDERS`].
pub(crate) fn shared_grams(a: &[u32], b: &[u32], n: usize) -> usize {
    debug_assert!(
        (1..=ORDERS).contains(&n),
        "four symbols of 32 bits fill the packed n-gram"
    );
    let (a, b) = (sorted_grams(a, n), sorted_grams(b, n));
    let (mut i, mut j, mut shared) = (0, 0, 0);
    while i < a.len() && j < b.len() {
        match a[i].cmp(&b[j]) {
            std::cmp::Ordering::Less => i += 1,
            std::cmp::Ordering::Greater => j += 1,
            std::cmp::Ordering::Equal => {
                shared += 1;
                i += 1;
                j += 1;
            }
        }
    }
    shared
}

/// Length of the longest common subsequence.
///
/// One bit per symbol of `a`, 64 at a time: a bit is cleared where the length grows
/// (H. Hyyrö, "Bit-parallel LCS-length computation revisited", 2004).
pub(crate) fn common_subsequence(a: &[u32], b: &[u32]) -> usize {
    let words = a.len().div_ceil(64);
    let mut places: HashMap<u32, Vec<u64>> = HashMap::new();
    for (i, &symbol) in a.iter().enumerate() {
        places.entry(symbol).or_insert_with(|| vec![0; words])[i / 64] |= 1 << (i % 64);
    }
    let mut state = vec![u64::MAX; words];
    for symbol in b {
        if let Some(matches) = places.get(symbol) {
            advance(&mut state, matches);
        }
    }
    // The unused high bits of the last word match nothing, so they stay set.
    state.iter().map(|word| word.count_zeros() as usize).sum()
}

/// One symbol of `b`: `V = (V + (V & M)) | (V & !M)` over all words, with the carry of the sum.
fn advance(state: &mut [u64], matches: &[u64]) {
    let mut carry = false;
    for (v, &m) in state.iter_mut().zip(matches) {
        let (sum, over_first) = v.overflowing_add(*v & m);
        let (sum, over_second) = sum.overflowing_add(u64::from(carry));
        carry = over_first || over_second;
        *v = sum | (*v & !m);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The textbook table.
    fn table(a: &[u32], b: &[u32]) -> usize {
        let mut row = vec![0; b.len() + 1];
        for x in a {
            let mut diagonal = 0;
            for (j, y) in b.iter().enumerate() {
                let above = row[j + 1];
                row[j + 1] = if x == y {
                    diagonal + 1
                } else {
                    above.max(row[j])
                };
                diagonal = above;
            }
        }
        row[b.len()]
    }

    #[test]
    fn a_repeated_gram_counts_as_often_as_both_have_it() {
        assert_eq!(shared_grams(&[1, 1, 1], &[1, 1, 2], 1), 2);
        assert_eq!(shared_grams(&[1, 1, 1], &[1, 1, 2], 2), 1);
        assert_eq!(shared_grams(&[1, 1, 1], &[1, 1, 2], 4), 0);
    }

    #[test]
    fn equal_words_get_equal_numbers_in_both_texts() {
        assert_eq!(
            number([&["a", "b", "a"], &["c", "a"]]),
            [vec![0, 1, 0], vec![2, 0]]
        );
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn the_bit_parallel_length_equals_the_table(
            a in prop::collection::vec(0u32..5, 0..200),
            b in prop::collection::vec(0u32..5, 0..200),
        ) {
            prop_assert_eq!(common_subsequence(&a, &b), table(&a, &b));
        }
    }
}
