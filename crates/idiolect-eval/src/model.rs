//! What is measured: anything that writes completions and says how likely texts are.

use idiolect_completion::{
    BoxError, Completion, CompletionRequest, Likelihood, LikelihoodRequest, Scorer, Writer,
    WriterIdentity,
};

/// A model that tasks can be run on; every type that is a [`Writer`] and a [`Scorer`] is one.
pub trait EvalModel: Writer + Scorer {}

impl<T: Writer + Scorer + ?Sized> EvalModel for T {}

/// A writer without likelihoods, such as a server, for tasks in which text is generated.
///
/// A task whose choices are compared by likelihood ends with an error that says so.
pub struct TextOnly<W>(pub W);

impl<W: Writer> Writer for TextOnly<W> {
    fn identity(&self) -> WriterIdentity {
        self.0.identity()
    }

    fn complete(
        &mut self,
        requests: &[CompletionRequest],
        on_done: &mut dyn FnMut(Completion) -> Result<(), BoxError>,
    ) -> Result<(), BoxError> {
        self.0.complete(requests, on_done)
    }
}

impl<W: Writer> Scorer for TextOnly<W> {
    fn likelihoods(
        &mut self,
        _: &[&[LikelihoodRequest]],
    ) -> Result<Vec<Vec<Likelihood>>, BoxError> {
        Err("it writes text and gives no likelihoods, which this task compares".into())
    }
}
