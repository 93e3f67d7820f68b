//! One decoder block: norm, grouped attention, norm, gated feed-forward, each added to its input.
//!
//! It knows its weights and nothing of positions or of which keys a query sees, which arrive ready in a [`Context`].
//! Projections may be quantised by Burn to 8 or 4 bits, symmetrically, with a scale for each block of
//! neighbouring values in a row: such a decoder block computes, and an adapter is trained beside it (Dettmers
//! et al., arXiv 2305.14314, without their `NF4` values and double quantisation), but it cannot be trained
//! itself.

mod extras;

pub use extras::BlockExtras;
pub(crate) use extras::{KEY_NORM, QUERY_NORM, bias_name, biased};

use burn::module::{Module, ModuleVisitor, Param};
use burn::tensor::quantization::{QuantScheme, QuantStore, QuantValue, ScaleDtype};
use burn::tensor::{DType, Tensor};
use idiolect_kernels::{
    attention, block_type, linear, linear_few_tokens, linear_gradient, quantize, rms_norm, swiglu,
};

use crate::{Adapter, Context, LayerCache, ModelConfig, Projection, Site};

/// Weights of one block.
///
/// Projections are `[in, out]`, the transpose of a Hugging Face checkpoint, so that products of row vectors
/// read them in the order of memory.
#[derive(Module, Debug)]
pub struct Block {
    /// Scale of the norm before attention, `[hidden]`.
    pub input_norm: Param<Tensor<1>>,
    /// Scale of the norm before the feed-forward part, `[hidden]`.
    pub post_norm: Param<Tensor<1>>,
    /// The seven projections, in the order of [`Projection::ALL`].
    pub projections: Vec<Param<Tensor<2>>>,
    /// What only some classes have.
    pub extras: BlockExtras,
}

/// What a call is for.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Wanted {
    /// The hidden state after the block.
    Values,
    /// The same in generation, where tokens may be few.
    Tokens,
    /// Its gradients, and no values.
    Gradients,
}

/// A block with its layer and the adapter, for one call.
pub(crate) struct Call<'a> {
    pub(crate) block: &'a Block,
    pub(crate) layer: usize,
    pub(crate) config: &'a ModelConfig,
    pub(crate) adapter: &'a dyn Adapter,
    pub(crate) wanted: Wanted,
}

impl Call<'_> {
    /// Hidden state after the block.
    ///
    /// # Shapes
    ///
    /// - `x`: `[rows, tokens, hidden]`, and so is the result
    pub(crate) fn forward(
        &self,
        x: Tensor<3>,
        context: &Context,
        cache: Option<&mut LayerCache>,
    ) -> Tensor<3> {
        let eps = self.config.norm_eps;
        let normed = rms_norm(x.clone(), self.block.input_norm.val(), eps);
        let x = x + self.part(self.attention(&normed, context, cache));
        let normed = rms_norm(x.clone(), self.block.post_norm.val(), eps);
        x + self.part(self.feed_forward(&normed))
    }

    /// What a part of the block adds to its input.
    fn part(&self, x: Tensor<3>) -> Tensor<3> {
        scaled(x, self.config.switches.multipliers.residual)
    }

    /// The outputs of projections. An adapter changes the product with the weight; the bias is added behind it.
    fn project<const N: usize>(
        &self,
        projections: [Projection; N],
        x: &Tensor<3>,
    ) -> [Tensor<3>; N] {
        let weight = |projection| self.weight(projection);
        if self.wanted != Wanted::Tokens {
            return projections.map(|projection| {
                let base = linear(x.clone(), weight(projection));
                self.adapted(projection, x, base)
            });
        }
        let mut outputs = linear_few_tokens(x, projections.map(weight));
        for (projection, output) in projections.into_iter().zip(&mut outputs) {
            output.inplace(|base| self.adapted(projection, x, base));
        }
        outputs
    }

    fn weight(&self, projection: Projection) -> Tensor<2> {
        self.block.projections[projection as usize].val()
    }

    fn site(&self, projection: Projection) -> Site {
        Site {
            layer: self.layer,
            projection,
        }
    }

    fn adapted(&self, projection: Projection, x: &Tensor<3>, base: Tensor<3>) -> Tensor<3> {
        let y = self.adapter.apply(self.site(projection), x, base);
        match self.block.extras.bias(projection) {
            Some(bias) => y + bias.val().unsqueeze(),
            None => y,
        }
    }

    fn attention(
        &self,
        x: &Tensor<3>,
        context: &Context,
        cache: Option<&mut LayerCache>,
    ) -> Tensor<3> {
        let (extras, config) = (&self.block.extras, self.config);
        let (heads, kv_heads) = (config.num_heads, config.num_kv_heads);
        let [q, k, v] = self.project([Projection::Query, Projection::Key, Projection::Value], x);
        let q = self.heads(self.normed(q, extras.query_norm.as_ref()), heads);
        let k = self.heads(self.normed(k, extras.key_norm.as_ref()), kv_heads);
        let v = self.heads(v, kv_heads);
        let (q, k) = if config.switches.rotates(self.layer) {
            (context.angles.rotate_queries(q), context.angles.rotate(k))
        } else {
            (q, k)
        };
        let q = self.scaled_queries(q);
        let attended = match cache {
            Some(cache) => cache.attend([q, k, v], &context.plan),
            None => attention(q, k, v, context.visible.as_ref()),
        };
        let [rows, _, tokens, _] = attended.dims();
        let width = config.query_width();
        let merged = attended.swap_dims(1, 2).reshape([rows, tokens, width]);
        let [output] = self.project([Projection::Output], &merged);
        output
    }

    /// Each head of `[rows, tokens, heads * head_dim]` normed by itself, where there is a norm.
    fn normed(&self, x: Tensor<3>, norm: Option<&Param<Tensor<1>>>) -> Tensor<3> {
        let Some(norm) = norm else { return x };
        let ([rows, tokens, width], head) = (x.dims(), self.config.head_dim);
        let x = x.reshape([rows, tokens * width / head, head]);
        rms_norm(x, norm.val(), self.config.norm_eps).reshape([rows, tokens, width])
    }

    /// Queries whose scores the attention step's own `1 / sqrt(head_dim)` brings to the model's scale.
    fn scaled_queries(&self, q: Tensor<4>) -> Tensor<4> {
        let own = |scale: f64| scale * (self.config.head_dim as f64).sqrt();
        let scale = self.config.switches.multipliers.attention;
        scaled(q, scale.map_or(1.0, own))
    }

    /// `[rows, tokens, heads * head_dim]` to `[rows, heads, tokens, head_dim]`.
    fn heads(&self, x: Tensor<3>, heads: usize) -> Tensor<4> {
        let [rows, tokens, _] = x.dims();
        x.reshape([rows, tokens, heads, self.config.head_dim])
            .swap_dims(1, 2)
    }

    fn feed_forward(&self, x: &Tensor<3>) -> Tensor<3> {
        let [gate, up] = self.project([Projection::Gate, Projection::Up], x);
        let gated = swiglu(gate, up);
        if self.wanted == Wanted::Gradients && self.adapter.only_adds(self.site(Projection::Down)) {
            // The block's output is a sum in which this product is a term: gradients of a sum need no values.
            let base = linear_gradient(gated.clone(), self.weight(Projection::Down));
            return self.adapted(Projection::Down, &gated, base);
        }
        let [down] = self.project([Projection::Down], &gated);
        down
    }
}

