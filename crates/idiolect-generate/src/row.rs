//! One row while it is generated: its tokens, its random numbers, its end.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;

use crate::choice::{candidates, candidates_of, draw, greedy, not_finite, nucleus_of, penalise};
use crate::{
    BoxError, FinishReason, GenerateError, Generated, GenerationConfig, Largest, Request, Sampling,
    Stops,
};

/// New tokens to text. It is given all new tokens of a row each time, so that it may be any
/// tokenizer's whole-sequence decoding.
pub(crate) type Decode<'a> = &'a dyn Fn(&[u32]) -> Result<String, BoxError>;

pub(crate) struct Row {
    pub(crate) index: usize,
    /// Prompt and answer.
    pub(crate) tokens: Vec<u32>,
    prompt: usize,
    /// Passes that gave its tokens.
    pub(crate) passes: usize,
    /// Tokens of prompt and answer, ascending, each once; kept only for the repetition penalty.
    seen: Vec<u32>,
    random: ChaCha8Rng,
    min_margin: Option<f32>,
}

impl Row {
    pub(crate) fn new(request: &Request, sampling: &Sampling) -> Self {
        let mut row = Self {
            index: request.index,
            tokens: request.prompt.clone(),
            prompt: request.prompt.len(),
            passes: 0,
            seen: Vec::new(),
            random: ChaCha8Rng::seed_from_u64(request.seed),
            min_margin: None,
        };
        if sampling.penalises() {
            row.seen.clone_from(&request.prompt);
            row.seen.sort_unstable();
            row.seen.dedup();
        }
        row
    }

    /// The answer so far.
    pub(crate) fn new_tokens(&self) -> &[u32] {
        &self.tokens[self.prompt..]
    }

    /// Chooses the next token from its logits, which the penalty changes in place.
    pub(crate) fn choose(
        &mut self,
        logits: &mut [f32],
        sampling: &Sampling,
    ) -> Result<u32, GenerateError> {
        let (index, step) = (self.index, self.new_tokens().len());
        penalise(logits, &self.seen, sampling.repetition_penalty);
        if let Some(token) = not_finite(logits) {
            return Err(GenerateError::NotFinite {
                index,
                step,
                token,
                found: logits[token],
            });
        }
        if !sampling.is_greedy() {
            return Ok(draw(&candidates(logits, sampling), &mut self.random));
        }
        let (token, margin) = greedy(logits);
        self.note(margin);
        Ok(token)
    }

    /// [`Row::choose`] from the largest logits alone; `None` where they do not decide: one of the row is no
    /// number, equal ones may reach beyond the last, or the bound of a nucleus may lie beyond it.
    pub(crate) fn choose_of(&mut self, largest: &Largest, sampling: &Sampling) -> Option<u32> {
        let entries = &largest.entries;
        if !sampling.is_greedy() && sampling.top_k == 0 {
            let pool = largest
                .all_finite
                .then(|| nucleus_of(largest, sampling))??;
            return Some(draw(&pool, &mut self.random));
        }
        let last = sampling.decisive()?.most.checked_sub(1)?;
        let (end, kept) = (entries.get(last)?.1, entries.get(last.checked_sub(1)?)?.1);
        if !largest.all_finite || end >= kept {
            return None;
        }
        if !sampling.is_greedy() {
            return Some(draw(&candidates_of(entries, sampling), &mut self.random));
        }
        self.note(kept - end);
        Some(entries[0].0)
    }

    fn note(&mut self, margin: f32) {
        self.min_margin = Some(self.min_margin.map_or(margin, |least| least.min(margin)));
    }

    /// Appends `token`; gives the finished row where it ends there.
    pub(crate) fn push(
        &mut self,
        token: u32,
        settings: &GenerationConfig,
        decode: Decode<'_>,
    ) -> Result<Option<Generated>, GenerateError> {
        let Stops {
            tokens,
            strings,
            ignore_eos,
        } = &settings.stops;
        if !ignore_eos && tokens.contains(&token) {
            let text = self.text(decode)?;
            let ended = self.finish(text, FinishReason::Stop);
            return Ok(Some(Generated {
                stop_token: Some(token),
                ..ended
            }));
        }
        self.tokens.push(token);
        if settings.sampling.penalises()
            && let Err(place) = self.seen.binary_search(&token)
        {
            self.seen.insert(place, token);
        }
        let at_end = self.new_tokens().len() >= settings.max_new_tokens;
        if strings.is_empty() && !at_end {
            return Ok(None);
        }
        let mut text = self.text(decode)?;
        if let Some(place) = first_stop(&text, strings) {
            text.truncate(place);
            return Ok(Some(self.finish(text, FinishReason::StopString)));
        }
        Ok(at_end.then(|| self.finish(text, FinishReason::Length)))
    }

    fn text(&self, decode: Decode<'_>) -> Result<String, GenerateError> {
        let index = self.index;
        decode(self.new_tokens()).map_err(|source| GenerateError::Decode { index, source })
    }

    fn finish(&self, text: String, finish_reason: FinishReason) -> Generated {
        Generated {
            index: self.index,
            token_ids: self.new_tokens().to_vec(),
            stop_token: None,
            text,
            finish_reason,
            passes: self.passes,
            min_margin: self.min_margin,
        }
    }
}

/// Where the first of any of `strings` begins.
fn first_stop(text: &str, strings: &[String]) -> Option<usize> {
    strings
        .iter()
        .filter_map(|string| text.find(string.as_str()))
        .min()
}
