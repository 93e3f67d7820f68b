//! Attention over a KV cache on the tensors of Burn's interface.

use burn::backend::Flex;
use burn::tensor::{DType, Tensor};
use burn_flex::FlexTensor;

use crate::CachedPass;
use crate::extension::attention::Sizes;
use crate::flex::attention::cached::{Caches, NewTokens, Pass};
use crate::flex::attention::takes_few;
use crate::flex::buffer::own::untracked;
use crate::flex::buffer::{dense, dims};

/// As `attend_cached` of this crate.
#[allow(
    clippy::result_large_err,
    reason = "what is not taken is handed back as it came"
)]
pub(crate) fn attend_cached(
    of: &CachedPass<'_>,
    tokens: [Tensor<3>; 3],
    caches: [&mut Tensor<4>; 2],
) -> Result<Tensor<3>, [Tensor<3>; 3]> {
    let [keys, values] = caches.each_ref().map(|cache| cache.dims());
    assert_eq!(keys, values, "caches of two shapes");
    let sizes = sizes(of, &tokens, keys);
    let dtype = tokens[0].dtype();
    let Some((pass, new)) = pass(of, &tokens, sizes) else {
        return Err(tokens);
    };
    let [_, _, capacity, _] = keys;
    let [Some(keys), Some(values)] = caches.each_ref().map(|cache| in_type(cache, dtype)) else {
        return Err(tokens);
    };
    // One owner each, so that all are written in place.
    drop(tokens);
    let [keys_place, values_place] = caches;
    release([&mut *keys_place, &mut *values_place]);
    let mut held = Caches {
        keys: dense(keys),
        values: dense(values),
        capacity,
    };
    let attended = pass.attend(new, &mut held);
    *keys_place = Tensor::from_primitive::<Flex>(held.keys);
    *values_place = Tensor::from_primitive::<Flex>(held.values);
    Ok(Tensor::from_primitive::<Flex>(attended))
}

/// Gives up the memory of the caches, which another tensor holds.
fn release(caches: [&mut Tensor<4>; 2]) {
    let device = caches[0].device();
    let empty = Tensor::empty([0; 4], &device);
    for cache in caches {
        *cache = empty.clone();
    }
}

fn sizes(of: &CachedPass<'_>, [q, k, v]: &[Tensor<3>; 3], cache: [usize; 4]) -> Sizes {
    let ([_, tokens, queries], [_, kv_heads, _, width]) = (q.dims(), cache);
    let rows = of.rows.len();
    assert_eq!(
        [k.dims(), v.dims()],
        [[1, tokens, kv_heads * width]; 2],
        "keys or values of another shape than the cache has"
    );
    assert!(
        tokens.is_multiple_of(rows) && queries.is_multiple_of(kv_heads * width),
        "{tokens} tokens of {queries} values for {rows} rows of {kv_heads} key heads"
    );
    Sizes {
        rows,
        heads: queries / width,
        kv_heads,
        tokens: tokens / rows,
        keys: of.keys,
        width,
    }
}

/// The pass on the backend's own tensors; `None` where it does not serve them.
fn pass<'a>(
    of: &CachedPass<'a>,
    [q, k, v]: &[Tensor<3>; 3],
    sizes: Sizes,
) -> Option<(Pass<'a>, NewTokens)> {
    let dtype = q.dtype();
    // Burn multiplies bf16 by a number in a way of its own.
    let is_scaled = (of.scale - 1.0).abs() > 0.0;
    if !takes_few(sizes) || dtype == DType::BF16 && is_scaled {
        return None;
    }
    let pair =
        |[cos, sin]: &[Tensor<4>; 2]| Some([in_type(cos, DType::F32)?, in_type(sin, DType::F32)?]);
    let angles = match of.angles {
        Some([of_queries, of_keys]) => Some([pair(of_queries)?, pair(of_keys)?]),
        None => None,
    };
    let new = NewTokens {
        q: in_type(q, dtype)?,
        k: in_type(k, dtype)?,
        v: in_type(v, dtype)?,
    };
    let visible = of.visible.bounds().try_into_primitive::<Flex>().ok()?;
    let Sizes {
        rows,
        tokens,
        width,
        ..
    } = sizes;
    let [seen, queries, _] = dims(&visible);
    assert!(
        (seen == 1 || seen == rows) && queries == tokens,
        "{seen} rows of {queries} queries that see keys for {rows} of {tokens}"
    );
    for angles in angles.iter().flatten().flatten() {
        let expected = [1, 1, rows * tokens, width / 2];
        assert_eq!(dims(angles), expected, "angles of another shape");
    }
    // The scale of f32.
    #[allow(clippy::cast_possible_truncation)]
    let scale = of.scale as f32;
    let pass = Pass {
        angles,
        scale,
        writes: of.places.writes(),
        rows: of.rows.clone(),
        visible: dense(visible),
        sizes,
    };
    Some((pass, new))
}

/// A tensor of the CPU backend in a type, f32 or bf16, that autodiff does not track.
fn in_type<const D: usize>(x: &Tensor<D>, dtype: DType) -> Option<FlexTensor> {
    (x.dtype() == dtype).then(|| untracked(x)).flatten()
}
