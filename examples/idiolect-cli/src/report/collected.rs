//! Every number of a run directory, as its files have them.

use std::path::Path;

use serde_json::{Map, Value, json};

use crate::error::CliError;
use crate::identity::hash;

/// Every number of a run.
pub(super) fn collect(run: &Path) -> Result<Map<String, Value>, CliError> {
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
