//! What a plot draws for each model: its name, its colour and its points.

use serde_json::Value;

use crate::LossOfStep;

/// Colours of the page: the base model's, then one for each trained model in turn.
pub(crate) const COLOURS: usize = 7;

/// Points of a line, at most.
const MOST: usize = 600;

/// What is drawn for one model.
#[derive(Debug, Clone)]
pub(crate) struct Series {
    /// Which of the page's [`COLOURS`], from 0.
    pub(crate) colour: usize,
    /// Whether a line is drawn in dashes.
    pub(crate) dashed: bool,
    /// Points of a line, or left end and height of bars.
    pub(crate) points: Vec<(f64, f64)>,
}

/// A part of a run that was trained, as plots name it.
#[derive(Debug, Clone)]
pub(crate) struct Part<'a> {
    /// Its name in the run: `plain`, `distilled` or `run`.
    pub(crate) name: &'a str,
    /// What readers see.
    pub(crate) label: String,
    /// Which of the page's colours.
    pub(crate) colour: usize,
    /// The run's numbers.
    pub(crate) report: &'a Value,
}

impl Part<'_> {
    /// Points of two fields of the rows of a log (`losses`, `timings`); rows that lack one have none.
    pub(crate) fn line(&self, log: &str, field: &str, scale: f64) -> Vec<(f64, f64)> {
        let rows = self.report[log][self.name].as_array().into_iter().flatten();
        let point = |row: &Value| Some((row["step"].as_f64()?, row[field].as_f64()? * scale));
        thinned(&rows.filter_map(point).collect::<Vec<_>>())
    }

    /// The optimiser steps of the log, as [`Course`](crate::Course) takes them.
    pub(crate) fn steps(&self) -> Vec<LossOfStep> {
        let rows = self.report["losses"][self.name].as_array();
        let step = |row: &Value| {
            Some(LossOfStep {
                epoch: row["epoch"].as_f64().unwrap_or(0.0),
                loss: row["loss"].as_f64()?,
                tokens: row["trained_tokens"].as_f64().unwrap_or(1.0),
            })
        };
        rows.into_iter().flatten().filter_map(step).collect()
    }

    /// The numbers of the model in the comparison of a whole job.
    pub(crate) fn model(&self) -> Option<&Value> {
        let mut models = self.report["models"].as_array().into_iter().flatten();
        models.find(|model| model["model"] == self.name)
    }
}

/// Means of as many neighbours as leave no more points than a plot shows.
fn thinned(points: &[(f64, f64)]) -> Vec<(f64, f64)> {
    let group = points.len().div_ceil(MOST).max(1);
    let mean = |points: &[(f64, f64)]| {
        let count = points.len() as f64;
        let (x, y) = points
            .iter()
            .fold((0.0, 0.0), |(x, y), point| (x + point.0, y + point.1));
        (x / count, y / count)
    };
    points.chunks(group).map(mean).collect()
}

/// The trained parts of runs, in the order of their colours; with several runs a label has the run's name too.
pub(crate) fn parts(reports: &[Value]) -> Vec<Part<'_>> {
    let mut parts = Vec::new();
    for report in reports {
        for name in ["plain", "distilled", "run"] {
            if !report["losses"][name].is_array() && of_name(report, name).is_none() {
                continue;
            }
            let run = report["name"].as_str().unwrap_or_default();
            let label = match (reports.len(), name) {
                (1, name) => name.to_owned(),
                (_, "run") => run.to_owned(),
                (_, name) => format!("{run}, {name}"),
            };
            parts.push(Part {
                name,
                label,
                colour: parts.len() % (COLOURS - 1) + 1,
                report,
            });
        }
    }
    parts
}

fn of_name<'a>(report: &'a Value, name: &str) -> Option<&'a Value> {
    let mut models = report["models"].as_array().into_iter().flatten();
    models.find(|model| model["model"] == name)
}
