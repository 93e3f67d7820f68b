//! Means with their uncertainty, and whether two models differ on the same items.
//!
//! Sources: the percentile bootstrap of B. Efron (1979), and the paired permutation test by random
//! signs of R. A. Fisher (1935), its p-value with the observed sample counted in (B. Phipson and
//! G. K. Smyth, 2010, equation 2).
//! All draws follow from the seed alone, on every machine.
//! Items are taken as independent: several answers to one prompt should be averaged first.

use crate::MetricsError;

/// The random draws of a bootstrap or a permutation test.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Draws {
    /// How many samples are drawn; with 10,000 the ends of an interval vary by about a hundredth of its
    /// width.
    pub samples: usize,
    /// Share of the samples inside the interval, between 0 and 1; 0.95 is usual.
    pub level: f64,
    /// Seed of the draws.
    pub seed: u64,
}

/// A mean and the interval that holds the middle share of its resampled means.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Interval {
    /// Mean of the values.
    pub mean: f64,
    /// Lower end.
    pub low: f64,
    /// Upper end.
    pub high: f64,
}

/// Two models on the same items.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Paired {
    /// Mean of second minus first, with its interval over items.
    pub difference: Interval,
    /// Probability of a difference at least as large, either way, were the two alike.
    pub p_value: f64,
    /// Items on which the second is higher.
    pub higher: usize,
    /// Items on which it is lower.
    pub lower: usize,
}

/// Mean of `values`; none where there are none.
#[must_use]
pub fn mean(values: &[f64]) -> Option<f64> {
    (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64)
}

/// Mean of `values` with its bootstrap interval; none where there are no values.
///
/// The ends are sample quantiles interpolated between neighbours, as `NumPy`'s `quantile` does.
/// Without samples both ends are the mean.
#[must_use]
pub fn bootstrap(values: &[f64], draws: &Draws) -> Option<Interval> {
    let mean = mean(values)?;
    let mut random = Random(draws.seed);
    let mut means: Vec<f64> = (0..draws.samples)
        .map(|_| {
            let sum: f64 = values
                .iter()
                .map(|_| values[random.below(values.len())])
                .sum();
            sum / values.len() as f64
        })
        .collect();
    means.sort_by(f64::total_cmp);
    let tail = (1.0 - draws.level.clamp(0.0, 1.0)) / 2.0;
    Some(Interval {
        mean,
        low: quantile(&means, tail).unwrap_or(mean),
        high: quantile(&means, 1.0 - tail).unwrap_or(mean),
    })
}

/// Compares two models that scored the same items in the same order; none where there are none.
///
/// # Errors
///
/// [`MetricsError::Lengths`] where the lists differ in length.
pub fn paired(
    first: &[f64],
    second: &[f64],
    draws: &Draws,
) -> Result<Option<Paired>, MetricsError> {
    let (expected, found) = (first.len(), second.len());
    if expected != found {
        let what = "paired scores";
        return Err(MetricsError::Lengths {
            what,
            expected,
            found,
        });
    }
    let differences: Vec<f64> = first.iter().zip(second).map(|(a, b)| b - a).collect();
    Ok(bootstrap(&differences, draws).map(|difference| Paired {
        difference,
        p_value: p_value(&differences, draws),
        higher: differences.iter().filter(|&&d| 0.0 < d).count(),
        lower: differences.iter().filter(|&&d| d < 0.0).count(),
    }))
}

/// A p-value as text, with the digits that 10,000 draws carry.
#[must_use]
pub fn shown_p(p: f64) -> String {
    if p < 0.001 {
        format!("{p:.0e}")
    } else {
        format!("{p:.3}")
    }
}

/// Share of sign changes whose sum is at least as far from zero as the one found.
fn p_value(differences: &[f64], draws: &Draws) -> f64 {
    let found = differences.iter().sum::<f64>().abs();
    // Sums of the same numbers in another order differ by rounding.
    let found = found - 1e-12 * differences.iter().map(|d| d.abs()).sum::<f64>();
    let mut random = Random(draws.seed ^ u64::MAX);
    let mut as_far = 1_usize;
    for _ in 0..draws.samples {
        let (mut sum, mut bits) = (0.0, 0);
        for (i, difference) in differences.iter().enumerate() {
            if i % 64 == 0 {
                bits = random.next();
            }
            sum += if bits >> (i % 64) & 1 == 1 {
                *difference
            } else {
                -difference
            };
        }
        as_far += usize::from(found <= f64::abs(sum));
    }
    as_far as f64 / (draws.samples + 1) as f64
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a share of a length is a place in it"
)]
fn quantile(sorted: &[f64], share: f64) -> Option<f64> {
    let place = share * sorted.len().checked_sub(1)? as f64;
    let (below, above) = (place.floor(), place.ceil());
    let (low, high) = (sorted[below as usize], sorted[above as usize]);
    Some(low + (high - low) * (place - below))
}

/// `SplitMix64` (G. L. Steele, D. Lea and C. H. Flood, 2014): small, and the same everywhere.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A whole number below `end`; its bias is below one in 2^64 / `end`.
    #[expect(
        clippy::cast_possible_truncation,
        reason = "the result is below a usize"
    )]
    fn below(&mut self, end: usize) -> usize {
        ((u128::from(self.next()) * end as u128) >> 64) as usize
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const DRAWS: Draws = Draws {
        samples: 2000,
        level: 0.95,
        seed: 7,
    };

    #[test]
    fn the_interval_of_a_share_is_near_its_normal_one() {
        let values: Vec<f64> = (0..400).map(|i| f64::from(u8::from(i % 4 == 0))).collect();
        let found = bootstrap(&values, &DRAWS).unwrap();
        let half = 1.96 * (0.25 * 0.75 / 400.0_f64).sqrt();
        assert!((found.mean - 0.25).abs() < 1e-12);
        assert!((found.low - (0.25 - half)).abs() < 0.005, "{found:?}");
        assert!((found.high - (0.25 + half)).abs() < 0.005, "{found:?}");
    }

    #[test]
    fn the_p_value_is_near_that_of_all_sign_changes() {
        // Of the 1,024 sign changes of ten equal differences two are as far out as all alike.
        let found = paired(&[0.0; 10], &[1.0; 10], &DRAWS).unwrap().unwrap();
        assert!((found.p_value - 2.0 / 1024.0).abs() < 0.003, "{found:?}");
        assert_eq!((found.higher, found.lower), (10, 0));
    }

    #[test]
    fn a_model_does_not_differ_from_itself() {
        let found = paired(&[0.1, 0.7], &[0.1, 0.7], &DRAWS).unwrap().unwrap();
        assert!((found.p_value - 1.0).abs() < 1e-12 && found.difference.mean.abs() < 1e-12);
    }

    #[test]
    fn nothing_has_no_mean_and_unequal_lists_no_difference() {
        assert_eq!(bootstrap(&[], &DRAWS), None);
        assert_eq!(paired(&[], &[], &DRAWS), Ok(None));
        assert!(paired(&[1.0], &[], &DRAWS).is_err());
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]

        #[test]
        fn the_interval_holds_the_mean_and_repeats(
            values in prop::collection::vec(-5.0..5.0f64, 1..20), seed: u64,
        ) {
            let draws = Draws { samples: 200, level: 0.99, seed };
            let found = bootstrap(&values, &draws).unwrap();
            prop_assert!(found.low <= found.mean + 1e-9 && found.mean <= found.high + 1e-9);
            prop_assert_eq!(Some(found), bootstrap(&values, &draws));
        }
    }
}
