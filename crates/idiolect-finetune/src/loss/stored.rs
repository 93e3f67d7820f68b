//! The divergence from distributions that a distillation stored, and the cross entropy of tokens without one.
//!
//! The distributions stay in their files; a batch reads those of its tokens.

use burn::tensor::{Int, Tensor, TensorData};
use idiolect_completion::{CompletionError, LogprobReader, StoredLogprobs, TokenLogprob};
use idiolect_data::{Id, id_text, text_hash};
use idiolect_train::{CHUNK_ROWS, HeadLoss, StoredTeacher, head_loss, stored_head_loss};

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

/// The likeliest tokens at some places.
#[derive(Default)]
struct Likeliest {
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
            format!("{} {}\n", head.count, head.vocabulary)
        });
        text_hash(&(heads.collect::<String>() + &self.rows))
    }

    /// Entries of each token: where files differ, the fewest.
    fn count(&self) -> usize {
        let counts = self.files.iter().map(|file| file.reader.head().count);
        counts.min().unwrap_or(1)
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
        let (stored, plain): (Vec<usize>, Vec<usize>) =
            (0..targets.len()).partition(|at| numbers[*at] > 0);
        let own: Vec<u64> = stored.iter().map(|at| numbers[*at]).collect();
        let found = self.read(&own)?;
        let teacher = StoredTeacher {
            count: self.count(),
            ids: &found.ids,
            log_probabilities: &found.log_probabilities,
        };
        let rest: Vec<i64> = plain.iter().map(|at| targets[*at]).collect();
        let of_stored =
            |rows: &Tensor<2>| stored_head_loss(rows, &teacher, weight, divisor, CHUNK_ROWS);
        let of_plain = |rows: &Tensor<2>| head_loss(rows, &rest, weight, divisor, CHUNK_ROWS);
        if plain.is_empty() {
            return Ok(of_stored(hidden));
        }
        if stored.is_empty() {
            return Ok(of_plain(hidden));
        }
        let rows = |places: &[usize]| hidden.clone().select(0, indices(places, hidden));
        let (first, second) = (of_stored(&rows(&stored)), of_plain(&rows(&plain)));
        // Which of both, one behind the other, has the gradient of each row.
        let mut back = vec![0; targets.len()];
        for (at, place) in stored.iter().chain(&plain).enumerate() {
            back[*place] = at;
        }
        let both = Tensor::cat(vec![first.gradient, second.gradient], 0);
        Ok(HeadLoss {
            sum: first.sum + second.sum,
            gradient: both.select(0, indices(&back, hidden)),
        })
    }

    /// The distributions of these numbers; those that follow each other are read at once.
    fn read(&self, numbers: &[u64]) -> Result<Likeliest, CompletionError> {
        let count = self.count();
        let mut found = Likeliest::default();
        for run in numbers.chunk_by(|a, b| a.saturating_add(1) == *b) {
            let behind = self.files.partition_point(|file| file.first <= run[0]);
            let Some(file) = behind.checked_sub(1).map(|at| &self.files[at]) else {
                continue;
            };
            let own = file.reader.head().count;
            let entries = file.reader.read(run[0] - file.first, run.len() as u64)?;
            for likeliest in entries.chunks(own) {
                for TokenLogprob {
                    token,
                    log_probability,
                } in &likeliest[..count]
                {
                    found.ids.push(i64::from(*token));
                    found.log_probabilities.push(*log_probability);
                }
            }
        }
        Ok(found)
    }
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
