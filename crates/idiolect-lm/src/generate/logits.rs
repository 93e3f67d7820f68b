//! Joins the decoder to the generation loop: the loop knows no model, the model knows no loop.
//!
//! Logits that lie in a GPU's memory stay there where the largest of them decide: a few numbers a row are
//! read back instead of a vocabulary.

use burn::tensor::{Int, Tensor};

use idiolect_generate::{BoxError, Decisive, Largest, Logits, NextLogits, RowPart};
use idiolect_kernels::is_gpu;
use idiolect_model::{Adapter, Decoder, NoAdapter, Session};

use crate::device;

/// The most logits that are looked for on the device; to find more of them costs more than to read all.
const MOST: usize = 64;

/// Tokens of a pass that cost little more than one on a CPU, which then computes.
const OF_CPU: usize = 8;
/// The same on a GPU, whose tensor cores multiply so many rows while they read the weights.
const OF_GPU: usize = 64;

/// A decoder with an adapter, or with several to choose from for each row, as the generation loop sees it.
pub struct DecoderLogits<'a> {
    /// The frozen weights.
    pub decoder: &'a Decoder,
    /// What changes them, a variant each; [`idiolect_model::NoAdapter`] for the base model.
    adapters: Vec<&'a dyn Adapter>,
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
        Self::with_variants(decoder, vec![adapter])
    }

    /// A variant for each of `adapters`, of which there is at least one.
    #[must_use]
    pub fn with_variants(decoder: &'a Decoder, adapters: Vec<&'a dyn Adapter>) -> Self {
        Self {
            decoder,
            adapters,
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

    /// The session, its rows under the adapters of `parts`.
    fn under(&mut self, parts: &[RowPart<'_>]) -> Result<&mut Session<'a>, BoxError> {
        let session = self.session()?;
        for part in parts {
            session.choose_adapter(part.row, part.variant)?;
        }
        Ok(session)
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

    fn variants(&self) -> usize {
        self.adapters.len()
    }

    fn cheap_tokens(&self) -> usize {
        match is_gpu(&self.decoder.device()) {
            // A row begins with its prompt alone where its length decides how it is rotated.
            _ if !self.can_share() => 1,
            true => OF_GPU,
            false => OF_CPU,
        }
    }

    fn can_share(&self) -> bool {
        self.decoder.config.rope_scaling.switches_beyond().is_none()
    }

    fn begin(&mut self, rows: usize, tokens: usize) -> Result<(), BoxError> {
        // The old cache goes before the new one is made, so that there is one at a time.
        (self.session, self.left) = (None, None);
        let session = Session::new(self.decoder, &NoAdapter, rows, tokens)?;
        let session = session.with_adapters(self.adapters.clone())?;
        self.session = Some(session.with_head_copy());
        Ok(())
    }

    fn share(&mut self, tokens: usize) -> Result<(), BoxError> {
        Ok(self.session()?.share(tokens)?)
    }

    fn pass(&mut self, parts: &[RowPart<'_>]) -> Result<Logits, BoxError> {
        let values = self.under(parts)?.pass(&of_model(parts))?;
        let vocab = self.vocab();
        Ok(Logits { vocab, values })
    }

    fn pass_largest(
        &mut self,
        parts: &[RowPart<'_>],
        wanted: Decisive,
    ) -> Result<Option<Vec<Largest>>, BoxError> {
        if !self.on_device || wanted.most > MOST {
            return Ok(None);
        }
        let logits = self.under(parts)?.logits(&of_model(parts))?;
        self.left = Some(logits.clone());
        largest(logits, wanted).map(Some)
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

/// What is wanted of each row of `[rows, vocab]`, read back in one piece.
///
/// Tokens travel as f32, which holds every id below 2^24; a row's sum tells whether a logit is NaN or
/// infinite.
fn largest(logits: Tensor<2>, wanted: Decisive) -> Result<Vec<Largest>, BoxError> {
    let most = wanted.most;
    let sums = logits.clone().sum_dim(1);
    let mass = wanted.mass_at.map(|temperature| mass(&logits, temperature));
    let has_mass = mass.is_some();
    let (values, tokens): (_, Tensor<2, Int>) = logits.topk_with_indices(most, 1);
    let mut parts = vec![values, tokens.float(), sums];
    parts.extend(mass);
    let found = Tensor::cat(parts, 1).into_data();
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
            mass: has_mass.then(|| f64::from(row[2 * most + 1])),
        }
    };
    let width = 2 * most + 1 + usize::from(has_mass);
    Ok(found.chunks(width).map(row).collect())
}

/// The sum of `exp((logit - largest) / temperature)` of each row, `[rows, 1]`.
fn mass(logits: &Tensor<2>, temperature: f32) -> Tensor<2> {
    let below = logits.clone() - logits.clone().max_dim(1);
    below.div_scalar(temperature).exp().sum_dim(1)
}
