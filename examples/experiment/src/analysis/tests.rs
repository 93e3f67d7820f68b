//! The tests against numbers whose answer is known.

use super::draws::{Items, holm};

/// Holm's correction as statsmodels' `multipletests` gives it.
#[test]
fn p_values_are_corrected_as_statsmodels_corrects_them() {
    let found = holm(&[0.01, 0.04, 0.03, 0.005]);
    for (found, expected) in found.iter().zip([0.03, 0.06, 0.06, 0.02]) {
        assert!((found - expected).abs() < 1e-12, "{found} {expected}");
    }
    assert_eq!(holm(&[0.9, 0.8]), [1.0, 1.0]);
    assert!(holm(&[]).is_empty());
}

#[test]
fn an_interval_covers_items_and_seeds() {
    let items = Items(vec![vec![1.0, 1.0], vec![3.0, 3.0]]);
    let found = items.interval();
    assert!((found.mean - 2.0).abs() < 1e-12, "{found:?}");
    // Seeds alone differ: both drawn alike gives the ends.
    assert!(
        (found.low - 1.0).abs() < 1e-12 && (found.high - 3.0).abs() < 1e-12,
        "{found:?}"
    );
    assert_eq!(items.means(), [1.0, 3.0]);
}

#[test]
fn a_difference_is_certain_and_a_balance_is_not() {
    let told = Items(vec![
        (0..40).map(|item| 1.0 + f64::from(item % 3)).collect(),
    ]);
    assert!(told.p() < 0.001 && told.p_above() < 0.001);
    let balance = Items(vec![
        (0..40)
            .map(|item| if item % 2 == 0 { 1.0 } else { -1.0 })
            .collect(),
    ]);
    assert!(balance.p() > 0.9, "{}", balance.p());
    assert!(told.plus(-10.0).p_above() > 0.99);
}
