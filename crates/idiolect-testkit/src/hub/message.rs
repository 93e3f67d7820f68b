//! Requests and answers.

use serde_json::json;

/// A request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asked {
    /// GET, HEAD, POST, PUT.
    pub method: String,
    /// Path and query.
    pub path: String,
    /// Names in lower case.
    pub head: Vec<(String, String)>,
    /// What came with it.
    pub body: Vec<u8>,
}

impl Asked {
    /// A line of the head.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        let line = self.head.iter().find(|(found, _)| found == name);
        line.map(|(_, value)| value.as_str())
    }

    /// The token that came with it.
    #[must_use]
    pub fn token(&self) -> Option<&str> {
        self.header("authorization")?.strip_prefix("Bearer ")
    }

    /// The first byte that is wanted.
    #[must_use]
    pub fn from(&self) -> Option<usize> {
        let range = self.header("range")?.strip_prefix("bytes=")?;
        range.split('-').next()?.parse().ok()
    }
}

/// An answer.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Reply {
    /// HTTP status.
    pub status: u16,
    /// Further lines of the head.
    pub head: Vec<(String, String)>,
    /// The whole content, which the answer to HEAD leaves out.
    pub body: Vec<u8>,
    /// The connection ends after so many bytes of the body.
    pub cut: Option<usize>,
}

impl Reply {
    /// An answer without further lines.
    #[must_use]
    pub fn new(status: u16, body: &[u8]) -> Self {
        Self {
            status,
            body: body.to_vec(),
            ..Self::default()
        }
    }

    /// A refusal as the Hub spells it.
    #[must_use]
    pub fn refused(status: u16, code: &str, message: &str) -> Self {
        let body = json!({"error": message}).to_string();
        let reply = Self::new(status, body.as_bytes()).with("X-Error-Message", message);
        if code.is_empty() {
            return reply;
        }
        reply.with("X-Error-Code", code)
    }

    /// With a line of the head.
    #[must_use]
    pub fn with(mut self, name: &str, value: &str) -> Self {
        self.head.push((name.to_owned(), value.to_owned()));
        self
    }
}
