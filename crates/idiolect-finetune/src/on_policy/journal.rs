//! `journal/answers.jsonl`: the run that it belongs to in its first row, then a row for each answer and update.
//!
//! A run that resumes keeps the rows up to the step of its checkpoint and draws the others again, which gives the
//! same.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use idiolect_data::{Id, Journal, write_atomically};
use idiolect_input::{counted, open_regular};
use serde::{Deserialize, Serialize};

use super::answers::DrawnAnswer;
use super::batch::{Batch, Context, Drawn};
use super::choices::TeacherKind;
use super::groups::Judged;
use super::prompts::Prompts;
use crate::FineTuneError;

/// What makes a run, by the name of the setting.
pub(super) type Run = BTreeMap<String, String>;

/// The first row.
#[derive(Serialize, Deserialize)]
struct First {
    run: Run,
}

/// An answer in one update.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Entry {
    /// Optimiser step of the update.
    step: usize,
    /// The step in which the answer was drawn.
    drawn_at: usize,
    /// Id of the data set's row.
    id: Id,
    /// Place of the row's prompt among all of the run.
    prompt: usize,
    /// Which of the answers to it.
    rollout: usize,
    teacher: TeacherKind,
    /// Mean loss of the trained tokens, in nats; none where there are none.
    loss: Option<f64>,
    /// Mean divergence of them, without a weight.
    divergence: Option<f64>,
    trained_tokens: usize,
    /// The answer; in its first update alone.
    #[serde(flatten)]
    answer: Option<DrawnAnswer>,
    /// What was said of it, where answers are judged; in its first update alone.
    #[serde(flatten)]
    judged: Option<Judged>,
    /// Whether it was masked, for want of something to be shown.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    masked: bool,
    /// Log-probabilities of the trained tokens under the student that drew them; where further updates need them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    log_probs: Vec<f32>,
}

/// What is looked at of each row on the way.
#[derive(Deserialize)]
struct Place {
    step: Option<usize>,
}

/// The journal of a run.
pub(super) struct AnswerJournal {
    path: PathBuf,
    run: Run,
    open: Option<Journal>,
}

impl AnswerJournal {
    /// The journal at a place, which is refused where it is of another run; nothing is written yet.
    ///
    /// # Errors
    ///
    /// [`FineTuneError::Setting`] names the journal and the first setting that differs; [`FineTuneError::Lm`] and
    /// [`FineTuneError::Io`] for a file that cannot be read.
    pub(super) fn new(path: PathBuf, run: Run) -> Result<Self, FineTuneError> {
        if let Some(first) = first_row(&path)? {
            refuse_other(&path, &first.run, &run)?;
        }
        Ok(Self {
            path,
            run,
            open: None,
        })
    }

    /// Opens the journal for a run that has done so many steps, and gives it the rows of its last ones back.
    ///
    /// # Errors
    ///
    /// [`FineTuneError::Setting`] where rows of those steps are missing; as [`AnswerJournal::new`].
    pub(super) fn resume(&mut self, done: usize) -> Result<(), FineTuneError> {
        if let Some(folder) = self.path.parent() {
            std::fs::create_dir_all(folder).map_err(FineTuneError::io(folder))?;
        }
        self.open = None;
        if self.path.is_file() {
            self.cut(done)?;
        }
        let (mut journal, rows) = Journal::open::<Place>(&self.path)?;
        let last = rows.last().and_then(|row| row.step).unwrap_or(0);
        if last < done {
            let name = format!("{}", self.path.display());
            let expected = format!(
                "the answers of the checkpoint's {}",
                counted(done, "step", "steps")
            );
            return Err(FineTuneError::setting(
                name,
                expected,
                format!("those of {last}"),
            ));
        }
        if rows.is_empty() {
            journal.append(&First {
                run: self.run.clone(),
            })?;
        }
        self.open = Some(journal);
        Ok(())
    }

    /// Cuts the rows behind a step off.
    fn cut(&self, done: usize) -> Result<(), FineTuneError> {
        let text = std::fs::read(&self.path).map_err(FineTuneError::io(&self.path))?;
        let mut kept = 0;
        for line in text.split_inclusive(|byte| *byte == b'\n') {
            let row: Result<Place, _> = serde_json::from_slice(line);
            match row {
                Ok(row) if row.step.is_none_or(|step| step <= done) => kept += line.len(),
                _ => break,
            }
        }
        if kept == text.len() {
            return Ok(());
        }
        Ok(write_atomically(&self.path, |out| {
            out.write_all(&text[..kept])
        })?)
    }

