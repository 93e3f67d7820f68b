//! Where the base model's answers are kept: in a journal of the run, and in a cache for later runs.

use std::path::PathBuf;

use idiolect_data::RunDir;
use idiolect_lm::device::cache_folder;

/// The folder of the cache below the user's own.
const FOLDER: &str = "forgetting";

/// Where the base model's answers are kept; by default nowhere.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ForgettingPlace {
    /// The journal that grows by one answer at a time, from which a draw that was interrupted resumes.
    pub journal: Option<PathBuf>,
    /// The folder where whole draws are kept for other runs of the same base model. It may be removed at any time.
    pub cache: Option<PathBuf>,
}

impl ForgettingPlace {
    /// The user's cache alone: `$XDG_CACHE_HOME/idiolect/forgetting`, else `~/.cache/idiolect/forgetting`; nowhere
    /// where neither variable is set.
    #[must_use]
    pub fn user_cache() -> Self {
        Self {
            journal: None,
            cache: cache_folder().map(|folder| folder.join(FOLDER)),
        }
    }

    /// The journal of a run directory, and the user's cache.
    #[must_use]
    pub fn of_run(run: &RunDir) -> Self {
        Self {
            journal: Some(run.journal(RunDir::FORGETTING)),
            ..Self::user_cache()
        }
    }
}
