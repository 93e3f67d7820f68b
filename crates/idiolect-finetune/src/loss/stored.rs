//! The divergence from distributions that a distillation stored, and the cross entropy of tokens without one.
//!
//! The distributions stay in their files; a batch reads those of its tokens.

use burn::tensor::{Int, Tensor, TensorData};
use std::collections::BTreeMap;

use idiolect_completion::{
    CompletionError, LogprobReader, LogprobTail, StoredLogprobs, TokenLogprob,
};
use idiolect_data::{Id, id_text, text_hash};
use idiolect_train::{
    CHUNK_ROWS, HeadLoss, StoredTeacher, chunk_rows, head_loss, stored_head_loss,
};

/// Distributions in one or several files, each token's known by a number from 1.
#[derive(Debug, Default)]
pub struct StoredDistributions {
    files: Vec<NumberedFile>,
    /// What rows point to, for [`Self::fingerprint`].
    rows: String,
}

/// A file whose tokens have numbers.
#[derive(Debug)]
struct NumberedFile {
    reader: LogprobReader,
    /// That of its first token.
    first: u64,
    /// How many.
    tokens: u64,
}

/// Entries of a token, and what they say of the other tokens.
type Form = (usize, LogprobTail);

/// Tokens of the teacher at some places.
#[derive(Default)]
struct Entries {
    ids: Vec<i64>,
    log_probabilities: Vec<f32>,
}

impl StoredDistributions {
    /// Takes in a file of `tokens` tokens; the number of its first.
    pub(crate) fn add(&mut self, reader: LogprobReader, tokens: u64) -> u64 {
        let last = self.files.last();
        // Numbers of two files do not follow each other, so that no run of them crosses an edge.
        let behind = |last: &NumberedFile| last.first.saturating_add(last.tokens);
        let first = last.map_or(1, |last| behind(last).saturating_add(1));
        self.files.push(NumberedFile {
            reader,
            first,
            tokens,
        });
        first
    }

    /// Takes note of a text of the file whose first token has the number `first`, and reads it for that: its checksum
    /// must be right, and its ids below `vocab`.
    ///
    /// # Errors
    ///
    /// [`CompletionError`] says what is wrong with it.
    pub(crate) fn take_text(
        &mut self,
        first: u64,
        id: &Id,
        of: &StoredLogprobs,
        vocab: usize,
    ) -> Result<(), CompletionError> {
        if let Some(file) = self.files.iter().find(|file| file.first == first) {
            let entries = file.reader.read_text(id, of)?;
            let foreign = |entry: &&TokenLogprob| entry.token as usize >= vocab;
            if let Some(foreign) = entries.iter().find(foreign) {
                return Err(CompletionError::Stored {
                    path: file.reader.path().to_owned(),
                    what: format!("id {}", id_text(id)),
                    expected: format!("tokens below {vocab}, the rows of the embedding"),
                    found: foreign.token.to_string(),
                });
            }
        }
        self.rows.push_str(&of.checksum);
        Ok(())
    }

    /// Tells these distributions, as rows point to them, from others.
    pub(crate) fn fingerprint(&self) -> String {
        let heads = self.files.iter().map(|file| {
            let head = file.reader.head();
            let tail = match head.tail {
                LogprobTail::Lumped => "",
                LogprobTail::Drawn => " drawn",
            };
            format!("{} {}{tail}\n", head.count, head.vocabulary)
        });
        text_hash(&(heads.collect::<String>() + &self.rows))
    }

    /// The loss of a frozen head: of each token the divergence from its distribution, or the cross entropy where its
    /// number is 0. Targets and numbers are those of the hidden rows.
    ///
    /// # Errors
    ///
    /// [`CompletionError`] for distributions that cannot be read.
    pub(crate) fn head_loss(
        &self,
        hidden: &Tensor<2>,
        (targets, numbers): (&[i64], &[u64]),
        weight: &Tensor<2>,
        divisor: f64,
    ) -> Result<HeadLoss, CompletionError> {
        let hidden = &hidden.clone().without_autodiff();
        let groups = self.by_form(numbers);
        let (mut sum, mut gradients) = (0.0, Vec::new());
        for (form, places) in &groups {
            let rows = match groups.len() {
                1 => hidden.clone(),
                _ => hidden.clone().select(0, indices(places, hidden)),
            };
            let found = match form {
                None => {
                    let own: Vec<i64> = places.iter().map(|at| targets[*at]).collect();
                    head_loss(&rows, &own, weight, divisor, chunk_rows(weight))
                }
                Some((count, tail)) => {
                    let own: Vec<u64> = places.iter().map(|at| numbers[*at]).collect();
                    let found = self.read(&own)?;
                    let teacher = StoredTeacher {
                        count: *count,
                        ids: &found.ids,
                        log_probabilities: &found.log_probabilities,
                        drawn: *tail == LogprobTail::Drawn,
                    };
                    stored_head_loss(&rows, &teacher, weight, divisor, CHUNK_ROWS)
                }
            };
            sum += found.sum;
            gradients.push(found.gradient);
        }
        let places: Vec<usize> = groups.into_values().flatten().collect();
        let gradient = joined(gradients, &places, hidden);
        Ok(HeadLoss { sum, gradient })
    }

    /// Places by the form of their distributions, which are computed together; without a form those that have none.
    fn by_form(&self, numbers: &[u64]) -> BTreeMap<Option<Form>, Vec<usize>> {
        let mut groups = BTreeMap::<_, Vec<usize>>::new();
        for (at, number) in numbers.iter().enumerate() {
            let head = self.file_of(*number).map(|file| file.reader.head());
            let form = head.map(|head| (head.count, head.tail));
            groups.entry(form).or_default().push(at);
        }
        groups
    }

    /// The file of a number; none for 0.
    fn file_of(&self, number: u64) -> Option<&NumberedFile> {
        let behind = self.files.partition_point(|file| file.first <= number);
        behind.checked_sub(1).map(|at| &self.files[at])
    }

    /// The distributions of these numbers; those that follow each other are read at once.
    fn read(&self, numbers: &[u64]) -> Result<Entries, CompletionError> {
        let mut found = Entries::default();
        for run in numbers.chunk_by(|a, b| a.saturating_add(1) == *b) {
            let Some(file) = self.file_of(run[0]) else {
                continue;
            };
            for entry in file.reader.read(run[0] - file.first, run.len() as u64)? {
                found.ids.push(i64::from(entry.token));
                found.log_probabilities.push(entry.log_probability);
            }
        }
        Ok(found)
    }
}

/// The gradients of all groups in the order of the rows; `places` are the rows of one group behind those of another.
fn joined(mut gradients: Vec<Tensor<2>>, places: &[usize], hidden: &Tensor<2>) -> Tensor<2> {
    if gradients.len() < 2 {
        return gradients.pop().unwrap_or_else(|| hidden.clone());
    }
    let mut back = vec![0; places.len()];
    for (at, place) in places.iter().enumerate() {
        back[*place] = at;
    }
    Tensor::cat(gradients, 0).select(0, indices(&back, hidden))
}

/// Places as a tensor beside another.
fn indices(places: &[usize], beside: &Tensor<2>) -> Tensor<1, Int> {
    let places = places
        .iter()
        .map(|at| i64::try_from(*at).unwrap_or(i64::MAX));
    let places: Vec<i64> = places.collect();
    let count = places.len();
    Tensor::from_data(TensorData::new(places, [count]), &beside.device())
}
