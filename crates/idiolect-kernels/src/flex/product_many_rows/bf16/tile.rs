//! Tiles of the result of a product in bf16: some rows and the outputs of a panel, whose sums stay in registers.

use std::arch::x86_64::{
    __m512, __m512bh, _mm512_cvtneps_pbh, _mm512_dpbf16_ps, _mm512_set1_epi32, _mm512_setzero_ps,
};
use std::array;

use pulp::cast;

use super::pack::{Row, VECTOR, VECTORS, WIDE};

/// Rows of a tile: with four vectors of each, 24 of the 32 registers of AVX-512.
pub(super) const ROWS: usize = 6;

/// Some rows of a product with a packed weight.
pub(super) struct Band<'a> {
    /// The rows of the result.
    pub(super) y: &'a mut [u16],
    /// Values of a row of the result.
    pub(super) outputs: usize,
    /// Two inputs in each number, row after row.
    pub(super) x: &'a [u32],
    pub(super) packed: &'a [Row],
    /// Pairs of inputs.
    pub(super) pairs: usize,
    /// The output that the packed weight begins with.
    pub(super) start: usize,
}

/// Multiplies a band with every panel.
#[target_feature(enable = "avx512bf16")]
pub(super) fn multiply(band: Band<'_>) {
    let Band {
        y,
        outputs,
        x,
        packed,
        pairs,
        start,
    } = band;
    for (panel, first) in packed.chunks_exact(pairs).zip((start..).step_by(WIDE)) {
        let rows = x.chunks(ROWS * pairs).zip(y.chunks_mut(ROWS * outputs));
        for (x, y) in rows {
            let mut tile = Tile { y, outputs, first };
            match x.len() / pairs {
                1 => tile.rows::<1>(x, panel),
                2 => tile.rows::<2>(x, panel),
                3 => tile.rows::<3>(x, panel),
                4 => tile.rows::<4>(x, panel),
                5 => tile.rows::<5>(x, panel),
                _ => tile.rows::<ROWS>(x, panel),
            }
        }
    }
}

/// Where a tile is written.
struct Tile<'a> {
    /// Its rows, all of their outputs.
    y: &'a mut [u16],
    outputs: usize,
    /// The first output of the panel.
    first: usize,
}

impl Tile<'_> {
    #[target_feature(enable = "avx512bf16")]
    fn rows<const R: usize>(&mut self, x: &[u32], panel: &[Row]) {
        let end = self.outputs.min(self.first + WIDE);
        for (y, sums) in self.y.chunks_mut(self.outputs).zip(sums::<R>(x, panel)) {
            let y = &mut y[self.first..end];
            for (y, sums) in y.chunks_mut(VECTOR).zip(sums) {
                let rounded: [u16; VECTOR] = cast(_mm512_cvtneps_pbh(sums));
                y.copy_from_slice(&rounded[..y.len()]);
            }
        }
    }
}

/// The sums over all inputs.
#[target_feature(enable = "avx512bf16")]
fn sums<const R: usize>(x: &[u32], panel: &[Row]) -> [[__m512; VECTORS]; R] {
    let x: [&[u32]; R] = array::from_fn(|row| &x[row * panel.len()..][..panel.len()]);
    let mut sums = [[_mm512_setzero_ps(); VECTORS]; R];
    for (pair, weights) in panel.iter().enumerate() {
        let weights: [__m512bh; VECTORS] = cast(weights.0);
        for (sums, x) in sums.iter_mut().zip(x) {
            let x: __m512bh = cast(_mm512_set1_epi32(x[pair].cast_signed()));
            for (sum, weights) in sums.iter_mut().zip(weights) {
                *sum = _mm512_dpbf16_ps(*sum, x, weights);
            }
        }
    }
    sums
}