impl ModelConfig {
    /// Input and output width of a projection.
    #[must_use]
    pub fn projection_shape(&self, projection: Projection) -> [usize; 2] {
        let (hidden, wide) = (self.hidden_size, self.intermediate_size);
        match projection {
            Projection::Query => [hidden, self.query_width()],
            Projection::Key | Projection::Value => [hidden, self.kv_width()],
            Projection::Output => [self.query_width(), hidden],
            Projection::Gate | Projection::Up => [hidden, wide],
            Projection::Down => [wide, hidden],
        }
    }
}

/// The tensor times a constant, which is mostly 1.
pub(crate) fn scaled<const D: usize>(x: Tensor<D>, by: f64) -> Tensor<D> {
    if (by - 1.0).abs() > 0.0 {
        x.mul_scalar(by)
    } else {
        x
    }
}

/// Values of a row that share a scale, where its length allows.
const BLOCK: usize = 32;

/// Bits of a quantised value of a projection.
///
/// A value takes a byte, or half a byte with 4 bits; on the CPU these take a byte too in rows that are not whole
/// numbers of 32.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bits {
    /// -7 to 7 times the scale.
    Four,
    /// -127 to 127 times the scale.
    Eight,
}

impl Bits {
    /// The largest multiple of the scale that a value can have.
    #[must_use]
    pub fn steps(self) -> u8 {
        match self {
            Self::Four => 7,
            Self::Eight => 127,
        }
    }

    /// Values of a row of `width` that share a scale: the largest power of two that divides the row, at
    /// most 32.
    #[must_use]
    pub fn block(self, width: usize) -> usize {
        1 << width.trailing_zeros().min(BLOCK.trailing_zeros())
    }

    /// A weight `[in, out]`, quantised: no value changes by more than half of its block's largest divided by
    /// [`Bits::steps`].
    pub(crate) fn quantize(self, weight: Tensor<2>) -> Tensor<2> {
        let value = match self {
            Self::Four => QuantValue::Q4S,
            Self::Eight => QuantValue::Q8S,
        };
        // A block is at most 32 long.
        #[allow(clippy::cast_possible_truncation)]
        let block = self.block(weight.dims()[1]) as u8;
        let scheme = QuantScheme::default().with_value(value);
        quantize(weight, &scheme.per_block([block], ScaleDtype::F32))
    }
}

/// Adds up the bytes of a module's tensors.
#[derive(Default)]
pub(crate) struct Bytes(pub(crate) usize);

impl ModuleVisitor for Bytes {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        let tensor = param.val();
        let values = tensor.shape().num_elements();
        self.0 += match (block_type(&tensor), tensor.dtype()) {
            (Some(of), _) => values / of.values() * of.bytes(),
            (None, DType::QFloat(scheme)) => {
                let bits = match scheme.store {
                    QuantStore::Native => 8,
                    _ => scheme.size_bits_value(),
                };
                (values * bits).div_ceil(8) + 4 * values.div_ceil(BLOCK)
            }
            (None, dtype) => values * dtype.size(),
        };
    }
}
