//! Keys and values of the tokens that rows have seen, in memory set aside once.
//!
//! Every row begins at position 0 and grows on its own: nothing is padded, and a row that joins or leaves
//! moves no other.

use std::ops::Range;

use burn::tensor::{DType, Device, FloatDType, Tensor};
use idiolect_kernels::attention;

use crate::ModelConfig;
use crate::context::{Plan, Run, index};

/// Keys and values of one block, `[rows, kv_heads, capacity, head_dim]` each.
#[derive(Debug, Clone)]
pub struct LayerCache {
    keys: Tensor<4>,
    values: Tensor<4>,
}

impl LayerCache {
    fn new(shape: [usize; 4], device: &Device, dtype: FloatDType) -> Self {
        let empty = || Tensor::zeros(shape, (device, DType::from(dtype)));
        Self {
            keys: empty(),
            values: empty(),
        }
    }

    /// Adds the keys and values of a line of new tokens and attends to what each of them sees.
    ///
    /// # Shapes
    ///
    /// - queries, and the result: `[1, heads, tokens, head_dim]`
    /// - keys, values: `[1, kv_heads, tokens, head_dim]`
    pub(crate) fn attend(&mut self, [q, k, v]: [Tensor<4>; 3], plan: &Plan) -> Tensor<4> {
        for write in &plan.writes {
            let place = (write.row, write.positions.clone());
            put(&mut self.keys, &place, tokens(&k, &write.line));
            put(&mut self.values, &place, tokens(&v, &write.line));
        }
        let [_, heads, count, width] = q.dims();
        let mut parts: Vec<Tensor<2>> = plan.runs.iter().map(|run| self.run(run, &q)).collect();
        let line = if parts.len() == 1 {
            parts.remove(0)
        } else {
            Tensor::cat(parts, 0)
        };
        line.reshape([1, count, heads, width]).swap_dims(1, 2)
    }

    /// Rows that attend together; gives `[tokens, heads * head_dim]`.
    fn run(&self, run: &Run, q: &Tensor<4>) -> Tensor<2> {
        let [_, heads, _, width] = q.dims();
        let count = run.line.len();
        let line = tokens(q, &run.line)
            .swap_dims(1, 2)
            .reshape([count, heads * width]);
        let line = match &run.spread {
            Some([from, _]) => line.select(0, from.clone()),
            None => line,
        };
        let rows = run.rows.len();
        let q = line
            .reshape([rows, run.queries, heads, width])
            .swap_dims(1, 2);
        let seen = |buffer: &Tensor<4>| {
            let [_, heads, _, width] = buffer.dims();
            let place = [run.rows.clone(), 0..heads, 0..run.keys, 0..width];
            buffer.clone().slice(place)
        };
        let attended = attention(q, seen(&self.keys), seen(&self.values), run.mask.clone());
        let line = attended
            .swap_dims(1, 2)
            .reshape([rows * run.queries, heads * width]);
        match &run.spread {
            Some([_, back]) => line.select(0, back.clone()),
            None => line,
        }
    }

    /// Makes the first `count` tokens of row 0 those of every row.
    fn share(&mut self, count: usize) {
        for buffer in [&mut self.keys, &mut self.values] {
            let [rows, heads, _, width] = buffer.dims();
            // A copy, since a view would make the buffer shared and every write a copy of all of it.
            let first = buffer.clone().select(0, index(&[0], &buffer.device()));
            let first = first.slice([0..1, 0..heads, 0..count, 0..width]);
            for row in 1..rows {
                put(buffer, &(row, 0..count), first.clone());
            }
        }
    }
}

fn tokens(x: &Tensor<4>, line: &Range<usize>) -> Tensor<4> {
    let [rows, heads, _, width] = x.dims();
    x.clone().slice([0..rows, 0..heads, line.clone(), 0..width])
}

/// Overwrites some positions of a row. The buffer is moved out and back, so that it has one owner and the
/// backend can write in place.
fn put(buffer: &mut Tensor<4>, (row, positions): &(usize, Range<usize>), new: Tensor<4>) {
    let [_, heads, _, width] = buffer.dims();
    let place = [*row..*row + 1, 0..heads, positions.clone(), 0..width];
    buffer.inplace(|buffer| buffer.slice_assign(place, new));
}

/// The caches of all blocks.
#[derive(Debug, Clone)]
pub struct Cache {
    pub(crate) layers: Vec<LayerCache>,
}

impl Cache {
    /// Memory for `rows` rows of at most `capacity` tokens.
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

    /// Bytes that [`Cache::new`] sets aside for one row of one token.
    #[must_use]
    pub fn bytes_per_token(config: &ModelConfig, dtype: FloatDType) -> usize {
        2 * config.num_layers * config.kv_width() * DType::from(dtype).size()
    }

    /// Makes the first `count` tokens of row 0 those of every row.
    pub(crate) fn share(&mut self, count: usize) {
        for layer in &mut self.layers {
            layer.share(count);
        }
    }
}
