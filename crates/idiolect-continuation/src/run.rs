//! One run from end to end: sample, halve, continue, judge, write training rows.

mod known;

use std::fs;
use std::path::{Path, PathBuf};

use idiolect_completion::{CompletionJournal, CompletionRequest, JournalRun, Prompt, Writer};
use idiolect_data::{DataError, Id, RunDir};

use crate::config::{ContinuationConfig, Target};
use crate::corpus::Corpus;
use crate::error::ContinuationError;
use crate::export::Export;
use crate::halve::{HalvesFile, document_seed};
use crate::judge::JudgeQuestion;
use crate::record::ContinuationRecord;
use crate::sample::prepare;
use crate::summary::ContinuationSummary;
use crate::texts::{Source, Texts};
use known::Known;

/// Who writes and who judges.
#[derive(Default)]
pub struct ContinuationWriters<'a> {
    /// The teacher that continues the first parts; [`Target::Original`] and [`Target::Whole`] need none.
    pub teacher: Option<&'a mut dyn Writer>,
    /// The judge of the filters that ask one; the teacher by default.
    pub judge: Option<&'a mut dyn Writer>,
}

impl<'a> ContinuationWriters<'a> {
    /// A teacher that judges too.
    pub fn teacher(teacher: &'a mut dyn Writer) -> Self {
        Self {
            teacher: Some(teacher),
            judge: None,
        }
    }
}

/// What a run ends with.
#[derive(Debug, Clone, PartialEq)]
pub struct Continued {
    /// The training rows, in the order of the corpus.
    pub rows: PathBuf,
    /// A verdict for each document of the sample.
    pub verdicts: PathBuf,
    /// The numbers, which stand in `summary.json` too.
    pub summary: ContinuationSummary,
}

/// Halves documents of a corpus, has the first parts continued, and writes training rows.
///
/// The folder gets `halves.jsonl` (the sample), `journal/continuations.jsonl` and a journal for each
/// question of a judge, `rows.jsonl`, `verdicts.jsonl` and `summary.json`.
/// Every text is appended to its journal and synced as it arrives: a run that was killed resumes and
/// ends with the same rows, byte for byte.
/// The corpus is read twice, and once more where a journal has texts that are not of the sample; what is in memory is one window of documents, and about a hundred bytes
/// for each document of the sample.
///
/// # Errors
///
/// Before anything is written by a teacher: [`ContinuationError::Setting`], also for a writer that is
/// needed and missing; [`ContinuationError::NoDocuments`], [`ContinuationError::Changed`],
/// [`ContinuationError::Data`] for a corpus that cannot be read and a row of a journal that was changed, and
/// [`ContinuationError::Completion`] for the journal of another run, one with an id that the corpus has not, and
/// one with an id twice.
/// Then [`ContinuationError::Completion`] where a writer gives up, leaves out a text or writes one that
/// nobody asked for, and [`ContinuationError::Data`] where the folder cannot be written.
pub fn continue_corpus(
    corpus: &Corpus,
    config: &ContinuationConfig,
    writers: ContinuationWriters<'_>,
    folder: &Path,
) -> Result<Continued, ContinuationError> {
    config.check()?;
    let files = RunDir::new(folder);
    let journals = files.journals();
    fs::create_dir_all(&journals).map_err(|source| DataError::Io {
        path: journals.clone(),
        action: "create",
        source,
    })?;
    let halves = HalvesFile(files.halves());
    let mut summary = ContinuationSummary {
        corpus: prepare(corpus, config, &halves.0)?,
        ..ContinuationSummary::default()
    };
    let run = Run {
        config,
        halves: &halves,
        files: &files,
        known: Known::new(corpus, &halves)?,
    };
    let ContinuationWriters { mut teacher, judge } = writers;
    let mut texts = match (config.target, &mut teacher) {
        (Target::Original, _) => Source::Original,
        (Target::Whole, _) => Source::Whole,
        (Target::Teacher, Some(teacher)) => {
            Source::Teacher(Box::new(run.continuations(&mut **teacher)?))
        }
        (Target::Teacher, None) => return Err(missing("teacher")),
    };
    let judged = run.judged(judge.or(teacher), &mut texts)?;
    let [rows, verdicts] = [files.rows(), files.verdicts()];
    let mut export = Export {
        config,
        halves: &halves,
        texts,
        judged,
    };
    export.write(&rows, &verdicts, &mut summary)?;
    summary.write(&files.summary())?;
    Ok(Continued {
        rows,
        verdicts,
        summary,
    })
}

