//! A writer that counts, and a folder with its journal.

use std::path::PathBuf;

use idiolect_completion::{
    AnswerRow, BoxError, Completion, CompletionError, CompletionJournal, CompletionRequest,
    FinishReason, JournalRun, Prompt, Writer, WriterIdentity,
};
use serde_json::{Value, json};

/// Says the number of letters of a prompt; may fail, repeat, leave out and invent.
/// Makes other requests of those that were asked.
pub(crate) type Odd = fn(&[CompletionRequest]) -> Vec<CompletionRequest>;

#[derive(Default)]
pub(crate) struct Counter {
    pub(crate) fails_after: Option<usize>,
    pub(crate) wrote: Vec<Value>,
    /// How many requests came, and how many of them were done, at each call.
    pub(crate) calls: Vec<(usize, usize)>,
    pub(crate) odd: Option<Odd>,
}

pub(crate) fn identity() -> WriterIdentity {
    WriterIdentity {
        sampler: json!({"temperature": 0.93_f32, "stops": []}),
        ..WriterIdentity::named("counter")
    }
}

impl Writer for Counter {
    fn identity(&self) -> WriterIdentity {
        identity()
    }

    fn complete(
        &mut self,
        requests: &[CompletionRequest],
        on_done: &mut dyn FnMut(Completion) -> Result<(), BoxError>,
    ) -> Result<(), BoxError> {
        let done = requests.iter().filter(|request| request.done).count();
        self.calls.push((requests.len(), done));
        let requests = self.odd.map_or(requests.to_vec(), |odd| odd(requests));
        for request in requests.iter().filter(|request| !request.done) {
            if self.fails_after == Some(self.wrote.len()) {
                return Err("the server is gone".into());
            }
            self.wrote.push(request.id.clone());
            let Prompt::Text(text) = &request.prompt else {
                return Err("expected a text".into());
            };
            on_done(Completion {
                token_count: 1,
                finish_reason: FinishReason::Length,
                ..Completion::new(request.id.clone(), text.len().to_string())
            })?;
        }
        Ok(())
    }
}

pub(crate) fn requests(count: usize) -> Vec<CompletionRequest> {
    let request = |n: usize| {
        let id = if n.is_multiple_of(2) {
            json!(n)
        } else {
            json!(format!("row {n}"))
        };
        CompletionRequest::new(id, Prompt::Text("x".repeat(n)), n as u64 * 10)
    };
    (0..count).map(request).collect()
}

pub(crate) struct Folder(pub(crate) tempfile::TempDir);

impl Folder {
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    pub(crate) fn path(&self) -> PathBuf {
        self.0.path().join("journal/answers.jsonl")
    }

    pub(crate) fn run(
        &self,
        run: JournalRun<'_>,
        requests: Vec<CompletionRequest>,
        writer: &mut Counter,
    ) -> Result<Vec<AnswerRow>, CompletionError> {
        let mut journal = CompletionJournal::open(&self.path(), run)?;
        journal.finish(requests, writer, &mut |made, done| {
            Ok(AnswerRow::new(made, done))
        })
    }

    pub(crate) fn answer(
        &self,
        requests: Vec<CompletionRequest>,
        writer: &mut Counter,
    ) -> Result<Vec<AnswerRow>, CompletionError> {
        let run = JournalRun::of("answers", identity(), &requests);
        self.run(run, requests, writer)
    }

    /// The error's text, without the folder.
    pub(crate) fn told(&self, error: &CompletionError) -> String {
        let folder = self.0.path().join("journal").display().to_string();
        error.to_string().replace(&format!("{folder}/"), "")
    }

    pub(crate) fn refusal(&self, run: JournalRun<'_>, requests: Vec<CompletionRequest>) -> String {
        let mut nobody = Counter {
            fails_after: Some(0),
            ..Counter::default()
        };
        let error = self.run(run, requests, &mut nobody).unwrap_err();
        assert!(nobody.wrote.is_empty());
        self.told(&error)
    }
}
