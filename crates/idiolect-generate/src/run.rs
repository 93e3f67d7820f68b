//! The loop: batches of prompts through a model until every row has ended.

use std::ops::ControlFlow;

use crate::row::{Decode, Row};
use crate::{BoxError, Event, GenerateError, Generated, Logits, NextLogits, Request, Settings};

/// Continues every request and gives the results in the order of `requests`.
///
/// `decode` turns all new tokens of a row into text; special tokens should be left out.
/// `on_event` sees each token and each finished row, and may break off: then the rows finished so
/// far come back, fewer than the requests, and only then.
///
/// Rows run in the batches of [`batches`]; a finished row leaves its batch at once.
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
    for places in batches(requests, settings.batch_size) {
        if run.batch(requests, &places, &mut results)?.is_break() {
            break;
        }
    }
    Ok(results.into_iter().flatten().collect())
}

/// Which requests, by their place in `requests`, stand in which batch.
///
/// The longest prompts come first, so that memory peaks early, and prompts of similar length stand
/// together, so that little is spent on padding; equal lengths keep their order.
/// It is a function of the prompts' lengths and `batch_size` alone: a run that is repeated repeats
/// its batches.
///
/// # Panics
///
/// Where `batch_size` is 0.
#[must_use]
pub fn batches(requests: &[Request], batch_size: usize) -> Vec<Vec<usize>> {
    let mut places: Vec<usize> = (0..requests.len()).collect();
    places.sort_by_key(|&place| std::cmp::Reverse(requests[place].prompt.len()));
    places.chunks(batch_size).map(<[usize]>::to_vec).collect()
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
    fn batch(
        &mut self,
        requests: &[Request],
        places: &[usize],
        results: &mut [Option<Generated>],
    ) -> Result<ControlFlow<()>, GenerateError> {
        let prompts: Vec<Vec<u32>> = places
            .iter()
            .map(|&place| requests[place].prompt.clone())
            .collect();
        let start = |&place: &usize| (place, Row::new(&requests[place], &self.settings.sampling));
        let mut rows: Vec<(usize, Row)> = places.iter().map(start).collect();
        let first = rows.first().map_or(0, |(_, row)| row.index);
        let failed = |step| {
            move |source| GenerateError::Model {
                index: first,
                step,
                source,
            }
        };
        let mut logits = self.model.prefill(&prompts).map_err(failed(0))?;
        let mut step = 0;
        loop {
            self.check_shape(&logits, step, rows.len())?;
            let kept = match self.sweep(&mut rows, &mut logits, results)? {
                ControlFlow::Continue(kept) => kept,
                ControlFlow::Break(()) => return Ok(ControlFlow::Break(())),
            };
            if kept.is_empty() {
                return Ok(ControlFlow::Continue(()));
            }
            step += 1;
            if kept.len() < rows.len() {
                self.model.keep(&kept).map_err(failed(step))?;
                let mut at = 0..;
                rows.retain(|_| at.next().is_some_and(|i| kept.binary_search(&i).is_ok()));
            }
            let last: Vec<u32> = rows
                .iter()
                .filter_map(|(_, row)| row.new_tokens.last().copied())
                .collect();
            logits = self.model.step(&last).map_err(failed(step))?;
        }
    }

    /// One token of every row; gives the rows that go on.
    fn sweep(
        &mut self,
        rows: &mut [(usize, Row)],
        logits: &mut Logits,
        results: &mut [Option<Generated>],
    ) -> Result<ControlFlow<(), Vec<usize>>, GenerateError> {
        let mut kept = Vec::with_capacity(rows.len());
        for (i, (place, row)) in rows.iter_mut().enumerate() {
            let (done, flow) = self.advance(row, logits.row_mut(i))?;
            match done {
                Some(done) => results[*place] = Some(done),
                None => kept.push(i),
            }
            if flow.is_break() {
                return Ok(ControlFlow::Break(()));
            }
        }
        Ok(ControlFlow::Continue(kept))
    }

    /// One token of one row, and the events of it.
    fn advance(
        &mut self,
        row: &mut Row,
        logits: &mut [f32],
    ) -> Result<(Option<Generated>, ControlFlow<()>), GenerateError> {
        let before = row.new_tokens.len();
        let token = row.choose(logits, &self.settings.sampling)?;
        let done = row.push(token, self.settings, self.decode)?;
        let mut flow = ControlFlow::Continue(());
        if row.new_tokens.len() > before {
            let (index, token_ids) = (row.index, row.new_tokens.as_slice());
            flow = (self.on_event)(Event::Token { index, token_ids });
        }
        // A row that ended is told even where its last token made the caller break off.
        if let Some(done) = &done {
            let after = (self.on_event)(Event::Done(done));
            flow = if flow.is_break() { flow } else { after };
        }
        Ok((done, flow))
    }

    fn check_shape(&self, logits: &Logits, step: usize, rows: usize) -> Result<(), GenerateError> {
        let (vocab, found, found_vocab) = (self.model.vocab(), logits.values.len(), logits.vocab);
        if found_vocab == vocab && found == rows * vocab {
            return Ok(());
        }
        Err(GenerateError::LogitsShape {
            step,
            rows,
            vocab,
            found,
            found_vocab,
        })
    }
}
