//! Asking a model every item of a task, with a journal to resume from.
//!
//! Items are asked in their order, so that what stands in a batch follows from the task and the
//! settings alone; batches by length belong to the model.

use std::path::Path;

use idiolect_completion::{BoxError, CompletionRequest, Likelihood, Progress};
use idiolect_data::{Id, Journal};

use crate::answer::{Answer, ItemAnswer};
use crate::error::EvalError;
use crate::item::{Item, ItemRequest};
use crate::model::EvalModel;
use crate::request_hash::request_hash;

/// How the items of a task are asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AnswerSettings {
    /// Only the first so many items. Default: all.
    pub limit: Option<usize>,
    /// Items that are handed to the model at once, and at most lost when the run is killed; 0 is 1. Default: 8.
    pub batch_size: usize,
    /// Most tokens of a text, at least 1. Default: the task's own number.
    pub max_new_tokens: Option<usize>,
}

impl Default for AnswerSettings {
    fn default() -> Self {
        Self {
            limit: None,
            batch_size: 8,
            max_new_tokens: None,
        }
    }
}

/// Asks `model` every item, or the first `limit`; rows that `journal` has are not asked again.
///
/// A journal belongs to one task and one model: requests are checked by their hash, the model is
/// the caller's to keep apart. `progress` hears of every text and every choice.
///
/// # Errors
///
/// [`EvalError::Data`] from the journal, [`EvalError::Journal`] where it is of another run,
/// [`EvalError::Model`].
pub fn run(
    items: &[Item],
    model: &mut dyn EvalModel,
    settings: AnswerSettings,
    journal: &Path,
    progress: &dyn Progress,
) -> Result<Vec<ItemAnswer>, EvalError> {
    let (mut writer, mut rows) = Journal::open::<ItemAnswer>(journal)?;
    check(items, &rows, journal)?;
    let items = &items[..settings.limit.unwrap_or(items.len()).min(items.len())];
    rows.truncate(items.len());
    // Batches are counted from the first item, so that a resumed run repeats the one it was in.
    let size = settings.batch_size.max(1);
    let mut start = rows.len() / size * size;
    progress.advance(requests_of(&items[..rows.len()]));
    while rows.len() < items.len() {
        let batch = Batch {
            items: &items[start..items.len().min(start + size)],
            done: rows.len() - start,
            max_new_tokens: settings.max_new_tokens,
        };
        let answers = batch.answers(model, progress);
        for (item, answer) in answers.map_err(|source| EvalError::Model { source })? {
            let row = ItemAnswer {
                id: item.id.clone(),
                request: request_hash(&item.request),
                answer,
            };
            writer.append(&row)?;
            rows.push(row);
        }
        start += size;
    }
    Ok(rows)
}

/// How many texts and choices the items ask for.
pub(crate) fn requests_of(items: &[Item]) -> usize {
    let count = |item: &Item| match &item.request {
        ItemRequest::Choose(all) => all.len(),
        ItemRequest::Generate(_) => 1,
    };
    items.iter().map(count).sum()
}

/// Whether the rows answer these items, all of them that there are, in this order. More rows than a limit asks for
/// are of a longer run, and more than there are items of another.
fn check(items: &[Item], rows: &[ItemAnswer], journal: &Path) -> Result<(), EvalError> {
    for (item, row) in items.iter().zip(rows) {
        let expected = request_hash(&item.request);
        if item.id != row.id || expected != row.request {
            return Err(EvalError::Journal {
                path: journal.to_owned(),
                id: row.id.clone(),
                expected,
                found: row.request.clone(),
            });
        }
    }
    match rows.get(items.len()) {
        Some(row) => Err(EvalError::Surplus {
            path: journal.to_owned(),
            id: row.id.clone(),
            expected: items.len(),
        }),
        None => Ok(()),
    }
}

/// Items that are asked at once; the first `done` of them have their answers.
struct Batch<'a> {
    items: &'a [Item],
    done: usize,
    max_new_tokens: Option<usize>,
}

