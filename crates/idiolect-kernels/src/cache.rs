//! The keys and values of a pass, written to a KV cache, and what its queries need to attend to them.

use std::ops::Range;

#[cfg(feature = "cube")]
use burn::backend::Dispatch;
#[cfg(feature = "cube")]
use burn::tensor::{DType, Int, TensorData};
use burn::tensor::{Device, Tensor};

use crate::Visible;

#[cfg(feature = "cube")]
use crate::cube::CacheWrites;
#[cfg(feature = "cube")]
use crate::is_gpu;

/// New tokens of one row in a cache.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CacheWrite {
    /// The row of the cache.
    pub row: usize,
    /// Which tokens of the pass they are.
    pub tokens: Range<usize>,
    /// Where in the row they go.
    pub positions: Range<usize>,
}

/// Where the tokens of a pass go, the same for every block of a model.
#[derive(Debug, Clone, Default)]
pub struct CachePlaces {
    writes: Vec<CacheWrite>,
    /// Row and position of each token, `[tokens, 2]` in 32 bits, where a kernel reads them.
    #[cfg(feature = "cube")]
    index: Option<Tensor<2, Int>>,
}

impl CachePlaces {
    /// Writes whose tokens follow one another, for a cache on `device`.
    #[must_use]
    pub fn new(writes: Vec<CacheWrite>, device: &Device) -> Self {
        #[cfg(not(feature = "cube"))]
        let _ = device;
        Self {
            #[cfg(feature = "cube")]
            index: is_gpu(device).then(|| index(&writes, device)),
            writes,
        }
    }
}

impl CachePlaces {
    /// The writes, whose tokens follow one another.
    #[cfg(feature = "flex")]
    pub(crate) fn writes(&self) -> &[CacheWrite] {
        &self.writes
    }

    /// Refuses places outside caches.
    pub(crate) fn assert_inside(&self, [rows, _, capacity, _]: [usize; 4]) {
        let inside = |write: &CacheWrite| write.row < rows && write.positions.end <= capacity;
        assert!(
            self.writes.iter().all(inside),
            "a place outside a cache of {rows} rows of {capacity} tokens"
        );
    }
}

/// New tokens of rows that attend together over a KV cache, each row with as many.
#[derive(Debug, Clone)]
pub struct CachedPass<'a> {
    /// Where the keys and values of the tokens go.
    pub places: &'a CachePlaces,
    /// The rows of the caches that attend.
    pub rows: Range<usize>,
    /// Keys of each of these rows.
    pub keys: usize,
    /// Which of them a query sees.
    pub visible: &'a Visible,
    /// Cosines and sines by which queries are rotated, and those of keys, `[1, 1, tokens, head_dim / 2]` each in f32;
    /// `None` where nothing is rotated.
    pub angles: Option<[&'a [Tensor<4>; 2]; 2]>,
    /// What queries are multiplied by, once they are rotated.
    pub scale: f64,
}

/// Overwrites the places of a pass in the caches of keys and values: on a GPU in one launch.
///
/// # Shapes
///
/// - `caches`: `[rows, heads, capacity, width]` each, in one type
/// - `new`: `[1, heads, tokens, width]` each, in that type
///
/// # Panics
///
/// If the shapes disagree, or a place is outside the caches.
pub fn write_cache(caches: [&mut Tensor<4>; 2], new: [Tensor<4>; 2], places: &CachePlaces) {
    places.assert_inside(caches[0].dims());
    #[cfg(feature = "cube")]
    if let Some(index) = &places.index {
        return launch(caches, new, index.clone());
    }
    for (cache, new) in caches.into_iter().zip(new) {
        for write in &places.writes {
            put(cache, write, &new);
        }
    }
}

/// Overwrites some positions of a row. The cache is moved out and back, so that it has one owner and the backend can
/// write in place.
fn put(cache: &mut Tensor<4>, write: &CacheWrite, new: &Tensor<4>) {
    let [_, heads, _, width] = cache.dims();
    let CacheWrite {
        row,
        tokens,
        positions,
    } = write.clone();
    let new = new.clone().slice([0..1, 0..heads, tokens, 0..width]);
    let place = [row..row + 1, 0..heads, positions, 0..width];
    cache.inplace(|cache| cache.slice_assign(place, new));
}

/// One launch for both caches.
#[cfg(feature = "cube")]
fn launch([keys, values]: [&mut Tensor<4>; 2], [k, v]: [Tensor<4>; 2], places: Tensor<2, Int>) {
    // Moved out for the time of the launch, so that each has one owner and is written in place.
    let old_keys = std::mem::replace(keys, k.clone());
    let old_values = std::mem::replace(values, v.clone());
    let (new_keys, new_values) = <Dispatch as CacheWrites>::write_cache(
        old_keys.into_dispatch(),
        old_values.into_dispatch(),
        k.into_dispatch(),
        v.into_dispatch(),
        places.into_dispatch(),
    );
    *keys = Tensor::from_dispatch(new_keys);
    *values = Tensor::from_dispatch(new_values);
}

#[cfg(feature = "cube")]
fn index(writes: &[CacheWrite], device: &Device) -> Tensor<2, Int> {
    let place = |at: usize| i32::try_from(at).unwrap_or(i32::MAX);
    let of_write = |write: &CacheWrite| {
        let row = write.row;
        let positions = write.positions.clone();
        positions.flat_map(move |position| [place(row), place(position)])
    };
    let values: Vec<i32> = writes.iter().flat_map(of_write).collect();
    let data = TensorData::new(values.clone(), [values.len() / 2, 2]);
    Tensor::from_data(data, (device, DType::I32))
}
