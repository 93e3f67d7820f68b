//! Gradients of an adapter through a frozen decoder, with little memory.
//!
//! The decoder's own weights never enter the tape; modules that train whole do in their place.
//! With [`Checkpointing::Blocks`] a first pass keeps each block's input; then, from the last block back, the block is
//! run again under a tape of its own, seeded with the gradient of its output (block checkpointing; Chen et
//! al., arXiv 1604.06174). Its last product, whose values no gradient needs, is left out then.
//! With [`Checkpointing::Off`] one tape spans all adapted blocks: faster, and every activation is kept.
//! The loss is the caller's: it is given the normed hidden states of the trained positions and returns the
//! gradient with respect to them.

use burn::module::Module;
use burn::optim::GradientsParams;
use burn::tensor::{Gradients, IndexingUpdateOp, Int, Tensor};
use idiolect_model::{Context, Decoder};

use crate::LoraAdapter;
use crate::adapter::Dropping;
use crate::whole::register;

/// Activation checkpointing: how much of the forward pass is kept for the backward.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Checkpointing {
    /// The input of each block; blocks are computed twice, the second time without the last product, unless the adapter
    /// needs its values.
    Blocks,
    /// Everything above the lowest adapted projection, once.
    Off,
}

/// What a loss hands back of the head.
#[derive(Debug, Clone)]
pub struct HeadGradient {
    /// Gradient of its input, `[trained, hidden]`.
    pub hidden: Tensor<2>,
    /// Gradient of its weight, `[hidden, vocab]` in f32; only where [`crate::WholeModules::trains_head`].
    pub weight: Option<Tensor<2>>,
}

impl From<Tensor<2>> for HeadGradient {
    /// That of a frozen head.
    fn from(hidden: Tensor<2>) -> Self {
        let weight = None;
        Self { hidden, weight }
    }
}

/// Token ids of a batch, padded on the right, and which of its positions predict a trained token.
#[derive(Debug, Clone)]
pub struct AdapterBatch {
    /// `[rows, tokens]`
    pub ids: Tensor<2, Int>,
    /// Indices into the flattened `[rows * tokens]`, each at most once.
    pub trained_positions: Tensor<1, Int>,
    /// Seed of what dropout leaves out in this pass; without dropout it changes nothing.
    pub dropout_seed: u64,
    /// Where the tokens stand and what each sees, for rows that several examples share; none where each row
    /// is one sequence.
    pub context: Option<Context>,
}

impl AdapterBatch {
    /// The batch's context, or that of `decoder` for rows of one sequence each.
    #[must_use]
    pub fn context_in(&self, decoder: &Decoder) -> Context {
        let own = self.context.clone();
        own.unwrap_or_else(|| decoder.context(self.ids.dims()[1]))
    }
}

/// Gradients of the adapter's factors, and of the modules that it trains whole.
///
/// `decoder` is the base model. `head` is given hidden states that are ready for the head of
/// [`LoraAdapter::decoder`], and returns their gradient, with that of the head's weight where it trains.
///
/// # Shapes
///
/// - `head` is given `[trained, hidden]`, and returns the same shape or a [`HeadGradient`]
///
/// # Errors
///
/// Whatever `head` returns.
///
/// # Panics
///
/// When the head trains and `head` returns no gradient of its weight.
pub fn adapter_gradients<E, G: Into<HeadGradient>>(
    decoder: &Decoder,
    adapter: &LoraAdapter,
    batch: &AdapterBatch,
    checkpointing: Checkpointing,
    head: impl FnOnce(Tensor<2>) -> Result<G, E>,
) -> Result<GradientsParams, E> {
    let untracked_adapter = adapter.valid();
    let pass = Pass {
        tracked: adapter.decoder(decoder),
        untracked: untracked_adapter.decoder(decoder),
        adapter,
        untracked_adapter,
        context: batch.context_in(decoder),
        lowest: adapter.lowest_layer(),
        seed: batch.dropout_seed,
    };
    let head = |hidden| {
        let given: HeadGradient = head(hidden)?.into();
        let missing = adapter.whole.trains_head() && given.weight.is_none();
        assert!(
            !missing,
            "a head that trains needs the gradient of its weight"
        );
        Ok(given)
    };
    match checkpointing {
        Checkpointing::Blocks => pass.by_blocks(batch, head),
        Checkpointing::Off => pass.whole(batch, head),
    }
}

struct Pass<'a> {
    /// The decoder with the modules that train whole, on the tape.
    tracked: Decoder,
    /// The same off the tape.
    untracked: Decoder,
    adapter: &'a LoraAdapter,
    untracked_adapter: LoraAdapter,
    context: Context,
    /// Below this block nothing trains.
    lowest: usize,
    seed: u64,
}

