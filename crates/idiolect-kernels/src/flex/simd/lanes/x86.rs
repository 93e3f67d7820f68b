//! What AVX-512 and AVX2 have an instruction for; `None` for other vectors.

use std::any::Any;

use std::arch::x86_64::{__m256, __m256i, __m512};

use pulp::core_arch::x86::{Avx, Avx512f};
use pulp::x86::{V3, V4};
use pulp::{Simd, cast, f32x8, f32x16, u32x8, u32x16};

use crate::flex::simd::piece::{PAIR, PIECE};

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
pub(super) fn lower_words<S: Simd>(simd: S, numbers: &[u32; PIECE]) -> Option<[u16; PIECE]> {
    if let Some(v4) = same::<S, V4>(simd) {
        return Some(cast(v4.avx512f._mm512_cvtepi32_epi16(cast(*numbers))));
    }
    let v3 = same::<S, V3>(simd)?;
    let [low, high] = cast::<_, [__m256i; 2]>(*numbers);
    // Fours of either, in turn.
    let packed = v3.avx2._mm256_packus_epi32(low, high);
    Some(cast(
        v3.avx2._mm256_permute4x64_epi64::<0b11_01_10_00>(packed),
    ))
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

/// As of the module above.
#[inline(always)]
pub(super) fn transposed<S: Simd, const N: usize>(
    simd: S,
    rows: [S::f32s; N],
) -> Option<[S::f32s; N]> {
    if let Some(v4) = same::<S, V4>(simd) {
        let rows = cast(same::<_, [f32x16; 16]>(rows)?);
        return same::<[f32x16; 16], _>(cast(columns(v4.avx512f, rows)));
    }
    let avx = same::<S, V3>(simd)?.avx;
    let rows = cast(same::<_, [f32x8; 8]>(rows)?);
    same::<[f32x8; 8], _>(cast(columns_of_eight(avx, rows)))
}

/// Columns of eight rows of eight values.
#[inline(always)]
fn columns_of_eight(avx: Avx, rows: [__m256; 8]) -> [__m256; 8] {
    let mut pairs = rows;
    for i in (0..8).step_by(2) {
        pairs[i] = avx._mm256_unpacklo_ps(rows[i], rows[i + 1]);
        pairs[i + 1] = avx._mm256_unpackhi_ps(rows[i], rows[i + 1]);
    }
    // Of four rows the same two columns of each group of four.
    let mut fours = pairs;
    for i in (0..8).step_by(4) {
        for j in 0..2 {
            let (first, second) = (cast(pairs[i + j]), cast(pairs[i + j + 2]));
            fours[i + 2 * j] = cast(avx._mm256_unpacklo_pd(first, second));
            fours[i + 2 * j + 1] = cast(avx._mm256_unpackhi_pd(first, second));
        }
    }
    let mut columns = fours;
    for j in 0..4 {
        let (first, second) = (fours[j], fours[j + 4]);
        columns[j] = avx._mm256_permute2f128_ps::<0x20>(first, second);
        columns[j + 4] = avx._mm256_permute2f128_ps::<0x31>(first, second);
    }
    columns
}

/// Columns of sixteen rows of sixteen values.
#[inline(always)]
pub(crate) fn columns(avx: Avx512f, rows: [__m512; PIECE]) -> [__m512; PIECE] {
    let mut pairs = rows;
    for i in (0..PIECE).step_by(2) {
        pairs[i] = avx._mm512_unpacklo_ps(rows[i], rows[i + 1]);
        pairs[i + 1] = avx._mm512_unpackhi_ps(rows[i], rows[i + 1]);
    }
    // Of four rows the same two columns of each group of four.
    let mut fours = pairs;
    for i in (0..PIECE).step_by(4) {
        for j in 0..2 {
            let (first, second) = (cast(pairs[i + j]), cast(pairs[i + j + 2]));
            fours[i + 2 * j] = cast(avx._mm512_unpacklo_pd(first, second));
            fours[i + 2 * j + 1] = cast(avx._mm512_unpackhi_pd(first, second));
        }
    }
    let mut columns = fours;
    for j in 0..4 {
        let [a, b, c, d] = [fours[j], fours[j + 4], fours[j + 8], fours[j + 12]];
        let (ab_even, ab_odd) = (
            avx._mm512_shuffle_f32x4::<0x88>(a, b),
            avx._mm512_shuffle_f32x4::<0xdd>(a, b),
        );
        let (cd_even, cd_odd) = (
            avx._mm512_shuffle_f32x4::<0x88>(c, d),
            avx._mm512_shuffle_f32x4::<0xdd>(c, d),
        );
        columns[j] = avx._mm512_shuffle_f32x4::<0x88>(ab_even, cd_even);
        columns[j + 4] = avx._mm512_shuffle_f32x4::<0x88>(ab_odd, cd_odd);
        columns[j + 8] = avx._mm512_shuffle_f32x4::<0xdd>(ab_even, cd_even);
        columns[j + 12] = avx._mm512_shuffle_f32x4::<0xdd>(ab_odd, cd_odd);
    }
    columns
}