fn missing(setting: &'static str) -> ContinuationError {
    ContinuationError::Setting {
        setting,
        expected: "a writer".to_owned(),
        found: "none".to_owned(),
    }
}

struct Run<'a> {
    config: &'a ContinuationConfig,
    halves: &'a HalvesFile,
    files: &'a RunDir,
    known: Known<'a>,
}

impl<'a> Run<'a> {
    fn continuations(&self, writer: &mut dyn Writer) -> Result<Texts<'a>, ContinuationError> {
        let config = self.config;
        let mut prompts = self.halves.read()?.map(|half| {
            let half = half?;
            let prompt = config.prompt(&half.first);
            Ok((half.id, prompt))
        });
        self.stage("continuations", config.form(), &mut prompts, writer)
    }

    /// Asks the questions whose filters are on about every text that the other filters leave, so
    /// that both shares are of the same texts.
    fn judged(
        &self,
        judge: Option<&mut dyn Writer>,
        texts: &mut Source<'_>,
    ) -> Result<Vec<(JudgeQuestion, Texts<'a>)>, ContinuationError> {
        let questions = self.config.filters.questions();
        if questions.is_empty() {
            return Ok(Vec::new());
        }
        let judge = judge.ok_or_else(|| missing("judge"))?;
        let mut judged = Vec::new();
        for question in questions {
            let form = format!("question: {}", question.name());
            let mut prompts = self.halves.read()?.filter_map(|half| {
                let asked = half.map_err(Into::into).and_then(|half| {
                    let text = texts.text(&half, self.config)?;
                    let open = text.objection.is_none();
                    Ok(open.then(|| (half.id, question.prompt(&text.text))))
                });
                asked.transpose()
            });
            let texts = self.stage(question.name(), form, &mut prompts, judge)?;
            judged.push((question, texts));
        }
        Ok(judged)
    }

    /// Has every text of a stage written that its journal lacks.
    ///
    /// Requests go to the writer in windows that follow from the data alone, so that a resumed run
    /// gives it the same windows.
    fn stage(
        &self,
        name: &'a str,
        form: String,
        prompts: &mut dyn Iterator<Item = Result<(Id, Prompt), ContinuationError>>,
        writer: &mut dyn Writer,
    ) -> Result<Texts<'a>, ContinuationError> {
        let seed = self.config.seed;
        let seed = move |id: &Id| document_seed(seed, id);
        let journal = self.files.journal(name);
        let surplus = self.known.surplus(&journal)?;
        let known = move |id: &Id| (!surplus.contains(&id.to_string())).then(|| seed(id));
        let run = JournalRun {
            form,
            ..JournalRun::new(name, writer.identity(), known)
        };
        let mut texts: Texts<'a> = CompletionJournal::open(&journal, run)?;
        let mut requests = prompts.map(|asked| {
            asked.map(|(id, prompt)| {
                let seed = seed(&id);
                CompletionRequest::new(id, prompt, seed)
            })
        });
        loop {
            let window = requests.by_ref().take(self.config.window);
            let window = window.collect::<Result<Vec<_>, _>>()?;
            if window.is_empty() {
                return Ok(texts);
            }
            texts.complete::<ContinuationError>(window, writer, &mut |made, completion| {
                Ok(ContinuationRecord::new(made, completion))
            })?;
        }
    }
}