impl Pass<'_> {
    fn layers(&self) -> usize {
        self.untracked.config.num_layers
    }

    fn tracked_block(&self, layer: usize, x: Tensor<3>) -> Tensor<3> {
        let dropping = self.dropping(self.adapter);
        self.tracked.block(layer, x, &self.context, &dropping)
    }

    /// As [`Pass::tracked_block`], for its gradients alone.
    fn block_for_gradients(&self, layer: usize, x: Tensor<3>) -> Tensor<3> {
        let dropping = self.dropping(self.adapter);
        let context = &self.context;
        self.tracked.block_gradient(layer, x, context, &dropping)
    }

    fn dropping<'a>(&self, adapter: &'a LoraAdapter) -> Dropping<'a> {
        let seed = self.seed;
        Dropping { adapter, seed }
    }

    fn untracked_block(&self, layer: usize, x: Tensor<3>) -> Tensor<3> {
        let dropping = self.dropping(&self.untracked_adapter);
        self.untracked.block(layer, x, &self.context, &dropping)
    }

    /// The hidden state that enters the lowest trained block.
    fn below(&self, embedded: Tensor<3>) -> Tensor<3> {
        (0..self.lowest).fold(embedded, |x, layer| self.untracked_block(layer, x))
    }

    fn whole<E>(
        &self,
        batch: &AdapterBatch,
        head: impl FnOnce(Tensor<2>) -> Result<HeadGradient, E>,
    ) -> Result<GradientsParams, E> {
        let x = self.below(self.tracked.embed(batch.ids.clone()));
        let x = (self.lowest..self.layers()).fold(x, |x, layer| self.tracked_block(layer, x));
        let [rows, tokens, width] = x.dims();
        // Other positions need no norm.
        let chosen = x
            .reshape([rows * tokens, width])
            .select(0, batch.trained_positions.clone());
        let hidden: Tensor<2> = self.tracked.norm(chosen.unsqueeze_dim(0)).squeeze_dim(0);
        let given = head(hidden.clone().inner())?;
        let grads = backward_from(hidden, given.hidden);
        let mut gradients = GradientsParams::new();
        let all = 0..self.adapter.factors.len();
        collect(&grads, self.adapter, all, &mut gradients);
        self.adapter
            .whole
            .collect_words(Some(&grads), given.weight, &mut gradients);
        Ok(gradients)
    }

    fn by_blocks<E>(
        &self,
        batch: &AdapterBatch,
        head: impl FnOnce(Tensor<2>) -> Result<HeadGradient, E>,
    ) -> Result<GradientsParams, E> {
        let mut inputs = Vec::with_capacity(self.layers() - self.lowest);
        let mut x = self.below(self.untracked.embed(batch.ids.clone()));
        for layer in self.lowest..self.layers() {
            inputs.push(x.clone());
            x = self.untracked_block(layer, x);
        }
        let mut gradients = GradientsParams::new();
        let (mut upstream, weight) =
            self.head_gradient(x, &batch.trained_positions, head, &mut gradients)?;
        for layer in (self.lowest..self.layers()).rev() {
            let Some(input) = inputs.pop() else { break };
            let input = input.autodiff().require_grad();
            let grads = backward_from(self.block_for_gradients(layer, input.clone()), upstream);
            collect(&grads, self.adapter, self.factors_of(layer), &mut gradients);
            let Some(gradient) = input.grad(&grads) else {
                return Ok(gradients);
            };
            upstream = gradient;
        }
        let words = self.adapter.whole.trains_embedding();
        let words = words.then(|| backward_from(self.tracked.embed(batch.ids.clone()), upstream));
        self.adapter
            .whole
            .collect_words(words.as_ref(), weight, &mut gradients);
        Ok(gradients)
    }

    /// Gradient of the last block's output, `[rows, tokens, hidden]`, zero where nothing is trained, and that
    /// of the head's weight.
    fn head_gradient<E>(
        &self,
        x: Tensor<3>,
        trained: &Tensor<1, Int>,
        head: impl FnOnce(Tensor<2>) -> Result<HeadGradient, E>,
        gradients: &mut GradientsParams,
    ) -> Result<(Tensor<3>, Option<Tensor<2>>), E> {
        let [rows, tokens, width] = x.dims();
        let chosen = x.reshape([rows * tokens, width]).select(0, trained.clone());
        let chosen = chosen.autodiff().require_grad();
        let normed: Tensor<2> = self
            .tracked
            .norm(chosen.clone().unsqueeze_dim(0))
            .squeeze_dim(0);
        let given = head(normed.clone().inner())?;
        let grads = backward_from(normed, given.hidden);
        self.adapter.whole.collect_norms(&grads, gradients);
        let zeros = Tensor::zeros(
            [rows * tokens, width],
            (&chosen.device().inner(), chosen.dtype()),
        );
        let full = match chosen.grad(&grads) {
            Some(gradient) => {
                zeros.select_assign(0, trained.clone(), gradient, IndexingUpdateOp::Add)
            }
            None => zeros,
        };
        Ok((full.reshape([rows, tokens, width]), given.weight))
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

/// Backward with `gradient` as the gradient of `output`.
fn backward_from<const D: usize>(output: Tensor<D>, gradient: Tensor<D>) -> Gradients {
    (output * gradient).sum().backward()
}

fn collect(
    grads: &Gradients,
    adapter: &LoraAdapter,
    factors: std::ops::Range<usize>,
    gradients: &mut GradientsParams,
) {
    for factors in &adapter.factors[factors] {
        register(grads, &factors.a, gradients);
        register(grads, &factors.b, gradients);
        for vector in [&factors.magnitude, &factors.bias].into_iter().flatten() {
            register(grads, vector, gradients);
        }
    }
    adapter.whole.collect_norms(grads, gradients);
}
