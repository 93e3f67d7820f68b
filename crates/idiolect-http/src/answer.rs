//! What came back: its text up to a length, or why there is none.

use std::borrow::Cow;
use std::io::{self, ErrorKind, Read};

use ureq::http::Response;
use ureq::{Body, Error};

/// The text of an answer; none where it is longer than `most` bytes.
///
/// # Errors
///
/// The connection's own, where the answer is cut off or does not come in time.
pub fn bounded_text(response: Response<Body>, most: u64) -> io::Result<Option<String>> {
    let mut bytes = Vec::new();
    let reader = response.into_body().into_reader();
    reader
        .take(most.saturating_add(1))
        .read_to_end(&mut bytes)?;
    let text = (bytes.len() as u64 <= most).then(|| String::from_utf8_lossy(&bytes));
    Ok(text.map(Cow::into_owned))
}

/// Why no answer came, in words.
#[must_use]
pub fn problem(error: &Error) -> String {
    match error {
        Error::Timeout(which) => format!("no answer in time ({which})"),
        Error::HostNotFound => "no host of that name".to_owned(),
        Error::Io(error) if error.kind() == ErrorKind::ConnectionRefused => {
            format!("no connection: {error}")
        }
        Error::Io(error) => format!("a broken connection: {error}"),
        other => other.to_string(),
    }
}