impl<'a> Batch<'a> {
    /// The items that were open, each with its answer, in their order.
    fn answers(
        &self,
        model: &mut dyn EvalModel,
        progress: &dyn Progress,
    ) -> Result<Vec<(&'a Item, Answer)>, BoxError> {
        let mut texts = self.texts(model, progress)?.into_iter();
        let mut values = self.likelihoods(model, progress)?.into_iter();
        let answers = self.open().map(|item| {
            let answer = match &item.request {
                ItemRequest::Choose(_) => values.next().map(Answer::Likelihoods),
                ItemRequest::Generate(_) => texts.next().map(Answer::Text),
            };
            Ok((item, answer.ok_or("it did not answer each request")?))
        });
        answers.collect()
    }

    fn open(&self) -> impl Iterator<Item = &'a Item> {
        self.items.iter().skip(self.done)
    }

    /// The texts of the open items that ask for one.
    ///
    /// Requests are known by their place, since items of a task may share an id.
    fn texts(
        &self,
        model: &mut dyn EvalModel,
        progress: &dyn Progress,
    ) -> Result<Vec<String>, BoxError> {
        let places = self.items.iter().enumerate();
        let requests = places.filter_map(|(place, item)| match &item.request {
            ItemRequest::Generate(asked) => {
                let request = asked.completion(place.into(), self.max_new_tokens);
                let done = place < self.done;
                Some(CompletionRequest { done, ..request })
            }
            ItemRequest::Choose(_) => None,
        });
        let requests: Vec<CompletionRequest> = requests.collect();
        if requests.iter().all(|request| request.done) {
            return Ok(Vec::new());
        }
        let mut texts: Vec<Option<String>> = vec![None; self.items.len()];
        model.complete(&requests, &mut |completion| {
            let place = place_of(&completion.id, &requests)?;
            if place < self.done {
                return Ok(());
            }
            if texts[place].replace(completion.text).is_some() {
                return Err("it answered a request twice".into());
            }
            progress.advance(1);
            Ok(())
        })?;
        let open = requests.iter().filter(|request| !request.done);
        let text = |request: &CompletionRequest| {
            let place = place_of(&request.id, &requests)?;
            texts[place]
                .take()
                .ok_or_else(|| "it did not answer each request once".into())
        };
        open.map(text).collect()
    }

    /// The likelihoods of the open items that ask for them.
    fn likelihoods(
        &self,
        model: &mut dyn EvalModel,
        progress: &dyn Progress,
    ) -> Result<Vec<Vec<Likelihood>>, BoxError> {
        // The whole batch is asked again, so that its values are those of an unbroken run to the bit.
        let questions = |(place, item): (usize, &'a Item)| match &item.request {
            ItemRequest::Choose(all) => Some((place, all.as_slice())),
            ItemRequest::Generate(_) => None,
        };
        let (places, questions): (Vec<usize>, Vec<_>) =
            self.items.iter().enumerate().filter_map(questions).unzip();
        if places.iter().all(|place| *place < self.done) {
            return Ok(Vec::new());
        }
        let values = model.likelihoods(&questions)?;
        let expected = questions.iter().map(|all| all.len());
        if !values.iter().map(Vec::len).eq(expected) {
            return Err("it did not answer each request once".into());
        }
        let open = places.iter().zip(values);
        let open = open.filter(|(place, _)| self.done <= **place);
        let open: Vec<Vec<Likelihood>> = open.map(|(_, values)| values).collect();
        progress.advance(open.iter().map(Vec::len).sum());
        Ok(open)
    }
}

/// The place in the batch that an id says, where it is one of a request.
fn place_of(id: &Id, requests: &[CompletionRequest]) -> Result<usize, BoxError> {
    let known = requests.iter().any(|request| request.id == *id);
    let place = id.as_u64().and_then(|place| usize::try_from(place).ok());
    match place {
        Some(place) if known => Ok(place),
        _ => Err("it answered what was not asked".into()),
    }
}
