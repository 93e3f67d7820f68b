//! Text from a local model: prompts as token ids go in, finished rows come out as they end.

use std::ops::ControlFlow;

use idiolect::generate::{Event, Generated, Request, Sampling, Settings, Stops, generate, groups};

use crate::error::CliError;
use crate::keys::{Sampler, SamplingKeys};
use crate::logits::DecoderLogits;
use crate::opened::Opened;
use crate::progress::{bar, say};

/// How a command generates: the settings, and the seed that each row's own seed comes from.
#[derive(Debug, Clone)]
pub struct Generation {
    /// Sampler, stops, budget and batch size.
    pub settings: Settings,
    /// Seed of the run.
    pub seed: u64,
}

impl Generation {
    /// Settings as typed, with the model's own stops.
    pub fn new(keys: &SamplingKeys, opened: &Opened, seed: u64) -> Self {
        let own = opened.template.stop_texts().iter().map(ToString::to_string);
        let stops = Stops {
            tokens: opened.stop_tokens(),
            strings: keys.stop.iter().cloned().chain(own).collect(),
            ignore_eos: false,
        };
        let settings = Settings {
            sampling: sampling(keys),
            stops,
            max_new_tokens: budget(keys),
            batch_size: keys.generation_batch_size.unwrap_or(8),
            share_prefixes: !keys.no_prefix_sharing.unwrap_or(false),
            speculate: keys.speculate.unwrap_or(4),
        };
        Self { settings, seed }
    }
}

/// How a token is chosen: the values of the sampler that is named, under those typed.
#[must_use]
pub fn sampling(keys: &SamplingKeys) -> Sampling {
    let named = match keys.sampler.unwrap_or_default() {
        Sampler::Greedy => Sampling::GREEDY,
        Sampler::Sdft2402 => Sampling::SDFT_2402,
    };
    Sampling {
        temperature: keys.temperature.unwrap_or(named.temperature),
        top_k: keys.top_k.unwrap_or(named.top_k),
        top_p: keys.top_p.unwrap_or(named.top_p),
        min_p: keys.min_p.unwrap_or(named.min_p),
        repetition_penalty: keys.repetition_penalty.unwrap_or(named.repetition_penalty),
    }
}

/// The most new tokens of a row: as typed, else as the sampler that is named.
#[must_use]
pub fn budget(keys: &SamplingKeys) -> usize {
    let named = match keys.sampler.unwrap_or_default() {
        Sampler::Greedy => 256,
        Sampler::Sdft2402 => 512,
    };
    keys.max_new_tokens.unwrap_or(named)
}

/// Tokens that rows got, and the passes of the model that gave them.
#[derive(Debug, Clone, Copy, Default)]
pub struct Pace {
    tokens: usize,
    passes: usize,
}

impl Pace {
    /// Counts finished rows in.
    pub fn add(&mut self, rows: &[Generated]) {
        self.tokens += rows.iter().map(|row| row.token_ids.len()).sum::<usize>();
        self.passes += rows.iter().map(|row| row.passes).sum::<usize>();
    }

    /// Says what speculation gained, where it gained anything.
    pub fn tell(self) {
        if self.tokens > self.passes {
            let pace = self.tokens as f64 / self.passes as f64;
            say(&format!("speculation: {pace:.2} tokens a pass"));
        }
    }
}

/// Continues `prompts`; the result has one row for each, in their order.
///
/// # Errors
///
/// [`CliError::Generate`] for settings or prompts that do not fit, and for a model that fails.
pub fn continue_all(
    opened: &Opened,
    prompts: Vec<Vec<u32>>,
    generation: &Generation,
    on_event: &mut dyn FnMut(Event<'_>) -> ControlFlow<()>,
) -> Result<Vec<Generated>, CliError> {
    let row = |(index, prompt)| {
        let seed = Request::row_seed(generation.seed, index);
        Request {
            index,
            prompt,
            seed,
        }
    };
    let requests: Vec<Request> = prompts.into_iter().enumerate().map(row).collect();
    continue_requests(opened, &requests, generation, on_event)
}

/// Continues requests that bring their own seeds.
///
/// # Errors
///
/// As [`continue_all`].
pub fn continue_requests(
    opened: &Opened,
    requests: &[Request],
    generation: &Generation,
    on_event: &mut dyn FnMut(Event<'_>) -> ControlFlow<()>,
) -> Result<Vec<Generated>, CliError> {
    let mut model = DecoderLogits::new(&opened.decoder, opened.adapter());
    let decode = |ids: &[u32]| opened.tokenizer.decode(ids, true).map_err(Into::into);
    Ok(generate(
        &mut model,
        requests,
        &generation.settings,
        &decode,
        on_event,
    )?)
}

/// A model with the way it writes.
#[derive(Clone, Copy)]
pub struct LocalWriter<'a> {
    /// The model.
    pub opened: &'a Opened,
    /// Sampler, stops, budget and batch size; each request brings its own seed.
    pub generation: &'a Generation,
}

impl LocalWriter<'_> {
    /// Continues every request that is not `done` and hands over each row as it ends; a request's index is
    /// its place among them. `what` stands before the bar that shows how far it is.
    ///
    /// Groups are made of all requests, so that a resumed run repeats the one it was in; a group that is
    /// wholly done is passed over.
    ///
    /// # Errors
    ///
    /// [`CliError::Generate`], and the first error of `on_done`.
    pub fn finish<E: From<CliError>>(
        &self,
        what: &str,
        requests: &[Request],
        done: &[bool],
        on_done: &mut dyn FnMut(&Generated) -> Result<(), E>,
    ) -> Result<(), E> {
        let settings = &self.generation.settings;
        settings.check().map_err(CliError::from)?;
        let bar = bar(what, requests.len());
        bar.inc(done.iter().filter(|done| **done).count() as u64);
        let mut pace = Pace::default();
        for group in groups(requests, settings.batch_size) {
            if group.iter().all(|place| done[*place]) {
                continue;
            }
            let chosen: Vec<Request> = group.iter().map(|place| requests[*place].clone()).collect();
            let mut failed = None;
            let rows = continue_requests(self.opened, &chosen, self.generation, &mut |event| {
                let Event::Done(row) = event else {
                    return ControlFlow::Continue(());
                };
                if done[row.index] {
                    return ControlFlow::Continue(());
                }
                bar.inc(1);
                failed = on_done(row).err();
                failed
                    .as_ref()
                    .map_or(ControlFlow::Continue(()), |_| ControlFlow::Break(()))
            })?;
            if let Some(error) = failed {
                return Err(error);
            }
            pace.add(&rows);
        }
        bar.finish_and_clear();
        pace.tell();
        Ok(())
    }
}
