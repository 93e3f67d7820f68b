//! Why a server does not begin, or ends by itself. What a client is told is in `refusal.rs`.

use std::net::SocketAddr;

use idiolect_lm::LmError;

/// Why there is no server.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ServeError {
    /// A model or an adapter that cannot be opened.
    #[error(transparent)]
    Lm(#[from] LmError),
    /// A setting that is out of range.
    #[error("{name}: expected {expected}, found {found}")]
    Setting {
        /// Its name.
        name: &'static str,
        /// What is accepted.
        expected: String,
        /// What was given.
        found: String,
    },
    /// An address at which nothing can listen.
    #[error("cannot listen at {address}: {source}")]
    Address {
        /// The address.
        address: SocketAddr,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// The system gives no thread or no clock to serve with.
    #[error("the server cannot run: {0}")]
    Runtime(#[source] std::io::Error),
}

impl ServeError {
    /// A [`ServeError::Setting`].
    pub(crate) fn setting(
        name: &'static str,
        expected: impl Into<String>,
        found: impl ToString,
    ) -> Self {
        Self::Setting {
            name,
            expected: expected.into(),
            found: found.to_string(),
        }
    }
}
