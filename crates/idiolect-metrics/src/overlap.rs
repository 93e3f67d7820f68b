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

/// Sizes of the intersections of the two multisets of n-grams, for n from 1 to [`ORDERS`].
///
/// Each text is sorted once, by the [`ORDERS`] symbols from each place on: n-grams are the beginnings of those, so
/// they are in order too.
pub(crate) fn shared_grams(a: &[u32], b: &[u32]) -> [usize; ORDERS] {
    // Symbols are shifted by one, so that 0 is the end of the text.
    if a.iter()
        .chain(b)
        .all(|&symbol| symbol < u32::from(u16::MAX))
    {
        let pack = |gram: [u32; ORDERS]| gram.iter().fold(0, |all, &s| (all << 16) | u64::from(s));
        let [a, b] = [a, b].map(|text| sorted(text, pack));
        let cut = |gram: u64, n: usize| gram >> (16 * (ORDERS - n));
        std::array::from_fn(|i| {
            common(
                &a,
                &b,
                |gram| cut(gram, i + 1),
                |gram| 16 <= gram.trailing_zeros(),
            )
        })
    } else {
        let pack = |gram: [u32; ORDERS]| gram.iter().fold(0, |all, &s| (all << 32) | u128::from(s));
        let [a, b] = [a, b].map(|text| sorted(text, pack));
        let cut = |gram: u128, n: usize| gram >> (32 * (ORDERS - n));
        let open = |gram: u128| 32 <= gram.trailing_zeros();
        std::array::from_fn(|i| common(&a, &b, |gram| cut(gram, i + 1), open))
    }
}

/// The symbols from each place on, packed into numbers, in sorted order.
fn sorted<K: Ord>(symbols: &[u32], pack: impl Fn([u32; ORDERS]) -> K) -> Vec<K> {
    let at = |place: usize| symbols.get(place).map_or(0, |symbol| symbol + 1);
    let gram = |start| pack(std::array::from_fn(|i| at(start + i)));
    let mut grams: Vec<K> = (0..symbols.len()).map(gram).collect();
    grams.sort_unstable();
    grams
}

/// How many of the sorted grams both have after `cut`; those that are `open` then extend past the end of their
/// text and do not count.
fn common<K: Ord + Copy>(
    a: &[K],
    b: &[K],
    cut: impl Fn(K) -> K,
    open: impl Fn(K) -> bool,
) -> usize {
    let (mut i, mut j, mut shared) = (0, 0, 0);
    while i < a.len() && j < b.len() {
        let (left, right) = (cut(a[i]), cut(b[j]));
        // Without branches: the processor cannot predict which side is smaller.
        shared += usize::from(left == right && !open(left));
        i += usize::from(left <= right);
        j += usize::from(right <= left);
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
        assert_eq!(shared_grams(&[1, 1, 1], &[1, 1, 2]), [2, 1, 0, 0]);
        // Symbols that two bytes do not hold, 0 and the last of two bytes among the others.
        assert_eq!(
            shared_grams(&[70_000; 3], &[70_000, 70_000, 2]),
            [2, 1, 0, 0]
        );
        assert_eq!(shared_grams(&[0, 0, 65_535], &[0, 0, 65_535]), [3, 2, 1, 0]);
        assert_eq!(shared_grams(&[0, 0], &[0]), [1, 0, 0, 0]);
    }

    #[test]
    fn equal_words_get_equal_numbers_in_both_texts() {
        assert_eq!(
            number([&["a", "b", "a"], &["c", "a"]]),
            [vec![0, 1, 0], vec![2, 0]]
        );
    }

    /// The definition: grams of one text are struck off as the other has them.
    fn struck(a: &[u32], b: &[u32], n: usize) -> usize {
        let mut left: Vec<&[u32]> = b.windows(n).collect();
        let mut shared = 0;
        for gram in a.windows(n) {
            if let Some(at) = left.iter().position(|own| *own == gram) {
                left.swap_remove(at);
                shared += 1;
            }
        }
        shared
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn shared_grams_are_those_of_the_definition(
            a in prop::collection::vec(prop_oneof![0u32..3, Just(65_534), Just(70_000)], 0..30),
            b in prop::collection::vec(prop_oneof![0u32..3, Just(65_534), Just(70_000)], 0..30),
        ) {
            let expected: [usize; ORDERS] = std::array::from_fn(|i| struck(&a, &b, i + 1));
            prop_assert_eq!(shared_grams(&a, &b), expected);
        }

        #[test]
        fn the_bit_parallel_length_equals_the_table(
            a in prop::collection::vec(0u32..5, 0..200),
            b in prop::collection::vec(0u32..5, 0..200),
        ) {
            prop_assert_eq!(common_subsequence(&a, &b), table(&a, &b));
        }
    }
}
