//! A decoder: embedding, blocks, norm and head.
//!
//! One struct serves training, scoring and generation, with any adapter.
//! It knows no training (gradients come from Burn, losses from the caller) and no text.

mod head;
mod words;

use burn::module::{Module, Param};
use burn::tensor::{DType, Device, FloatDType, Int, Tensor};

use idiolect_kernels::{cast, embedding, product, rms_norm, transpose};

use self::head::HeadCopy;
use crate::block::{Block, Bytes, Call, Wanted, scaled};
use crate::{Adapter, Cache, Context, ModelConfig, rope::Rope};

/// The weights of a decoder; a Burn module, so that full fine-tuning can train all of it.
#[derive(Module, Debug)]
pub struct Weights {
    /// Vectors of tokens, `[vocab, hidden]`.
    pub embedding: Param<Tensor<2>>,
    /// The blocks, from the embedding to the head.
    pub blocks: Vec<Block>,
    /// Scale of the last norm, `[hidden]`.
    pub norm: Param<Tensor<1>>,
    /// The output head, `[hidden, vocab]`; `None` where it is the embedding.
    pub head: Option<Param<Tensor<2>>>,
}

/// A decoder ready to compute.
#[derive(Debug, Clone)]
pub struct Decoder {
    /// Its sizes and constants.
    pub config: ModelConfig,
    /// Its weights.
    pub weights: Weights,
    head_copy: HeadCopy,
    rope: Rope,
}

impl Decoder {
    /// Joins weights with the configuration that they were made for.
    #[must_use]
    pub fn new(config: ModelConfig, weights: Weights) -> Self {
        let rope = Rope::new(&config);
        Self {
            config,
            weights,
            head_copy: HeadCopy::default(),
            rope,
        }
    }

    /// The device that holds the weights.
    #[must_use]
    pub fn device(&self) -> Device {
        self.weights.embedding.val().device()
    }

    /// The type of activations, and of weights that are not quantised.
    #[must_use]
    pub fn dtype(&self) -> FloatDType {
        match self.weights.norm.val().dtype() {
            DType::F16 => FloatDType::F16,
            DType::BF16 => FloatDType::BF16,
            DType::F64 => FloatDType::F64,
            _ => FloatDType::F32,
        }
    }

    /// Whether the steps of its blocks have a backward of their own on its device, which keeps less for the backward
    /// pass.
    #[must_use]
    pub fn is_fused(&self) -> bool {
        idiolect_kernels::is_fused(&self.weights.norm.val())
    }

    /// The rotary frequencies in use.
    #[must_use]
    pub fn rope(&self) -> &Rope {
        &self.rope
    }

    /// Number of weights, a tied head counted once.
    #[must_use]
    pub fn num_params(&self) -> usize {
        self.weights.num_params()
    }

    /// Bytes that the weights take; a value of a quantised projection is counted with what holds it, a byte or half
    /// a byte, and its part of a scale.
    #[must_use]
    pub fn weight_bytes(&self) -> usize {
        let mut bytes = Bytes::default();
        self.weights.visit(&mut bytes);
        bytes.0
    }

    /// Angles and visible keys of a batch of rows of `tokens` tokens.
    #[must_use]
    pub fn context(&self, tokens: usize) -> Context {
        self.padded_context(&[tokens], tokens)
    }

    /// Angles and visible keys of a batch of rows that are padded on the right to `tokens`, `lengths` without their padding.
    #[must_use]
    pub fn padded_context(&self, lengths: &[usize], tokens: usize) -> Context {
        let window = self.config.sliding_window;
        Context::right_padded(&self.rope, lengths, tokens, window, &self.device())
    }

    /// Angles and visible keys of rows of packed sequences, `parts` their lengths in each row; see [`Context::packed`].
    ///
    /// # Panics
    ///
    /// If the sequences of a row are longer than `tokens`.
    #[must_use]
    pub fn packed_context(&self, parts: &[Vec<usize>], tokens: usize) -> Context {
        let window = self.config.sliding_window;
        Context::packed(&self.rope, parts, tokens, window, &self.device())
    }

    /// Vectors of token ids.
    ///
    /// # Shapes
    ///
    /// - `ids`: `[rows, tokens]`, each below `vocab_size`
    /// - result: `[rows, tokens, hidden]`
    #[must_use]
    pub fn embed(&self, ids: Tensor<2, Int>) -> Tensor<3> {
        let x = embedding(self.weights.embedding.val(), ids);
        scaled(x, self.config.switches.multipliers.embedding)
    }

    /// Hidden state after block `layer`.
    ///
    /// # Shapes
    ///
    /// - `x`: `[rows, tokens, hidden]`, and so is the result
    ///
    /// # Panics
    ///
    /// When there is no block `layer`.
    #[must_use]
    pub fn block(
        &self,
        layer: usize,
        x: Tensor<3>,
        context: &Context,
        adapter: &dyn Adapter,
    ) -> Tensor<3> {
        self.call(layer, adapter).forward(x, context, None)
    }

