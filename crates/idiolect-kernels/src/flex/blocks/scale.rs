//! What a block of 32 begins with: a factor for its values, and with some kinds an offset.

use std::marker::PhantomData;

use burn::tensor::f16;
use pulp::Simd;

use super::kind::{float, word};
use crate::flex::simd::lanes::{
    Line, PAIR, PIECE, centred, centred_halves, halves_on_line, on_line,
};

/// What a block begins with.
pub(super) trait Scale: Copy + Send + Sync + 'static {
    /// What is stored, in f32.
    type Value: Copy;

    /// How many bytes it takes.
    const BYTES: usize;

    /// Reads it from the start of a block.
    fn of<const N: usize>(block: &[i8; N]) -> Self::Value;

    /// The values of whole numbers, less `zero` where the scale has no offset.
    fn scaled<S: Simd>(simd: S, whole: S::u32s, zero: u32, scale: Self::Value) -> S::f32s;

    /// Vector number `at` of the values of the lower halves of bytes, less eight where the scale has no offset, and of the
    /// upper ones.
    fn halves<S: Simd>(
        simd: S,
        bytes: &[i8; PIECE],
        at: usize,
        scale: Self::Value,
    ) -> [S::f32s; PAIR];
}

/// A factor alone.
#[derive(Clone, Copy)]
pub(super) struct Factor<F>(PhantomData<F>);

/// A type of factors.
pub(super) trait Float: Copy + Send + Sync + 'static {
    /// The number in the first bytes of a block.
    fn first<const N: usize>(block: &[i8; N]) -> f32;
}

impl Float for f16 {
    #[inline(always)]
    fn first<const N: usize>(block: &[i8; N]) -> f32 {
        float(block, 0)
    }
}

impl Float for f32 {
    #[inline(always)]
    fn first<const N: usize>(block: &[i8; N]) -> f32 {
        Self::from_bits(word(block, 0))
    }
}

impl<F: Float> Scale for Factor<F> {
    type Value = f32;

    const BYTES: usize = size_of::<F>();

    #[inline(always)]
    fn of<const N: usize>(block: &[i8; N]) -> f32 {
        F::first(block)
    }

    #[inline(always)]
    fn scaled<S: Simd>(simd: S, whole: S::u32s, zero: u32, scale: f32) -> S::f32s {
        centred(simd, whole, zero, scale)
    }

    #[inline(always)]
    fn halves<S: Simd>(simd: S, bytes: &[i8; PIECE], at: usize, scale: f32) -> [S::f32s; PAIR] {
        centred_halves(simd, bytes, at, scale)
    }
}

/// A factor and an offset, both in f16.
#[derive(Clone, Copy)]
pub(super) struct FactorAndOffset;

impl Scale for FactorAndOffset {
    type Value = Line;

    const BYTES: usize = 2 * size_of::<f16>();

    #[inline(always)]
    fn of<const N: usize>(block: &[i8; N]) -> Line {
        Line {
            scale: float(block, 0),
            offset: float(block, 2),
        }
    }

    #[inline(always)]
    fn scaled<S: Simd>(simd: S, whole: S::u32s, _: u32, line: Line) -> S::f32s {
        on_line(simd, whole, line)
    }

    #[inline(always)]
    fn halves<S: Simd>(simd: S, bytes: &[i8; PIECE], at: usize, line: Line) -> [S::f32s; PAIR] {
        halves_on_line(simd, bytes, at, line)
    }
}
