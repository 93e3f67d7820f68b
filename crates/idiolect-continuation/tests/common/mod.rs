//! Corpora, scripted teachers and folders of runs.
#![allow(
    dead_code,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "helpers of tests end them, and not every test uses all of them"
)]

use std::fs;
use std::path::{Path, PathBuf};

use idiolect_completion::{
    BoxError, Completion, CompletionRequest, Prompt, Writer, WriterFn, WriterIdentity,
};
use idiolect_continuation::{
    ContinuationConfig, ContinuationError, ContinuationWriters, Continued, Corpus, continue_corpus,
};
use serde_json::{Value, json};

/// A teacher whose text depends on the request alone.
pub(crate) fn teacher() -> WriterIdentity {
    WriterIdentity {
        model: "scripted".into(),
        adapter: None,
        sampler: json!({"temperature": 0.0}),
    }
}

pub(crate) fn settings(documents: usize) -> ContinuationConfig {
    ContinuationConfig {
        window: 7,
        ..ContinuationConfig::new(documents)
    }
}

/// A function of one request as the usual teacher.
pub(crate) fn writer<F>(function: F) -> WriterFn<F>
where
    F: FnMut(&CompletionRequest) -> Result<Completion, BoxError>,
{
    WriterFn::new(teacher(), function)
}

/// What a request shows last.
pub(crate) fn shown(request: &CompletionRequest) -> &str {
    match &request.prompt {
        Prompt::Text(text) => text,
        Prompt::Chat(turns) => &turns.last().unwrap().content,
        other => panic!("expected a text or a chat, found {other:?}"),
    }
}

/// Writes a text for every request; answers the questions of a judge; may fail or come out of order.
pub(crate) struct Scripted {
    /// Ids, in the order in which they were written.
    pub(crate) wrote: Vec<Value>,
    /// The most requests that came at once.
    pub(crate) largest: usize,
    /// Fails when as many were written.
    pub(crate) fails_after: Option<usize>,
    /// The last request of a window comes first.
    pub(crate) backwards: bool,
    /// Who it says it is.
    pub(crate) identity: WriterIdentity,
}

impl Default for Scripted {
    fn default() -> Self {
        Self {
            wrote: Vec::new(),
            largest: 0,
            fails_after: None,
            backwards: false,
            identity: teacher(),
        }
    }
}

/// The scripted text: some empty, some cut off, some with a capital letter, some calls of a judge.
pub(crate) fn answer(request: &CompletionRequest) -> (String, &'static str) {
    let text = shown(request);
    let number = text.len() + request.id.to_string().len();
    if text.contains("Answer with one word") {
        let hit = if text.contains("training material") {
            "Do this"
        } else {
            "Hello you"
        };
        return (
            if text.contains(hit) { "Yes." } else { "no" }.into(),
            "stop",
        );
    }
    match number % 7 {
        0 => (" \n".into(), "stop"),
        1 => ("and on and on and".into(), "length"),
        2 => ("And so it ended.".into(), "stop"),
        3 => ("then: Do this first.".into(), "stop"),
        4 => ("then: Hello you there.".into(), "stop"),
        _ => (format!("and {} of {}.", number, request.id), "stop"),
    }
}

impl Writer for Scripted {
    fn identity(&self) -> WriterIdentity {
        self.identity.clone()
    }

    fn complete(
        &mut self,
        requests: &[CompletionRequest],
        on_done: &mut dyn FnMut(Completion) -> Result<(), BoxError>,
    ) -> Result<(), BoxError> {
        self.largest = self.largest.max(requests.len());
        let mut pending: Vec<_> = requests.iter().filter(|request| !request.done).collect();
        if self.backwards {
            pending.reverse();
        }
        for request in pending {
            if self
                .fails_after
                .is_some_and(|count| self.wrote.len() >= count)
            {
                return Err("the server is gone".into());
            }
            let (text, finish_reason) = answer(request);
            self.wrote.push(request.id.clone());
            on_done(Completion {
                token_count: text.split_whitespace().count(),
                finish_reason: finish_reason.into(),
                ..Completion::new(request.id.clone(), text)
            })?;
        }
        Ok(())
    }
}

/// Refuses to write anything.
pub(crate) fn nobody() -> impl Writer {
    writer(|request: &CompletionRequest| Err(format!("{} was asked for", request.id).into()))
}

/// Rows of different lengths, ids numbers and strings in turn.
pub(crate) fn corpus(folder: &Path, count: usize) -> Corpus {
    let row = |n: usize| {
        let id = if n.is_multiple_of(2) {
            json!(n)
        } else {
            json!(format!("row {n}"))
        };
        let words: Vec<_> = (0..10 + n * 7 % 31)
            .map(|at| format!("w{}", at * n))
            .collect();
        json!({"id": id, "text": words.join(" ")}).to_string() + "\n"
    };
    let path = folder.join("corpus.jsonl");
    fs::write(&path, (0..count).map(row).collect::<String>()).unwrap();
    Corpus::find(&path).unwrap()
}

/// A folder of one run.
pub(crate) struct Folder(pub(crate) tempfile::TempDir);

impl Folder {
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    pub(crate) fn path(&self) -> PathBuf {
        self.0.path().join("run")
    }

    pub(crate) fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path().join(name)).unwrap()
    }

    pub(crate) fn rows(&self, name: &str) -> Vec<Value> {
        let text = self.read(name);
        text.lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect()
    }

    pub(crate) fn run(
        &self,
        corpus: &Corpus,
        settings: &ContinuationConfig,
        writer: &mut dyn Writer,
    ) -> Result<Continued, ContinuationError> {
        continue_corpus(
            corpus,
            settings,
            ContinuationWriters::teacher(writer),
            &self.path(),
        )
    }

    /// The error's text, without the folder.
    pub(crate) fn refusal(
        &self,
        corpus: &Corpus,
        settings: &ContinuationConfig,
        writer: &mut dyn Writer,
    ) -> String {
        let error = self.run(corpus, settings, writer).unwrap_err().to_string();
        error.replace(&format!("{}/", self.0.path().display()), "")
    }
}

/// A file of the shared data, where it is there.
pub(crate) fn shared(name: &str) -> Option<PathBuf> {
    idiolect_testkit::shared_file(&format!("data/{name}"))
}
