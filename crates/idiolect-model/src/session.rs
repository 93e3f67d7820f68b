//! A decoder with a KV cache, for generation: tokens of some rows go in, and the logits of the tokens after them
//! come out.
//!
//! It chooses no token: sampling is the caller's.

mod row_adapters;

use burn::tensor::{Int, Tensor, TensorData};

use crate::context::{Context, NewTokens, PassLayout, index};
use crate::{Adapter, Cache, Decoder, ModelError};
use row_adapters::RowAdapters;

/// Rows of tokens that are being generated.
///
/// Each row grows, is shortened or begins again independently of the others. A pass takes new tokens of any of
/// them, prompts and single tokens alike, and reads the weights once for all rows.
pub struct Session<'a> {
    decoder: &'a Decoder,
    adapters: RowAdapters<'a>,
    cache: Cache,
    /// Tokens of each row.
    lengths: Vec<usize>,
    /// How many tokens each row began with: where long sequences have other frequencies, that decides.
    begun: Vec<usize>,
    capacity: usize,
    head_copy: bool,
}

impl<'a> Session<'a> {
    /// Allocates memory for `rows` rows of at most `tokens` tokens; all rows are empty.
    ///
    /// # Errors
    ///
    /// [`ModelError::Input`] for no row, or more tokens than the model has positions.
    pub fn new(
        decoder: &'a Decoder,
        adapter: &'a dyn Adapter,
        rows: usize,
        tokens: usize,
    ) -> Result<Self, ModelError> {
        let most = decoder.config.max_positions;
        if rows == 0 {
            return Err(input("rows", "at least one", 0));
        }
        if tokens > most {
            let expected = format!("at most {most}{}", decoder.config.why_no_more());
            return Err(input("tokens of a row", expected, tokens));
        }
        let (device, dtype) = (&decoder.device(), decoder.dtype());
        Ok(Self {
            decoder,
            adapters: RowAdapters::new(vec![adapter], rows),
            cache: Cache::new(&decoder.config, rows, tokens, device, dtype),
            lengths: vec![0; rows],
            begun: vec![0; rows],
            capacity: tokens,
            head_copy: false,
        })
    }

    /// The session with logits that come, beside quantised projections on the CPU, from a copy of the head in 8 bits:
    /// for text that is generated, and not for text that is scored.
    #[must_use]
    pub fn with_head_copy(self) -> Self {
        Self {
            head_copy: true,
            ..self
        }
    }

    /// The session with several adapters in the place of its one; each row has the first until
    /// [`Session::choose_adapter`] gives it another. One that changes nothing is [`crate::NoAdapter`].
    ///
    /// # Errors
    ///
    /// [`ModelError::Input`] for no adapter.
    pub fn with_adapters(self, adapters: Vec<&'a dyn Adapter>) -> Result<Self, ModelError> {
        if adapters.is_empty() {
            return Err(input("adapters", "at least one", 0));
        }
        let adapters = RowAdapters::new(adapters, self.lengths.len());
        Ok(Self { adapters, ..self })
    }

    /// Has the tokens of a row go through an adapter, by its number among those of [`Session::with_adapters`]. A row that
    /// had another begins anew.
    ///
    /// # Errors
    ///
    /// [`ModelError::Input`] for a row or an adapter that does not exist.
    pub fn choose_adapter(&mut self, row: usize, adapter: usize) -> Result<(), ModelError> {
        if row >= self.lengths.len() {
            let rows = format!("below {}", self.lengths.len());
            return Err(input("row", rows, row));
        }
        if adapter >= self.adapters.count() {
            let adapters = format!("below {}", self.adapters.count());
            return Err(input(&format!("adapter of row {row}"), adapters, adapter));
        }
        if self.adapters.of(row) != adapter {
            self.adapters.choose(row, adapter);
            self.lengths[row] = 0;
        }
        Ok(())
    }

    /// Reads `prompts`, one for each row, and returns the session with the logits of each row's first new token.
    ///
    /// `new_tokens` is how many tokens a row may grow by.
    /// There are `prompts.len() * vocab_size` logits, row by row.
    ///
    /// # Errors
    ///
    /// Those of [`Session::new`] and [`Session::pass`].
    pub fn start(
        decoder: &'a Decoder,
        adapter: &'a dyn Adapter,
        prompts: &[Vec<u32>],
        new_tokens: usize,
    ) -> Result<(Self, Vec<f32>), ModelError> {
        let longest = prompts.iter().map(Vec::len).max().unwrap_or(0);
        let mut session = Self::new(decoder, adapter, prompts.len(), longest + new_tokens)?;
        let part = |(row, tokens)| NewTokens {
            row,
            kept: 0,
            tokens,
            wanted: 1,
        };
        let tokens = prompts.iter().map(Vec::as_slice);
        let parts: Vec<NewTokens<'_>> = tokens.enumerate().map(part).collect();
        let logits = session.pass(&parts)?;
        Ok((session, logits))
    }

