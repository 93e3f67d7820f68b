//! Every number of a run directory, as its files have them.

use idiolect_data::settings::read_file;
use idiolect_data::{RunDir, content_hash};
use serde_json::{Map, Value, json};

use crate::ReportError;
use crate::files::{entries, first_line, lines, object, text};

/// The parts of a run that train, by the names that the page gives them; the run itself has no part.
fn trained(run: &RunDir) -> [(&'static str, RunDir); 3] {
    [
        ("plain", run.part(RunDir::PLAIN)),
        ("distilled", run.part(RunDir::DISTILLED)),
        ("run", run.clone()),
    ]
}

/// Every number of a run.
pub(crate) fn collect(run: &RunDir) -> Result<Map<String, Value>, ReportError> {
    let outcome = run.outcome();
    let mut report = match text(&outcome)? {
        Some(text) => object(&outcome, &text)?,
        None => Map::new(),
    };
    let losses = losses(run)?;
    if report.is_empty() && losses.is_empty() {
        let path = run.root.clone();
        return Err(ReportError::NoRun { path });
    }
    report.insert("losses".into(), losses.into());
    if let Some(forgetting) = forgetting(run)? {
        report.insert("forgetting".into(), forgetting);
    }
    report.insert("tasks".into(), tasks(run)?.into());
    report.insert("settings".into(), settings(run)?);
    report.insert("hashes".into(), hashes(run)?.into());
    report.insert("version".into(), env!("CARGO_PKG_VERSION").into());
    Ok(report)
}

/// The rows of each `metrics.jsonl`: of the run itself, or of its parts by name.
fn losses(run: &RunDir) -> Result<Map<String, Value>, ReportError> {
    let mut all = Map::new();
    for (name, part) in trained(run) {
        let path = part.metrics();
        if let Some(text) = text(&path)? {
            all.insert(name.into(), json!(lines(&path, &text)?));
        }
    }
    Ok(all)
}

/// How much a training has made the model forget, without its single answers.
fn forgetting(run: &RunDir) -> Result<Option<Value>, ReportError> {
    let path = run.forgetting();
    let Some(text) = text(&path)? else {
        return Ok(None);
    };
    let mut found = object(&path, &text)?;
    found.remove("rows");
    Ok(Some(found.into()))
}

/// The summaries of the run directories of tasks, named by their folder.
fn tasks(run: &RunDir) -> Result<Vec<Value>, ReportError> {
    let mut found = Vec::new();
    for place in entries(&run.tasks())? {
        let name = place.file_name().unwrap_or_default().to_string_lossy();
        let path = run.task(&name).summary();
        if let Some(text) = text(&path)? {
            let mut summary = object(&path, &text)?;
            summary.insert("name".into(), name.into());
            found.push(Value::from(summary));
        }
    }
    found.sort_by_key(|summary| summary["name"].to_string());
    Ok(found)
}

fn settings(run: &RunDir) -> Result<Value, ReportError> {
    let path = run.run_toml();
    if text(&path)?.is_none() {
        return Ok(json!({}));
    }
    Ok(json!(read_file(&path)?.values))
}

/// SHA-256 of the adapters, and of the base model as the rewrites name it.
fn hashes(run: &RunDir) -> Result<Map<String, Value>, ReportError> {
    let mut hashes = Map::new();
    let journal = run.part(RunDir::DISTILL).journal(RunDir::REWRITES);
    if let Some(text) = text(&journal)? {
        let model = first_line(&journal, &text)?.and_then(|mut row| row.remove("model"));
        hashes.extend(model.map(|model| ("base model".into(), model)));
    }
    for (name, part) in trained(run) {
        let folder = part.adapter();
        if folder.is_dir() {
            hashes.insert(format!("adapter {name}"), content_hash(&folder)?.into());
        }
    }
    Ok(hashes)
}
