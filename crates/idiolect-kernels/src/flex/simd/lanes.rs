//! Pieces of small whole numbers as vectors of 32 bits each, and those in f32.
//!
//! The processors' own instructions are named where there are any: whether a compiler makes vectors of a loop over 16
//! bytes depends on the code around it, and where it makes none a product takes twenty times as long.

#[cfg(test)]
mod tests;
#[cfg(target_arch = "x86_64")]
pub(crate) mod x86;

use pulp::Simd;

pub(crate) use super::piece::{PAIR, PIECE};

/// A line through whole numbers: `number scale + offset`, rounded twice.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Line {
    pub(crate) scale: f32,
    pub(crate) offset: f32,
}

/// Vectors of a piece.
#[inline(always)]
pub(crate) const fn per_piece<S: Simd>() -> usize {
    PIECE / S::F32_LANES
}

/// Whether there are 32 registers, as of AVX-512 and NEON, and not 16.
#[inline(always)]
pub(crate) const fn has_many_registers<S: Simd>() -> bool {
    matches!(S::F32_LANES, 4 | 16)
}

/// Vector number `at` of a piece of bytes without a sign.
#[inline(always)]
pub(crate) fn of_bytes<S: Simd>(simd: S, bytes: &[i8; PIECE], at: usize) -> S::u32s {
    #[cfg(target_arch = "x86_64")]
    if let Some(found) = x86::of_bytes(simd, bytes, at) {
        return found;
    }
    let _ = simd;
    let wide = bytes.map(|byte| u32::from(byte.cast_unsigned()));
    S::as_simd_u32s(&wide).0[at]
}

/// Vector number `at` of a piece of bytes with a sign.
#[inline(always)]
pub(crate) fn of_signed_bytes<S: Simd>(simd: S, bytes: &[i8; PIECE], at: usize) -> S::u32s {
    #[cfg(target_arch = "x86_64")]
    if let Some(found) = x86::of_signed_bytes(simd, bytes, at) {
        return found;
    }
    let _ = simd;
    let wide = bytes.map(|byte| i32::from(byte).cast_unsigned());
    S::as_simd_u32s(&wide).0[at]
}

/// Vector number `at` of a piece of numbers of 16 bits without a sign.
#[inline(always)]
pub(crate) fn of_words<S: Simd>(simd: S, words: &[u16; PIECE], at: usize) -> S::u32s {
    #[cfg(target_arch = "x86_64")]
    if let Some(found) = x86::of_words(simd, words, at) {
        return found;
    }
    let _ = simd;
    S::as_simd_u32s(&words.map(u32::from)).0[at]
}

/// The lower halves of numbers of 32 bits, whose upper halves are 0.
#[inline(always)]
pub(crate) fn lower_words<S: Simd>(simd: S, numbers: &[u32; PIECE]) -> [u16; PIECE] {
    #[cfg(target_arch = "x86_64")]
    if let Some(found) = x86::lower_words(simd, numbers) {
        return found;
    }
    let _ = simd;
    #[allow(clippy::cast_possible_truncation, reason = "what is cut off is 0")]
    numbers.map(|number| number as u16)
}

/// Vector number `at` of a piece of bits: bit `i` is the lowest of lane `i`, and what stands above it is not cleared.
#[inline(always)]
pub(crate) fn of_bits<S: Simd>(simd: S, bits: u32, at: usize) -> S::u32s {
    simd.wrapping_dyn_shr_u32s(simd.splat_u32s(bits), places::<S>(at))
}

/// The lower halves of bytes, and the upper ones.
#[inline(always)]
pub(crate) fn halves<S: Simd>(simd: S, bytes: S::u32s) -> [S::u32s; PAIR] {
    [
        simd.and_u32s(bytes, simd.splat_u32s(0xf)),
        right(simd, bytes, 4),
    ]
}

/// The bits moved down.
#[inline(always)]
pub(crate) fn right<S: Simd>(simd: S, bits: S::u32s, by: u32) -> S::u32s {
    simd.wrapping_dyn_shr_u32s(bits, simd.splat_u32s(by))
}

