//! The tests against numbers whose answer is known.

#![allow(clippy::unwrap_used, reason = "a test's own files")]

use super::draws::{Items, holm};
use super::{added, divergence};
use crate::design::{ROWS, SEEDS};
use crate::record::Records;

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

/// Records of three seeds of an arm, written and read as the program does.
fn records(arms: &[(&str, f64)]) -> (tempfile::TempDir, Records) {
    let place = tempfile::tempdir().unwrap();
    let path = place.path().join("results.jsonl");
    let line = |(arm, forgot): &(&str, f64), seed: u64| {
        let values: Vec<f64> = (0..20).map(|item| forgot + f64::from(item) / 1e3).collect();
        let divergence: Vec<f64> = (0..9).map(|step| f64::from(9 - step)).collect();
        serde_json::json!({
            "key": "k", "arm": arm, "rows": ROWS, "seed": seed, "forgetting": values, "plain_text": 0.0,
            "learning": values, "bleu4": [], "rouge_l": [], "cosine": [], "knowledge": [], "shift": 0.0,
            "divergence": divergence, "seconds": 1.0,
        })
        .to_string()
    };
    let lines = arms.iter();
    let lines: Vec<String> = lines
        .flat_map(|arm| SEEDS.map(|seed| line(arm, seed)))
        .collect();
    std::fs::write(&path, lines.join("\n")).unwrap();
    let records = Records::open(&path, "k").unwrap();
    (place, records)
}

#[test]
fn the_arm_that_was_added_is_held_against_both_others() {
    let (_place, records) = records(&[("plain", 0.5), ("distilled", 0.3), ("on_policy", 0.3)]);
    let found = added(&records);
    let means: Vec<f64> = found.iter().map(|one| one.effect.mean).collect();
    for (found, expected) in means.iter().zip([-0.2, 0.0, -0.2, 0.0]) {
        assert!((found - expected).abs() < 1e-9, "{means:?}");
    }
    assert!(found[0].is_certain() && !found[1].is_certain());
    let [first, last] = divergence(&records).unwrap();
    assert_eq!(first.means(), [8.0; 3]);
    assert_eq!(last.means(), [2.0; 3]);
}

#[test]
fn without_its_runs_the_added_arm_says_nothing() {
    let (_place, records) = records(&[("plain", 0.5), ("distilled", 0.3)]);
    assert!(added(&records).is_empty() && divergence(&records).is_none());
}
