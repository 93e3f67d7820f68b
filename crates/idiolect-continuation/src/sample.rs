//! Which documents of a corpus a run takes: a uniform sample of a stream whose length nobody knows.
//!
//! Two readings, and never more than one document in memory: the first chooses documents by their
//! number, the second cuts the chosen ones and writes them down; what is held between is a number for
//! each chosen document.
//! Each document draws a random key and the smallest keys stay (Efraimidis and Spirakis 2006,
//! algorithm A-Res with equal weights).
//! Against Vitter's algorithm R it has one advantage that matters here: a larger sample with the same
//! seed contains the smaller one, so that a run can be made longer without losing what was paid for.

use std::collections::{BinaryHeap, HashSet};
use std::path::Path;

use idiolect_data::{DataError, Id, write_atomically};
use idiolect_input::counted;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

use crate::config::ContinuationConfig;
use crate::corpus::{Corpus, Document, Raw};
use crate::error::ContinuationError;
use crate::halve::{Half, count_words, document_seed, halve};
use crate::summary::CorpusCounts;

/// Samples and cuts; returns what the corpus has.
pub(crate) fn prepare(
    corpus: &Corpus,
    config: &ContinuationConfig,
    path: &Path,
) -> Result<CorpusCounts, ContinuationError> {
    let (found, numbers) = choose(corpus, config)?;
    let mut own = None;
    let written = write_atomically(path, |out| {
        let wrote = chosen(corpus, &numbers, config, &mut |half| {
            serde_json::to_writer(&mut *out, half).map_err(io_error(path))?;
            out.write_all(b"\n").map_err(io_error(path))
        });
        wrote.map_err(|error| {
            own = Some(error);
            std::io::Error::other("the corpus was not read")
        })
    });
    match own {
        Some(error) => Err(error),
        None => Ok(written.map(|()| found)?),
    }
}

/// Converts what the system or the serialiser says.
fn io_error<E: Into<std::io::Error>>(path: &Path) -> impl Fn(E) -> ContinuationError + '_ {
    |source| {
        ContinuationError::Data(DataError::Io {
            path: path.to_owned(),
            action: "write",
            source: source.into(),
        })
    }
}

/// The first reading.
fn choose(
    corpus: &Corpus,
    config: &ContinuationConfig,
) -> Result<(CorpusCounts, Vec<u64>), ContinuationError> {
    let mut found = CorpusCounts::default();
    let mut reservoir = Reservoir::new(config.documents, config.seed);
    for (number, document) in (0_u64..).zip(corpus.documents()) {
        let words = count_words(&document?.text);
        found.documents += 1;
        if words < config.min_words {
            found.too_short += 1;
        } else if words > config.max_words {
            found.too_long += 1;
        } else {
            reservoir.offer(number);
        }
    }
    found.sampled = reservoir.len();
    if found.sampled == 0 {
        return Err(ContinuationError::NoDocuments {
            path: corpus.root.clone(),
            expected: match config.max_words {
                usize::MAX => {
                    let least = counted(config.min_words, "word", "words");
                    format!("a document of at least {least}")
                }
                most => {
                    let most = counted(most, "word", "words");
                    format!("a document of {} to {most}", config.min_words)
                }
            },
            found: counted(
                found.documents,
                "document, which is none",
                "documents, none of them such",
            ),
        });
    }
    Ok((found, reservoir.into_numbers()))
}

/// The second reading.
///
/// A document whose id an earlier one of the sample has gets its place behind it.
fn chosen(
    corpus: &Corpus,
    numbers: &[u64],
    config: &ContinuationConfig,
    on_half: &mut dyn FnMut(&Half) -> Result<(), ContinuationError>,
) -> Result<(), ContinuationError> {
    let mut seen = HashSet::new();
    let mut wanted = numbers.iter().copied().peekable();
    for (number, raw) in (0..).zip(corpus.raw()) {
        let raw: Raw<'_> = raw?;
        if wanted.next_if_eq(&number).is_none() {
            continue;
        }
        let place = raw.place(corpus);
        let Document { mut id, text } = corpus.document(raw)?;
        if seen.contains(&id.to_string()) {
            id = placed(&id, &place);
        }
        seen.insert(id.to_string());
        let Some(halves) = halve(&text, document_seed(config.seed, &id)) else {
            break;
        };
        on_half(&Half {
            id,
            first: halves.first.to_owned(),
            second: halves.second.to_owned(),
            words: halves.words,
            first_words: halves.first_words,
        })?;
        if wanted.peek().is_none() {
            break;
        }
    }
    if seen.len() < numbers.len() {
        return Err(ContinuationError::Changed {
            path: corpus.root.clone(),
            expected: numbers.len(),
            found: seen.len(),
        });
    }
    Ok(())
}

/// The id of a document where an earlier one of the sample has its own.
pub(crate) fn placed(id: &Id, place: &str) -> Id {
    let own = id.as_str().map_or(id.to_string(), str::to_owned);
    format!("{own} ({place})").into()
}

/// The sample so far: the numbers of its items, never the items.
#[derive(Debug)]
pub struct Reservoir {
    size: usize,
    random: ChaCha8Rng,
    kept: BinaryHeap<(u64, u64)>,
}

impl Reservoir {
    /// An empty sample that will have at most `size` items.
    #[must_use]
    pub fn new(size: usize, seed: u64) -> Self {
        Self {
            size,
            random: ChaCha8Rng::seed_from_u64(seed),
            kept: BinaryHeap::new(),
        }
    }

    /// Offers the next item of the stream by its number.
    pub fn offer(&mut self, number: u64) {
        self.kept.push((self.random.next_u64(), number));
        if self.kept.len() > self.size {
            self.kept.pop();
        }
    }

    /// Items held, never more than the size asked for.
    #[must_use]
    pub fn len(&self) -> usize {
        self.kept.len()
    }

    /// Whether nothing was offered yet, or the size is 0.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.kept.is_empty()
    }

    /// The numbers of the sample, in ascending order.
    #[must_use]
    pub fn into_numbers(self) -> Vec<u64> {
        let mut numbers: Vec<_> = self.kept.into_iter().map(|(_, number)| number).collect();
        numbers.sort_unstable();
        numbers
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(size: usize, seed: u64, stream: u64) -> Vec<u64> {
        let mut reservoir = Reservoir::new(size, seed);
        for number in 0..stream {
            reservoir.offer(number);
            assert!(reservoir.len() <= size);
        }
        reservoir.into_numbers()
    }

    #[test]
    fn a_larger_sample_contains_the_smaller_one() {
        let (small, large) = (sample(10, 3, 1000), sample(100, 3, 1000));
        assert_eq!((small.len(), large.len()), (10, 100));
        assert!(small.iter().all(|number| large.contains(number)));
        assert_ne!(small, sample(10, 4, 1000));
        assert_eq!(sample(5, 1, 3), [0, 1, 2]);
        assert_eq!(sample(0, 1, 3), [0; 0]);
    }

    #[test]
    fn every_place_of_the_stream_is_as_likely() {
        let mut counts = [0_u32; 20];
        for seed in 0..4000 {
            for number in sample(5, seed, 20) {
                counts[usize::try_from(number).unwrap()] += 1;
            }
        }
        // 19 degrees of freedom: a chi-square above 43.8 has a probability of 0.001.
        let square = counts
            .iter()
            .map(|&count| (f64::from(count) - 1000.0).powi(2) / 1000.0);
        let square: f64 = square.sum();
        assert!(square < 43.8, "chi-square {square}: {counts:?}");
    }
}
