//! Generation's view of a decoder: a batch of prompts goes in, then one token a row at a time, and the
//! scores of the next word come out.
//!
//! It pads prompts on the left, keeps the cache, and chooses nothing: sampling is the caller's.

use burn::tensor::{Int, Tensor, TensorData};

use crate::context::{Context, Span};
use crate::{Adapter, Cache, Decoder, ModelError};

/// A batch in the making.
pub struct Session<'a> {
    decoder: &'a Decoder,
    adapter: &'a dyn Adapter,
    cache: Cache,
    pads: Vec<usize>,
    capacity: usize,
}

impl<'a> Session<'a> {
    /// Reads `prompts` and returns the session with the scores of each row's first new word.
    ///
    /// `new_tokens` is how many tokens a row may grow by; memory for them is set aside now.
    /// Scores are `prompts.len() * vocab_size` numbers, row by row.
    ///
    /// # Errors
    ///
    /// [`ModelError::Input`] for no prompt, an empty prompt, an id outside the vocabulary, or a prompt
    /// that with its new tokens is longer than the model's positions.
    pub fn start(
        decoder: &'a Decoder,
        adapter: &'a dyn Adapter,
        prompts: &[Vec<u32>],
        new_tokens: usize,
    ) -> Result<(Self, Vec<f32>), ModelError> {
        check(decoder, prompts, new_tokens)?;
        let width = prompts.iter().map(Vec::len).max().unwrap_or(0);
        let capacity = width + new_tokens;
        let place = (&decoder.device(), decoder.dtype());
        let cache = Cache::new(&decoder.config, prompts.len(), capacity, place);
        let pads = prompts.iter().map(|prompt| width - prompt.len()).collect();
        let mut session = Self {
            decoder,
            adapter,
            cache,
            pads,
            capacity,
        };
        let padded: Vec<u32> = prompts
            .iter()
            .flat_map(|p| std::iter::repeat_n(0, width - p.len()).chain(p.iter().copied()))
            .collect();
        let scores = session.pass(&padded);
        Ok((session, scores))
    }

    /// Adds one token to every row and returns the scores of each row's next word.
    ///
    /// # Errors
    ///
    /// [`ModelError::Input`] when the number of tokens is not the number of rows, a token is outside the
    /// vocabulary, or the memory that [`Session::start`] set aside is used up.
    pub fn step(&mut self, tokens: &[u32]) -> Result<Vec<f32>, ModelError> {
        if tokens.len() != self.pads.len() {
            return Err(input("tokens of a step", self.pads.len(), tokens.len()));
        }
        if self.cache.len() == self.capacity {
            let most = format!("at most {} tokens a row", self.capacity);
            return Err(input("tokens of a row", most, self.capacity + 1));
        }
        check_ids(self.decoder, tokens)?;
        Ok(self.pass(tokens))
    }

    /// Keeps the given rows, in the given order, and forgets the others.
    ///
    /// # Errors
    ///
    /// [`ModelError::Input`] when a row does not exist.
    pub fn keep(&mut self, rows: &[usize]) -> Result<(), ModelError> {
        if let Some(row) = rows.iter().find(|row| **row >= self.pads.len()) {
            return Err(input(
                "row to keep",
                format!("below {}", self.pads.len()),
                *row,
            ));
        }
        self.pads = rows.iter().map(|row| self.pads[*row]).collect();
        let index: Vec<i64> = rows
            .iter()
            .filter_map(|row| i64::try_from(*row).ok())
            .collect();
        let data = TensorData::new(index, [rows.len()]);
        self.cache
            .keep(&Tensor::from_data(data, &self.decoder.device()));
        Ok(())
    }

    /// Rows in the batch.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.pads.len()
    }

    /// Computes `ids`, an equal number for each row, and returns the scores after the last of each.
    fn pass(&mut self, ids: &[u32]) -> Vec<f32> {
        let decoder = self.decoder;
        let (rows, device) = (self.pads.len(), decoder.device());
        let tokens = ids.len() / rows;
        let window = decoder.config.sliding_window;
        let span = Span {
            pads: &self.pads,
            start: self.cache.len(),
            tokens,
            window,
        };
        let context = Context::new(decoder.rope(), span, &device);
        let wide: Vec<i64> = ids.iter().map(|id| i64::from(*id)).collect();
        let ids = Tensor::<2, Int>::from_data(TensorData::new(wide, [rows, tokens]), &device);
        let x = decoder.hidden_cached(ids, &context, &mut self.cache, self.adapter);
        let hidden = decoder.config.hidden_size;
        let last = x.slice([0..rows, tokens - 1..tokens, 0..hidden]);
        let logits = decoder.logits(decoder.norm(last).reshape([rows, hidden]));
        // Scores are f32 by the contract of `logits`, so nothing is lost here.
        logits.into_data().iter::<f32>().collect()
    }
}

fn check(decoder: &Decoder, prompts: &[Vec<u32>], new_tokens: usize) -> Result<(), ModelError> {
    if prompts.is_empty() {
        return Err(input("prompts", "at least one", 0));
    }
    let most = decoder.config.max_positions;
    for (row, prompt) in prompts.iter().enumerate() {
        if prompt.is_empty() {
            return Err(input(
                &format!("prompt {row}"),
                "at least one token",
                "none",
            ));
        }
        if prompt.len() + new_tokens > most {
            let found = format!("{} + {new_tokens} new", prompt.len());
            return Err(input(
                &format!("tokens of prompt {row}"),
                format!("at most {most}"),
                found,
            ));
        }
        check_ids(decoder, prompt)?;
    }
    Ok(())
}

fn check_ids(decoder: &Decoder, ids: &[u32]) -> Result<(), ModelError> {
    let vocab = decoder.config.vocab_size;
    match ids.iter().find(|id| **id as usize >= vocab) {
        Some(id) => Err(input(
            "token id",
            format!("below the vocabulary size {vocab}"),
            *id,
        )),
        None => Ok(()),
    }
}

fn input(what: &str, expected: impl ToString, found: impl ToString) -> ModelError {
    ModelError::Input {
        what: what.into(),
        expected: expected.to_string(),
        found: found.to_string(),
    }
}
