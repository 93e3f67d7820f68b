//! Why a teacher stops.
//!
//! No message holds the key, a server's own words included.

use idiolect_completion::BoxError;
use idiolect_input::counted;
use serde_json::Value;

/// Why requests could not be sent, or no more of them; completions handed over before stay.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TeacherError {
    /// A setting outside its range.
    #[error("{name}: expected {expected}, found {found}")]
    Setting {
        /// Its key in a file of settings.
        name: &'static str,
        /// What would do.
        expected: String,
        /// What it is.
        found: String,
    },
    /// A request that no server can be asked; nothing was sent.
    #[error("id {id}: {name}: expected {expected}, found {found}")]
    Request {
        /// The request.
        id: Value,
        /// `prompt`, or the override outside its range.
        name: &'static str,
        /// What would do.
        expected: &'static str,
        /// What it is.
        found: String,
    },
    /// The environment variable that should hold the key does not.
    #[error("environment variable {variable}: expected a key, found {found}")]
    Key {
        /// The variable.
        variable: String,
        /// What is wrong, never the value.
        found: &'static str,
    },
    /// The server will not answer this request, however often it is asked.
    #[error("{url}: {}expected status 200, found {status}: {message}", of(id))]
    Status {
        /// Where the request went.
        url: String,
        /// The request.
        id: Value,
        /// The HTTP status.
        status: u16,
        /// The server's own words, at most 300 characters of them.
        message: String,
    },
    /// The server did not answer, in any of the attempts.
    #[error(
        "{url}: {}expected {expected}, found {found} ({})",
        of(id), counted(*attempts, "attempt", "attempts")
    )]
    GaveUp {
        /// Where the request went.
        url: String,
        /// The request; null where the models were asked for.
        id: Value,
        /// Attempts made.
        attempts: u32,
        /// What an answer looks like.
        expected: &'static str,
        /// What came the last time.
        found: String,
    },
    /// The next request could cost more than is left.
    #[error(
        "budget of {what}: {limit} allowed, {spent} spent, \
         expected at least {needed} for id {id}, found {left} left"
    )]
    Budget {
        /// `tokens` or `money`.
        what: &'static str,
        /// The limit that was set.
        limit: f64,
        /// What is spent so far, as the server counts it.
        spent: f64,
        /// What the request may cost at most.
        needed: f64,
        /// `limit` less `spent`.
        left: f64,
        /// The request that was not sent.
        id: Value,
    },
    /// The caller did not take a completion.
    #[error("id {id}: the completion was not taken: {source}")]
    Taken {
        /// The request.
        id: Value,
        /// The caller's own reason.
        source: BoxError,
    },
}

/// Which request an error is about; nothing where it is about none.
fn of(id: &Value) -> String {
    if id.is_null() {
        String::new()
    } else {
        format!("id {id}: ")
    }
}
