//! Keys and values of the tokens that a batch has seen, in memory set aside once.
//!
//! It knows no padding: [`crate::Session`] keeps that.

use burn::tensor::{DType, Device, FloatDType, Int, Tensor};

use crate::ModelConfig;

/// Keys and values of one block, `[rows, kv_heads, capacity, head_dim]` each.
#[derive(Debug, Clone)]
pub struct LayerCache {
    keys: Tensor<4>,
    values: Tensor<4>,
    len: usize,
}

impl LayerCache {
    fn new(shape: [usize; 4], device: &Device, dtype: FloatDType) -> Self {
        let empty = || Tensor::zeros(shape, (device, DType::from(dtype)));
        Self {
            keys: empty(),
            values: empty(),
            len: 0,
        }
    }

    /// Adds the keys and values of new tokens and returns all that are there.
    ///
    /// # Shapes
    ///
    /// - `keys`, `values`: `[rows, kv_heads, tokens, head_dim]`
    /// - both results: `[rows, kv_heads, len, head_dim]`, `tokens` more than before
    pub(crate) fn append(&mut self, keys: Tensor<4>, values: Tensor<4>) -> (Tensor<4>, Tensor<4>) {
        let end = self.len + keys.dims()[2];
        write(&mut self.keys, self.len, keys);
        write(&mut self.values, self.len, values);
        self.len = end;
        (first(&self.keys, end), first(&self.values, end))
    }

    fn keep(&mut self, rows: &Tensor<1, Int>) {
        self.keys = self.keys.clone().select(0, rows.clone());
        self.values = self.values.clone().select(0, rows.clone());
    }
}

/// Overwrites the tokens from `start` on. The buffer is moved out and back, so that it has one owner and
/// the backend can write in place.
fn write(buffer: &mut Tensor<4>, start: usize, new: Tensor<4>) {
    let [rows, heads, tokens, width] = new.dims();
    let place = [0..rows, 0..heads, start..start + tokens, 0..width];
    buffer.inplace(|buffer| buffer.slice_assign(place, new));
}

fn first(buffer: &Tensor<4>, len: usize) -> Tensor<4> {
    let [rows, heads, _, width] = buffer.dims();
    buffer.clone().slice([0..rows, 0..heads, 0..len, 0..width])
}

/// The caches of all blocks.
#[derive(Debug, Clone)]
pub struct Cache {
    pub(crate) layers: Vec<LayerCache>,
}

impl Cache {
    /// Memory for `rows` rows of at most `capacity` tokens, padding counted.
    #[must_use]
    pub fn new(
        config: &ModelConfig,
        rows: usize,
        capacity: usize,
        (device, dtype): (&Device, FloatDType),
    ) -> Self {
        let shape = [rows, config.num_kv_heads, capacity, config.head_dim];
        Self {
            layers: (0..config.num_layers)
                .map(|_| LayerCache::new(shape, device, dtype))
                .collect(),
        }
    }

    /// Tokens seen so far, padding counted.
    #[must_use]
    pub fn len(&self) -> usize {
        self.layers.first().map_or(0, |layer| layer.len)
    }

    /// Whether nothing was seen yet.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Bytes that [`Cache::new`] sets aside for one row of one token.
    #[must_use]
    pub fn bytes_per_token(config: &ModelConfig, dtype: FloatDType) -> usize {
        2 * config.num_layers * config.kv_width() * DType::from(dtype).size()
    }

    /// Keeps the given rows, in the given order.
    pub(crate) fn keep(&mut self, rows: &Tensor<1, Int>) {
        for layer in &mut self.layers {
            layer.keep(rows);
        }
    }
}
