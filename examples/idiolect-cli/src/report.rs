//! A run directory as one page and its numbers: what is there is shown, nothing is computed anew.
//!
//! `report.json` has every number of `index.html`, which needs no network and no other file.

use std::path::{Path, PathBuf};

use idiolect::data::write_atomically;
use minijinja::{AutoEscape, Environment};
use serde_json::{Map, Value, json};

use crate::error::CliError;
use crate::identity::hash;
use crate::plots::{Axes, PlotError, Series, bars, lines};

/// The page with the places of its numbers.
const PAGE: &str = include_str!("report.html");
/// Bins of a histogram from 0 to 1.
const BINS: usize = 20;

/// Writes `report/index.html` and `report/report.json` below a run directory; the path of the page.
///
/// # Errors
///
/// [`CliError::Setting`] for a folder that holds no run, or a file of it that does not parse; [`CliError::Io`]
/// and [`CliError::Data`] for what cannot be read or written.
pub fn write(run: &Path) -> Result<PathBuf, CliError> {
    let report = Value::from(collect(run)?);
    let folder = run.join("report");
    std::fs::create_dir_all(&folder).map_err(CliError::io(&folder))?;
    let page = folder.join("index.html");
    let html = render(&report).map_err(|error| CliError::Page {
        path: page.clone(),
        source: error,
    })?;
    write_atomically(&folder.join("report.json"), |to| writeln!(to, "{report:#}"))?;
    write_atomically(&page, |to| to.write_all(html.as_bytes()))?;
    Ok(page)
}

/// Every number of a run.
fn collect(run: &Path) -> Result<Map<String, Value>, CliError> {
    let mut report = match text(&run.join("outcome.json"))? {
        Some(text) => object(&run.join("outcome.json"), &text)?,
        None => Map::new(),
    };
    let losses = losses(run)?;
    if report.is_empty() && losses.is_empty() {
        let what = "a directory that sdft or train wrote";
        return Err(CliError::setting("--run", what, run.display()));
    }
    report.insert("losses".into(), losses.into());
    report.insert("tasks".into(), tasks(run)?.into());
    report.insert("settings".into(), settings(run)?);
    report.insert("hashes".into(), hashes(run)?.into());
    report.insert("version".into(), env!("CARGO_PKG_VERSION").into());
    Ok(report)
}

/// The text of a file, none where there is no such file.
fn text(path: &Path) -> Result<Option<String>, CliError> {
    match std::fs::read_to_string(path) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(CliError::io(path)(error)),
    }
}

fn object(path: &Path, text: &str) -> Result<Map<String, Value>, CliError> {
    let wrong = |error| CliError::setting(&path.display().to_string(), "a JSON object", error);
    serde_json::from_str(text).map_err(wrong)
}

/// The rows of each `metrics.jsonl`: of the run itself, or of its parts by name.
fn losses(run: &Path) -> Result<Map<String, Value>, CliError> {
    let mut all = Map::new();
    for (name, place) in [("plain", "plain"), ("distilled", "distilled"), ("run", "")] {
        let path = run.join(place).join("metrics.jsonl");
        if let Some(text) = text(&path)? {
            let rows = text.lines().map(|line| object(&path, line));
            let rows: Vec<Map<String, Value>> = rows.collect::<Result<_, _>>()?;
            all.insert(name.into(), json!(rows));
        }
    }
    Ok(all)
}

/// The summaries of `eval` folders below `eval/`, named by their folder.
fn tasks(run: &Path) -> Result<Vec<Value>, CliError> {
    let folder = run.join("eval");
    let mut found = Vec::new();
    for entry in std::fs::read_dir(&folder).into_iter().flatten() {
        let place = entry.map_err(CliError::io(&folder))?.path();
        let path = place.join("summary.json");
        if let Some(text) = text(&path)? {
            let mut summary = object(&path, &text)?;
            let name = place.file_name().unwrap_or_default().to_string_lossy();
            summary.insert("name".into(), name.into());
            found.push(Value::from(summary));
        }
    }
    found.sort_by_key(|summary| summary["name"].to_string());
    Ok(found)
}

fn settings(run: &Path) -> Result<Value, CliError> {
    let path = run.join("run.toml");
    let text = text(&path)?.unwrap_or_default();
    let table: toml::Table = text
        .parse()
        .map_err(|error| CliError::setting(&path.display().to_string(), "TOML", error))?;
    Ok(json!(table))
}

/// SHA-256 of the adapters, and of the seed model as the rewrites name it.
fn hashes(run: &Path) -> Result<Map<String, Value>, CliError> {
    let mut hashes = Map::new();
    let journal = run.join("distill/journal/rewrites.jsonl");
    if let Some(text) = text(&journal)? {
        let first = text.lines().next().map(|line| object(&journal, line));
        let model = first.transpose()?.and_then(|mut row| row.remove("model"));
        hashes.extend(model.map(|model| ("seed model".into(), model)));
    }
    for (name, place) in [
        ("plain", "plain/adapter"),
        ("distilled", "distilled/adapter"),
        ("run", "adapter"),
    ] {
        let folder = run.join(place);
        if folder.is_dir() {
            hashes.insert(format!("adapter {name}"), hash(&folder)?.into());
        }
    }
    Ok(hashes)
}

/// The page of a report.
fn render(report: &Value) -> Result<String, PageError> {
    let mut environment = Environment::new();
    environment.set_auto_escape_callback(|_| AutoEscape::Html);
    environment.add_filter("fixed", fixed);
    environment.add_template("report.html", PAGE)?;
    let plots = plots(report)?;
    let page = environment.get_template("report.html")?;
    Ok(page.render(json!({"report": report, "plots": plots}))?)
}

/// Why a page could not be made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PageError {
    /// A plot.
    #[error(transparent)]
    Plot(#[from] PlotError),
    /// The template.
    #[error(transparent)]
    Template(#[from] minijinja::Error),
}

/// A number with so many digits behind the point, a dash where there is none.
fn fixed(value: &minijinja::Value, digits: usize) -> String {
    match f64::try_from(value.clone()) {
        Ok(number) => format!("{number:.digits$}"),
        Err(_) => "–".into(),
    }
}

/// Every plot that the numbers allow, by name.
fn plots(report: &Value) -> Result<Map<String, Value>, PlotError> {
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
            "BLEU-4 against the seed model",
        ),
        (
            "rouge_l",
            "Histogram of ROUGE-L",
            "ROUGE-L against the seed model",
        ),
        (
            "embedding",
            "Histogram of embedding similarity",
            "embedding similarity to the seed model",
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

/// The models that were trained, which alone can differ from the seed model.
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
        let mut squares = std::collections::BTreeMap::new();
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
