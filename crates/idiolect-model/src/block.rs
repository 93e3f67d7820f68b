//! One decoder block: norm, grouped attention, norm, gated feed-forward, each added to its input.
//!
//! It knows its weights and nothing of positions or of which keys a query sees, which arrive ready in a [`Context`].
//! Projections may be quantised by Burn to 8 or 4 bits, symmetrically, with a scale for each block of
//! neighbouring values in a row: such a decoder block computes, and an adapter is trained beside it (Dettmers
//! et al., arXiv 2305.14314, without their `NF4` values and double quantisation), but it cannot be trained
//! itself.

mod bits;
mod extras;

pub use bits::Bits;
pub use extras::BlockExtras;
pub(crate) use extras::{KEY_NORM, QUERY_NORM, bias_name, biased};

use burn::module::{Module, ModuleVisitor, Param};
use burn::tensor::quantization::QuantStore;
use burn::tensor::{DType, Tensor};
use idiolect_kernels::{
    attention, block_type, linear, linear_few_tokens, linear_gradient, rms_norm, swiglu,
};

use crate::cache::Rotation;
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
        let mut of = projections.into_iter();
        linear_few_tokens(x, projections.map(weight)).map(|base| match of.next() {
            Some(projection) => self.adapted(projection, x, base),
            None => base,
        })
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
        let extras = &self.block.extras;
        let [q, k, v] = self.project([Projection::Query, Projection::Key, Projection::Value], x);
        let q = self.normed(q, extras.query_norm.as_ref());
        let k = self.normed(k, extras.key_norm.as_ref());
        let attended = self.attended([q, k, v], context, cache);
        let [output] = self.project([Projection::Output], &attended);
        output
    }

    /// What the queries of all heads attend to; shapes are those of projections.
    fn attended(
        &self,
        tokens: [Tensor<3>; 3],
        context: &Context,
        mut cache: Option<&mut LayerCache>,
    ) -> Tensor<3> {
        let rotation = Rotation {
            angles: Some(&context.angles).filter(|_| self.config.switches.rotates(self.layer)),
            scale: self.query_scale(),
        };
        let few = match &mut cache {
            Some(cache) => cache.attend_few(tokens, &context.plan, rotation),
            None => Err(tokens),
        };
        let [q, k, v] = match few {
            Ok(attended) => return attended,
            Err(tokens) => self.rotated(tokens, rotation),
        };
        let attended = match cache {
            Some(cache) => cache.attend([q, k, v], &context.plan),
            None => attention(q, k, v, context.visible.as_ref()),
        };
        let [rows, _, tokens, _] = attended.dims();
        let width = self.config.query_width();
        attended.swap_dims(1, 2).reshape([rows, tokens, width])
    }

    /// Queries, keys and values by heads, rotated and scaled.
    fn rotated(&self, [q, k, v]: [Tensor<3>; 3], rotation: Rotation<'_>) -> [Tensor<4>; 3] {
        let (heads, kv_heads) = (self.config.num_heads, self.config.num_kv_heads);
        let (q, k) = (self.heads(q, heads), self.heads(k, kv_heads));
        let (q, k) = match rotation.angles {
            Some(angles) => (angles.rotate_queries(q), angles.rotate(k)),
            None => (q, k),
        };
        [scaled(q, rotation.scale), k, self.heads(v, kv_heads)]
    }

    /// Each head of `[rows, tokens, heads * head_dim]` normed by itself, where there is a norm.
    fn normed(&self, x: Tensor<3>, norm: Option<&Param<Tensor<1>>>) -> Tensor<3> {
        let Some(norm) = norm else { return x };
        let ([rows, tokens, width], head) = (x.dims(), self.config.head_dim);
        let x = x.reshape([rows, tokens * width / head, head]);
        rms_norm(x, norm.val(), self.config.norm_eps).reshape([rows, tokens, width])
    }

    /// What queries are multiplied by, so that the attention step's own `1 / sqrt(head_dim)` brings their scores to the
    /// model's scale.
    fn query_scale(&self) -> f64 {
        let own = |scale: f64| scale * (self.config.head_dim as f64).sqrt();
        let scale = self.config.switches.multipliers.attention;
        scale.map_or(1.0, own)
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
                (values * bits).div_ceil(8) + 4 * values.div_ceil(bits::BLOCK)
            }
            (None, dtype) => values * dtype.size(),
        };
    }
}
