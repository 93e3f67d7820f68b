//! Joins the decoder to the generation loop: the loop knows no model, the model knows no loop.

use idiolect::generate::{BoxError, Logits, NextLogits};
use idiolect::model::{Adapter, Decoder, Session};

/// A decoder with an adapter, as the generation loop sees it.
pub struct DecoderLogits<'a> {
    /// The frozen weights.
    pub decoder: &'a Decoder,
    /// What changes them; `NoAdapter` for the seed model.
    pub adapter: &'a dyn Adapter,
    /// Most tokens that a row may grow by.
    pub max_new_tokens: usize,
    session: Option<Session<'a>>,
}

impl<'a> DecoderLogits<'a> {
    /// No batch is begun yet.
    pub fn new(decoder: &'a Decoder, adapter: &'a dyn Adapter, max_new_tokens: usize) -> Self {
        Self {
            decoder,
            adapter,
            max_new_tokens,
            session: None,
        }
    }

    fn logits(&self, values: Vec<f32>) -> Logits {
        Logits {
            vocab: self.decoder.config.vocab_size,
            values,
        }
    }

    fn session(&mut self) -> Result<&mut Session<'a>, BoxError> {
        self.session
            .as_mut()
            .ok_or_else(|| "a step before the prompts".into())
    }
}

impl NextLogits for DecoderLogits<'_> {
    fn vocab(&self) -> usize {
        self.decoder.config.vocab_size
    }

    fn context(&self) -> Option<usize> {
        Some(self.decoder.config.max_positions)
    }

    fn prefill(&mut self, prompts: &[Vec<u32>]) -> Result<Logits, BoxError> {
        // The old cache goes before the new one is made, so that there is one at a time.
        self.session = None;
        let (session, scores) =
            Session::start(self.decoder, self.adapter, prompts, self.max_new_tokens)?;
        self.session = Some(session);
        Ok(self.logits(scores))
    }

    fn step(&mut self, tokens: &[u32]) -> Result<Logits, BoxError> {
        let scores = self.session()?.step(tokens)?;
        Ok(self.logits(scores))
    }

    fn keep(&mut self, rows: &[usize]) -> Result<(), BoxError> {
        Ok(self.session()?.keep(rows)?)
    }
}
