//! Rows of tokens paired with the distributions that a distillation stored of their responses.
//!
//! A rewritten row names its text ([`RunDir::LOGPROBS_OF`]); the journal beside the data set says where its distributions
//! are and which tokens they are of. A token has its distribution as long as the row's response and the text are the
//! same tokens from the first on.

use std::collections::HashMap;
use std::fmt;
use std::path::{Path, PathBuf};

use idiolect_completion::{LogprobReader, StoredLogprobs};
use idiolect_data::{Id, Journal, Row, RunDir, file_of_mixed, id_text};
use idiolect_input::counted;
use idiolect_lm::LanguageModel;
use idiolect_tokens::{IGNORE, TokenRow};
use serde::{Deserialize, Serialize};

use crate::FineTuneError;
use crate::loss::StoredDistributions;

/// How many rows and tokens of a training have a stored distribution.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredCount {
    /// Rows of which every trained token has one.
    pub rows: usize,
    /// Rows of which some have: the other tokens are not those that the teacher wrote, or are of an earlier turn.
    pub rows_in_part: usize,
    /// Rows of which none has: their responses are not the teacher's.
    pub rows_without: usize,
    /// Trained tokens with one.
    pub tokens: usize,
    /// Trained tokens without; their loss is the negative log-likelihood.
    pub tokens_without: usize,
}

/// The row of a journal of rewrites, as far as it matters here.
#[derive(Deserialize)]
struct Text {
    id: Id,
    token_ids: Option<Vec<u32>>,
    logprobs: Option<StoredLogprobs>,
}

/// Pairs rows with distributions.
pub(crate) struct Pairing<'a> {
    model: &'a LanguageModel,
    vocabulary: String,
    journals: HashMap<PathBuf, JournalTexts>,
    found: StoredDistributions,
}

/// The texts of a journal, and the number of the first token beside it.
struct JournalTexts {
    path: PathBuf,
    texts: HashMap<String, Text>,
    first: u64,
}

/// A text with its distributions: its tokens, and the number of the first.
struct Written {
    tokens: Vec<u32>,
    first: u64,
}

impl<'a> Pairing<'a> {
    pub(crate) fn new(model: &'a LanguageModel) -> Self {
        Self {
            model,
            vocabulary: model.vocabulary_hash(),
            journals: HashMap::new(),
            found: StoredDistributions::default(),
        }
    }

    /// What rows were paired with.
    pub(crate) fn found(self) -> StoredDistributions {
        self.found
    }

    /// Gives the tokens of a row of `files` their distributions, where it names a text.
    ///
    /// # Errors
    ///
    /// [`FineTuneError::Setting`] for a row whose file has no journal, or a journal without its text;
    /// [`FineTuneError::Stored`] for distributions that are damaged, missing or of another vocabulary.
    pub(crate) fn pair(
        &mut self,
        files: &[PathBuf],
        row: &Row,
        tokens: &mut TokenRow,
    ) -> Result<(), FineTuneError> {
        let Some(id) = row.raw.get(RunDir::LOGPROBS_OF) else {
            return Ok(());
        };
        let file = match files {
            [only] => Some(only),
            several => file_of_mixed(&row.example.id).and_then(|at| several.get(at)),
        };
        let Some(file) = file else {
            let name = format!("row {}: {}", id_text(&row.example.id), RunDir::LOGPROBS_OF);
            let expected = "a row of a file";
            return Err(FineTuneError::setting(name, expected, id));
        };
        let written = self.written(file, id)?;
        align(tokens, &written);
        Ok(())
    }

    /// The text of an id in the journal beside a data set, its distributions checked.
    fn written(&mut self, set: &Path, id: &Id) -> Result<Written, FineTuneError> {
        if !self.journals.contains_key(set) {
            let opened = self.open(set)?;
            self.journals.insert(set.to_owned(), opened);
        }
        let known = &self.journals[set];
        let text = known.texts.get(&id.to_string());
        let stored = text.and_then(|text| Some((text, text.logprobs.as_ref()?)));
        let Some((text, stored)) = stored else {
            let name = format!("{}: {}", set.display(), RunDir::LOGPROBS_OF);
            let path = known.path.display();
            let expected = format!("a text of {path} with distributions");
            return Err(FineTuneError::setting(name, expected, id));
        };
        let vocab = self.model.decoder().config.vocab_size;
        self.found.take_text(known.first, id, stored, vocab)?;
        let tokens = text.token_ids.iter().flatten().copied();
        Ok(Written {
            tokens: tokens.chain(stored.end).collect(),
            first: known.first.saturating_add(stored.offset),
        })
    }