    /// A tensor with the gradients of [`Decoder::block`], for activation checkpointing, where a block is computed again for
    /// them alone. The last product is left out where no gradient needs it; then the values mean nothing.
    ///
    /// # Shapes
    ///
    /// - `x`: `[rows, tokens, hidden]`, and so is the result
    ///
    /// # Panics
    ///
    /// When there is no block `layer`.
    #[must_use]
    pub fn block_gradient(
        &self,
        layer: usize,
        x: Tensor<3>,
        context: &Context,
        adapter: &dyn Adapter,
    ) -> Tensor<3> {
        let call = Call {
            wanted: Wanted::Gradients,
            ..self.call(layer, adapter)
        };
        call.forward(x, context, None)
    }

    /// The last norm; what it returns goes into the head, and is divided by what a class divides its logits by.
    ///
    /// # Shapes
    ///
    /// - `x`: `[rows, tokens, hidden]`, and so is the result
    #[must_use]
    pub fn norm(&self, x: Tensor<3>) -> Tensor<3> {
        let x = rms_norm(x, self.weights.norm.val(), self.config.norm_eps);
        scaled(x, self.config.switches.multipliers.logits_divisor.recip())
    }

    /// The head as `[hidden, vocab]`: a matrix of its own, or the transpose of the embedding.
    #[must_use]
    pub fn head(&self) -> Tensor<2> {
        match &self.weights.head {
            Some(head) => head.val(),
            None => transpose(self.weights.embedding.val()),
        }
    }

    /// Hidden states, ready for the head, of rows padded on the right or not at all.
    ///
    /// # Shapes
    ///
    /// - `ids`: `[rows, tokens]`
    /// - result: `[rows, tokens, hidden]`
    #[must_use]
    pub fn hidden(&self, ids: Tensor<2, Int>, adapter: &dyn Adapter) -> Tensor<3> {
        let context = self.context(ids.dims()[1]);
        self.hidden_in(ids, &context, adapter)
    }

    /// Hidden states, ready for the head, of tokens with the positions and the visible keys of `context`.
    ///
    /// # Shapes
    ///
    /// - `ids`: `[rows, tokens]`
    /// - result: `[rows, tokens, hidden]`
    #[must_use]
    pub fn hidden_in(
        &self,
        ids: Tensor<2, Int>,
        context: &Context,
        adapter: &dyn Adapter,
    ) -> Tensor<3> {
        let layers = 0..self.weights.blocks.len();
        let x = layers.fold(self.embed(ids), |x, layer| {
            self.block(layer, x, context, adapter)
        });
        self.norm(x)
    }

    /// Logits of every token of the vocabulary, in f32.
    ///
    /// # Shapes
    ///
    /// - `hidden`: `[positions, hidden]`, from [`Decoder::hidden`]
    /// - result: `[positions, vocab]`
    #[must_use]
    pub fn logits(&self, hidden: Tensor<2>) -> Tensor<2> {
        // Two-dimensional on purpose: a three-dimensional product copies a transposed head each time.
        cast(product(hidden, self.head()), DType::F32)
    }

    /// [`Decoder::logits`] of tokens that are generated: beside quantised projections a head in floats is read from a copy
    /// in 8 bits.
    pub(crate) fn generated_logits(&self, hidden: Tensor<2>) -> Tensor<2> {
        let is_quantised = |weight: &Param<Tensor<2>>| matches!(weight.dtype(), DType::QFloat(_));
        let first = self.weights.blocks.first();
        let first = first.and_then(|block| block.projections.first());
        let param = self
            .weights
            .head
            .as_ref()
            .unwrap_or(&self.weights.embedding);
        let copies = first.is_some_and(is_quantised) && !is_quantised(param);
        let copy = copies.then(|| self.head_copy.of(param, || self.head()));
        let logits = copy.flatten().and_then(|copy| copy.product(&hidden));
        logits.unwrap_or_else(|| self.logits(hidden))
    }

    /// Hidden states, before the last norm, of new tokens of rows whose earlier tokens are in `cache`.
    pub(crate) fn hidden_cached(
        &self,
        ids: Tensor<2, Int>,
        context: &Context,
        cache: &mut Cache,
        adapter: &dyn Adapter,
    ) -> Tensor<3> {
        let mut x = self.embed(ids);
        for (layer, cache) in cache.layers.iter_mut().enumerate() {
            let call = Call {
                wanted: Wanted::Tokens,
                ..self.call(layer, adapter)
            };
            x = call.forward(x, context, Some(cache));
        }
        x
    }

    fn call<'a>(&'a self, layer: usize, adapter: &'a dyn Adapter) -> Call<'a> {
        Call {
            block: &self.weights.blocks[layer],
            layer,
            config: &self.config,
            adapter,
            wanted: Wanted::Values,
        }
    }
}
