//! Joins the decoder to the generation loop: the loop knows no model, the model knows no loop.
//!
//! Logits that lie in a GPU's memory stay there where the largest of them decide: a few numbers a row are
//! read back instead of a vocabulary.

use burn::tensor::{Int, Tensor};

use idiolect_generate::{BoxError, Largest, Logits, NextLogits, RowPart};
use idiolect_model::{Adapter, Decoder, Session};

use crate::device;

/// The most logits that are looked for on the device; to find more of them costs more than to read all.
const MOST: usize = 64;

/// A decoder with an adapter, as the generation loop sees it.
pub struct DecoderLogits<'a> {
    /// The frozen weights.
    pub decoder: &'a Decoder,
    /// What changes them; [`idiolect_model::NoAdapter`] for the base model.
    pub adapter: &'a dyn Adapter,
    session: Option<Session<'a>>,
    /// Whether the choice begins on the device.
    on_device: bool,
    /// What the last pass left there.
    left: Option<Tensor<2>>,
}

impl<'a> DecoderLogits<'a> {
    /// No room is made yet. The largest logits are looked for on the device, unless that is the CPU, whose
    /// memory is at hand.
    #[must_use]
    pub fn new(decoder: &'a Decoder, adapter: &'a dyn Adapter) -> Self {
        Self {
            decoder,
            adapter,
            session: None,
            on_device: !device::is_host(&decoder.device()),
            left: None,
        }
    }

    /// Looks for the largest logits on the device, whichever it is.
    #[must_use]
    pub fn on_device(mut self) -> Self {
        self.on_device = true;
        self
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

    fn cheap_tokens(&self) -> usize {
        // A row begins with its prompt alone where its length decides how it is rotated.
        if self.can_share() { 8 } else { 1 }
    }

    fn can_share(&self) -> bool {
        self.decoder.config.rope_scaling.switches_beyond().is_none()
    }

    fn begin(&mut self, rows: usize, tokens: usize) -> Result<(), BoxError> {
        // The old cache goes before the new one is made, so that there is one at a time.
        (self.session, self.left) = (None, None);
        let session = Session::new(self.decoder, self.adapter, rows, tokens)?;
        self.session = Some(session.with_head_copy());
        Ok(())
    }

    fn share(&mut self, tokens: usize) -> Result<(), BoxError> {
        Ok(self.session()?.share(tokens)?)
    }

    fn pass(&mut self, parts: &[RowPart<'_>]) -> Result<Logits, BoxError> {
        let values = self.session()?.pass(&of_model(parts))?;
        let vocab = self.vocab();
        Ok(Logits { vocab, values })
    }

    fn pass_largest(
        &mut self,
        parts: &[RowPart<'_>],
        most: usize,
    ) -> Result<Option<Vec<Largest>>, BoxError> {
        if !self.on_device || most > MOST {
            return Ok(None);
        }
        let logits = self.session()?.logits(&of_model(parts))?;
        self.left = Some(logits.clone());
        largest(logits, most).map(Some)
    }

    fn whole(&mut self, row: usize) -> Result<Vec<f32>, BoxError> {
        let left = self.left.as_ref().ok_or("no pass left its logits")?;
        let row = left.clone().narrow(0, row, 1).into_data();
        Ok(row
            .try_into_vec::<f32>()
            .map_err(|error| format!("{error:?}"))?)
    }
}

fn of_model<'a>(parts: &[RowPart<'a>]) -> Vec<idiolect_model::NewTokens<'a>> {
    let part = |part: &RowPart<'a>| idiolect_model::NewTokens {
        row: part.row,
        kept: part.kept,
        tokens: part.tokens,
        wanted: part.wanted,
    };
    parts.iter().map(part).collect()
}

/// The `most` largest of each row of `[rows, vocab]`, read back in one piece.
///
/// Tokens travel as f32, which holds every id below 2^24; a row's sum tells whether a logit is NaN or
/// infinite.
fn largest(logits: Tensor<2>, most: usize) -> Result<Vec<Largest>, BoxError> {
    let sums = logits.clone().sum_dim(1);
    let (values, tokens): (_, Tensor<2, Int>) = logits.topk_with_indices(most, 1);
    let found = Tensor::cat(vec![values, tokens.float(), sums], 1).into_data();
    let found = found
        .try_into_vec::<f32>()
        .map_err(|error| format!("{error:?}"))?;
    let row = |row: &[f32]| {
        let (values, tokens) = (&row[..most], &row[most..2 * most]);
        #[allow(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "an id"
        )]
        let entries = tokens
            .iter()
            .zip(values)
            .map(|(token, value)| (*token as u32, *value));
        let (sum, entries) = (row[2 * most], entries.collect::<Vec<_>>());
        Largest {
            entries,
            all_finite: sum.is_finite(),
        }
    };
    Ok(found.chunks(2 * most + 1).map(row).collect())
}
