//! A writer whose progress is told.

use crate::progress::Progress;
use crate::request::{Completion, CompletionRequest};
use crate::writer::{BoxError, Writer, WriterIdentity};

/// A writer that tells how many of its requests are done.
pub struct Watched<'a> {
    writer: &'a mut dyn Writer,
    stage: &'a str,
    progress: &'a dyn Progress,
}

impl<'a> Watched<'a> {
    /// A writer whose progress is told as a stage of this name.
    pub fn new(writer: &'a mut dyn Writer, stage: &'a str, progress: &'a dyn Progress) -> Self {
        Self {
            writer,
            stage,
            progress,
        }
    }
}

impl Writer for Watched<'_> {
    fn identity(&self) -> WriterIdentity {
        self.writer.identity()
    }

    fn complete(
        &mut self,
        requests: &[CompletionRequest],
        on_done: &mut dyn FnMut(Completion) -> Result<(), BoxError>,
    ) -> Result<(), BoxError> {
        let done = requests.iter().filter(|request| request.done).count();
        self.progress.begin(self.stage, requests.len());
        self.progress.advance(done);
        let written = self.writer.complete(requests, &mut |completion| {
            self.progress.advance(1);
            on_done(completion)
        });
        self.progress.end();
        written
    }
}
