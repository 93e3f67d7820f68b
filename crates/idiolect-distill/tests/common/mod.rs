//! A writer that says what it was told to, with data, settings and a folder for it.
#![allow(
    dead_code,
    clippy::unwrap_used,
    reason = "each test file uses a part of it"
)]

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};

use idiolect_completion::{
    BoxError, Completion, CompletionRequest, FinishReason, Prompt, Writer, WriterFn, WriterIdentity,
};
use idiolect_data::{Columns, Dataset, Format, Id, write_atomically};
use idiolect_distill::{Check, DistillConfig, DistillError, Distilled, distill};
use serde_json::{Value, json};

/// Rewrites by id; rows that it has none for are left out.
#[derive(Debug)]
pub(crate) struct Scripted {
    /// By the JSON of the id.
    pub(crate) texts: HashMap<String, String>,
    /// Ids in the order in which they were asked for and written.
    pub(crate) wrote: Vec<Id>,
    /// Fails after so many rewrites.
    pub(crate) fails_after: Option<usize>,
    /// Who it says it is.
    pub(crate) identity: WriterIdentity,
}

impl Default for Scripted {
    fn default() -> Self {
        Self {
            texts: HashMap::new(),
            wrote: Vec::new(),
            fails_after: None,
            identity: identity(),
        }
    }
}

pub(crate) fn identity() -> WriterIdentity {
    WriterIdentity {
        model: "sha256:m".to_owned(),
        adapter: None,
        sampler: json!({"temperature": 0.95, "top_p": 0.7, "top_k": 50}),
    }
}

/// A function of one request as the usual writer.
pub(crate) fn writer<F>(function: F) -> WriterFn<F>
where
    F: FnMut(&CompletionRequest) -> Result<Completion, BoxError>,
{
    WriterFn::new(identity(), function)
}

/// The text of a rendered prompt.
pub(crate) fn shown(request: &CompletionRequest) -> String {
    match &request.prompt {
        Prompt::Rendered(rendered) => rendered.to_string(),
        other => format!("expected a rendered prompt, found {other:?}"),
    }
}

impl Scripted {
    pub(crate) fn new(rewrites: impl IntoIterator<Item = (Id, String)>) -> Self {
        let texts = rewrites
            .into_iter()
            .map(|(id, text)| (id.to_string(), text))
            .collect();
        Self {
            texts,
            ..Self::default()
        }
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
        for request in requests.iter().filter(|request| !request.done) {
            if self.fails_after == Some(self.wrote.len()) {
                return Err("the server is gone".into());
            }
            if let Some(text) = self.texts.get(&request.id.to_string()) {
                self.wrote.push(request.id.clone());
                on_done(completion(&request.id, text))?;
            }
        }
        Ok(())
    }
}

pub(crate) fn completion(id: &Id, text: &str) -> Completion {
    Completion {
        id: id.clone(),
        text: text.to_owned(),
        token_count: text.len(),
        token_ids: None,
        passes: Some(text.len().div_ceil(2)),
        logprobs: None,
        finish_reason: FinishReason::Stop,
    }
}

pub(crate) fn settings() -> DistillConfig {
    DistillConfig {
        trim: false,
        ..DistillConfig::default()
    }
}

pub(crate) fn data(folder: &Path, format: Format, rows: &[Value]) -> Dataset {
    let path = folder.join("data.json");
    write_atomically(&path, |out| Ok(serde_json::to_writer(out, rows)?)).unwrap();
    Dataset::read(&path, format, &Columns::default()).unwrap()
}

/// Sums with their answers; ids are strings and numbers.
pub(crate) fn sums(folder: &Path, count: usize) -> Dataset {
    let row = |n: usize| {
        let id = if n.is_multiple_of(2) {
            json!(n)
        } else {
            json!(format!("row {n}"))
        };
        json!({"id": id, "instruction": format!("{n} + {n}?"), "output": (n + n).to_string()})
    };
    data(
        folder,
        Format::Alpaca,
        &(0..count).map(row).collect::<Vec<_>>(),
    )
}

/// Right for most rows, wrong for every third.
pub(crate) fn answers(set: &Dataset) -> Scripted {
    Scripted::new(set.rows.iter().enumerate().map(|(n, row)| {
        let answer = row.example.response().unwrap();
        let text = if n % 3 == 2 {
            "I forgot.".into()
        } else {
            format!(" That makes {answer}.\n")
        };
        (row.example.id.clone(), text)
    }))
}

pub(crate) fn math() -> DistillConfig {
    DistillConfig {
        check: Check::Math.into(),
        ..settings()
    }
}

/// A folder of one run.
pub(crate) struct Folder(pub(crate) tempfile::TempDir);

impl Folder {
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    pub(crate) fn journal(&self) -> PathBuf {
        self.0.path().join("journal.jsonl")
    }

    pub(crate) fn records(&self) -> Vec<Value> {
        let text = fs::read_to_string(self.journal()).unwrap();
        text.lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect()
    }

    pub(crate) fn run(
        &self,
        set: &Dataset,
        settings: &DistillConfig,
        writer: &mut dyn Writer,
    ) -> Result<Distilled, DistillError> {
        distill(set, settings, writer, &self.journal())
    }

    /// The error's text, without the folder.
    pub(crate) fn refusal(
        &self,
        set: &Dataset,
        settings: &DistillConfig,
        writer: &mut dyn Writer,
    ) -> String {
        let error = self.run(set, settings, writer).unwrap_err().to_string();
        error.replace(&format!("{}/", self.0.path().display()), "")
    }
}

/// A file of the shared data, where it is there.
pub(crate) fn shared(name: &str) -> Option<PathBuf> {
    idiolect_testkit::shared_file(&format!("data/{name}"))
}
