//! A run directory as one page and its numbers: what is there is shown, nothing is computed anew.
//!
//! `report.json` has every number of `index.html`, which needs no network and no other file.

use std::path::{Path, PathBuf};

use idiolect_data::{RunDir, write_atomically};
use idiolect_input::shown_text;
use minijinja::{AutoEscape, Environment, Output, State, escape_formatter};
use serde_json::{Value, json};

use crate::series::{Part, parts};
use crate::{Course, ReportError, collected, figures, numbers};

/// The page's parts by the names that they call each other by.
const TEMPLATES: [(&str, &str); 12] = [
    ("style.css", include_str!("page/style.css")),
    ("frame.html", include_str!("page/frame.html")),
    ("macros.html", include_str!("page/macros.html")),
    ("run.html", include_str!("page/run.html")),
    ("finding.html", include_str!("page/finding.html")),
    ("scores.html", include_str!("page/scores.html")),
    ("forgetting.html", include_str!("page/forgetting.html")),
    ("rewrites.html", include_str!("page/rewrites.html")),
    ("answers.html", include_str!("page/answers.html")),
    ("tasks.html", include_str!("page/tasks.html")),
    ("settings.html", include_str!("page/settings.html")),
    ("compared.html", include_str!("page/compared.html")),
];

/// Writes `report/index.html` and `report/report.json` below a run directory; the path of the page.
///
/// # Errors
///
/// [`ReportError::NoRun`] for a directory that holds no run; [`ReportError::Json`] and [`ReportError::Data`] for a
/// file of it that does not parse; [`ReportError::Io`] and [`ReportError::Data`] for what cannot be read or written.
pub fn write(run: &Path) -> Result<PathBuf, ReportError> {
    write_to(run, RunDir::new(run).report())
}

/// The same, with the folder of the page.
pub(crate) fn write_to(run: &Path, folder: PathBuf) -> Result<PathBuf, ReportError> {
    let report = Value::from(collected::collect(&RunDir::new(run))?);
    let page = Page {
        template: "run.html",
        folder,
        parts: parts(std::slice::from_ref(&report)),
    };
    page.write(&report)
}

/// A page that is to be written.
pub(crate) struct Page<'a> {
    /// Its template.
    pub(crate) template: &'static str,
    /// Where `index.html` and `report.json` are to lie.
    pub(crate) folder: PathBuf,
    /// What was trained.
    pub(crate) parts: Vec<Part<'a>>,
}

impl Page<'_> {
    /// Writes the page and its numbers; the path of the page.
    pub(crate) fn write(&self, report: &Value) -> Result<PathBuf, ReportError> {
        let page = self.folder.join("index.html");
        let plots = figures::plots(&self.parts)?;
        let parts: Vec<Value> = self.parts.iter().map(shown).collect();
        let context = json!({"report": report, "plots": plots, "parts": parts});
        let html = render(self.template, &context).map_err(|source| ReportError::Page {
            path: page.clone(),
            source: source.into(),
        })?;
        std::fs::create_dir_all(&self.folder).map_err(|source| ReportError::Io {
            path: self.folder.clone(),
            action: "make",
            source,
        })?;
        let numbers = self.folder.join("report.json");
        write_atomically(&numbers, |to| writeln!(to, "{report:#}"))?;
        write_atomically(&page, |to| to.write_all(html.as_bytes()))?;
        Ok(page)
    }
}

/// What the templates know of a trained part.
fn shown(part: &Part<'_>) -> Value {
    let last = |field| part.line("losses", field, 1.0).last().map(|point| point.1);
    let course = Course::of(&part.steps()).map(|course| {
        json!({
            "first": course.first, "last": course.last, "of": course.span.losses(), "steps": course.steps,
        })
    });
    json!({
        "name": part.name, "label": part.label, "colour": part.colour,
        "intervals": part.model().map(|model| &model["intervals"]),
        "last_loss": last("loss"), "last_held_out": last("eval_loss"), "course": course,
    })
}

fn render(template: &str, context: &Value) -> Result<String, minijinja::Error> {
    let mut environment = Environment::new();
    environment.set_auto_escape_callback(|_| AutoEscape::Html);
    environment.set_formatter(printed);
    numbers::add_to(&mut environment);
    for (name, text) in TEMPLATES {
        environment.add_template(name, text)?;
    }
    environment.get_template(template)?.render(context)
}

/// Characters of one text of a run's files that the page shows.
const MOST: usize = 2000;

/// Writes a value; a text of the run's files without what a reader's program would act on, and cut.
fn printed(
    out: &mut Output,
    state: &State,
    value: &minijinja::Value,
) -> Result<(), minijinja::Error> {
    if let Ok(answer) = bool::try_from(value.clone()) {
        // As files of settings have it.
        return escape_formatter(out, state, &answer.to_string().into());
    }
    match value.as_str() {
        Some(text) if !value.is_safe() => {
            let text = shown_text(text, MOST);
            escape_formatter(out, state, &text.into_owned().into())
        }
        _ => escape_formatter(out, state, value),
    }
}
