//! A block of a weight in panels of neighbouring outputs, input after input, in f32.

use std::array;
use std::ops::Range;

use pulp::{Arch, Simd, WithSimd};
use rayon::prelude::*;

use crate::flex::product_few_rows::{Along, Form, PAIR, PIECE, Stored, pair, widen};

/// Outputs of a panel: four vectors of AVX-512.
pub(super) const WIDE: usize = 64;

/// The weights of an input in a panel, at an address that a vector is read from in one go.
#[derive(Debug, Clone, Copy)]
#[repr(align(64))]
pub(super) struct Row(pub(super) [f32; WIDE]);

/// Some inputs and some outputs of a weight.
#[derive(Debug, Clone)]
pub(super) struct Block {
    pub(super) inputs: Range<usize>,
    pub(super) outputs: Range<usize>,
}

/// Writes a block to `packed`; what a panel has beyond the last output is 0.
pub(super) fn pack<W: Stored>(packed: &mut Vec<Row>, weight: W, form: Form, block: &Block) {
    let Block { inputs, outputs } = block;
    let panels = outputs.len().div_ceil(WIDE);
    packed.resize(panels * inputs.len(), Row([0.0; WIDE]));
    let starts = outputs.clone().into_par_iter().step_by(WIDE);
    let panels = packed.par_chunks_exact_mut(inputs.len()).zip(starts);
    panels.for_each(|(rows, start)| {
        let outputs = start..outputs.end.min(start + WIDE);
        let block = Block {
            inputs: inputs.clone(),
            outputs,
        };
        Arch::new().dispatch(Panel {
            rows,
            weight,
            form,
            block,
        });
    });
}

/// A panel that is packed, with the part of the weight that it takes.
struct Panel<'a, W> {
    rows: &'a mut [Row],
    weight: W,
    form: Form,
    block: Block,
}

impl<W: Stored> WithSimd for Panel<'_, W> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        match self.form.along {
            Along::Outputs => self.by_inputs(simd),
            Along::Inputs => self.by_outputs(simd),
        }
    }
}

impl<W: Stored> Panel<'_, W> {
    /// Of a weight whose outputs are neighbours in memory: an input is one part of it.
    #[inline(always)]
    fn by_inputs<S: Simd>(self, simd: S) {
        let Block { inputs, outputs } = self.block;
        for (row, input) in self.rows.iter_mut().zip(inputs) {
            let start = input * self.form.outputs + outputs.start;
            let weights = self.weight.part(start, outputs.len());
            widen(simd, weights, &mut row.0[..outputs.len()]);
            row.0[outputs.len()..].fill(0.0);
        }
    }

    /// Of a weight whose inputs are neighbours in memory: inputs and outputs change places, some of each at a time.
    #[inline(always)]
    fn by_outputs<S: Simd>(self, simd: S) {
        let Block { inputs, outputs } = self.block;
        let weights = |output: usize| {
            let start = (outputs.start + output) * self.form.inputs + inputs.start;
            self.weight.part(start, inputs.len())
        };
        for first in (0..WIDE).step_by(PIECE) {
            let count = outputs.len().saturating_sub(first).min(PIECE);
            let weights: [Option<W>; PIECE] =
                array::from_fn(|i| (i < count).then(|| weights(first + i)));
            for (at, rows) in self.rows.chunks_mut(PAIR * PIECE * W::APART).enumerate() {
                for place in 0..W::APART {
                    let mut tile = [[[0.0; PIECE]; PAIR]; PIECE];
                    for (line, weights) in tile.iter_mut().zip(weights.iter().flatten()) {
                        *line = pair_or_less(simd, *weights, at * W::APART + place, rows.len());
                    }
                    for half in 0..PAIR {
                        let rows = rows.iter_mut().skip(PIECE * (place + half * W::APART));
                        for (input, row) in rows.take(PIECE).enumerate() {
                            for (output, line) in tile.iter().enumerate() {
                                row.0[first + output] = line[half][input];
                            }
                        }
                    }
                }
            }
        }
    }
}

/// Pair number `at`, or the `count` values that are left.
#[inline(always)]
fn pair_or_less<S: Simd, W: Stored>(
    simd: S,
    weights: W,
    at: usize,
    count: usize,
) -> [[f32; PIECE]; PAIR] {
    if count >= PAIR * PIECE {
        return pair(simd, weights, at);
    }
    let mut pair = [[0.0; PIECE]; PAIR];
    for (i, value) in pair.as_flattened_mut()[..count].iter_mut().enumerate() {
        *value = weights.value(PAIR * PIECE * at + i);
    }
    pair
}
