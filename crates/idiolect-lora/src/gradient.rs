//! Gradients of an adapter through a frozen decoder, with little memory.
//!
//! The decoder never enters the tape. With [`Tape::Blocks`] a first pass keeps each block's input; then,
//! from the last block back, the block is run again under a tape of its own, seeded with the gradient of
//! its output (block checkpointing; Chen et al., arXiv 1604.06174).
//! With [`Tape::Whole`] one tape spans all adapted blocks: faster, and every activation is kept.
//! The loss is the caller's: it is given the normed hidden states of the trained positions and returns the
//! gradient with respect to them.

use burn::module::{Module, Param};
use burn::optim::GradientsParams;
use burn::tensor::{Gradients, IndexingUpdateOp, Int, Tensor};
use idiolect_model::{Context, Decoder};

use crate::LoraAdapter;
use crate::dropout::Dropping;

/// How much of the forward pass is remembered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tape {
    /// The input of each block; blocks are computed twice.
    Blocks,
    /// Everything above the lowest adapted projection.
    Whole,
}

/// Token ids of a batch, padded on the right, and which of its positions predict a trained token.
#[derive(Debug, Clone)]
pub struct Positions {
    /// `[rows, tokens]`
    pub ids: Tensor<2, Int>,
    /// Indices into the flattened `[rows * tokens]`, each at most once.
    pub trained: Tensor<1, Int>,
    /// Seed of what dropout leaves out in this pass; without dropout it changes nothing.
    pub seed: u64,
}

/// Gradients of the adapter's factors.
///
/// # Shapes
///
/// - `head` is given `[trained, hidden]`, ready for [`Decoder::logits`], and returns the same shape
///
/// # Errors
///
/// Whatever `head` returns.
pub fn adapter_gradients<E>(
    decoder: &Decoder,
    adapter: &LoraAdapter,
    batch: &Positions,
    tape: Tape,
    head: impl FnOnce(Tensor<2>) -> Result<Tensor<2>, E>,
) -> Result<GradientsParams, E> {
    let context = decoder.context(batch.ids.dims()[1]);
    adapter_gradients_in(context, (decoder, adapter), batch, tape, head)
}

/// [`adapter_gradients`] of tokens that stand as `context` says, for rows that several examples share.
///
/// # Shapes
///
/// As there.
///
/// # Errors
///
/// As there.
pub fn adapter_gradients_in<E>(
    context: Context,
    (decoder, adapter): (&Decoder, &LoraAdapter),
    batch: &Positions,
    tape: Tape,
    head: impl FnOnce(Tensor<2>) -> Result<Tensor<2>, E>,
) -> Result<GradientsParams, E> {
    let pass = Pass {
        decoder,
        adapter,
        context,
        lowest: adapter.lowest_layer(),
        seed: batch.seed,
    };
    match tape {
        Tape::Blocks => pass.by_blocks(batch, head),
        Tape::Whole => pass.whole(batch, head),
    }
}

struct Pass<'a> {
    decoder: &'a Decoder,
    adapter: &'a LoraAdapter,
    context: Context,
    /// Blocks below this one have no adapter and need no gradient.
    lowest: usize,
    seed: u64,
}

