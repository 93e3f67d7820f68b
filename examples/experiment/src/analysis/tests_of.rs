//! What is tested of the arms.

use idiolect::metrics::interval::Interval;

use super::draws::{Items, holm};
use crate::design::{Arm, FEW_ROWS, ROWS, Run, SEEDS};
use crate::record::{Record, Records};

/// Name of the test that needs distilled training to have learned as much as some plain training.
pub(crate) const AT_EQUAL_LEARNING: &str =
    "forgetting at the learning of distilled, plain less distilled";

/// A tested difference.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Finding {
    /// What is tested, in words.
    pub(crate) name: &'static str,
    /// Its unit.
    pub(crate) unit: &'static str,
    /// The difference with its interval over items and seeds.
    pub(crate) effect: Interval,
    /// Its p-value; of the secondary ones the corrected one.
    pub(crate) p: f64,
    /// Means of the seeds.
    pub(crate) seeds: Vec<f64>,
}

impl Finding {
    pub(super) fn new(name: &'static str, unit: &'static str, items: &Items, p: f64) -> Self {
        Self {
            name,
            unit,
            effect: items.interval(),
            p,
            seeds: items.means(),
        }
    }

    /// Whether it is certain at 0.05.
    pub(crate) fn is_certain(&self) -> bool {
        self.p < 0.05
    }
}

/// One measure of an arm at all seeds; none where a run is missing or has not the measure.
pub(crate) fn items(
    records: &Records,
    (arm, rows): (Arm, usize),
    measure: fn(&Record) -> &Vec<f64>,
) -> Option<Items> {
    let one = |seed: &u64| {
        let seed = *seed;
        let record = records.of(&Run { arm, rows, seed })?;
        Some(measure(record).clone()).filter(|values| !values.is_empty())
    };
    SEEDS.iter().map(one).collect::<Option<_>>().map(Items)
}

pub(super) fn forgetting(record: &Record) -> &Vec<f64> {
    &record.forgetting
}

pub(super) fn learning(record: &Record) -> &Vec<f64> {
    &record.learning
}

/// Forgetting of plain training less that of distilled, at all rows.
pub(crate) fn primary(records: &Records) -> Option<Finding> {
    let of = |arm| items(records, (arm, ROWS), forgetting);
    let gap = of(Arm::Plain)?.with(&of(Arm::Distilled)?, |plain, own| plain - own);
    let p = gap.p();
    Some(Finding::new(
        "forgetting, plain less distilled",
        "nats a token",
        &gap,
        p,
    ))
}

/// The other tests, as far as their runs are done, with corrected p-values.
pub(crate) fn secondary(records: &Records) -> Vec<Finding> {
    let tests = [
        at_equal_learning,
        by_mix,
        by_rows,
        likeness,
        no_less_learned,
        knowledge,
    ];
    let mut found: Vec<Finding> = tests.into_iter().filter_map(|test| test(records)).collect();
    // The family is that of the design, whatever is done of it.
    let mut p: Vec<f64> = found.iter().map(|one| one.p).collect();
    p.resize(tests.len(), 1.0);
    for (one, p) in found.iter_mut().zip(holm(&p)) {
        one.p = p;
    }
    found
}

/// Between the two plain arms, at the learning of the distilled one: a straight line of two rates. None where that
/// learned less, or more, than both.
fn at_equal_learning(records: &Records) -> Option<Finding> {
    let of = |arm, measure| items(records, (arm, ROWS), measure);
    let mean = |arm| {
        let means = of(arm, learning)?.means();
        Some(means.iter().sum::<f64>() / means.len() as f64)
    };
    let [plain, slow, own] = [Arm::Plain, Arm::PlainSlow, Arm::Distilled].map(mean);
    let (plain, slow, own) = (plain?, slow?, own?);
    let share = (own - slow) / (plain - slow);
    // Beyond the two plain arms the line would be a guess.
    if !(0.0..=1.0).contains(&share) {
        return None;
    }
    let between = of(Arm::PlainSlow, forgetting)?
        .with(&of(Arm::Plain, forgetting)?, |slow, plain| {
            slow + share * (plain - slow)
        });
    let gap = between.with(&of(Arm::Distilled, forgetting)?, |plain, own| plain - own);
    let p = gap.p();
    Some(Finding::new(AT_EQUAL_LEARNING, "nats a token", &gap, p))
}

/// The slope of forgetting over the share of distilled rows, by least squares over 0, 0.5 and 1.
fn by_mix(records: &Records) -> Option<Finding> {
    let of = |arm| items(records, (arm, ROWS), forgetting);
    of(Arm::Mixed)?;
    // At three even places the slope of the line is that of its ends.
    let slope = of(Arm::Plain)?.with(&of(Arm::Distilled)?, |none, all| all - none);
    let p = slope.p();
    Some(Finding::new(
        "forgetting, from no to all rows distilled",
        "nats a token",
        &slope,
        p,
    ))
}

/// How the gap of the primary endpoint grows with the rows.
fn by_rows(records: &Records) -> Option<Finding> {
    let gap = |rows| {
        let of = |arm| items(records, (arm, rows), forgetting);
        Some(of(Arm::Plain)?.with(&of(Arm::Distilled)?, |plain, own| plain - own))
    };
    let growth = gap(ROWS)?.with(&gap(FEW_ROWS)?, |many, few| many - few);
    let p = growth.p();
    Some(Finding::new(
        "growth of the gap from 60 to 240 rows",
        "nats a token",
        &growth,
        p,
    ))
}

/// Likeness of greedy answers to the base model's, distilled less plain.
fn likeness(records: &Records) -> Option<Finding> {
    let of = |arm| items(records, (arm, ROWS), |record| &record.cosine);
    let gap = of(Arm::Distilled)?.with(&of(Arm::Plain)?, |own, plain| own - plain);
    let p = gap.p();
    Some(Finding::new(
        "cosine to the base model's answers, distilled less plain",
        "",
        &gap,
        p,
    ))
}

/// Whether distilled learns at least two thirds of what plain learns.
fn no_less_learned(records: &Records) -> Option<Finding> {
    let of = |arm| items(records, (arm, ROWS), learning);
    let plain = of(Arm::Plain)?;
    let gap = of(Arm::Distilled)?.with(&plain, |own, plain| own - plain);
    let means = plain.means();
    let margin = means.iter().sum::<f64>() / means.len() as f64 / 3.0;
    let p = gap.plus(margin).p_above();
    let name = "learning, distilled less plain, above minus a third of plain's";
    Some(Finding::new(name, "nats a token", &gap, p))
}

/// Whether the change of ARC-Challenge by distilled training lies within 3 points of plain's.
fn knowledge(records: &Records) -> Option<Finding> {
    let of = |arm| items(records, (arm, ROWS), |record| &record.knowledge);
    let gap = of(Arm::Distilled)?.with(&of(Arm::Plain)?, |own, plain| own - plain);
    let negated = gap.with(&gap, |value, _| -value);
    let p = gap.plus(0.03).p_above().max(negated.plus(0.03).p_above());
    let name = "ARC-Challenge, distilled less plain, within 0.03";
    Some(Finding::new(name, "share right", &gap, p))
}
