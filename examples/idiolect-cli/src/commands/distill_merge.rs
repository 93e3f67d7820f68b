//! `idiolect distill merge`: the journals of several machines into the data set that one would have made.

use std::path::{Path, PathBuf};

use idiolect::data::write_atomically;
use idiolect::distill::{MergeReport, Shard, merge};

use super::distill::{Keys, conclude, read, rewrite};
use crate::args::DistillMerge;
use crate::dataset;
use crate::device::on_threads;
use crate::distilling::{self, Files};
use crate::error::CliError;
use crate::opened::Opened;
use crate::progress::say;
use crate::settings;

/// Runs the command.
///
/// # Errors
///
/// Every [`CliError`] of settings, data and model; [`CliError::Distill`] for the journal of another run;
/// [`CliError::Incomplete`] where rows are missing.
pub fn run(args: &DistillMerge) -> Result<(), CliError> {
    let keys: Keys = settings::resolve(&args.keys, args.config.as_deref())?;
    on_threads(keys.model.threads, || work(&keys, &args.from))
}

fn work(keys: &Keys, from: &[PathBuf]) -> Result<(), CliError> {
    if let Some(shard) = &keys.shard {
        return Err(CliError::setting(
            "--shard",
            "none, for all parts are merged",
            shard,
        ));
    }
    let out = keys.out()?;
    let journals = journals(from)?;
    let set = read(&keys.data, keys.seed())?;
    let template = keys.data.template.as_deref();
    let opened = Opened::new(&keys.model, keys.adapter.as_deref(), template)?;
    let generation = distilling::generation(keys, &opened);
    let settings = distilling::settings(keys, &opened, &generation)?;
    let files = Files::new(out, Shard::WHOLE);
    let joined = files.journal();
    dataset::folder_of(&joined)?;
    let report = merge(&set, &settings, &journals, &joined)?;
    write(&report, &out.join("merge.json"))?;
    complete(&report, &joined)?;
    let distilled = rewrite(keys, &opened, &set, out)?;
    conclude(keys, &opened, &set, &distilled, &files)
}

/// The journals themselves, and those of the folders, in the order of their names.
fn journals(from: &[PathBuf]) -> Result<Vec<PathBuf>, CliError> {
    let mut all = Vec::new();
    for path in from {
        if path.is_dir() {
            all.extend(within(path)?);
        } else {
            all.push(path.clone());
        }
    }
    Ok(all)
}

fn within(folder: &Path) -> Result<Vec<PathBuf>, CliError> {
    let journal = folder.join("journal");
    let mut found = Vec::new();
    for entry in std::fs::read_dir(&journal).map_err(CliError::io(&journal))? {
        let path = entry.map_err(CliError::io(&journal))?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if name.starts_with("rewrites") && name.ends_with(".jsonl") {
            found.push(path);
        }
    }
    found.sort();
    if found.is_empty() {
        let place = journal.display().to_string();
        return Err(CliError::setting(&place, "rewrites*.jsonl", "none"));
    }
    Ok(found)
}

fn write(report: &MergeReport, path: &Path) -> Result<(), CliError> {
    Ok(write_atomically(path, |out| {
        serde_json::to_writer_pretty(&mut *out, report)?;
        out.write_all(b"\n")
    })?)
}

/// Tells what is double or foreign; an error where rows are missing.
fn complete(report: &MergeReport, joined: &Path) -> Result<(), CliError> {
    let MergeReport {
        asked,
        missing,
        double,
        foreign,
        ..
    } = report;
    if missing.is_empty() {
        if !report.is_complete() {
            let unequal = double.iter().filter(|double| !double.equal).count();
            say(&format!(
                "{} double rows ({unequal} of them unlike), {} of no row: see merge.json",
                double.len(),
                foreign.len()
            ));
        }
        return Ok(());
    }
    let mut ids: Vec<String> = missing.iter().take(3).map(ToString::to_string).collect();
    if missing.len() > ids.len() {
        ids.push("...".into());
    }
    Err(CliError::Incomplete {
        path: joined.to_owned(),
        missing: missing.len(),
        asked: *asked,
        ids: ids.join(", "),
    })
}