impl Pass<'_> {
    fn layers(&self) -> usize {
        self.decoder.config.num_layers
    }

    fn block(&self, layer: usize, x: Tensor<3>, adapter: &LoraAdapter) -> Tensor<3> {
        let seed = self.seed;
        self.decoder
            .block(layer, x, &self.context, &Dropping { adapter, seed })
    }

    /// The hidden state that enters the lowest adapted block.
    fn below(&self, ids: &Tensor<2, Int>, untaped: &LoraAdapter) -> Tensor<3> {
        let x = self.decoder.embed(ids.clone());
        (0..self.lowest).fold(x, |x, layer| self.block(layer, x, untaped))
    }

    /// The last norm at the trained positions, `[trained, hidden]`; other positions need none.
    fn normed(&self, x: Tensor<3>, trained: &Tensor<1, Int>) -> Tensor<2> {
        let [rows, tokens, width] = x.dims();
        let chosen = x.reshape([rows * tokens, width]).select(0, trained.clone());
        self.decoder.norm(chosen.unsqueeze_dim(0)).squeeze_dim(0)
    }

    fn whole<E>(
        &self,
        batch: &Positions,
        head: impl FnOnce(Tensor<2>) -> Result<Tensor<2>, E>,
    ) -> Result<GradientsParams, E> {
        let x = self.below(&batch.ids, &self.adapter.valid());
        let x = (self.lowest..self.layers()).fold(x, |x, layer| self.block(layer, x, self.adapter));
        let hidden = self.normed(x, &batch.trained);
        let seed = head(hidden.clone().inner())?;
        let tape = pull_back(hidden, seed);
        let mut gradients = GradientsParams::new();
        collect(
            &tape,
            self.adapter,
            0..self.adapter.factors.len(),
            &mut gradients,
        );
        Ok(gradients)
    }

    fn by_blocks<E>(
        &self,
        batch: &Positions,
        head: impl FnOnce(Tensor<2>) -> Result<Tensor<2>, E>,
    ) -> Result<GradientsParams, E> {
        let untaped = self.adapter.valid();
        let mut inputs = Vec::with_capacity(self.layers() - self.lowest);
        let mut x = self.below(&batch.ids, &untaped);
        for layer in self.lowest..self.layers() {
            inputs.push(x.clone());
            x = self.block(layer, x, &untaped);
        }
        let mut upstream = self.head_gradient(x, &batch.trained, head)?;
        let mut gradients = GradientsParams::new();
        for layer in (self.lowest..self.layers()).rev() {
            let Some(input) = inputs.pop() else { break };
            let input = input.autodiff().require_grad();
            let output = self.block(layer, input.clone(), self.adapter);
            let tape = pull_back(output, upstream);
            collect(&tape, self.adapter, self.factors_of(layer), &mut gradients);
            match input.grad(&tape) {
                Some(gradient) => upstream = gradient,
                None => break,
            }
        }
        Ok(gradients)
    }

    /// Gradient of the last block's output, `[rows, tokens, hidden]`; zero where nothing is trained.
    fn head_gradient<E>(
        &self,
        x: Tensor<3>,
        trained: &Tensor<1, Int>,
        head: impl FnOnce(Tensor<2>) -> Result<Tensor<2>, E>,
    ) -> Result<Tensor<3>, E> {
        let [rows, tokens, width] = x.dims();
        let chosen = x.reshape([rows * tokens, width]).select(0, trained.clone());
        let chosen = chosen.autodiff().require_grad();
        let normed: Tensor<2> = self
            .decoder
            .norm(chosen.clone().unsqueeze_dim(0))
            .squeeze_dim(0);
        let seed = head(normed.clone().inner())?;
        let tape = pull_back(normed, seed);
        let zeros = Tensor::zeros(
            [rows * tokens, width],
            (&chosen.device().inner(), chosen.dtype()),
        );
        let full = match chosen.grad(&tape) {
            Some(gradient) => {
                zeros.select_assign(0, trained.clone(), gradient, IndexingUpdateOp::Add)
            }
            None => zeros,
        };
        Ok(full.reshape([rows, tokens, width]))
    }

    /// Places of the factors of one block; sites are sorted by block.
    fn factors_of(&self, layer: usize) -> std::ops::Range<usize> {
        let before = |layer: usize| {
            self.adapter
                .sites
                .partition_point(|site| site.layer < layer)
        };
        before(layer)..before(layer + 1)
    }
}

/// Runs a tape backward with `seed` as the gradient of `output`.
fn pull_back<const D: usize>(output: Tensor<D>, seed: Tensor<D>) -> Gradients {
    (output * seed).sum().backward()
}

fn collect(
    tape: &Gradients,
    adapter: &LoraAdapter,
    factors: std::ops::Range<usize>,
    gradients: &mut GradientsParams,
) {
    for factors in &adapter.factors[factors] {
        register(tape, &factors.a, gradients);
        register(tape, &factors.b, gradients);
        if let Some(magnitude) = &factors.magnitude {
            register(tape, magnitude, gradients);
        }
    }
}

fn register<const D: usize>(
    tape: &Gradients,
    param: &Param<Tensor<D>>,
    gradients: &mut GradientsParams,
) {
    if let Some(gradient) = param.val().grad(tape) {
        gradients.register(param.id, gradient);
    }
}