    /// The journal beside a data set, and the distributions beside that.
    fn open(&mut self, set: &Path) -> Result<JournalTexts, FineTuneError> {
        let path = RunDir::journal_of_rewritten(set).filter(|path| path.is_file());
        let Some(path) = path else {
            let name = format!("{}: {}", set.display(), RunDir::LOGPROBS_OF);
            let expected = "the file where its distillation left it, journal/ beside it";
            return Err(FineTuneError::setting(name, expected, "no journal"));
        };
        let reader = LogprobReader::open(&RunDir::logprobs_beside(&path))?;
        reader.require_vocabulary(&self.vocabulary)?;
        let texts = Journal::read::<Text>(&path)?;
        let ends = texts.iter().filter_map(|text| text.logprobs.as_ref());
        let tokens = ends.map(StoredLogprobs::behind).max().unwrap_or(0);
        let by_id = texts.into_iter().map(|text| (text.id.to_string(), text));
        Ok(JournalTexts {
            path,
            texts: by_id.collect(),
            first: self.found.add(reader, tokens),
        })
    }
}

/// Numbers the distributions of a row's last response, as far as it is the same tokens as a text.
fn align(row: &mut TokenRow, written: &Written) {
    let place = row.last_response();
    let start = place.start;
    let response = row.labels[place].iter().zip(&written.tokens);
    let same = response.take_while(|(label, token)| **label == i64::from(**token));
    let same = same.count();
    if same == 0 {
        return;
    }
    let mut teacher = vec![0; row.input_ids.len()];
    let numbers = teacher[start..start + same].iter_mut().zip(written.first..);
    numbers.for_each(|(own, number)| *own = number);
    row.teacher = teacher;
}

impl StoredCount {
    /// Counts rows.
    pub(crate) fn add(&mut self, rows: &[TokenRow]) {
        for row in rows {
            let trained = row.trained_tokens();
            let pairs = row.labels.iter().zip(&row.teacher).skip(1);
            let stored = pairs.filter(|(label, number)| **label != IGNORE && **number > 0);
            let stored = stored.count();
            self.tokens += stored;
            self.tokens_without += trained - stored;
            let which = match stored {
                0 => &mut self.rows_without,
                _ if stored == trained => &mut self.rows,
                _ => &mut self.rows_in_part,
            };
            *which += 1;
        }
    }
}

impl fmt::Display for StoredCount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            rows,
            rows_in_part,
            rows_without,
            tokens,
            tokens_without,
        } = self;
        let all = tokens + tokens_without;
        write!(
            f,
            "stored distributions: {tokens} of {}; {} all of theirs, {rows_in_part} some, {rows_without} none and the \
             plain loss",
            counted(all, "trained token", "trained tokens"),
            counted(*rows, "row has", "rows have"),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(labels: &[i64]) -> TokenRow {
        TokenRow {
            id: 0.into(),
            input_ids: labels
                .iter()
                .map(|label| u32::try_from(*label).unwrap_or(9))
                .collect(),
            labels: labels.to_vec(),
            teacher: Vec::new(),
        }
    }

    fn aligned(labels: &[i64], written: &[u32]) -> Vec<u64> {
        let mut row = row(labels);
        let tokens = written.to_vec();
        align(&mut row, &Written { tokens, first: 7 });
        row.teacher
    }

    #[test]
    fn a_response_has_the_numbers_of_its_tokens_up_to_the_first_that_differs() {
        let labels = [IGNORE, 3, IGNORE, 4, 5, 6];
        assert_eq!(aligned(&labels, &[4, 5, 6]), [0, 0, 0, 7, 8, 9]);
        // The text went on, or had no end.
        assert_eq!(aligned(&labels, &[4, 5, 6, 8]), [0, 0, 0, 7, 8, 9]);
        assert_eq!(aligned(&labels, &[4, 5]), [0, 0, 0, 7, 8, 0]);
        assert_eq!(aligned(&labels, &[4, 8, 6]), [0, 0, 0, 7, 0, 0]);
        assert_eq!(aligned(&labels, &[8, 5, 6]), [0_u64; 0]);
        assert_eq!(aligned(&[IGNORE, 4, 5, IGNORE], &[4, 5]), [0, 7, 8, 0]);
        assert_eq!(aligned(&[IGNORE, IGNORE], &[4]), [0_u64; 0]);
    }

    #[test]
    fn rows_are_counted_by_what_they_have() {
        let mut all = row(&[IGNORE, 4, 5]);
        align(
            &mut all,
            &Written {
                tokens: vec![4, 5],
                first: 1,
            },
        );
        let mut part = row(&[IGNORE, 4, 5]);
        align(
            &mut part,
            &Written {
                tokens: vec![4],
                first: 3,
            },
        );
        let mut count = StoredCount::default();
        count.add(&[all, part, row(&[IGNORE, 4, 5, 6])]);
        let expected = StoredCount {
            rows: 1,
            rows_in_part: 1,
            rows_without: 1,
            tokens: 3,
            tokens_without: 4,
        };
        assert_eq!(count, expected);
        let line = "stored distributions: 3 of 7 trained tokens; 1 row has all of theirs, 1 some, 1 none and the \
                    plain loss";
        assert_eq!(count.to_string(), line);
    }
}
