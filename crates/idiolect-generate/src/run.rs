//! The loop: prompts through a model, rows joining as others end, until every one has ended.

use std::ops::ControlFlow;

use crate::row::{Decode, Row};
use crate::scores::Scores;
use crate::slot::{Slot, common};
use crate::{BoxError, Event, GenerateError, Generated, NextLogits, Part, Request, Settings};

/// Continues every request and gives the results in the order of `requests`.
///
/// `decode` turns all new tokens of a row into text; special tokens should be left out.
/// `on_event` sees each token and each finished row, and may break off: then the rows finished so
/// far come back, fewer than the requests, and only then.
///
/// Rows run in the groups of [`groups`], `batch_size` at a time; a row that ends makes room for the
/// group's next one at once.
/// A row's result depends on its own prompt and seed, and on the other rows only by the rounding
/// of the model's logits.
///
/// # Errors
///
/// Before anything runs: [`GenerateError::Setting`], [`GenerateError::EmptyPrompt`],
/// [`GenerateError::TokenOutOfRange`], [`GenerateError::ContextTooShort`].
/// While it runs: [`GenerateError::Model`] and [`GenerateError::Decode`] pass on the caller's own
/// errors, [`GenerateError::LogitsShape`] and [`GenerateError::NotFinite`] refuse the model's
/// output; rows finished before have been given to `on_event`.
pub fn generate(
    model: &mut dyn NextLogits,
    requests: &[Request],
    settings: &Settings,
    decode: &dyn Fn(&[u32]) -> Result<String, BoxError>,
    on_event: &mut dyn FnMut(Event<'_>) -> ControlFlow<()>,
) -> Result<Vec<Generated>, GenerateError> {
    settings.check()?;
    for request in requests {
        check_request(model, request, settings)?;
    }
    let mut results = vec![None; requests.len()];
    let mut run = Run {
        model,
        settings,
        decode,
        on_event,
    };
    for places in groups(requests, settings.batch_size) {
        if run.group(requests, &places, &mut results)?.is_break() {
            break;
        }
    }
    Ok(results.into_iter().flatten().collect())
}

/// Rows of a group for each row of a batch: more lose less at a group's end, where rows leave and none
/// are left to join, and more is repeated after an interruption.
const ROUNDS: usize = 8;

/// Which requests, by their place in `requests`, the model is given one after the other without a
/// pause.
///
/// What stands together in a pass follows from a group's requests and the settings alone: a run that
/// goes on after an interruption leaves out whole groups that are done, repeats the others, and
/// repeats with them what it would have computed.
/// The longest prompts come first, so that memory peaks early, and prompts of similar length stand
/// together; equal lengths keep their order.
///
/// # Panics
///
/// Where `batch_size` is 0.
#[must_use]
pub fn groups(requests: &[Request], batch_size: usize) -> Vec<Vec<usize>> {
    let mut places: Vec<usize> = (0..requests.len()).collect();
    places.sort_by_key(|&place| std::cmp::Reverse(requests[place].prompt.len()));
    let rows = batch_size.saturating_mul(ROUNDS);
    places.chunks(rows).map(<[usize]>::to_vec).collect()
}

fn check_request(
    model: &dyn NextLogits,
    request: &Request,
    settings: &Settings,
) -> Result<(), GenerateError> {
    let Request { index, prompt, .. } = request;
    let (index, vocab, max_new_tokens) = (*index, model.vocab(), settings.max_new_tokens);
    if prompt.is_empty() {
        return Err(GenerateError::EmptyPrompt { index });
    }
    if let Some(position) = prompt.iter().position(|&token| token as usize >= vocab) {
        let token = prompt[position];
        return Err(GenerateError::TokenOutOfRange {
            index,
            position,
            token,
            vocab,
        });
    }
    match model.context() {
        Some(context) if prompt.len().saturating_add(max_new_tokens) > context => {
            let prompt = prompt.len();
            Err(GenerateError::ContextTooShort {
                index,
                prompt,
                max_new_tokens,
                context,
            })
        }
        _ => Ok(()),
    }
}

struct Run<'a> {
    model: &'a mut dyn NextLogits,
    settings: &'a Settings,
    decode: Decode<'a>,
    on_event: &'a mut dyn FnMut(Event<'_>) -> ControlFlow<()>,
}

