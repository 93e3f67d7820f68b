//! Anything that writes completions: a local model, a server, a closure.

use serde::{Deserialize, Serialize};
use serde_json::Value;

pub use idiolect_generate::BoxError;

use crate::request::{Completion, CompletionRequest};

/// Everything beside prompt and seed that decides a completion; stands in every journal row.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct WriterIdentity {
    /// The model: a hash of its files, or a server's name for it.
    pub model: String,
    /// A hash of the adapter's files, where there is one.
    pub adapter: Option<String>,
    /// The sampler's settings, and whatever else decides the text: dtype, stops, batch size.
    pub sampler: Value,
}

impl WriterIdentity {
    /// A writer that is known by a name alone.
    #[must_use]
    pub fn named(model: &str) -> Self {
        Self {
            model: model.to_owned(),
            adapter: None,
            sampler: Value::Null,
        }
    }
}

/// Anything that writes completions.
pub trait Writer {
    /// Who writes and how; a journal that another writer wrote is refused.
    fn identity(&self) -> WriterIdentity;

    /// Writes every request that is not done, in any order, and hands over each completion as soon
    /// as it is there.
    ///
    /// # Errors
    ///
    /// Whatever stops the writer; an error of `on_done` is to be returned at once.
    fn complete(
        &mut self,
        requests: &[CompletionRequest],
        on_done: &mut dyn FnMut(Completion) -> Result<(), BoxError>,
    ) -> Result<(), BoxError>;

    /// Whether a prompt leaves room for the new tokens that are asked for, where the writer knows that beforehand;
    /// true by default.
    ///
    /// # Errors
    ///
    /// For a prompt that the writer cannot be shown.
    fn fits(&self, request: &CompletionRequest) -> Result<bool, BoxError> {
        let _ = request;
        Ok(true)
    }
}

/// A function of one request as a writer, which writes them one after the other.
pub struct WriterFn<F> {
    identity: WriterIdentity,
    function: F,
}

impl<F: FnMut(&CompletionRequest) -> Result<Completion, BoxError>> WriterFn<F> {
    /// A writer that calls `function` for each request.
    #[must_use]
    pub fn new(identity: WriterIdentity, function: F) -> Self {
        Self { identity, function }
    }
}

impl<F: FnMut(&CompletionRequest) -> Result<Completion, BoxError>> Writer for WriterFn<F> {
    fn identity(&self) -> WriterIdentity {
        self.identity.clone()
    }

    fn complete(
        &mut self,
        requests: &[CompletionRequest],
        on_done: &mut dyn FnMut(Completion) -> Result<(), BoxError>,
    ) -> Result<(), BoxError> {
        let mut open = requests.iter().filter(|request| !request.done);
        open.try_for_each(|request| on_done((self.function)(request)?))
    }
}
