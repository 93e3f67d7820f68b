//! Rotary position embedding in the half-split layout of Hugging Face checkpoints.
//!
//! A head of width `d` is two halves `[a, b]`; position `p` rotates pair `i` by the angle `p * f_i`:
//! `[a cos - b sin, b cos + a sin]` with `f_i = theta^(-2i/d)` (Su et al., arXiv 2104.09864), stretched as the
//! configuration says. What some classes multiply queries and keys by is in the cosines and sines.
//! Burn's own `RotaryEncoding` pairs neighbours and takes one offset for the whole batch; left padding
//! needs a position for every row, so it is not used.

use burn::tensor::{DType, Device, Tensor, TensorData};

use crate::ModelConfig;
use crate::config::{Frequencies, QueryScale};

/// The rotary frequencies by which a decoder rotates its queries and keys.
#[derive(Debug, Clone)]
pub struct Rope {
    frequencies: Vec<f32>,
    /// What sequences beyond a length have in their place.
    beyond: Option<Beyond>,
    /// What cosines and sines are multiplied by.
    factor: f32,
    query_scale: Option<QueryScale>,
}

/// The frequencies of long sequences.
#[derive(Debug, Clone)]
struct Beyond {
    /// The longest sequence that has the others, in tokens.
    length: usize,
    frequencies: Vec<f32>,
}

/// Where a token stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Position {
    /// Tokens before it in its sequence.
    pub at: usize,
    /// Tokens of its sequence.
    pub of: usize,
}

/// Cosines and sines of some positions, each `[rows, 1, tokens, head_dim / 2]` in f32.
#[derive(Debug, Clone)]
pub struct Angles {
    keys: [Tensor<4>; 2],
    /// Those of queries, where they are others.
    queries: Option<[Tensor<4>; 2]>,
}

impl Rope {
    /// Frequencies of a configuration.
    #[must_use]
    pub fn new(config: &ModelConfig) -> Self {
        let (width, scaling) = (config.head_dim as f64, &config.rope_scaling);
        let all = |is_long: bool| {
            let made_of = Frequencies {
                theta: config.rope_theta,
                head_dim: config.head_dim,
                is_long,
            };
            let one = |i: usize| {
                let plain = config.rope_theta.powf(-2.0 * i as f64 / width);
                narrow(plain / scaling.divisor(i, plain, made_of))
            };
            (0..config.head_dim / 2).map(one).collect()
        };
        let beyond = scaling.switches_beyond().map(|length| Beyond {
            length,
            frequencies: all(true),
        });
        Self {
            frequencies: all(false),
            beyond,
            factor: narrow(scaling.attention_factor(config.max_positions)),
            query_scale: config.switches.query_scale,
        }
    }

    /// The frequencies, in radians per position, highest first; of sequences up to
    /// [`crate::RopeScaling::switches_beyond`] where longer ones have others.
    #[must_use]
    pub fn frequencies(&self) -> &[f32] {
        &self.frequencies
    }

    /// Angles of `positions`, which holds `rows * tokens` of them, row by row.
    #[must_use]
    pub fn angles(&self, positions: &[Position], rows: usize, device: &Device) -> Angles {
        let half = self.frequencies.len();
        let shape = [rows, 1, positions.len() / rows.max(1), half];
        let mut cos = Vec::with_capacity(positions.len() * half);
        let mut sin = Vec::with_capacity(positions.len() * half);
        for position in positions {
            for frequency in self.of(*position) {
                let (s, c) = (position.at as f32 * frequency).sin_cos();
                cos.push(c);
                sin.push(s);
            }
        }
        if (self.factor - 1.0).abs() > 0.0 {
            let all = cos.iter_mut().chain(&mut sin);
            all.for_each(|value| *value *= self.factor);
        }
        let queries = self.query_scale.map(|scale| {
            let scales = positions
                .iter()
                .map(|position| narrow(scale.at(position.at)));
            let scales: Vec<f32> = scales
                .flat_map(|scale| std::iter::repeat_n(scale, half))
                .collect();
            [&cos, &sin].map(|values| values.iter().zip(&scales).map(|(x, by)| x * by).collect())
        });
        let tensor = |values: Vec<f32>| {
            Tensor::from_data(TensorData::new(values, shape), (device, DType::F32))
        };
        Angles {
            keys: [cos, sin].map(tensor),
            queries: queries.map(|pair: [Vec<f32>; 2]| pair.map(tensor)),
        }
    }

    /// The length beyond which a sequence has other frequencies; none where all have the same.
    pub(crate) fn switches_beyond(&self) -> Option<usize> {
        self.beyond.as_ref().map(|beyond| beyond.length)
    }

    /// Whether sequences of two lengths have the same frequencies.
    pub(crate) fn is_same(&self, one: usize, other: usize) -> bool {
        let is_long = |length: usize| self.switches_beyond().is_some_and(|most| length > most);
        is_long(one) == is_long(other)
    }

    fn of(&self, position: Position) -> &[f32] {
        match &self.beyond {
            Some(beyond) if position.of > beyond.length => &beyond.frequencies,
            _ => &self.frequencies,
        }
    }
}

/// The reference keeps frequencies in f32.
#[allow(clippy::cast_possible_truncation)]
fn narrow(value: f64) -> f32 {
    value as f32
}

impl Angles {
    /// Cosines and sines of queries, then of keys.
    pub(crate) fn pairs(&self) -> [&[Tensor<4>; 2]; 2] {
        [self.queries.as_ref().unwrap_or(&self.keys), &self.keys]
    }

    /// Rotates the heads of keys.
    ///
    /// # Shapes
    ///
    /// - `x`: `[rows, heads, tokens, head_dim]`, and so is the result
    #[must_use]
    pub fn rotate(&self, x: Tensor<4>) -> Tensor<4> {
        let [cos, sin] = self.keys.clone();
        idiolect_kernels::rotate(x, cos, sin)
    }

    /// Rotates the heads of queries, and scales them where the class does that by position.
    ///
    /// # Shapes
    ///
    /// - `x`: `[rows, heads, tokens, head_dim]`, and so is the result
    #[must_use]
    pub fn rotate_queries(&self, x: Tensor<4>) -> Tensor<4> {
        let [of_queries, _] = self.pairs();
        let [cos, sin] = of_queries.clone();
        idiolect_kernels::rotate(x, cos, sin)
    }
}
