//! The keys and values of a pass, written to a KV cache in one launch, a value of each a unit.

use burn::backend::TensorMetadata;
use burn::backend::tensor::{FloatTensor, IntTensor};
use burn::backend::{Backend, backend_extension};
use burn_cubecl::CubeBackend;
use burn_cubecl::kernel::into_contiguous;
use burn_cubecl::tensor::CubeTensor;
use cubecl::ir::ElemType;
use cubecl::prelude::*;

use super::launch::{cubes, element, units};

/// A cache on a GPU.
#[backend_extension(Cube, Fusion)]
pub(crate) trait CacheWrites: Backend {
    /// The caches with the keys and values of the tokens of a pass in their places, in the caches' own memory where
    /// nothing else owns it.
    ///
    /// Caches are `[rows, heads, capacity, width]`, `k` and `v` `[1, heads, tokens, width]`, and `places` has the row
    /// and the position of each token, `[tokens, 2]`.
    #[fusion(meta = |keys, values, _k, _v, _places| (keys.clone(), values.clone()))]
    fn write_cache(
        keys: FloatTensor<Self>,
        values: FloatTensor<Self>,
        k: FloatTensor<Self>,
        v: FloatTensor<Self>,
        places: IntTensor<Self>,
    ) -> (FloatTensor<Self>, FloatTensor<Self>);
}

impl CacheWrites for CubeBackend {
    fn write_cache(
        keys: CubeTensor,
        values: CubeTensor,
        k: CubeTensor,
        v: CubeTensor,
        places: CubeTensor,
    ) -> (CubeTensor, CubeTensor) {
        let (keys, values, places) = (owned(keys), owned(values), into_contiguous(places));
        let [_, heads, tokens, width] = k.shape().dims();
        let count = heads * tokens * width;
        let (client, units, element) = (k.client.clone(), units(&k, count), element(&k));
        write_tokens::launch(
            &client,
            cubes(&k, count.div_ceil(units as usize)),
            CubeDim::new_1d(units),
            k.into_tensor_arg(),
            v.into_tensor_arg(),
            places.into_tensor_arg(),
            keys.clone().into_tensor_arg(),
            values.clone().into_tensor_arg(),
            element,
        );
        (keys, values)
    }
}

/// The tensor as one that may be overwritten: itself, or a copy where something else owns its memory.
fn owned(cache: CubeTensor) -> CubeTensor {
    if cache.can_mut() && cache.is_nonoverlapping() {
        return cache;
    }
    cache.copy()
}

#[cube(launch)]
pub(super) fn write_tokens<F: Float>(
    k: &Tensor<F>,
    v: &Tensor<F>,
    places: &Tensor<i32>,
    keys: &mut Tensor<F>,
    values: &mut Tensor<F>,
    #[define(F)] _element: ElemType,
) {
    let (heads, tokens, width) = (k.shape(1), k.shape(2), k.shape(3));
    let unit = ABSOLUTE_POS;
    if unit >= heads * tokens * width {
        terminate!();
    }
    let at = unit % width;
    let token = unit / width % tokens;
    let head = unit / (width * tokens);
    let row = u32::cast_from(places[token * 2]) as usize;
    let position = u32::cast_from(places[token * 2 + 1]) as usize;
    let place = Place {
        row,
        head,
        token,
        position,
        at,
    };
    write_value::<F>(k, keys, &place);
    write_value::<F>(v, values, &place);
}

/// Where a value comes from and goes to.
#[derive(CubeType)]
struct Place {
    row: usize,
    head: usize,
    token: usize,
    position: usize,
    at: usize,
}

#[cube]
fn write_value<F: Float>(new: &Tensor<F>, cache: &mut Tensor<F>, place: &Place) {
    let from = place.head * new.stride(1) + place.token * new.stride(2) + place.at * new.stride(3);
    let to = place.row * cache.stride(0)
        + place.head * cache.stride(1)
        + place.position * cache.stride(2)
        + place.at * cache.stride(3);
    cache[to] = new[from];
}
