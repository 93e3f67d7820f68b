//! What AVX-512 and AVX2 have an instruction for; `None` for other vectors.

use std::any::Any;

use pulp::x86::{V3, V4};
use pulp::{Simd, cast, f32x8, f32x16, u32x8, u32x16};

use crate::flex::product_few_rows::{PAIR, PIECE};

/// The same value, where both types are one.
#[inline(always)]
fn same<A: Copy + 'static, B: Copy + 'static>(value: A) -> Option<B> {
    (&value as &dyn Any).downcast_ref().copied()
}

/// Bytes `8 at` to `8 at + 7`, and zeros.
#[inline(always)]
fn eight(bytes: &[i8; PIECE], at: usize) -> [u64; 2] {
    let halves: [u64; 2] = cast(*bytes);
    [halves[at], 0]
}

/// As of the module above.
#[inline(always)]
pub(super) fn of_bytes<S: Simd>(simd: S, bytes: &[i8; PIECE], at: usize) -> Option<S::u32s> {
    if let Some(v4) = same::<S, V4>(simd) {
        let wide = v4.avx512f._mm512_cvtepu8_epi32(cast(*bytes));
        return same::<u32x16, _>(cast(wide));
    }
    let v3 = same::<S, V3>(simd)?;
    let wide = v3.avx2._mm256_cvtepu8_epi32(cast(eight(bytes, at)));
    same::<u32x8, _>(cast(wide))
}

/// As of the module above.
#[inline(always)]
pub(super) fn of_signed_bytes<S: Simd>(simd: S, bytes: &[i8; PIECE], at: usize) -> Option<S::u32s> {
    if let Some(v4) = same::<S, V4>(simd) {
        let wide = v4.avx512f._mm512_cvtepi8_epi32(cast(*bytes));
        return same::<u32x16, _>(cast(wide));
    }
    let v3 = same::<S, V3>(simd)?;
    let wide = v3.avx2._mm256_cvtepi8_epi32(cast(eight(bytes, at)));
    same::<u32x8, _>(cast(wide))
}

/// As of the module above.
#[inline(always)]
pub(super) fn of_words<S: Simd>(simd: S, words: &[u16; PIECE], at: usize) -> Option<S::u32s> {
    if let Some(v4) = same::<S, V4>(simd) {
        let wide = v4.avx512f._mm512_cvtepu16_epi32(cast(*words));
        return same::<u32x16, _>(cast(wide));
    }
    let v3 = same::<S, V3>(simd)?;
    let halves: [u128; 2] = cast(*words);
    let wide = v3.avx2._mm256_cvtepu16_epi32(cast(halves[at]));
    same::<u32x8, _>(cast(wide))
}

/// As of the module above.
#[inline(always)]
pub(super) fn as_float<S: Simd>(simd: S, whole: S::u32s) -> Option<S::f32s> {
    if let Some(v4) = same::<S, V4>(simd) {
        let whole = cast(same::<_, u32x16>(whole)?);
        return same::<f32x16, _>(cast(v4.avx512f._mm512_cvtepi32_ps(whole)));
    }
    let v3 = same::<S, V3>(simd)?;
    let whole = cast(same::<_, u32x8>(whole)?);
    same::<f32x8, _>(cast(v3.avx._mm256_cvtepi32_ps(whole)))
}

/// What a table has at the lower halves of bytes, and at the upper ones, where all its sixteen values are one vector.
#[inline(always)]
pub(super) fn looked_up<S: Simd>(
    simd: S,
    bytes: &[i8; PIECE],
    table: S::f32s,
) -> Option<[S::f32s; PAIR]> {
    let avx = same::<S, V4>(simd)?.avx512f;
    let table = cast(same::<_, f32x16>(table)?);
    // The instruction takes the four lowest bits.
    let low = avx._mm512_cvtepu8_epi32(cast(*bytes));
    let high = avx._mm512_srli_epi32::<4>(low);
    let low: f32x16 = cast(avx._mm512_permutexvar_ps(low, table));
    let high: f32x16 = cast(avx._mm512_permutexvar_ps(high, table));
    Some([same(low)?, same(high)?])
}