    /// The answers that were drawn in a step.
    ///
    /// # Errors
    ///
    /// [`FineTuneError::Setting`] where there are none; as [`AnswerJournal::new`].
    pub(super) fn drawn_at(&self, step: usize) -> Result<Vec<Drawn>, FineTuneError> {
        let rows: Vec<serde_json::Value> = Journal::read(&self.path)?;
        let of_step = rows.into_iter().filter(|row| row["step"] == step);
        let drawn = of_step.filter_map(|row| {
            let entry: Entry = serde_json::from_value(row).ok()?;
            Some(Drawn {
                prompt: entry.prompt,
                rollout: entry.rollout,
                answer: entry.answer?,
                judged: entry.judged,
                context: Context::default(),
                old: entry.log_probs,
                found: Vec::new(),
            })
        });
        let drawn: Vec<Drawn> = drawn.collect();
        if drawn.is_empty() {
            let name = format!("{}", self.path.display());
            let expected = format!("the answers drawn in step {step}");
            return Err(FineTuneError::setting(name, expected, "none"));
        }
        Ok(drawn)
    }

    /// Notes an update of a batch, and waits until it is on the disk.
    ///
    /// # Errors
    ///
    /// [`FineTuneError::Lm`] where it cannot be written.
    pub(super) fn note(
        &mut self,
        step: usize,
        batch: &Batch,
        about: &About<'_>,
    ) -> Result<(), FineTuneError> {
        let rows: Vec<Entry> = batch
            .drawn
            .iter()
            .map(|own| about.row(step, batch, own))
            .collect();
        if let Some(journal) = &mut self.open {
            journal.append_all(&rows)?;
        }
        Ok(())
    }
}

/// What rows say beside their answers.
pub(super) struct About<'a> {
    pub(super) prompts: &'a Prompts,
    pub(super) teacher: TeacherKind,
    /// Whether further updates need the student's log-probabilities.
    pub(super) keeps_old: bool,
}

impl About<'_> {
    fn row(&self, step: usize, batch: &Batch, drawn: &Drawn) -> Entry {
        let count = drawn.found.len();
        let mean = |of: &dyn Fn(&idiolect_train::TaughtToken) -> f32| {
            let sum: f64 = drawn.found.iter().map(|token| f64::from(of(token))).sum();
            (count > 0).then(|| sum / count as f64)
        };
        let is_first = step == batch.step;
        Entry {
            step,
            drawn_at: batch.step,
            id: self.prompts.rows[drawn.prompt].id.clone(),
            prompt: drawn.prompt,
            rollout: drawn.rollout,
            teacher: self.teacher,
            loss: mean(&|token| token.loss),
            divergence: mean(&|token| token.divergence),
            trained_tokens: count,
            answer: is_first.then(|| drawn.answer.clone()),
            judged: drawn.judged.clone().filter(|_| is_first),
            masked: drawn.context == Context::Masked,
            log_probs: if is_first && self.keeps_old {
                drawn.old.clone()
            } else {
                Vec::new()
            },
        }
    }
}

/// The first row of a journal; none where there is no whole one.
fn first_row(path: &Path) -> Result<Option<First>, FineTuneError> {
    use std::io::{BufRead, BufReader};
    if !path.is_file() {
        return Ok(None);
    }
    let file = open_regular(path).map_err(FineTuneError::io(path))?;
    let mut line = Vec::new();
    let read = BufReader::new(file).read_until(b'\n', &mut line);
    read.map_err(FineTuneError::io(path))?;
    if !line.ends_with(b"\n") {
        return Ok(None);
    }
    Ok(idiolect_data::journal_row(path, &line, 1)?)
}

fn refuse_other(path: &Path, before: &Run, now: &Run) -> Result<(), FineTuneError> {
    let mut names = now.keys().chain(before.keys());
    let Some(name) = names.find(|name| before.get(*name) != now.get(*name)) else {
        return Ok(());
    };
    let shown = |run: &Run| run.get(name).cloned().unwrap_or_else(|| "none".to_owned());
    let expected = format!("{}, or another run directory", shown(before));
    let place = format!("{}: {name}", path.display());
    Err(FineTuneError::setting(place, expected, shown(now)))
}