    /// Adds one token to every row and returns the logits of each row's next token.
    ///
    /// # Errors
    ///
    /// [`ModelError::Input`] when the number of tokens is not the number of rows, and those of
    /// [`Session::pass`].
    pub fn step(&mut self, tokens: &[u32]) -> Result<Vec<f32>, ModelError> {
        if tokens.len() != self.lengths.len() {
            let rows = self.lengths.len();
            return Err(input("tokens of a step", rows, tokens.len()));
        }
        let rows = tokens.chunks(1).zip(&self.lengths).enumerate();
        let part = |(row, (tokens, kept)): (usize, (_, &usize))| NewTokens {
            row,
            kept: *kept,
            tokens,
            wanted: 1,
        };
        let parts: Vec<NewTokens<'_>> = rows.map(part).collect();
        self.pass(&parts)
    }

    /// Replaces the tokens of every row by the first `tokens` of row 0, and its adapter by that of row 0.
    ///
    /// # Errors
    ///
    /// [`ModelError::Input`] when row 0 is shorter.
    pub fn share(&mut self, tokens: usize) -> Result<(), ModelError> {
        if tokens > self.lengths[0] {
            let most = format!("at most {}", self.lengths[0]);
            return Err(input("tokens to share", most, tokens));
        }
        self.cache.share(tokens);
        self.adapters.share();
        self.lengths.fill(tokens);
        let begun = self.begun[0];
        self.begun.fill(begun);
        Ok(())
    }

    /// Adds tokens to some rows and returns the wanted logits, part by part, `vocab_size` numbers for each token.
    ///
    /// # Errors
    ///
    /// Those of [`Session::logits`].
    pub fn pass(&mut self, parts: &[NewTokens<'_>]) -> Result<Vec<f32>, ModelError> {
        let logits = self.logits(parts)?.into_data().try_into_vec::<f32>();
        logits.map_err(|error| input("logits", "f32", format!("{error:?}")))
    }

    /// Adds tokens to some rows and returns the wanted logits as a tensor on the device.
    ///
    /// # Shapes
    ///
    /// - result: `[wanted tokens, vocab_size]`, in f32, part by part
    ///
    /// # Errors
    ///
    /// [`ModelError::Input`] for no part, rows that do not ascend, a row that does not exist, an id outside the
    /// vocabulary, and a part that has no tokens, keeps more than there are, wants logits of more than it adds
    /// or needs more memory than is allocated.
    pub fn logits(&mut self, parts: &[NewTokens<'_>]) -> Result<Tensor<2>, ModelError> {
        if parts.is_empty() || !parts.is_sorted_by(|a, b| a.row < b.row) {
            return Err(input("rows of a pass", "some, ascending", "others"));
        }
        for part in parts {
            self.check(part)?;
        }
        for part in parts {
            self.lengths[part.row] = part.kept + part.tokens.len();
            if part.kept == 0 {
                self.begun[part.row] = part.tokens.len();
            }
        }
        let decoder = self.decoder;
        let device = decoder.device();
        let layout = PassLayout::new(parts, &self.begun, decoder.config.sliding_window, &device);
        let context = Context::cached(decoder.rope(), &layout, &device);
        let adapters = self.adapters.of_pass(&layout.writes);
        let count = layout.ids.len();
        let ids = Tensor::<2, Int>::from_data(TensorData::new(layout.ids, [1, count]), &device);
        let x = decoder.hidden_cached(ids, &context, &mut self.cache, &adapters);
        let x = x.select(1, index(&layout.wanted, &device));
        let hidden = decoder.config.hidden_size;
        let x = decoder.norm(x).reshape([layout.wanted.len(), hidden]);
        Ok(if self.head_copy {
            decoder.generated_logits(x)
        } else {
            decoder.logits(x)
        })
    }

    fn check(&self, part: &NewTokens<'_>) -> Result<(), ModelError> {
        let Some(length) = self.lengths.get(part.row) else {
            let rows = format!("below {}", self.lengths.len());
            return Err(input("row", rows, part.row));
        };
        let what = |what: &str| format!("{what} of row {}", part.row);
        let added = part.tokens.len();
        if part.kept > *length {
            let most = format!("at most {length}");
            return Err(input(&what("tokens to keep"), most, part.kept));
        }
        if added == 0 {
            return Err(input(&what("new tokens"), "at least one", "none"));
        }
        if part.wanted > added {
            let most = format!("at most {added}");
            return Err(input(&what("logits"), most, part.wanted));
        }
        if part.kept + added > self.capacity {
            let most = format!("at most {}", self.capacity);
            return Err(input(&what("tokens"), most, part.kept + added));
        }
        self.check_length(part)?;
        check_ids(self.decoder, part.tokens)
    }

    /// Refuses to go on from keys that were rotated by other frequencies than those of the new length.
    fn check_length(&self, part: &NewTokens<'_>) -> Result<(), ModelError> {
        let (begun, length) = (self.begun[part.row], part.kept + part.tokens.len());
        let rope = self.decoder.rope();
        if part.kept == 0 || rope.is_same(begun, length) {
            return Ok(());
        }
        let border = rope.switches_beyond().unwrap_or_default();
        let side = if length > border {
            "at most"
        } else {
            "more than"
        };
        let expected = format!(
            "{side} {border}, as when the row began with {begun}: longer ones are rotated otherwise (longrope)"
        );
        Err(input(
            &format!("tokens of row {}", part.row),
            expected,
            length,
        ))
    }
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