/// The bits moved up.
#[inline(always)]
pub(crate) fn left<S: Simd>(simd: S, bits: S::u32s, by: u32) -> S::u32s {
    simd.wrapping_dyn_shl_u32s(bits, simd.splat_u32s(by))
}

/// Numbers with a sign times a scale.
#[inline(always)]
pub(crate) fn scaled<S: Simd>(simd: S, whole: S::u32s, scale: f32) -> S::f32s {
    simd.mul_f32s(as_float(simd, whole), simd.splat_f32s(scale))
}

/// Numbers less `zero`, times a scale.
#[inline(always)]
pub(crate) fn centred<S: Simd>(simd: S, whole: S::u32s, zero: u32, scale: f32) -> S::f32s {
    scaled(simd, simd.sub_u32s(whole, simd.splat_u32s(zero)), scale)
}

/// Numbers on a line.
#[inline(always)]
pub(crate) fn on_line<S: Simd>(simd: S, whole: S::u32s, line: Line) -> S::f32s {
    simd.add_f32s(
        scaled(simd, whole, line.scale),
        simd.splat_f32s(line.offset),
    )
}

/// Vector number `at` of the lower halves of bytes less eight, times a scale, and of the upper ones.
#[inline(always)]
pub(crate) fn centred_halves<S: Simd>(
    simd: S,
    bytes: &[i8; PIECE],
    at: usize,
    scale: f32,
) -> [S::f32s; PAIR] {
    const ZERO: u32 = 8;
    #[cfg(target_arch = "x86_64")]
    {
        let table = centred(simd, places::<S>(0), ZERO, scale);
        if let Some(found) = x86::looked_up(simd, bytes, table) {
            return found;
        }
    }
    let [low, high] = halves(simd, of_bytes(simd, bytes, at));
    [
        centred(simd, low, ZERO, scale),
        centred(simd, high, ZERO, scale),
    ]
}

/// Vector number `at` of the lower halves of bytes on a line, and of the upper ones.
#[inline(always)]
pub(crate) fn halves_on_line<S: Simd>(
    simd: S,
    bytes: &[i8; PIECE],
    at: usize,
    line: Line,
) -> [S::f32s; PAIR] {
    #[cfg(target_arch = "x86_64")]
    {
        let table = on_line(simd, places::<S>(0), line);
        if let Some(found) = x86::looked_up(simd, bytes, table) {
            return found;
        }
    }
    let [low, high] = halves(simd, of_bytes(simd, bytes, at));
    [on_line(simd, low, line), on_line(simd, high, line)]
}

/// The columns of as many rows as a vector has numbers, where the processor has instructions for it.
#[inline(always)]
pub(crate) fn transposed<S: Simd, const N: usize>(
    simd: S,
    rows: [S::f32s; N],
) -> Option<[S::f32s; N]> {
    #[cfg(target_arch = "x86_64")]
    return x86::transposed(simd, rows);
    #[cfg(not(target_arch = "x86_64"))]
    {
        let _ = (simd, rows);
        None
    }
}

/// Vector number `at` of the places of a piece.
#[inline(always)]
fn places<S: Simd>(at: usize) -> S::u32s {
    const PLACES: [u32; PIECE] = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15];
    S::as_simd_u32s(&PLACES).0[at]
}

/// Numbers with a sign, of less than 2^22, in f32.
#[inline(always)]
pub(crate) fn as_float<S: Simd>(simd: S, whole: S::u32s) -> S::f32s {
    /// Around here a unit in the last place is 1, so that the lowest bits are those of a whole number.
    const BASE: f32 = (3_u32 << 22) as f32;
    #[cfg(target_arch = "x86_64")]
    if let Some(found) = x86::as_float(simd, whole) {
        return found;
    }
    let bits = simd.add_u32s(whole, simd.splat_u32s(BASE.to_bits()));
    simd.sub_f32s(simd.transmute_f32s_u32s(bits), simd.splat_f32s(BASE))
}
