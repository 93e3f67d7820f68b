//! Attention of a few new tokens over a KV cache: queries and keys are rotated, keys and values written, and each query
//! multiplied with the keys in the cache itself.

use std::ops::Range;

use burn::tensor::{DType, bf16};
use burn_flex::FlexTensor;
use bytemuck::Pod;

use super::few_queries::{self, Cached};
use super::tile::Seen;
use crate::CacheWrite;
use crate::extension::attention::Sizes;
use crate::flex::buffer::{Rows, dense, in_type, tensor, values};
use crate::flex::rotary::rotate_tokens;

/// New tokens in f32 or bf16, `[1, tokens, heads * width]`; the keys have the heads of the caches.
pub(crate) struct NewTokens {
    pub(crate) q: FlexTensor,
    pub(crate) k: FlexTensor,
    pub(crate) v: FlexTensor,
}

/// How tokens become queries and keys, and what these see.
pub(crate) struct Pass<'a> {
    /// Cosines and sines of queries, then of keys, `[1, 1, tokens, width / 2]`; `None` where nothing is rotated.
    pub(crate) angles: Option<[[FlexTensor; 2]; 2]>,
    /// What queries are multiplied by.
    pub(crate) scale: f32,
    pub(crate) writes: &'a [CacheWrite],
    /// The rows of the caches that attend.
    pub(crate) rows: Range<usize>,
    /// The first key of each query and the one behind the last, `[rows or 1, tokens of a row, 2]`.
    pub(crate) visible: FlexTensor,
    pub(crate) sizes: Sizes,
}

/// Keys and values in the type of the tokens, `[rows, heads, capacity, width]`, dense.
pub(crate) struct Caches {
    pub(crate) keys: FlexTensor,
    pub(crate) values: FlexTensor,
    pub(crate) capacity: usize,
}

impl Pass<'_> {
    /// What the queries attend to, `[1, tokens, heads * width]`. Caches that nothing else owns are written in place.
    pub(crate) fn attend(self, new: NewTokens, caches: &mut Caches) -> FlexTensor {
        if new.q.dtype() == DType::BF16 {
            self.attend_in::<bf16>(new, caches)
        } else {
            self.attend_in::<f32>(new, caches)
        }
    }

    fn attend_in<E: Cached + Pod>(self, new: NewTokens, caches: &mut Caches) -> FlexTensor {
        let dtype = E::dtype();
        let NewTokens { q, k, v } = new;
        let [of_queries, of_keys] = match &self.angles {
            Some(angles) => angles.each_ref().map(Some),
            None => [None, None],
        };
        let mut q = in_type(self.rotated(q, of_queries), DType::F32);
        if (self.scale - 1.0).abs() > 0.0 {
            let q: &mut [f32] = q.storage_mut();
            for value in q.iter_mut() {
                *value *= self.scale;
            }
        }
        let k = self.rotated(k, of_keys);
        self.write::<E>(&mut caches.keys, &k, caches.capacity);
        self.write::<E>(&mut caches.values, &dense(v), caches.capacity);
        let shape = [1, self.sizes.rows * self.sizes.tokens, self.query_width()];
        in_type(tensor(self.attended::<E>(&q, caches), shape), dtype)
    }

    /// The heads rotated, in their type.
    fn rotated(&self, heads: FlexTensor, angles: Option<&[FlexTensor; 2]>) -> FlexTensor {
        let Some(angles) = angles else {
            return dense(heads);
        };
        let dtype = heads.dtype();
        let mut wide = dense(in_type(heads, DType::F32));
        rotate_tokens(wide.storage_mut(), self.sizes.width, angles);
        in_type(wide, dtype)
    }

    /// Values of all queries of a token.
    fn query_width(&self) -> usize {
        self.sizes.heads * self.sizes.width
    }

    fn write<E: Cached + Pod>(&self, cache: &mut FlexTensor, new: &FlexTensor, capacity: usize) {
        let Sizes {
            kv_heads, width, ..
        } = self.sizes;
        let (cache, new): (&mut [E], &[E]) = (cache.storage_mut(), new.storage());
        for write in self.writes {
            for (token, position) in write.tokens.clone().zip(write.positions.clone()) {
                let new = &new[token * kv_heads * width..][..kv_heads * width];
                for (head, new) in new.chunks_exact(width).enumerate() {
                    let place = (write.row * kv_heads + head) * capacity + position;
                    cache[place * width..][..width].copy_from_slice(new);
                }
            }
        }
    }

    fn attended<E: Cached + Pod>(&self, q: &FlexTensor, caches: &Caches) -> Vec<f32> {
        let Sizes {
            kv_heads,
            tokens,
            width,
            ..
        } = self.sizes;
        let all = self.query_width();
        let q = Rows::strided(values(q), [tokens * all, width, all], width);
        let head = caches.capacity * width;
        let first = self.rows.start * kv_heads * head;
        let strides = [kv_heads * head, head, width];
        let k = Rows::strided(&caches.keys.storage::<E>()[first..], strides, width);
        let v = Rows::strided(&caches.values.storage::<E>()[first..], strides, width);
        let seen = Seen::new(&self.visible, self.sizes);
        few_queries::attend(&q, [&k, &v], seen, self.sizes).0
    }
}
