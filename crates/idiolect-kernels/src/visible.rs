//! Which keys a query sees, as the first of them and the one behind the last.
//!
//! Causal order, a sliding window, padding and sequence packing all have this form, so no mask of
//! `[queries, keys]` is stored.

use std::ops::Range;

use burn::tensor::{DType, Device, Int, Tensor, TensorData};

/// Added to the score of a key that a query does not see.
const HIDDEN: f32 = -1e30;

/// The keys that each query of a pass sees: neighbours, at least one.
#[derive(Debug, Clone)]
pub struct Visible {
    /// `[rows or 1, queries, 2]` in 32 bits: the first key, and the one behind the last.
    bounds: Tensor<3, Int>,
}

impl Visible {
    /// The keys of each query, row by row; one row serves every row of a batch.
    ///
    /// # Panics
    ///
    /// If a query sees nothing, or `seen` is not `rows` times a number of queries.
    #[must_use]
    pub fn new(seen: &[Range<usize>], rows: usize, device: &Device) -> Self {
        assert!(
            rows > 0 && seen.len().is_multiple_of(rows),
            "{} queries in {rows} rows",
            seen.len()
        );
        let bound = |at: usize| i32::try_from(at).unwrap_or(i32::MAX);
        let bounds = |keys: &Range<usize>| {
            assert!(!keys.is_empty(), "a query that sees no key");
            [bound(keys.start), bound(keys.end)]
        };
        let values: Vec<i32> = seen.iter().flat_map(bounds).collect();
        let data = TensorData::new(values, [rows, seen.len() / rows, 2]);
        Self {
            bounds: Tensor::from_data(data, (device, DType::I32)),
        }
    }

    /// The same as numbers that are added to scores: `[rows or 1, 1, queries, keys]` in f32, 0 or -1e30.
    #[must_use]
    pub fn mask(&self, keys: usize) -> Tensor<4> {
        let [rows, queries, _] = self.bounds.dims();
        let device = self.bounds.device();
        let bound = |at: usize| {
            let bound = self.bounds.clone().narrow(2, at, 1);
            bound
                .reshape([rows, 1, queries, 1])
                .expand([rows, 1, queries, keys])
        };
        let last = i64::try_from(keys).unwrap_or(i64::MAX);
        let key: Tensor<1, Int> = Tensor::arange(0..last, (&device, DType::I32));
        let key = key
            .reshape([1, 1, 1, keys])
            .expand([rows, 1, queries, keys]);
        let hidden = key
            .clone()
            .lower(bound(0))
            .bool_or(key.greater_equal(bound(1)));
        Tensor::zeros([rows, 1, queries, keys], (&device, DType::F32)).mask_fill(hidden, HIDDEN)
    }

    /// `[rows or 1, queries, 2]`.
    #[cfg(any(feature = "flex", feature = "cube", feature = "remote"))]
    pub(crate) fn bounds(&self) -> Tensor<3, Int> {
        self.bounds.clone()
    }
}
