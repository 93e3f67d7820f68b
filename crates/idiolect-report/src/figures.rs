//! The plots of a page: learning against forgetting, curves by step, histograms of scores, the shift of each block.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use crate::ReportError;
use crate::plots::{Axes, bars, lines};
use crate::scatter::{Measured, Spot, scatter};
use crate::series::{Part, Series};

/// Bins of a histogram from 0 to 1.
const BINS: usize = 20;
/// Bytes to megabytes, the unit of what the program says.
const MEGABYTE: f64 = 1e-6;

/// A plot of values by step.
struct Curve {
    name: &'static str,
    log: &'static str,
    field: &'static str,
    scale: f64,
    title: &'static str,
    y: &'static str,
}

const CURVES: [Curve; 10] = [
    Curve {
        name: "loss",
        log: "losses",
        field: "loss",
        scale: 1.0,
        title: "Loss by step",
        y: "nats a trained token",
    },
    Curve {
        name: "rate",
        log: "losses",
        field: "lr",
        scale: 1.0,
        title: "Learning rate by step",
        y: "learning rate",
    },
    Curve {
        name: "norm",
        log: "losses",
        field: "grad_norm",
        scale: 1.0,
        title: "Gradient norm by step, before clipping",
        y: "gradient norm",
    },
    Curve {
        name: "speed",
        log: "timings",
        field: "tokens_per_second",
        scale: 1.0,
        title: "Tokens a second by step",
        y: "tokens a second",
    },
    Curve {
        name: "memory",
        log: "timings",
        field: "peak_memory",
        scale: MEGABYTE,
        title: "Peak memory of the process by step",
        y: "peak memory, MB",
    },
    Curve {
        name: "divergence",
        log: "losses",
        field: "divergence",
        scale: 1.0,
        title: "Divergence from the teacher by step",
        y: "nats a trained token",
    },
    Curve {
        name: "entropy",
        log: "losses",
        field: "entropy",
        scale: 1.0,
        title: "Entropy of the student by step",
        y: "nats a trained token",
    },
    Curve {
        name: "agreement",
        log: "losses",
        field: "agreement",
        scale: 1.0,
        title: "Tokens that student and teacher both find likeliest, by step",
        y: "share of tokens",
    },
    Curve {
        name: "length",
        log: "losses",
        field: "answer_tokens",
        scale: 1.0,
        title: "Length of the student's answers by step",
        y: "tokens an answer",
    },
    Curve {
        name: "cut",
        log: "losses",
        field: "cut",
        scale: 1.0,
        title: "Answers cut at the limit of tokens, by step",
        y: "share of answers",
    },
];

/// Every plot that the numbers allow, by name.
pub(crate) fn plots(parts: &[Part<'_>]) -> Result<Map<String, Value>, ReportError> {
    let mut plots = Map::new();
    let spots: Vec<Spot> = parts.iter().filter_map(spot).collect();
    if !spots.is_empty() {
        plots.insert("moved".into(), scatter(&spots)?.into());
    }
    for curve in &CURVES {
        let series = curve.series(parts);
        if !series.is_empty() {
            let axes = Axes {
                title: curve.title,
                x: "optimiser step",
                y: curve.y,
            };
            plots.insert(curve.name.into(), lines(&axes, &series)?.into());
        }
    }
    histograms(parts, &mut plots)?;
    let layers = each(parts, by_layer);
    if !layers.is_empty() {
        let axes = Axes {
            title: "Parameter shift by block",
            x: "block",
            y: "Frobenius norm",
        };
        plots.insert("shift".into(), bars(&axes, 1.0, &layers)?.into());
    }
    Ok(plots)
}

impl Curve {
    /// A line for each part, and a dashed one for the held-out loss, or for the divergence at the first tokens, where
    /// there is one.
    fn series(&self, parts: &[Part<'_>]) -> Vec<Series> {
        let mut series = each(parts, |part| {
            Some(part.line(self.log, self.field, self.scale))
        });
        let beside = match self.name {
            "loss" => Some("eval_loss"),
            "divergence" => Some("divergence_to_4"),
            _ => None,
        };
        if let Some(field) = beside {
            let beside = each(parts, |part| Some(part.line("losses", field, 1.0)));
            series.extend(beside.into_iter().map(|one| Series {
                dashed: true,
                ..one
            }));
        }
        series
    }
}

/// The points of each part that has some.
fn each(parts: &[Part<'_>], points: impl Fn(&Part<'_>) -> Option<Vec<(f64, f64)>>) -> Vec<Series> {
    let one = |part: &Part<'_>| {
        let points = points(part).filter(|points| !points.is_empty())?;
        Some(Series {
            colour: part.colour,
            dashed: false,
            points,
        })
    };
    parts.iter().filter_map(one).collect()
}

/// What a part learned and forgot; none where either was not measured.
fn spot(part: &Part<'_>) -> Option<Spot> {
    let intervals = &part.model()?["intervals"];
    Some(Spot {
        colour: part.colour,
        learning: Measured::of(&intervals["learning"])?,
        forgetting: Measured::of(&intervals["forgetting"])?,
    })
}

fn histograms(parts: &[Part<'_>], plots: &mut Map<String, Value>) -> Result<(), ReportError> {
    for (name, title, x) in [
        (
            "bleu4",
            "Histogram of BLEU-4",
            "BLEU-4 against the base model",
        ),
        (
            "rouge_l",
            "Histogram of ROUGE-L",
            "ROUGE-L against the base model",
        ),
        (
            "embedding",
            "Histogram of embedding similarity",
            "embedding similarity to the base model",
        ),
    ] {
        let series = each(parts, |part| histogram(part, name));
        if !series.is_empty() {
            let y = "share of rows";
            let plot = bars(&Axes { title, x, y }, 1.0 / BINS as f64, &series)?;
            plots.insert(name.into(), plot.into());
        }
    }
    Ok(())
}

/// Share of the rows in each bin, values below 0 in the first one.
fn histogram(part: &Part<'_>, score: &str) -> Option<Vec<(f64, f64)>> {
    let values = part.model()?["values"][score].as_array()?;
    let mut counts = [0_usize; BINS];
    for value in values.iter().filter_map(Value::as_f64) {
        let above = (1..BINS)
            .filter(|bin| *bin as f64 / BINS as f64 <= value)
            .count();
        counts[above] += 1;
    }
    let share = |(bin, count): (usize, usize)| {
        let all = values.len().max(1) as f64;
        (bin as f64 / BINS as f64, count as f64 / all)
    };
    Some(counts.into_iter().enumerate().map(share).collect())
}

/// The norm of each block's change: the root of the summed squares of its projections.
fn by_layer(part: &Part<'_>) -> Option<Vec<(f64, f64)>> {
    let mut squares = BTreeMap::new();
    for place in part.model()?["shifts"].as_array()? {
        let norm = place["norm"].as_f64()?;
        *squares.entry(place["layer"].as_u64()?).or_insert(0.0) += norm * norm;
    }
    let points = squares
        .into_iter()
        .map(|(layer, sum): (u64, f64)| (layer as f64, sum.sqrt()));
    Some(points.collect())
}
