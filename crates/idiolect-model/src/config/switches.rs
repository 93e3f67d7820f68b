//! What some classes add to the plain decoder of Llama; with everything off it is Llama.

use crate::Projection;

/// The additions that a class turns on.
#[derive(Debug, Clone, PartialEq, Default)]
#[non_exhaustive]
pub struct Switches {
    /// Projections with a bias, in the order of [`Projection::ALL`].
    pub biases: Vec<Projection>,
    /// Whether each head of queries and keys is normed before it is rotated.
    pub head_norms: bool,
    /// Layers whose queries and keys are not rotated.
    pub unrotated: Vec<usize>,
    /// Constants that parts of the computation are multiplied by.
    pub multipliers: Multipliers,
    /// How queries grow with their position; none where they do not.
    pub query_scale: Option<QueryScale>,
}

impl Switches {
    /// Whether a projection has a bias.
    #[must_use]
    pub fn has_bias(&self, projection: Projection) -> bool {
        self.biases.contains(&projection)
    }

    /// Whether queries and keys of a layer are rotated.
    #[must_use]
    pub fn rotates(&self, layer: usize) -> bool {
        !self.unrotated.contains(&layer)
    }
}

/// Constants of Granite; each is 1 in other classes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Multipliers {
    /// Of the vectors of tokens.
    pub embedding: f64,
    /// Of the attention scores, in the place of `1 / sqrt(head_dim)`; none for that.
    pub attention: Option<f64>,
    /// Of what a part of a block adds to its input.
    pub residual: f64,
    /// What logits are divided by.
    pub logits_divisor: f64,
}

impl Default for Multipliers {
    fn default() -> Self {
        Self {
            embedding: 1.0,
            attention: None,
            residual: 1.0,
            logits_divisor: 1.0,
        }
    }
}

/// Queries at position `p` are multiplied by `1 + beta ln(1 + floor(p / original_positions))` once they are rotated.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct QueryScale {
    /// How fast they grow.
    pub beta: f64,
    /// Context length below which they do not, in tokens.
    pub original_positions: f64,
}

impl QueryScale {
    /// The factor of queries at `position`.
    #[must_use]
    pub fn at(self, position: usize) -> f64 {
        1.0 + self.beta * (position as f64 / self.original_positions).floor().ln_1p()
    }
}
