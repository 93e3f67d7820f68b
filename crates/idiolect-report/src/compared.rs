//! Several runs on one page: the settings in which they differ, their scores and curves side by side.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use idiolect_data::RunDir;
use serde_json::{Value, json};

use crate::page::{Page, write, write_to};
use crate::series::parts;
use crate::{ReportError, collected};

/// Writes `index.html` and `report.json` of one run, or of several side by side; the path of the page.
///
/// They lie in `folder`; without one, in the `report/` of a single run.
///
/// # Errors
///
/// As [`crate::write`], for each of the runs; [`ReportError::Folder`] for any number of runs but one without a folder.
pub fn write_runs(runs: &[PathBuf], folder: Option<&Path>) -> Result<PathBuf, ReportError> {
    match (runs, folder) {
        ([run], None) => write(run),
        ([run], Some(folder)) => write_to(run, folder.to_owned()),
        (runs, Some(folder)) => compared(runs, folder),
        (runs, None) => Err(ReportError::Folder { runs: runs.len() }),
    }
}

fn compared(runs: &[PathBuf], folder: &Path) -> Result<PathBuf, ReportError> {
    let one = |run: &PathBuf| Ok(Value::from(collected::collect(&RunDir::new(run))?));
    let runs: Vec<Value> = runs.iter().map(one).collect::<Result<_, ReportError>>()?;
    let report = json!({"runs": runs, "differences": differences(&runs)});
    let page = Page {
        template: "compared.html",
        folder: folder.to_owned(),
        parts: parts(&runs),
    };
    page.write(&report)
}

/// The settings that are not the same in all runs, but for the place of the run itself.
fn differences(runs: &[Value]) -> Vec<Value> {
    let settings = runs.iter().filter_map(|run| run["settings"].as_object());
    let names: BTreeSet<&String> = settings.flat_map(|settings| settings.keys()).collect();
    let of =
        |name: &String| -> Vec<&Value> { runs.iter().map(|run| &run["settings"][name]).collect() };
    let names = names.into_iter().filter(|name| *name != "out");
    let all = names.map(|name| (name, of(name)));
    let differ = all.filter(|(_, values)| values.windows(2).any(|pair| pair[0] != pair[1]));
    differ
        .map(|(name, values)| json!({"setting": name, "values": values}))
        .collect()
}
