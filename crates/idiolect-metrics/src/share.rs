//! The interval of a share: of how many items something holds.
//!
//! A bootstrap of items that all agree has no width ("0.000 to 0.000"), however few they are. The score interval of
//! E. B. Wilson (1927) has the width that so few items leave, near 0 and 1 too.

use crate::interval::{Draws, Interval, bootstrap, mean};

/// Halvings of the range in which a quantile lies: more than the digits of an `f64` tell apart.
const HALVINGS: usize = 60;

/// Mean of values with its interval: Wilson's where every value is 0 or 1, else by the bootstrap; none where there
/// are no values.
#[must_use]
pub fn interval(values: &[f64], draws: &Draws) -> Option<Interval> {
    #[expect(clippy::float_cmp, reason = "a share has these two values exactly")]
    let is_share = values.iter().all(|value| *value == 0.0 || *value == 1.0);
    if is_share {
        let mean = mean(values)?;
        return Some(wilson(mean, values.len(), draws.level));
    }
    bootstrap(values, draws)
}

/// Wilson's interval of a share between 0 and 1 that was found in so many items.
///
/// `level` is the share of such intervals that hold the true one, between 0 and 1; 0.95 is usual.
#[must_use]
pub fn wilson(share: f64, items: usize, level: f64) -> Interval {
    let (n, z) = (items.max(1) as f64, quantile(level));
    let spread = z * z / n;
    let centre = (share + spread / 2.0) / (1.0 + spread);
    let half = z / (1.0 + spread)
        * (share * (1.0 - share) / n + spread / (4.0 * n))
            .max(0.0)
            .sqrt();
    Interval {
        mean: share,
        low: (centre - half).max(0.0).min(share),
        high: (centre + half).min(1.0).max(share),
    }
}

/// How many standard deviations on both sides of its mean hold a share of a normal distribution.
fn quantile(level: f64) -> f64 {
    let within = |z: f64| libm::erf(z * std::f64::consts::FRAC_1_SQRT_2);
    let (mut below, mut above) = (0.0, 10.0);
    for _ in 0..HALVINGS {
        let middle = f64::midpoint(below, above);
        if within(middle) < level {
            below = middle;
        } else {
            above = middle;
        }
    }
    below
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `proportion_confint(count, nobs, alpha, "wilson")` of statsmodels 0.15: count, nobs, alpha, both ends.
    const STATSMODELS: [(f64, usize, f64, [f64; 2]); 7] = [
        (0.0, 16, 0.05, [0.0, 0.193_607_680_534_436_55]),
        (16.0, 16, 0.05, [0.806_392_319_465_563_3, 1.0]),
        (
            8.0,
            10,
            0.05,
            [0.490_162_471_536_642_83, 0.943_317_848_545_624_7],
        ),
        (
            1.0,
            200,
            0.05,
            [0.000_883_168_715_600_979_7, 0.027_773_704_397_892_937],
        ),
        (
            97.0,
            150,
            0.05,
            [0.567_381_379_223_543_8, 0.718_627_349_095_153_6],
        ),
        (0.0, 1, 0.05, [0.0, 0.793_450_685_622_762_7]),
        (
            97.0,
            150,
            0.01,
            [0.541_878_375_992_144_2, 0.739_029_652_517_469_1],
        ),
    ];

    #[test]
    fn intervals_are_those_of_statsmodels() {
        for (count, items, alpha, [low, high]) in STATSMODELS {
            let found = wilson(count / items as f64, items, 1.0 - alpha);
            let is_near = (found.low - low).abs() < 1e-12 && (found.high - high).abs() < 1e-12;
            assert!(is_near, "{count} of {items}: {found:?}");
        }
    }

    #[test]
    fn shares_alone_have_wilsons_interval() {
        let draws = Draws {
            samples: 200,
            level: 0.95,
            seed: 1,
        };
        let of = |values: &[f64]| interval(values, &draws).unwrap();
        assert!(of(&[0.0; 16]).high > 0.19);
        assert_eq!(of(&[0.5; 16]), bootstrap(&[0.5; 16], &draws).unwrap());
        assert!(interval(&[], &draws).is_none());
    }
}
