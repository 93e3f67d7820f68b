//! A response that is there already: a writer is asked how likely its tokens are, not for another.

use serde::Serialize;

/// A response behind its prompt, both as token ids, so that what is scored is what a training reads.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct GivenResponse {
    /// Ids of everything before the response, at least one.
    pub prompt: Vec<u32>,
    /// Ids of the response, without the token that ends it.
    pub response: Vec<u32>,
    /// The token that ends it; none where the template writes none.
    pub end: Option<u32>,
    /// The response's text.
    pub text: String,
}

impl GivenResponse {
    /// The ids that are scored: the response's and the one that ends it.
    #[must_use]
    pub fn scored(&self) -> Vec<u32> {
        self.response.iter().copied().chain(self.end).collect()
    }

    /// Tokens of prompt and response together.
    #[must_use]
    pub fn tokens(&self) -> usize {
        self.prompt.len() + self.response.len() + usize::from(self.end.is_some())
    }
}
