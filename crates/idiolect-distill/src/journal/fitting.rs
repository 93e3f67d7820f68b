//! A writer that is not asked for rewrites whose prompts are too long for it: one long row does not end a run.

use idiolect_completion::{
    BoxError, Completion, CompletionRequest, FinishReason, Writer, WriterIdentity,
};

/// The writer itself; what does not fit comes back empty, as [`FinishReason::PromptTooLong`].
pub(super) struct Fitting<'a> {
    pub(super) writer: &'a mut dyn Writer,
}

impl Writer for Fitting<'_> {
    fn identity(&self) -> WriterIdentity {
        self.writer.identity()
    }

    fn complete(
        &mut self,
        requests: &[CompletionRequest],
        on_done: &mut dyn FnMut(Completion) -> Result<(), BoxError>,
    ) -> Result<(), BoxError> {
        let (mut fitting, mut others) = (Vec::new(), Vec::new());
        for request in requests {
            let side = if self.writer.fits(request)? {
                &mut fitting
            } else {
                &mut others
            };
            side.push(request.clone());
        }
        for request in others.iter().filter(|request| !request.done) {
            on_done(Completion {
                finish_reason: FinishReason::PromptTooLong,
                ..Completion::new(request.id.clone(), "")
            })?;
        }
        if fitting.is_empty() {
            return Ok(());
        }
        self.writer.complete(&fitting, on_done)
    }
}
