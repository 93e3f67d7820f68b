//! Why a server does not begin, or ends by itself. What a client is told is in `refusal.rs`.

use std::io::ErrorKind;
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
    #[error("cannot listen at {address}: {source}{}", way_on(source))]
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

/// What to do instead, where that is known.
fn way_on(source: &std::io::Error) -> &'static str {
    match source.kind() {
        ErrorKind::AddrInUse => {
            "; another program listens there, and the option port takes another port"
        }
        ErrorKind::PermissionDenied => {
            "; ports below 1024 are the system's, and the option port takes another"
        }
        ErrorKind::AddrNotAvailable => "; the option host takes an address of this machine",
        _ => "",
    }
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
