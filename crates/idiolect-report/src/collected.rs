//! Every number of a run directory, as its files have them.

use std::path::Path;

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
    let losses = of_parts(run, RunDir::metrics)?;
    let distillation = distillation(run)?;
    // A folder of runs may have one that is called as a part of a job is.
    let began = [run.run_toml(), run.sessions()];
    let is_own = losses.contains_key("run") || began.iter().any(|file| file.is_file());
    let has_losses = !losses.is_empty() && is_own;
    if report.is_empty() && !has_losses && distillation.is_none() {
        return Err(ReportError::no_run(run));
    }
    report.insert("name".into(), name(&run.root).into());
    report.insert("path".into(), run.root.display().to_string().into());
    report.insert("sessions".into(), json!(rows(&run.sessions())?));
    report.insert("losses".into(), losses.into());
    report.insert("timings".into(), of_parts(run, RunDir::timings)?.into());
    if let Some(distillation) = distillation {
        report.insert("side_by_side".into(), side_by_side(&distillation)?);
        if !report.contains_key("summary") {
            let summary = distillation.summary();
            let found = text(&summary)?.map(|text| object(&summary, &text));
            report.insert("summary".into(), found.transpose()?.into());
        }
    }
    if let Some(forgetting) = forgetting(run)? {
        report.insert("forgetting".into(), forgetting);
    }
    report.insert("tasks".into(), tasks(run)?.into());
    report.insert("adapters".into(), adapters(run));
    report.insert("settings".into(), settings(run)?);
    report.insert("hashes".into(), hashes(run)?.into());
    report.insert("version".into(), env!("CARGO_PKG_VERSION").into());
    Ok(report)
}

/// The folder's own name, also of `.`.
fn name(folder: &Path) -> String {
    let whole = folder.canonicalize();
    let folder = whole.as_deref().unwrap_or(folder);
    let name = folder.file_name().unwrap_or(folder.as_os_str());
    name.to_string_lossy().into_owned()
}

/// The rows of a file of JSON Lines; none where it is absent.
fn rows(path: &Path) -> Result<Vec<Map<String, Value>>, ReportError> {
    let text = text(path)?;
    text.map_or(Ok(Vec::new()), |text| lines(path, &text))
}

/// The rows of one file of each part that trains: of the run itself, or of its parts by name.
fn of_parts(
    run: &RunDir,
    file: fn(&RunDir) -> std::path::PathBuf,
) -> Result<Map<String, Value>, ReportError> {
    let mut all = Map::new();
    for (name, part) in trained(run) {
        let path = file(&part);
        if let Some(text) = text(&path)? {
            all.insert(name.into(), json!(lines(&path, &text)?));
        }
    }
    Ok(all)
}

/// Where the rewrites are: in a part of a whole job, or in the directory itself.
fn distillation(run: &RunDir) -> Result<Option<RunDir>, ReportError> {
    for place in [run.part(RunDir::DISTILL), run.clone()] {
        if text(&place.side_by_side(""))?.is_some() {
            return Ok(Some(place));
        }
    }
    Ok(None)
}

/// Rows with the original, the rewrite and the verdict, and how many there are of each kind.
fn side_by_side(distillation: &RunDir) -> Result<Value, ReportError> {
    let rows = rows(&distillation.side_by_side(""))?;
    let count = |change: &str| {
        let is_of = |row: &&Map<String, Value>| row.get("change") == Some(&json!(change));
        rows.iter().filter(is_of).count()
    };
    Ok(json!({
        "changed": count("changed"), "same": count("same"), "refused": count("refused"),
        "rows": rows,
    }))
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

/// The folders of the trained adapters, the distilled one first, then the trained model's.
fn adapters(run: &RunDir) -> Value {
    let parts = trained(run).into_iter().rev();
    let parts = parts.flat_map(|(_, part)| [("adapter", part.adapter()), ("model", part.model())]);
    let there = parts.filter(|(_, folder)| folder.is_dir());
    there
        .map(|(kind, folder)| json!({"kind": kind, "path": folder.display().to_string()}))
        .collect()
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
