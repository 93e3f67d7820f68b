//! One group of requests through the model: rows join as others end, until every one has ended.

use std::ops::ControlFlow;

use crate::row::{Decode, Row};
use crate::scores::Scores;
use crate::slot::{Slot, common};
use crate::{
    BoxError, GenerateError, Generated, GenerationConfig, GenerationEvent, NextLogits, Request,
    RowPart,
};

/// What the groups of a run share.
pub(crate) struct Run<'a> {
    pub(crate) model: &'a mut dyn NextLogits,
    pub(crate) settings: &'a GenerationConfig,
    pub(crate) decode: Decode<'a>,
    pub(crate) on_event: &'a mut dyn FnMut(GenerationEvent<'_>) -> ControlFlow<()>,
}

impl Run<'_> {
    /// Runs the requests at `places` until all have ended, each result into its place.
    pub(crate) fn group(
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
            let parts: Vec<RowPart<'_>> =
                numbered.filter_map(|(row, slot)| slot.part(row)).collect();
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
        let room = longest.saturating_add(self.settings.max_new_tokens - 1);
        self.model.begin(rows, room)?;
        let first = prompts().next().unwrap_or(&[]);
        // Every prompt keeps a token of its own, whose logits are wanted.
        let same = prompts().map(|prompt| common(prompt, first).min(prompt.len() - 1));
        let shared = &first[..same.min().unwrap_or(0)];
        let variant = places.first().map_or(0, |&place| requests[place].variant);
        let alike = |&place: &usize| requests[place].variant == variant;
        let shares = self.settings.share_prefixes && places.len() > 1 && places.iter().all(alike);
        if !shares || shared.is_empty() {
            return Ok((0..rows).map(|_| Slot::default()).collect());
        }
        let part = RowPart {
            row: 0,
            variant,
            kept: 0,
            tokens: shared,
            wanted: 1,
        };
        Scores::pass(self.model, &[part], &self.settings.sampling)?;
        self.model.share(shared.len())?;
        Ok((0..rows).map(|_| Slot::holding(shared, variant)).collect())
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
            flow = (self.on_event)(GenerationEvent::Token { index, token_ids });
        }
        // A row that ended is told even where its last token made the caller break off.
        if let Some(done) = &done {
            let after = (self.on_event)(GenerationEvent::Done(done));
            flow = if flow.is_break() { flow } else { after };
        }
        Ok((done, flow))
    }
}
