//! The KV cache: keys and values of the tokens that rows have read, in memory that is allocated once.
//!
//! Every row begins at position 0 and has its own length: nothing is padded, and a row that is added or
//! removed moves no other.

use std::ops::Range;

use burn::tensor::{DType, Device, FloatDType, Tensor};
use idiolect_kernels::{CachedPass, attend_cached, attention, write_cache};

use crate::ModelConfig;
use crate::context::{Group, Padding, Plan, index};
use crate::rope::Angles;

/// Keys and values of one block, `[rows, kv_heads, capacity, head_dim]` each.
#[derive(Debug, Clone)]
pub struct LayerCache {
    keys: Tensor<4>,
    values: Tensor<4>,
}

/// What is done to queries and keys before they attend.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Rotation<'a> {
    /// `None` in a layer that does not rotate.
    pub(crate) angles: Option<&'a Angles>,
    /// What queries are multiplied by.
    pub(crate) scale: f64,
}

impl LayerCache {
    fn new(shape: [usize; 4], device: &Device, dtype: FloatDType) -> Self {
        let empty = || Tensor::zeros(shape, (device, DType::from(dtype)));
        Self {
            keys: empty(),
            values: empty(),
        }
    }

    /// Adds the keys and values of the new tokens of a pass and computes the attention of each of them, in one step,
    /// where the device has such a step and the tokens are few; else queries, keys and values come back.
    ///
    /// # Shapes
    ///
    /// - queries, and the result: `[1, tokens, heads * head_dim]`
    /// - keys, values: `[1, tokens, kv_heads * head_dim]`
    #[allow(
        clippy::result_large_err,
        reason = "what is not taken is handed back as it came"
    )]
    pub(crate) fn attend_few(
        &mut self,
        tokens: [Tensor<3>; 3],
        plan: &Plan,
        rotation: Rotation<'_>,
    ) -> Result<Tensor<3>, [Tensor<3>; 3]> {
        let [group @ Group { padding: None, .. }] = &plan.groups[..] else {
            return Err(tokens);
        };
        let pass = CachedPass {
            places: &plan.places,
            rows: group.rows.clone(),
            keys: group.keys,
            visible: &group.visible,
            angles: rotation.angles.map(Angles::pairs),
            scale: rotation.scale,
        };
        attend_cached(&pass, tokens, [&mut self.keys, &mut self.values])
    }

    /// Adds the keys and values of the new tokens of a pass, and computes the attention of each of them.
    ///
    /// # Shapes
    ///
    /// - queries, and the result: `[1, heads, tokens, head_dim]`
    /// - keys, values: `[1, kv_heads, tokens, head_dim]`
    pub(crate) fn attend(&mut self, [q, k, v]: [Tensor<4>; 3], plan: &Plan) -> Tensor<4> {
        write_cache([&mut self.keys, &mut self.values], [k, v], &plan.places);
        let [_, heads, count, width] = q.dims();
        let groups = plan.groups.iter();
        let mut parts: Vec<Tensor<2>> = groups.map(|group| self.attend_group(group, &q)).collect();
        let attended = if parts.len() == 1 {
            parts.remove(0)
        } else {
            Tensor::cat(parts, 0)
        };
        attended.reshape([1, count, heads, width]).swap_dims(1, 2)
    }

    /// The attention of rows that are computed together, `[tokens, heads * head_dim]`.
    fn attend_group(&self, group: &Group, q: &Tensor<4>) -> Tensor<2> {
        let [_, heads, _, width] = q.dims();
        let count = group.tokens.len();
        let queries = tokens(q, &group.tokens)
            .swap_dims(1, 2)
            .reshape([count, heads * width]);
        let queries = match &group.padding {
            Some(Padding { to_queries, .. }) => queries.select(0, to_queries.clone()),
            None => queries,
        };
        let rows = group.rows.len();
        let q = queries
            .reshape([rows, group.queries, heads, width])
            .swap_dims(1, 2);
        let of_group = |buffer: &Tensor<4>| {
            let [_, heads, _, width] = buffer.dims();
            let place = [group.rows.clone(), 0..heads, 0..group.keys, 0..width];
            buffer.clone().slice(place)
        };
        let attended = attention(
            q,
            of_group(&self.keys),
            of_group(&self.values),
            Some(&group.visible),
        );
        let attended = attended
            .swap_dims(1, 2)
            .reshape([rows * group.queries, heads * width]);
        match &group.padding {
            Some(Padding { to_tokens, .. }) => attended.select(0, to_tokens.clone()),
            None => attended,
        }
    }

    /// Copies the first `count` tokens of row 0 to every row.
    fn share(&mut self, count: usize) {
        for buffer in [&mut self.keys, &mut self.values] {
            let [rows, heads, _, width] = buffer.dims();
            // A copy: with a view the buffer would have two owners, and every write would copy all of it.
            let first = buffer.clone().select(0, index(&[0], &buffer.device()));
            let first = first.slice([0..1, 0..heads, 0..count, 0..width]);
            for row in 1..rows {
                let place = [row..row + 1, 0..heads, 0..count, 0..width];
                let first = first.clone();
                // Moved out and back, so that it has one owner and the backend can write in place.
                buffer.inplace(|buffer| buffer.slice_assign(place, first));
            }
        }
    }
}

fn tokens(x: &Tensor<4>, range: &Range<usize>) -> Tensor<4> {
    let [rows, heads, _, width] = x.dims();
    x.clone()
        .slice([0..rows, 0..heads, range.clone(), 0..width])
}

/// The caches of all blocks.
#[derive(Debug, Clone)]
pub struct Cache {
    pub(crate) layers: Vec<LayerCache>,
}

impl Cache {
    /// Allocates memory for `rows` rows of at most `capacity` tokens.
    #[must_use]
    pub fn new(
        config: &ModelConfig,
        rows: usize,
        capacity: usize,
        device: &Device,
        dtype: FloatDType,
    ) -> Self {
        let shape = [rows, config.num_kv_heads, capacity, config.head_dim];
        Self {
            layers: (0..config.num_layers)
                .map(|_| LayerCache::new(shape, device, dtype))
                .collect(),
        }
    }

    /// Bytes that [`Cache::new`] allocates for one token of one row.
    #[must_use]
    pub fn bytes_per_token(config: &ModelConfig, dtype: FloatDType) -> usize {
        2 * config.num_layers * config.kv_width() * DType::from(dtype).size()
    }

    /// Copies the first `count` tokens of row 0 to every row.
    pub(crate) fn share(&mut self, count: usize) {
        for layer in &mut self.layers {
            layer.share(count);
        }
    }
}
