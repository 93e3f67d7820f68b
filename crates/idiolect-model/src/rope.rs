//! Rotary position embedding in the half-split layout of Hugging Face checkpoints.
//!
//! A head of width `d` is two halves `[a, b]`; position `p` rotates pair `i` by the angle `p * f_i`:
//! `[a cos - b sin, b cos + a sin]` with `f_i = theta^(-2i/d)` (Su et al., arXiv 2104.09864).
//! Burn's own `RotaryEncoding` pairs neighbours and takes one offset for the whole batch; left padding
//! needs a position for every row, so it is not used.

use burn::tensor::{DType, Device, Tensor, TensorData};

use crate::ModelConfig;

/// The rotary frequencies by which a decoder rotates its queries and keys.
#[derive(Debug, Clone)]
pub struct Rope {
    frequencies: Vec<f32>,
}

/// Cosines and sines of some positions, each `[rows, 1, tokens, head_dim / 2]` in f32.
#[derive(Debug, Clone)]
pub struct Angles {
    cos: Tensor<4>,
    sin: Tensor<4>,
}

impl Rope {
    /// Frequencies of a configuration.
    #[must_use]
    pub fn new(config: &ModelConfig) -> Self {
        let width = config.head_dim as f64;
        let one = |i: usize| {
            let plain = config.rope_theta.powf(-2.0 * i as f64 / width);
            // The reference keeps frequencies in f32.
            #[allow(clippy::cast_possible_truncation)]
            let stretched = (plain / config.rope_scaling.divisor(i, plain)) as f32;
            stretched
        };
        Self {
            frequencies: (0..config.head_dim / 2).map(one).collect(),
        }
    }

    /// The frequencies, in radians per position, highest first.
    #[must_use]
    pub fn frequencies(&self) -> &[f32] {
        &self.frequencies
    }

    /// Angles of `positions`, which holds `rows * tokens` of them, row by row.
    #[must_use]
    pub fn angles(&self, positions: &[usize], rows: usize, device: &Device) -> Angles {
        let half = self.frequencies.len();
        let shape = [rows, 1, positions.len() / rows.max(1), half];
        let mut cos = Vec::with_capacity(positions.len() * half);
        let mut sin = Vec::with_capacity(positions.len() * half);
        for position in positions {
            for frequency in &self.frequencies {
                let (s, c) = (*position as f32 * frequency).sin_cos();
                cos.push(c);
                sin.push(s);
            }
        }
        let tensor =
            |values| Tensor::from_data(TensorData::new(values, shape), (device, DType::F32));
        Angles {
            cos: tensor(cos),
            sin: tensor(sin),
        }
    }
}

impl Angles {
    /// Rotates the heads of `x`.
    ///
    /// # Shapes
    ///
    /// - `x`: `[rows, heads, tokens, head_dim]`, and so is the result
    #[must_use]
    pub fn rotate(&self, x: Tensor<4>) -> Tensor<4> {
        idiolect_kernels::rotate(x, self.cos.clone(), self.sin.clone())
    }
}
