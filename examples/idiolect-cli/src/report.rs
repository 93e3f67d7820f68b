//! A run directory as one page and its numbers: what is there is shown, nothing is computed anew.
//!
//! `report.json` has every number of `index.html`, which needs no network and no other file.

use std::path::{Path, PathBuf};

use idiolect::data::write_atomically;
use minijinja::{AutoEscape, Environment};
use serde_json::{Value, json};

use crate::error::CliError;
use crate::plots::PlotError;

mod collected;
mod figures;

/// The page with the places of its numbers.
const PAGE: &str = include_str!("report.html");

/// Writes `report/index.html` and `report/report.json` below a run directory; the path of the page.
///
/// # Errors
///
/// [`CliError::Setting`] for a folder that holds no run, or a file of it that does not parse; [`CliError::Io`]
/// and [`CliError::Data`] for what cannot be read or written.
pub fn write(run: &Path) -> Result<PathBuf, CliError> {
    let report = Value::from(collected::collect(run)?);
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

/// The page of a report.
fn render(report: &Value) -> Result<String, PageError> {
    let mut environment = Environment::new();
    environment.set_auto_escape_callback(|_| AutoEscape::Html);
    environment.add_filter("fixed", fixed);
    environment.add_template("report.html", PAGE)?;
    let plots = figures::plots(report)?;
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
