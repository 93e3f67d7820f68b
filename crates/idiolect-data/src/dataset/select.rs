//! Seeded choices of rows: a sample, a held-out share, a mixture of sets.
//!
//! They deal in row numbers and know no files.
//! Each is a function of its arguments alone, the same on every machine.

use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;

use crate::DataError;

/// `n` of `n_rows` rows without repetition, in ascending order (all where `n` is larger).
///
/// A larger sample of the same seed contains the smaller one.
#[must_use]
pub fn sample(n_rows: usize, n: usize, seed: u64) -> Vec<usize> {
    let mut rows = shuffled(n_rows, seed);
    rows.truncate(n);
    rows.sort_unstable();
    rows
}

/// All rows, parted into those to train on and a share (0 to 1) held out, each in ascending order.
///
/// The number held out is rounded to the nearest; a share above 0 holds out at least one row, and
/// one below 1 leaves at least one.
/// A share that is not a number holds out nothing.
#[must_use]
pub fn split(n_rows: usize, share: f64, seed: u64) -> (Vec<usize>, Vec<usize>) {
    let mut count = part(n_rows, share);
    if share > 0.0 && n_rows > 1 {
        count = count.max(1);
    }
    if share < 1.0 {
        count = count.min(n_rows.saturating_sub(1));
    }
    let held_out = sample(n_rows, count, seed);
    let mut rest = (0..n_rows).collect::<Vec<_>>();
    rest.retain(|row| held_out.binary_search(row).is_err());
    (rest, held_out)
}

/// The most rows that sets are mixed to; a weight that asks for more is a slip, and would take the memory.
pub const MOST_MIXED: usize = 100_000_000;

/// An order (set, row) in which several sets are mixed, each row as often as its set's weight says.
///
/// Weight 1 takes every row once, 0.5 a random half of the rows, 2.5 every row twice and a random
/// half a third time; a set without a weight counts as 1.
/// The whole is shuffled.
///
/// # Errors
///
/// [`DataError::Setting`] for a weight that is negative or no number, and for more than [`MOST_MIXED`] rows.
pub fn mix(lens: &[usize], weights: &[f64], seed: u64) -> Result<Vec<(usize, usize)>, DataError> {
    check_weights(weights)?;
    let weight_of = |set: usize| weights.get(set).copied().unwrap_or(1.0);
    let sizes = lens.iter().enumerate();
    let rows: f64 = sizes.map(|(set, &len)| len as f64 * weight_of(set)).sum();
    if rows > MOST_MIXED as f64 {
        let expected = format!("at most {MOST_MIXED} rows together");
        return Err(DataError::setting(
            "",
            "weights",
            expected,
            format!("{rows:.0}"),
        ));
    }
    let mut order = Vec::new();
    for (set, &len) in lens.iter().enumerate() {
        let weight = weight_of(set);
        for _ in 0..whole(weight) {
            order.extend((0..len).map(|row| (set, row)));
        }
        let some = sample(
            len,
            part(len, weight.fract()),
            seed.wrapping_add(set as u64),
        );
        order.extend(some.into_iter().map(|row| (set, row)));
    }
    order.shuffle(&mut ChaCha8Rng::seed_from_u64(seed));
    Ok(order)
}

/// Refuses weights that say nothing.
pub(super) fn check_weights(weights: &[f64]) -> Result<(), DataError> {
    let is_weight = |weight: &f64| weight.is_finite() && *weight >= 0.0;
    match weights.iter().find(|weight| !is_weight(weight)) {
        Some(weight) => Err(DataError::setting(
            "",
            "weights",
            "numbers of at least 0",
            weight,
        )),
        None => Ok(()),
    }
}

fn shuffled(n_rows: usize, seed: u64) -> Vec<usize> {
    let mut rows: Vec<usize> = (0..n_rows).collect();
    rows.shuffle(&mut ChaCha8Rng::seed_from_u64(seed));
    rows
}

/// `share` (cut to 0 to 1) of `n` rows, to the nearest.
fn part(n: usize, share: f64) -> usize {
    whole((n as f64 * share.clamp(0.0, 1.0)).round())
}

/// The whole part of a number that is not negative; nothing for what is not a number.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "the cast saturates"
)]
fn whole(number: f64) -> usize {
    number as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_choice_of_a_seed_never_moves() {
        let order = mix(&[3, 4], &[1.5, 0.5], 42).unwrap();
        expect_test::expect![
            "[1, 4, 5, 7] [1, 7] [(0, 2), (0, 1), (1, 1), (0, 2), (1, 2), (0, 0), (0, 1)]"
        ]
        .assert_eq(&format!(
            "{:?} {:?} {order:?}",
            sample(10, 4, 42),
            split(10, 0.2, 42).1
        ));
    }

    #[test]
    fn extremes_of_a_share() {
        assert_eq!(split(4, 0.0, 1), (vec![0, 1, 2, 3], vec![]));
        assert_eq!(split(4, 1.0, 1), (vec![], vec![0, 1, 2, 3]));
        assert_eq!(split(4, 0.01, 1).1.len(), 1);
        assert_eq!(split(4, 0.99, 1).0.len(), 1);
        assert_eq!(split(1, 0.5, 1), (vec![0], vec![]));
        assert_eq!(split(4, f64::NAN, 1).1.len(), 0);
    }

    #[test]
    fn a_weight_says_how_often_a_row_stands() {
        let order = mix(&[4, 4, 4], &[2.5, 0.0], 7).unwrap();
        let count = |set, row| order.iter().filter(|&&place| place == (set, row)).count();
        assert!((0..4).all(|row| count(0, row) >= 2 && count(1, row) == 0 && count(2, row) == 1));
        assert_eq!(order.len(), 4 * 2 + 2 + 4);
    }
}
