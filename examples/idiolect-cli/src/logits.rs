//! Joins the decoder to the generation loop: the loop knows no model, the model knows no loop.

use idiolect::generate::{BoxError, Logits, NextLogits, Part};
use idiolect::model::{self, Adapter, Decoder, Session};

/// A decoder with an adapter, as the generation loop sees it.
pub struct DecoderLogits<'a> {
    /// The frozen weights.
    pub decoder: &'a Decoder,
    /// What changes them; `NoAdapter` for the seed model.
    pub adapter: &'a dyn Adapter,
    session: Option<Session<'a>>,
}

impl<'a> DecoderLogits<'a> {
    /// No room is made yet.
    pub fn new(decoder: &'a Decoder, adapter: &'a dyn Adapter) -> Self {
        Self {
            decoder,
            adapter,
            session: None,
        }
    }

    fn session(&mut self) -> Result<&mut Session<'a>, BoxError> {
        self.session
            .as_mut()
            .ok_or_else(|| "a pass before there is room".into())
    }
}

impl NextLogits for DecoderLogits<'_> {
    fn vocab(&self) -> usize {
        self.decoder.config.vocab_size
    }

    fn context(&self) -> Option<usize> {
        Some(self.decoder.config.max_positions)
    }

    fn begin(&mut self, rows: usize, tokens: usize) -> Result<(), BoxError> {
        // The old cache goes before the new one is made, so that there is one at a time.
        self.session = None;
        self.session = Some(Session::new(self.decoder, self.adapter, rows, tokens)?);
        Ok(())
    }

    fn share(&mut self, tokens: usize) -> Result<(), BoxError> {
        Ok(self.session()?.share(tokens)?)
    }

    fn pass(&mut self, parts: &[Part<'_>]) -> Result<Logits, BoxError> {
        let parts = parts.iter().map(|part| model::Part {
            row: part.row,
            kept: part.kept,
            tokens: part.tokens,
            wanted: part.wanted,
        });
        let parts: Vec<model::Part<'_>> = parts.collect();
        let values = self.session()?.pass(&parts)?;
        let vocab = self.vocab();
        Ok(Logits { vocab, values })
    }
}
