//! Slices of bf16 in f32, and f32 rounded to the nearest bf16, of two the even one.

use burn::tensor::bf16;
use half::slice::HalfFloatSliceExt;
use pulp::{Arch, Simd, WithSimd};

use super::lanes::{PIECE, left, lower_words, of_words, right};

/// Writes the values of `from` to `to`, which is as long.
pub(crate) fn widen(from: &[bf16], to: &mut [f32]) {
    Arch::new().dispatch(Widen { from, to });
}

/// As [`widen`], with vectors that are chosen already.
#[inline(always)]
pub(crate) fn widen_by<S: Simd>(simd: S, from: &[bf16], to: &mut [f32]) {
    Widen { from, to }.with_simd(simd);
}

/// Writes the values of `from` to `to`, which is as long, rounded.
pub(crate) fn narrow(from: &[f32], to: &mut [bf16]) {
    Arch::new().dispatch(Narrow { from, to });
}

/// Values rounded to those of bf16. What is not a number stays so.
#[inline(always)]
pub(crate) fn rounded<S: Simd>(simd: S, values: S::f32s) -> S::f32s {
    let bits = rounded_bits(simd, values);
    simd.transmute_f32s_u32s(left(simd, bits, u16::BITS))
}

/// The bits of bf16 in the lower halves of numbers.
#[inline(always)]
fn rounded_bits<S: Simd>(simd: S, values: S::f32s) -> S::u32s {
    /// In the upper half of what is not a number, so that it stays none.
    const QUIET: u32 = 1 << 22;
    let bits = simd.transmute_u32s_f32s(values);
    let odd = simd.and_u32s(right(simd, bits, u16::BITS), simd.splat_u32s(1));
    let half = simd.add_u32s(odd, simd.splat_u32s(0x7fff));
    let is_number = simd.equal_f32s(values, values);
    let none = simd.or_u32s(bits, simd.splat_u32s(QUIET));
    let up = simd.select_u32s(is_number, simd.add_u32s(bits, half), none);
    right(simd, up, u16::BITS)
}

struct Widen<'a> {
    from: &'a [bf16],
    to: &'a mut [f32],
}

impl WithSimd for Widen<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let (from, from_rest) = self.from.reinterpret_cast().as_chunks::<PIECE>();
        let (to, to_rest) = self.to.as_chunks_mut::<PIECE>();
        for (from, to) in from.iter().zip(to) {
            for (at, to) in S::as_mut_simd_f32s(to).0.iter_mut().enumerate() {
                let bits = left(simd, of_words(simd, from, at), u16::BITS);
                *to = simd.transmute_f32s_u32s(bits);
            }
        }
        for (from, to) in from_rest.iter().zip(to_rest) {
            *to = bf16::from_bits(*from).to_f32();
        }
    }
}

struct Narrow<'a> {
    from: &'a [f32],
    to: &'a mut [bf16],
}

impl WithSimd for Narrow<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let (from, from_rest) = self.from.as_chunks::<PIECE>();
        let (to, to_rest) = self.to.reinterpret_cast_mut().as_chunks_mut::<PIECE>();
        for (from, to) in from.iter().zip(to) {
            let mut bits = [0; PIECE];
            let vectors = S::as_mut_simd_u32s(&mut bits).0;
            for (bits, values) in vectors.iter_mut().zip(S::as_simd_f32s(from).0) {
                *bits = rounded_bits(simd, *values);
            }
            *to = lower_words(simd, &bits);
        }
        for (from, to) in from_rest.iter().zip(to_rest) {
            *to = bf16::from_f32(*from).to_bits();
        }
    }
}

#[cfg(test)]
mod tests {
    use half::slice::HalfBitsSliceExt;
    use pulp::Scalar;

    use super::*;

    /// Around every bf16: itself, half way to the next, and beside that.
    fn numbers() -> Vec<f32> {
        let around =
            |upper: u32| [0, 1, 0x7fff, 0x8000, 0x8001, 0xffff].map(|low| upper << 16 | low);
        let bits = (0..=u32::from(u16::MAX)).flat_map(around);
        bits.map(f32::from_bits).collect()
    }

    #[test]
    fn numbers_are_rounded_as_one_by_one() {
        let from = numbers();
        let mut to = vec![bf16::ZERO; from.len()];
        let same = |to: &[bf16]| {
            let pairs = from.iter().zip(to);
            let wrong = pairs.filter(|(from, to)| bf16::from_f32(**from).to_bits() != to.to_bits());
            assert_eq!(wrong.map(|(from, _)| from.to_bits()).next(), None);
        };
        narrow(&from, &mut to);
        same(&to);
        to.fill(bf16::ZERO);
        Simd::vectorize(
            Scalar::new(),
            Narrow {
                from: &from,
                to: &mut to,
            },
        );
        same(&to);
        #[cfg(target_arch = "x86_64")]
        if let Some(v3) = pulp::x86::V3::try_new() {
            to.fill(bf16::ZERO);
            Simd::vectorize(
                v3,
                Narrow {
                    from: &from,
                    to: &mut to,
                },
            );
            same(&to);
        }
    }

    #[test]
    fn every_bf16_is_the_same_in_f32_and_back() {
        let bits: Vec<u16> = (0..=u16::MAX).chain([1, 2, 3]).collect();
        let from: &[bf16] = bits.reinterpret_cast();
        let mut wide = vec![0.0; from.len()];
        widen(from, &mut wide);
        let pairs = from.iter().zip(&wide);
        for (from, to) in pairs {
            let same = from.to_f32().to_bits() == to.to_bits();
            assert!(same || from.is_nan() && to.is_nan(), "{from} is {to}");
        }
    }
}
