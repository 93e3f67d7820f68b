//! The answers of the three models against labels and against each other: every score of every row, and what
//! follows from those.

use std::collections::BTreeMap;

use idiolect::data::Row;
use idiolect::distill::Check;
use idiolect::embed::cosine;
use idiolect::eval::Mean;
use idiolect::lora::{SiteShift, total};
use idiolect::metrics;
use idiolect::metrics::interval::{Draws, bootstrap, paired};

use crate::answering::Answered;
use crate::error::CliError;
use crate::outcome::{Gain, Measure, Place, Sample, Scores, Side};

/// The answers alone.
pub(crate) fn texts(answers: &[Answered]) -> Vec<&str> {
    answers.iter().map(|answer| answer.text.as_str()).collect()
}

/// Every score of every row; `seed` are the seed model's answers, `own` those that are scored.
pub(crate) fn values(
    check: Check,
    measure: &Measure,
    labels: &[&str],
    [seed, own]: [&[&str]; 2],
) -> Result<BTreeMap<&'static str, Vec<f64>>, CliError> {
    let pairs = |references: &[&str], score: fn(&str, &str) -> f64| -> Vec<f64> {
        let pairs = references.iter().zip(own);
        pairs
            .map(|(reference, text)| score(reference, text))
            .collect()
    };
    let mut values = BTreeMap::from([
        ("bleu4", pairs(seed, metrics::bleu4)),
        ("rouge_l", pairs(seed, metrics::rouge_l)),
        ("bleu4_to_label", pairs(labels, metrics::bleu4)),
    ]);
    if let Some(right) = right(check, labels, own)? {
        values.insert("right", right);
    }
    if let Some(embedder) = measure.embedder {
        let found = [seed, own].map(|texts| embedder.embed(texts, 16));
        let [seed, own] = found;
        let (seed, own) = (seed?, own?);
        let cosines = seed.iter().zip(&own).map(|(a, b)| cosine(a, b));
        values.insert("embedding", cosines.collect());
    }
    Ok(values)
}

/// The numbers of one model from the scores of its rows.
pub(crate) fn scores(
    model: &'static str,
    side: &Side,
    values: BTreeMap<&'static str, Vec<f64>>,
    measure: &Measure,
) -> Scores {
    let shifts = side.shift.as_deref();
    let average = |name| {
        values
            .get(name)
            .and_then(|all| metrics::interval::mean(all))
    };
    let interval = |(name, all): (&&'static str, &Vec<f64>)| {
        Some((*name, of(bootstrap(all, &draws(measure))?)))
    };
    Scores {
        model,
        right: values
            .get("right")
            .map(|all| all.iter().filter(|right| 0.5 < **right).count()),
        bleu4: average("bleu4").unwrap_or(0.0),
        rouge_l: average("rouge_l").unwrap_or(0.0),
        embedding: average("embedding"),
        bleu4_to_label: average("bleu4_to_label").unwrap_or(0.0),
        ended: side
            .answers
            .iter()
            .filter(|answer| answer.finish_reason != "length")
            .count(),
        shift: shifts.map(total),
        relative_shift: shifts.map(|all| {
            all.iter().map(|shift| shift.relative).sum::<f64>() / all.len().max(1) as f64
        }),
        last_loss: side.last_loss,
        intervals: values.iter().filter_map(interval).collect(),
        shifts: shifts.unwrap_or_default().iter().map(place).collect(),
        values,
    }
}

fn place(shift: &SiteShift) -> Place {
    Place {
        site: shift.site.to_string(),
        layer: shift.site.layer,
        norm: shift.norm,
        relative: shift.relative,
    }
}

fn draws(measure: &Measure) -> Draws {
    Draws {
        samples: 10_000,
        level: 0.95,
        seed: measure.seed,
    }
}

fn of(interval: metrics::interval::Interval) -> Mean {
    Mean {
        mean: interval.mean,
        low: interval.low,
        high: interval.high,
    }
}

/// The last model against the one before it.
pub(crate) fn gains(
    models: &[Scores],
    measure: &Measure,
) -> Result<BTreeMap<&'static str, Gain>, CliError> {
    let [.., plain, distilled] = models else {
        return Ok(BTreeMap::new());
    };
    let mut gains = BTreeMap::new();
    for (name, values) in &distilled.values {
        let before = plain.values.get(name).map_or(&[][..], Vec::as_slice);
        let found = paired(before, values, &draws(measure));
        let found = found.map_err(|error| CliError::setting(name, "as many rows", error))?;
        gains.extend(found.map(|found| {
            let difference = of(found.difference);
            let p_value = found.p_value;
            (
                *name,
                Gain {
                    difference,
                    p_value,
                },
            )
        }));
    }
    Ok(gains)
}

/// One row with the answers of the three models.
pub(crate) fn sample(row: &Row, answers: [&str; 3]) -> Sample {
    let prompt = row.example.prompt().last();
    Sample {
        id: row.example.id.clone(),
        prompt: prompt.map_or(String::new(), |turn| turn.content.clone()),
        label: row.example.response().unwrap_or_default().to_owned(),
        answers: answers.map(str::to_owned),
    }
}

/// Right answers by the rule of the task as 1, others as 0; none for plain text.
fn right(check: Check, labels: &[&str], texts: &[&str]) -> Result<Option<Vec<f64>>, CliError> {
    let mut all = Vec::new();
    for (label, text) in labels.iter().zip(texts) {
        let holds = match check {
            Check::Math => metrics::math::same_answer(label, text),
            Check::Code => metrics::code::accepts(text),
            Check::Call | Check::CallHalf => metrics::call::matches_main(label, text)
                .map_err(|error| CliError::setting("label", "a function call", error))?,
            Check::Text => return Ok(None),
        };
        all.push(f64::from(holds));
    }
    Ok(Some(all))
}
