//! The on-policy arm, which was added after the others were designed: its forgetting and learning against plain and
//! distilled training, and whether its divergence from the teacher falls. Its four p-values are corrected together.

use super::draws::{Items, holm};
use super::tests_of::{Finding, forgetting, items, learning};
use crate::design::{Arm, ROWS};
use crate::record::{Record, Records};

/// Name of a test, what the runs on policy are held against, and the measure.
type Test = (&'static str, Arm, fn(&Record) -> &Vec<f64>);

const TESTS: [Test; 4] = [
    ("forgetting, on policy less plain", Arm::Plain, forgetting),
    (
        "forgetting, on policy less distilled",
        Arm::Distilled,
        forgetting,
    ),
    ("learning, on policy less plain", Arm::Plain, learning),
    (
        "learning, on policy less distilled",
        Arm::Distilled,
        learning,
    ),
];

/// The tests of the arm with corrected p-values; none before its runs are done.
pub(crate) fn added(records: &Records) -> Vec<Finding> {
    let test = |(name, other, measure): Test| {
        let of = |arm| items(records, (arm, ROWS), measure);
        let gap = of(Arm::OnPolicy)?.with(&of(other)?, |online, other| online - other);
        let p = gap.p();
        Some(Finding::new(name, "nats a token", &gap, p))
    };
    let mut found: Vec<Finding> = TESTS.into_iter().filter_map(test).collect();
    let p: Vec<f64> = found.iter().map(|one| one.p).collect();
    for (one, p) in found.iter_mut().zip(holm(&p)) {
        one.p = p;
    }
    found
}

/// Divergence from the teacher in the first and in the last third of the steps, one value a step and seed.
pub(crate) fn divergence(records: &Records) -> Option<[Items; 2]> {
    let all = items(records, (Arm::OnPolicy, ROWS), |record| &record.divergence)?;
    let third = |of: fn(&[f64], usize) -> &[f64]| {
        let seeds = all.0.iter();
        Items(
            seeds
                .map(|steps| of(steps, steps.len() / 3).to_vec())
                .collect(),
        )
    };
    Some([
        third(|steps, many| &steps[..many]),
        third(|steps, many| &steps[steps.len() - many..]),
    ])
}
