//! A weight in bf16 in panels of neighbouring outputs, two inputs after two inputs.

use std::arch::x86_64::{
    _mm512_cvtepu16_epi32, _mm512_or_si512, _mm512_setzero_ps, _mm512_slli_epi32,
};
use std::ops::Range;

use pulp::cast;
use pulp::core_arch::x86::Avx512f;

use crate::flex::product_few_rows::{Along, Form};
use crate::flex::simd::lanes::x86::columns;

/// Outputs of a vector.
pub(super) const VECTOR: usize = 16;

/// Vectors of a panel.
pub(super) const VECTORS: usize = 4;

/// Outputs of a panel.
pub(super) const WIDE: usize = VECTOR * VECTORS;

/// The weights of two inputs in a panel, the first in the lower half of each number.
#[derive(Debug, Clone, Copy)]
#[repr(align(64))]
pub(super) struct Row(pub(super) [[u32; VECTOR]; VECTORS]);

pub(super) const EMPTY: Row = Row([[0; VECTOR]; VECTORS]);

/// A panel that is packed.
pub(super) struct Panel<'a> {
    pub(super) rows: &'a mut [Row],
    pub(super) weight: &'a [u16],
    pub(super) form: Form,
    /// At most [`WIDE`].
    pub(super) outputs: Range<usize>,
    pub(super) avx: Avx512f,
}

/// Writes a panel; what it has beyond the last output or input is 0.
#[target_feature(enable = "avx512bf16")]
pub(super) fn pack(panel: Panel<'_>) {
    match panel.form.along {
        Along::Outputs => panel.by_inputs(),
        Along::Inputs => panel.by_outputs(),
    }
}

impl Panel<'_> {
    /// Of a weight whose outputs are neighbours in memory: two lines of it are joined.
    #[target_feature(enable = "avx512bf16")]
    fn by_inputs(self) {
        let lines = self.weight.chunks(2 * self.form.outputs);
        for (row, lines) in self.rows.iter_mut().zip(lines) {
            let (first, second) = lines.split_at(self.form.outputs);
            let second = second.get(self.outputs.clone()).unwrap_or_default();
            let first = &first[self.outputs.clone()];
            for (vector, place) in row.0.iter_mut().enumerate() {
                let lower = _mm512_cvtepu16_epi32(cast(piece::<VECTOR>(first, vector)));
                let upper = _mm512_cvtepu16_epi32(cast(piece::<VECTOR>(second, vector)));
                *place = cast(_mm512_or_si512(lower, _mm512_slli_epi32::<16>(upper)));
            }
        }
    }

    /// Of a weight whose inputs are neighbours in memory, and so pairs of them: these are transposed.
    #[target_feature(enable = "avx512bf16")]
    fn by_outputs(self) {
        let inputs = self.form.inputs;
        for vector in 0..VECTORS {
            let mut lines: [&[u16]; VECTOR] = [&[]; VECTOR];
            let outputs = self.outputs.clone().skip(vector * VECTOR);
            for (line, output) in lines.iter_mut().zip(outputs) {
                *line = &self.weight[output * inputs..][..inputs];
            }
            for (at, rows) in self.rows.chunks_mut(VECTOR).enumerate() {
                let mut square = [_mm512_setzero_ps(); VECTOR];
                for (pairs, line) in square.iter_mut().zip(lines) {
                    *pairs = cast(piece::<{ 2 * VECTOR }>(line, at));
                }
                for (row, column) in rows.iter_mut().zip(columns(self.avx, square)) {
                    row.0[vector] = cast(column);
                }
            }
        }
    }
}

/// Piece number `at` of a line, with 0 where the line has ended.
#[inline(always)]
fn piece<const N: usize>(line: &[u16], at: usize) -> [u16; N] {
    let rest = line.get(at * N..).unwrap_or_default();
    if let Some(whole) = rest.first_chunk() {
        return *whole;
    }
    let mut piece = [0; N];
    piece[..rest.len()].copy_from_slice(rest);
    piece
}
