//! The plots of a page: losses by step, histograms of scores, and the shift of each block.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use crate::ReportError;
use crate::plots::{Axes, Series, bars, lines};

/// Bins of a histogram from 0 to 1.
const BINS: usize = 20;

/// Every plot that the numbers allow, by name.
pub(crate) fn plots(report: &Value) -> Result<Map<String, Value>, ReportError> {
    let mut plots = Map::new();
    let losses = loss_lines(report);
    if !losses.is_empty() {
        let axes = Axes {
            title: "Training loss by step",
            x: "optimiser step",
            y: "loss",
        };
        plots.insert("loss".into(), lines(&axes, &losses)?.into());
    }
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
        let series = histograms(report, name);
        if !series.is_empty() {
            let y = "share of rows";
            plots.insert(
                name.into(),
                bars(&Axes { title, x, y }, 1.0 / BINS as f64, &series)?.into(),
            );
        }
    }
    let layers = by_layer(report);
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

fn loss_lines(report: &Value) -> Vec<Series> {
    let parts = report["losses"].as_object().into_iter().flatten();
    let point = |row: &Value| Some((row["step"].as_f64()?, row["loss"].as_f64()?));
    let series = parts.map(|(name, rows)| Series {
        name: name.clone(),
        points: rows
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(point)
            .collect(),
    });
    series.collect()
}

/// The models that were trained, which alone can differ from the base model.
fn trained(report: &Value) -> impl Iterator<Item = (&str, &Value)> {
    let models = report["models"].as_array().into_iter().flatten();
    models.filter_map(|model| {
        Some((model["model"].as_str()?, model)).filter(|(name, _)| *name != "seed")
    })
}

/// Share of the rows in each bin, values below 0 in the first one.
fn histograms(report: &Value, score: &str) -> Vec<Series> {
    let one = |(name, model): (&str, &Value)| {
        let values = model["values"][score].as_array()?;
        let mut counts = [0_usize; BINS];
        for value in values.iter().filter_map(Value::as_f64) {
            let above = (1..BINS)
                .filter(|bin| *bin as f64 / BINS as f64 <= value)
                .count();
            counts[above] += 1;
        }
        let share = |(bin, count): (usize, usize)| {
            (
                bin as f64 / BINS as f64,
                count as f64 / values.len().max(1) as f64,
            )
        };
        Some(Series {
            name: name.to_owned(),
            points: counts.into_iter().enumerate().map(share).collect(),
        })
    };
    trained(report).filter_map(one).collect()
}

/// The norm of each block's change: the root of the summed squares of its projections.
fn by_layer(report: &Value) -> Vec<Series> {
    let one = |(name, model): (&str, &Value)| {
        let mut squares = BTreeMap::new();
        for place in model["shifts"].as_array()? {
            let norm = place["norm"].as_f64()?;
            *squares.entry(place["layer"].as_u64()?).or_insert(0.0) += norm * norm;
        }
        let points = squares
            .into_iter()
            .map(|(layer, sum): (u64, f64)| (layer as f64, sum.sqrt()));
        Some(Series {
            name: name.to_owned(),
            points: points.collect(),
        })
    };
    trained(report)
        .filter_map(one)
        .filter(|one| !one.points.is_empty())
        .collect()
}
