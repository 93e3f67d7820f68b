//! Why a report or the curves of a run could not be made.

use std::path::{Path, PathBuf};

use idiolect_data::{DataError, RunDir};
use idiolect_input::few;

/// Why a report or the curves of a run could not be made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReportError {
    /// Settings that do not parse, weights that cannot be read, a page that cannot be written.
    #[error(transparent)]
    Data(#[from] DataError),
    /// A file or folder of the run that the system does not give.
    #[error("{}: cannot {action}: {source}", path.display())]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// What was tried, as a verb ("read", "make").
        action: &'static str,
        /// The system's own reason.
        source: std::io::Error,
    },
    /// A directory without a trace of a run.
    #[error("{}: expected a directory that sdft, train or distill wrote, found none of outcome.json, side_by_side.jsonl and metrics.jsonl{}", path.display(), named(below))]
    NoRun {
        /// The directory.
        path: PathBuf,
        /// The runs in its folders.
        below: Vec<PathBuf>,
    },
    /// A folder that holds neither an adapter nor a model, nor lies above one as a run directory does.
    #[error("{}: expected an adapter, a model or their run directory, found neither adapter_config.json nor config.json{}", path.display(), named(below))]
    NoModel {
        /// The folder.
        path: PathBuf,
        /// The runs in its folders.
        below: Vec<PathBuf>,
    },
    /// A page of several runs that has no place.
    #[error("out: expected a folder for the page of {runs} runs, found nothing")]
    Folder {
        /// How many runs.
        runs: usize,
    },
    /// A file of the run that is no JSON object, or JSON Lines with another line among them.
    #[error("{}: line {line}: expected a JSON object, found {problem}", path.display())]
    Json {
        /// The file.
        path: PathBuf,
        /// Line of the fault, from 1.
        line: usize,
        /// What is wrong there.
        problem: String,
    },
    /// A plot that its library does not draw.
    #[error("{title}: cannot draw the plot: {source}")]
    Plot {
        /// What the plot shows.
        title: &'static str,
        /// The library's own reason.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// A page that its template does not make.
    #[error("{}: {source}", path.display())]
    Page {
        /// The page.
        path: PathBuf,
        /// The library's own reason.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

impl ReportError {
    /// A [`ReportError::NoRun`].
    pub(crate) fn no_run(run: &RunDir) -> Self {
        Self::NoRun {
            path: run.root.clone(),
            below: run.runs_below(),
        }
    }

    /// A [`ReportError::NoModel`].
    pub(crate) fn no_model(folder: &Path) -> Self {
        Self::NoModel {
            path: folder.to_owned(),
            below: RunDir::new(folder).runs_below(),
        }
    }
}

/// What is said of the runs in a folder.
fn named(below: &[PathBuf]) -> String {
    if below.is_empty() {
        return String::new();
    }
    format!("; it is a folder with {}: name one of them", few(below))
}
