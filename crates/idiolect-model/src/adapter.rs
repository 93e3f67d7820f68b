//! How code outside this crate changes what a projection computes.
//!
//! A decoder holds no adapter: it is given one with every call, so that one frozen decoder is teacher and
//! student. With [`NoAdapter`] it is the base model.

use std::fmt;

use burn::tensor::Tensor;

/// The seven linear maps of a decoder block, in the order in which they are computed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Projection {
    /// Hidden state to queries.
    Query,
    /// Hidden state to keys.
    Key,
    /// Hidden state to values.
    Value,
    /// Attended values to hidden state.
    Output,
    /// Hidden state to the gate of the feed-forward block.
    Gate,
    /// Hidden state to the gated values of the feed-forward block.
    Up,
    /// Gated values to hidden state.
    Down,
}

impl Projection {
    /// All seven.
    pub const ALL: [Self; 7] = [
        Self::Query,
        Self::Key,
        Self::Value,
        Self::Output,
        Self::Gate,
        Self::Up,
        Self::Down,
    ];

    /// The last part of the name in a Hugging Face checkpoint, for example `q_proj`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Query => "q_proj",
            Self::Key => "k_proj",
            Self::Value => "v_proj",
            Self::Output => "o_proj",
            Self::Gate => "gate_proj",
            Self::Up => "up_proj",
            Self::Down => "down_proj",
        }
    }

    /// The name below a block in a Hugging Face checkpoint, for example `self_attn.q_proj`.
    #[must_use]
    pub fn path(self) -> &'static str {
        match self {
            Self::Query => "self_attn.q_proj",
            Self::Key => "self_attn.k_proj",
            Self::Value => "self_attn.v_proj",
            Self::Output => "self_attn.o_proj",
            Self::Gate => "mlp.gate_proj",
            Self::Up => "mlp.up_proj",
            Self::Down => "mlp.down_proj",
        }
    }

    /// The projection with this last name part or path, if there is one.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|p| p.name() == name || p.path() == name)
    }
}

/// One projection of one block.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Site {
    /// Number of the block, from 0 at the embedding.
    pub layer: usize,
    /// Which of its projections.
    pub projection: Projection,
}

impl fmt::Display for Site {
    /// The module path in a Hugging Face checkpoint, `model.layers.0.self_attn.q_proj`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "model.layers.{}.{}", self.layer, self.projection.path())
    }
}

/// Changes the output of projections.
pub trait Adapter {
    /// The output of `site`, given its input `x` and the product of `x` with the frozen weight.
    ///
    /// # Shapes
    ///
    /// - `x`: `[rows, tokens, in]`
    /// - `base_output`, and the result: `[rows, tokens, out]`
    fn apply(&self, site: Site, x: &Tensor<3>, base_output: Tensor<3>) -> Tensor<3>;

    /// Whether the output of `site` is `base_output` and something added to it that does not depend on it. Where it is,
    /// [`Adapter::apply`] may be given zeros as `base_output` in a pass whose gradients alone count. Default: no.
    fn only_adds(&self, site: Site) -> bool {
        let _ = site;
        false
    }
}

/// The base model: every projection is unchanged.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoAdapter;

impl Adapter for NoAdapter {
    fn apply(&self, _site: Site, _x: &Tensor<3>, base_output: Tensor<3>) -> Tensor<3> {
        base_output
    }

    fn only_adds(&self, _site: Site) -> bool {
        true
    }
}
