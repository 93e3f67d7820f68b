//! Why a file did not come.
//!
//! No message holds the token, a server's own words included.

use std::fmt;
use std::path::PathBuf;

use idiolect_input::counted;

use crate::token_state::TokenState;

/// What a repository or the Hub does not have.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Missing {
    /// The repository; the Hub says the same of one that the token may not see.
    Repository,
    /// The branch, tag or commit.
    Revision,
    /// A file.
    File(String),
}

impl fmt::Display for Missing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Repository => f.write_str("no such repository, or one that needs a token"),
            Self::Revision => f.write_str("no such revision"),
            Self::File(file) => write!(f, "no file {file}"),
        }
    }
}

/// Why a file of the Hub could not be had.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum HubError {
    /// No name of a repository, or of a revision.
    #[error("Hub name {found:?}: expected {expected}")]
    Name {
        /// The name, with what a terminal would act on escaped.
        found: String,
        /// What it has to be.
        expected: &'static str,
    },
    /// A variable of the environment, or a token file, that holds something else.
    #[error("{name}: expected {expected}, found {found}")]
    Setting {
        /// The variable or file.
        name: String,
        /// What it has to be.
        expected: &'static str,
        /// What it is, never a token.
        found: String,
    },
    /// The owner gives the files to those who accept terms.
    #[error(
        "{repo} is gated: expected an account with access, found status {status}; accept its terms at {page} \
         with the account of the token in HF_TOKEN ({token})"
    )]
    Gated {
        /// The repository and its revision.
        repo: String,
        /// 401 without an account, 403 for one without access.
        status: u16,
        /// Where its terms are accepted.
        page: String,
        /// What was sent.
        token: TokenState,
    },
    /// The Hub has no such thing, or does not show it to this account.
    #[error("{repo}: the Hub has {missing} ({token})")]
    NotFound {
        /// The repository and its revision.
        repo: String,
        /// What it lacks.
        missing: Missing,
        /// What was sent.
        token: TokenState,
    },
    /// The Hub refuses, and would again.
    #[error("{url}: expected success, found status {status}: {message} ({token})")]
    Refused {
        /// The address.
        url: String,
        /// The HTTP status.
        status: u16,
        /// The Hub's own words, at most 300 characters of them.
        message: String,
        /// What was sent.
        token: TokenState,
    },
    /// No answer that can be used came, in any of the attempts.
    #[error(
        "{url}: expected an answer, found {found} ({})",
        counted(*attempts, "attempt", "attempts")
    )]
    Unreachable {
        /// The address.
        url: String,
        /// What came the last time.
        found: String,
        /// Attempts made in a row.
        attempts: u32,
    },
    /// The cache lacks something, and nothing may be asked for.
    #[error("{repo}: expected {file} in the cache {}, for HF_HUB_OFFLINE is set, found none", cache.display())]
    Offline {
        /// The repository and its revision.
        repo: String,
        /// What is missing.
        file: String,
        /// The cache.
        cache: PathBuf,
    },
    /// A file or a list that is not what the Hub announced.
    #[error("{url}: expected {expected}, found {found}")]
    Damaged {
        /// The address.
        url: String,
        /// What was announced.
        expected: String,
        /// What came.
        found: String,
    },
    /// A file of the user's own stands where one is to be fetched.
    #[error("{}: expected no file, or one that was fetched, found another", path.display())]
    Occupied {
        /// The file.
        path: PathBuf,
    },
    /// The cache cannot be read or written.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// The system's reason.
        source: std::io::Error,
    },
}

impl HubError {
    /// Whether the repository, at this revision, has no such file.
    #[must_use]
    pub fn is_missing_file(&self) -> bool {
        matches!(
            self,
            Self::NotFound {
                missing: Missing::File(_),
                ..
            }
        )
    }

    /// Whether what the cache has may stand in: the Hub gave no answer, or none for this account.
    pub(crate) fn allows_the_cache(&self) -> bool {
        match self {
            Self::Gated { .. } | Self::Refused { .. } | Self::Unreachable { .. } => true,
            Self::NotFound { missing, .. } => *missing == Missing::Repository,
            _ => false,
        }
    }
}