impl Run<'_> {
    /// Runs the requests at `places` until all have ended, each result into its place.
    fn group(
        &mut self,
        requests: &[Request],
        places: &[usize],
        results: &mut [Option<Generated>],
    ) -> Result<ControlFlow<()>, GenerateError> {
        let first = places.first().map_or(0, |&place| requests[place].index);
        let failed = |step| {
            move |source| GenerateError::Model {
                index: first,
                step,
                source,
            }
        };
        let mut slots = self.begin(requests, places).map_err(failed(0))?;
        let mut waiting = places.iter();
        for step in 0.. {
            for slot in &mut slots {
                if let (None, Some(&place)) = (&slot.row, waiting.as_slice().first()) {
                    waiting.next();
                    slot.take(place, &requests[place], self.settings);
                }
            }
            let rows = slots.iter().filter(|slot| slot.row.is_some()).count();
            let mut room = self.model.cheap_tokens().saturating_sub(rows);
            for slot in &mut slots {
                room -= slot.prepare(self.settings, room);
            }
            let numbered = slots.iter().enumerate();
            let parts: Vec<Part<'_>> = numbered.filter_map(|(row, slot)| slot.part(row)).collect();
            if parts.is_empty() {
                break;
            }
            let wanted = parts.iter().map(|part| part.wanted).sum();
            let sampling = &self.settings.sampling;
            let mut scores = Scores::pass(self.model, &parts, sampling).map_err(failed(step))?;
            scores.check(self.model.vocab(), step, wanted)?;
            if self.sweep(&mut slots, &mut scores, results)?.is_break() {
                return Ok(ControlFlow::Break(()));
            }
        }
        Ok(ControlFlow::Continue(()))
    }

    /// Makes room for a group and computes what all its prompts begin with.
    fn begin(&mut self, requests: &[Request], places: &[usize]) -> Result<Vec<Slot>, BoxError> {
        let prompts = || {
            places
                .iter()
                .map(|&place| requests[place].prompt.as_slice())
        };
        let longest = prompts().map(<[u32]>::len).max().unwrap_or(0);
        let rows = self.settings.batch_size.min(places.len());
        // The last new token is never read.
        self.model
            .begin(rows, longest + self.settings.max_new_tokens - 1)?;
        let first = prompts().next().unwrap_or(&[]);
        // Every prompt keeps a token of its own, whose logits are wanted.
        let same = prompts().map(|prompt| common(prompt, first).min(prompt.len() - 1));
        let shared = &first[..same.min().unwrap_or(0)];
        if !self.settings.share_prefixes || places.len() < 2 || shared.is_empty() {
            return Ok((0..rows).map(|_| Slot::default()).collect());
        }
        let part = Part {
            row: 0,
            kept: 0,
            tokens: shared,
            wanted: 1,
        };
        Scores::pass(self.model, &[part], &self.settings.sampling)?;
        self.model.share(shared.len())?;
        Ok((0..rows).map(|_| Slot::holding(shared)).collect())
    }

    /// The tokens that a pass gave to every row; rows that end leave their slots.
    fn sweep(
        &mut self,
        slots: &mut [Slot],
        scores: &mut Scores,
        results: &mut [Option<Generated>],
    ) -> Result<ControlFlow<()>, GenerateError> {
        let mut first = 0;
        for slot in slots {
            let guesses = slot.guesses().to_vec();
            let Some((place, row)) = &mut slot.row else {
                continue;
            };
            row.passes += 1;
            let mut right = 0;
            let ended = loop {
                let (done, flow) = self.advance(row, scores, first + right)?;
                let ended = done.is_some();
                if ended {
                    results[*place] = done;
                }
                if flow.is_break() {
                    return Ok(ControlFlow::Break(()));
                }
                // A guess that is not the row's own choice makes what follows it worthless.
                if ended || guesses.get(right) != row.tokens.last() {
                    break ended;
                }
                right += 1;
            };
            if ended {
                slot.row = None;
            }
            slot.verified(right);
            first += guesses.len() + 1;
        }
        Ok(ControlFlow::Continue(()))
    }

    /// One token of one row, and the events of it.
    fn advance(
        &mut self,
        row: &mut Row,
        scores: &mut Scores,
        place: usize,
    ) -> Result<(Option<Generated>, ControlFlow<()>), GenerateError> {
        let before = row.new_tokens().len();
        let token = scores.choose(self.model, row, place, &self.settings.sampling)?;
        let done = row.push(token, self.settings, self.decode)?;
        let mut flow = ControlFlow::Continue(());
        if row.new_tokens().len() > before {
            let (index, token_ids) = (row.index, row.new_tokens());
            flow = (self.on_event)(Event::Token { index, token_ids });
        }
        // A row that ended is told even where its last token made the caller break off.
        if let Some(done) = &done {
            let after = (self.on_event)(Event::Done(done));
            flow = if flow.is_break() { flow } else { after };
        }
        Ok((done, flow))
    }
}
