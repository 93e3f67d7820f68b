//! One run from end to end: sample, halve, continue, judge, write training rows.

use std::fs;
use std::path::{Path, PathBuf};

use idiolect_data::{DataError, Id};

use crate::ContinuationError;
use crate::corpus::Corpus;
use crate::export::{Export, asks_teacher};
use crate::halve::HalvesFile;
use crate::judge::Question;
use crate::record::Identity;
use crate::sample::prepare;
use crate::settings::Settings;
use crate::stage::Stage;
use crate::summary::Summary;
use crate::texts::{Source, Texts};
use crate::writer::{Prompt, TextToText};

/// What a run ends with.
#[derive(Debug, Clone, PartialEq)]
pub struct Continued {
    /// The training rows, in the order of the corpus.
    pub rows: PathBuf,
    /// A verdict for each document of the sample.
    pub verdicts: PathBuf,
    /// The numbers, which stand in `summary.json` too.
    pub summary: Summary,
}

/// Halves documents of a corpus, has the first parts continued, and writes training rows.
///
/// The folder gets `halves.jsonl` (the sample), `journal/continuations.jsonl` and a journal for each
/// question of a judge, `rows.jsonl`, `verdicts.jsonl` and `summary.json`.
/// Every text is appended to its journal and synced as it arrives: a run that was killed goes on and
/// ends with the same rows, byte for byte.
/// Without a `judge` the writer judges too.
/// The corpus is read twice; what is in memory is one window of documents, and about a hundred bytes
/// for each document of the sample.
///
/// # Errors
///
/// Before anything is written by a teacher: [`ContinuationError::Setting`],
/// [`ContinuationError::NoDocuments`], [`ContinuationError::Changed`], [`ContinuationError::Data`]
/// for a corpus that cannot be read, and [`ContinuationError::Differs`] or
/// [`ContinuationError::Unpaired`] for the journal of another run.
/// Then [`ContinuationError::Writer`], [`ContinuationError::Data`] where the folder cannot be written,
/// and [`ContinuationError::Unpaired`] where the writer left out a text or wrote one that nobody
/// asked for.
pub fn continue_corpus(
    corpus: &Corpus,
    settings: &Settings,
    writer: &mut dyn TextToText,
    judge: Option<&mut dyn TextToText>,
    folder: &Path,
) -> Result<Continued, ContinuationError> {
    settings.check()?;
    let journals = folder.join("journal");
    fs::create_dir_all(&journals).map_err(|source| DataError::Io {
        path: journals.clone(),
        action: "create",
        source,
    })?;
    let halves = HalvesFile(folder.join("halves.jsonl"));
    let mut summary = Summary {
        corpus: prepare(corpus, settings, &halves.0)?,
        ..Summary::default()
    };
    let run = Run {
        settings,
        halves: &halves,
        journals,
    };
    let mut texts = run.continuations(writer)?;
    let judged = match judge {
        Some(judge) => run.judged(judge, &mut texts)?,
        None => run.judged(writer, &mut texts)?,
    };
    let [rows, verdicts] = ["rows.jsonl", "verdicts.jsonl"].map(|name| folder.join(name));
    let mut export = Export {
        settings,
        halves: &halves,
        texts,
        judged,
    };
    export.write(&rows, &verdicts, &mut summary)?;
    summary.write(&folder.join("summary.json"))?;
    Ok(Continued {
        rows,
        verdicts,
        summary,
    })
}

struct Run<'a> {
    settings: &'a Settings,
    halves: &'a HalvesFile,
    journals: PathBuf,
}

impl Run<'_> {
    fn stage<'b>(&self, name: &'static str, identity: &'b Identity, form: String) -> Stage<'b> {
        Stage {
            name,
            journal: self.journals.join(format!("{name}.jsonl")),
            identity,
            form,
            seed: self.settings.seed,
            window: self.settings.window,
        }
    }

    fn continuations(&self, writer: &mut dyn TextToText) -> Result<Source, ContinuationError> {
        let settings = self.settings;
        if !asks_teacher(settings) {
            return Ok(Source::Original);
        }
        let stage = self.stage("continuations", &settings.teacher, settings.form());
        let mut prompts = self.halves.read()?.map(|half| {
            let half = half?;
            let prompt = settings.prompt(&half.first);
            Ok((half.id, prompt))
        });
        Ok(Source::Teacher(stage.finish(&mut prompts, writer)?))
    }

    /// Asks the questions whose filters are on about every text that the other filters leave, so
    /// that both shares are of the same texts.
    fn judged(
        &self,
        judge: &mut dyn TextToText,
        texts: &mut Source,
    ) -> Result<Vec<(Question, Texts)>, ContinuationError> {
        let mut judged = Vec::new();
        for question in self.settings.filters.questions() {
            let form = format!("question: {}", question.name());
            let stage = self.stage(question.name(), &self.settings.judge, form);
            let mut prompts = self.halves.read()?.filter_map(|half| {
                let asked = half.map_err(Into::into).and_then(|half| {
                    let text = texts.text(&half, self.settings)?;
                    let asked: Option<(Id, Prompt)> = match text.objection {
                        None => Some((half.id, question.prompt(&text.text))),
                        Some(_) => None,
                    };
                    Ok(asked)
                });
                asked.transpose()
            });
            judged.push((question, stage.finish(&mut prompts, judge)?));
        }
        Ok(judged)
    }
}
