//! Why a corpus is not continued.

use std::path::PathBuf;

use idiolect_completion::CompletionError;
use idiolect_data::DataError;
use idiolect_input::counted;

/// Why halving and continuing could not begin or resume; what was written before stands in the
/// journals.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ContinuationError {
    /// The corpus cannot be read, a row of it is not as expected, or the folder cannot be written.
    #[error(transparent)]
    Data(#[from] DataError),
    /// A journal cannot be read or written or is another run's, or a writer gave up or left out a text.
    #[error(transparent)]
    Completion(#[from] CompletionError),
    /// A setting outside its range.
    #[error("{setting}: expected {expected}, found {found}")]
    Setting {
        /// Its key.
        setting: &'static str,
        /// What would do.
        expected: String,
        /// What it is.
        found: String,
    },
    /// A corpus without a single document that can be halved.
    #[error("{}: expected {expected}, found {found}", path.display())]
    NoDocuments {
        /// The corpus.
        path: PathBuf,
        /// What would do.
        expected: String,
        /// What is there.
        found: String,
    },
    /// The writer answered, and not once with a text.
    #[error("expected a text in {}, found none{advice}", counted(*texts, "answer", "answers"))]
    NoText {
        /// How many answers there are.
        texts: usize,
        /// What to do, after a semicolon; empty where nobody knows.
        advice: String,
    },
    /// The corpus was another one at the second reading.
    #[error("{}: expected {expected} sampled documents, found {found} (did the corpus change?)", path.display())]
    Changed {
        /// The corpus.
        path: PathBuf,
        /// Documents chosen at the first reading.
        expected: usize,
        /// Those of them that were there at the second.
        found: usize,
    },
}

impl ContinuationError {
    pub(crate) fn setting(
        setting: &'static str,
        expected: impl Into<String>,
        found: impl ToString,
    ) -> Self {
        Self::Setting {
            setting,
            expected: expected.into(),
            found: found.to_string(),
        }
    }
}
