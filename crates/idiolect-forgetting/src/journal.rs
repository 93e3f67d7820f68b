//! The rows in which the base model's answers are kept, and whose they are.
//!
//! A row says by its key which base model, prompt and setting it belongs to, so that a row of another is found out.

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};

use idiolect_data::{DataError, Journal, text_hash, write_lines};
use idiolect_lm::LanguageModel;
use serde::{Deserialize, Serialize};

use crate::{ForgettingError, ForgettingPlace, ForgettingSettings};

/// The seed of all answers: a constant, so that every run of a base model measures the same texts.
pub(crate) const SEED: u64 = 42;

/// One answer of the base model.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Answer {
    /// The prompt's id.
    pub(crate) id: String,
    /// What the answer belongs to, in hexadecimal.
    pub(crate) key: String,
    /// The answer as text, for readers.
    pub(crate) text: String,
    /// Token ids of the prompt.
    pub(crate) prompt: Vec<u32>,
    /// Token ids of the answer, the token that ended it included.
    pub(crate) ids: Vec<u32>,
    /// Negative log-likelihood of the answer under the base model, in nats.
    pub(crate) base_nll: f64,
}

/// What the rows of a draw are held against.
pub(crate) struct Owner {
    /// Hash of the base model, with its type of numbers and the length of answers.
    identity: String,
}

impl Owner {
    pub(crate) fn new(
        base: &LanguageModel,
        settings: &ForgettingSettings,
    ) -> Result<Self, ForgettingError> {
        let (hash, dtype, bits) = (base.model_hash()?, base.dtype(), base.bits());
        let most = settings.forgetting_tokens;
        Ok(Self {
            identity: text_hash(&format!("1 {hash} {dtype:?} {bits:?} {most} {SEED}")),
        })
    }

    /// The key of the answer to a prompt at a place.
    pub(crate) fn key(&self, place: usize, prompt: &[u32]) -> String {
        text_hash(&format!("{} {place} {prompt:?}", self.identity))
    }

    /// The file of a cache.
    fn file(&self, folder: &Path) -> PathBuf {
        folder.join(format!("{}.jsonl", &self.identity[..16]))
    }
}

/// The answers that are there already, by key, and the journal that new ones are appended to.
pub(crate) struct Kept {
    pub(crate) rows: HashMap<String, Answer>,
    journal: Option<Journal>,
    /// Keys and ids of the journal's rows as it was opened.
    journaled: Vec<(String, String)>,
    cache: Option<PathBuf>,
}

impl Kept {
    /// Opens the journal and looks into the cache. Of the cache, which no run depends on, rows that do not parse
    /// are none.
    pub(crate) fn open(place: &ForgettingPlace, owner: &Owner) -> Result<Self, ForgettingError> {
        let cache = place.cache.as_deref().map(|folder| owner.file(folder));
        let text = cache
            .as_ref()
            .and_then(|path| std::fs::read_to_string(path).ok());
        let cached = text.as_deref().unwrap_or_default().lines();
        let cached = cached.filter_map(|line| serde_json::from_str::<Answer>(line).ok());
        let by_key = |row: Answer| (row.key.clone(), row);
        let mut rows: HashMap<String, Answer> = cached.map(by_key).collect();
        let (journal, own) = place
            .journal
            .as_deref()
            .map(open_journal)
            .transpose()?
            .unzip();
        let own = own.unwrap_or_default();
        let journaled = own.iter().map(|row| (row.key.clone(), row.id.clone()));
        let journaled = journaled.collect();
        rows.extend(own.into_iter().map(by_key));
        Ok(Self {
            rows,
            journal,
            journaled,
            cache,
        })
    }

    /// Refuses a journal with answers that are not among `keys`.
    pub(crate) fn hold(&self, keys: &[String]) -> Result<(), ForgettingError> {
        let known: HashSet<&String> = keys.iter().collect();
        let other = self.journaled.iter().find(|(key, _)| !known.contains(key));
        match (&self.journal, other) {
            (Some(journal), Some((_, id))) => Err(ForgettingError::Differs {
                path: journal.path().to_owned(),
                id: id.clone(),
            }),
            _ => Ok(()),
        }
    }

    pub(crate) fn append(&mut self, row: Answer) -> Result<(), ForgettingError> {
        if let Some(journal) = &mut self.journal {
            journal.append(&row)?;
        }
        self.rows.insert(row.key.clone(), row);
        Ok(())
    }

    /// Puts all answers into the cache; where that cannot be written, nothing is kept.
    pub(crate) fn keep(&self) {
        let mut rows: Vec<&Answer> = self.rows.values().collect();
        rows.sort_by(|a, b| a.key.cmp(&b.key));
        if let Some(path) = &self.cache
            && let Some(folder) = path.parent()
            && std::fs::create_dir_all(folder).is_ok()
        {
            let _ = write_lines(path, &rows);
        }
    }
}

fn open_journal(path: &Path) -> Result<(Journal, Vec<Answer>), ForgettingError> {
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder).map_err(|source| DataError::Io {
            path: folder.to_owned(),
            action: "make",
            source,
        })?;
    }
    Ok(Journal::open(path)?)
}
