//! Which ids the journals of a run may have: those of the sample, and those of the corpus's other documents, whose
//! texts a larger sample left there.

use std::collections::HashSet;
use std::path::Path;

use idiolect_data::{Id, Journal};
use serde::Deserialize;

use crate::corpus::Corpus;
use crate::error::ContinuationError;
use crate::halve::HalvesFile;
use crate::sample::placed;

/// The ids of a sample, and the corpus that it was drawn from.
pub(crate) struct Known<'a> {
    corpus: &'a Corpus,
    sample: HashSet<String>,
}

/// A row of a journal as far as it matters here.
#[derive(Deserialize)]
struct Named {
    id: Id,
}

impl<'a> Known<'a> {
    pub(crate) fn new(corpus: &'a Corpus, halves: &HalvesFile) -> Result<Self, ContinuationError> {
        let ids = halves.read()?.map(|half| Ok(half?.id.to_string()));
        Ok(Self {
            corpus,
            sample: ids.collect::<Result<_, ContinuationError>>()?,
        })
    }

    /// The ids of a journal that no document has; the corpus is read where the sample does not have them all.
    pub(crate) fn surplus(&self, journal: &Path) -> Result<HashSet<String>, ContinuationError> {
        if !journal.exists() {
            return Ok(HashSet::new());
        }
        let rows = Journal::read::<Named>(journal)?;
        let ids = rows.iter().map(|row| row.id.to_string());
        let mut open: HashSet<String> = ids.filter(|id| !self.sample.contains(id)).collect();
        for raw in self.corpus.raw() {
            if open.is_empty() {
                break;
            }
            let raw = raw?;
            let place = raw.place(self.corpus);
            let id = self.corpus.document(raw)?.id;
            open.remove(&id.to_string());
            open.remove(&placed(&id, &place).to_string());
        }
        Ok(open)
    }
}
