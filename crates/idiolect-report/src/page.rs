//! A run directory as one page and its numbers: what is there is shown, nothing is computed anew.
//!
//! `report.json` has every number of `index.html`, which needs no network and no other file.

use std::path::{Path, PathBuf};

use idiolect_data::{RunDir, write_atomically};
use idiolect_input::shown_text;
use minijinja::{AutoEscape, Environment, Output, State, escape_formatter};
use serde_json::{Map, Value, json};

use crate::{ReportError, collected, figures};

/// The page with the places of its numbers.
const PAGE: &str = include_str!("page.html");

/// Writes `report/index.html` and `report/report.json` below a run directory; the path of the page.
///
/// # Errors
///
/// [`ReportError::NoRun`] for a directory that holds no run; [`ReportError::Json`] and [`ReportError::Data`] for a
/// file of it that does not parse; [`ReportError::Io`] and [`ReportError::Data`] for what cannot be read or written.
pub fn write(run: &Path) -> Result<PathBuf, ReportError> {
    let run = RunDir::new(run);
    let report = Value::from(collected::collect(&run)?);
    let plots = figures::plots(&report)?;
    let page = run.report_page();
    let html = render(&report, plots).map_err(|source| ReportError::Page {
        path: page.clone(),
        source: source.into(),
    })?;
    make(&run.report())?;
    write_atomically(&run.report_numbers(), |to| writeln!(to, "{report:#}"))?;
    write_atomically(&page, |to| to.write_all(html.as_bytes()))?;
    Ok(page)
}

fn make(folder: &Path) -> Result<(), ReportError> {
    std::fs::create_dir_all(folder).map_err(|source| ReportError::Io {
        path: folder.to_owned(),
        action: "make",
        source,
    })
}

fn render(report: &Value, plots: Map<String, Value>) -> Result<String, minijinja::Error> {
    let mut environment = Environment::new();
    environment.set_auto_escape_callback(|_| AutoEscape::Html);
    environment.set_formatter(printed);
    environment.add_filter("fixed", fixed);
    environment.add_template("report.html", PAGE)?;
    let page = environment.get_template("report.html")?;
    page.render(json!({"report": report, "plots": plots}))
}

/// Characters of one text of a run's files that the page shows.
const MOST: usize = 2000;

/// Writes a value; a text of the run's files without what a reader's program would act on, and cut.
fn printed(
    out: &mut Output,
    state: &State,
    value: &minijinja::Value,
) -> Result<(), minijinja::Error> {
    match value.as_str() {
        Some(text) if !value.is_safe() => {
            let text = shown_text(text, MOST);
            escape_formatter(out, state, &text.into_owned().into())
        }
        _ => escape_formatter(out, state, value),
    }
}

/// A number with so many digits behind the point, a dash where there is none.
fn fixed(value: &minijinja::Value, digits: usize) -> String {
    match f64::try_from(value.clone()) {
        Ok(number) => format!("{number:.digits$}"),
        Err(_) => "–".into(),
    }
}
