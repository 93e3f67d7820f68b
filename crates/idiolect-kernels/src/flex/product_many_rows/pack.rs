//! A block of a weight in panels of neighbouring outputs, input after input, in f32.

use std::array;
use std::ops::Range;

use pulp::{Arch, Simd, WithSimd};
use rayon::prelude::*;

use crate::flex::product_few_rows::{Along, Form, Stored, pair, pair_of_vectors, widen};
use crate::flex::simd::lanes::{PAIR, PIECE, transposed};

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

    /// Of a weight whose inputs are neighbours in memory: it is transposed, some inputs and outputs at a time.
    #[inline(always)]
    fn by_outputs<S: Simd>(self, simd: S) {
        let Block { inputs, outputs } = self.block;
        let weights = |output: usize| {
            let start = (outputs.start + output) * self.form.inputs + inputs.start;
            self.weight.part(start, inputs.len())
        };
        for first in (0..WIDE).step_by(PIECE) {
            let count = outputs.len().saturating_sub(first).min(PIECE);
            let lines = Lines {
                weights: array::from_fn(|i| (i < count).then(|| weights(first + i))),
                first,
            };
            let groups = self.rows.chunks_mut(PAIR * PIECE * W::APART);
            for (at, rows) in groups.enumerate() {
                for place in 0..W::APART {
                    lines.transpose_pair(simd, at * W::APART + place, &mut rows[PIECE * place..]);
                }
            }
        }
    }
}

/// The inputs of some outputs, each where there is such an output.
struct Lines<W> {
    weights: [Option<W>; PIECE],
    /// The place of the first output in a row of the panel.
    first: usize,
}

impl<W: Stored> Lines<W> {
    /// Writes pair number `at` of all outputs to `rows`, which begin with the first input of the pair.
    #[inline(always)]
    fn transpose_pair<S: Simd>(&self, simd: S, at: usize, rows: &mut [Row]) {
        if rows.len() < PAIR * PIECE && W::APART == 1
            || !self.transpose_in_registers(simd, at, rows)
        {
            self.transpose_by_value(simd, at, rows);
        }
    }

    /// The same in registers, where a piece is a vector; whether it was done.
    #[inline(always)]
    fn transpose_in_registers<S: Simd>(&self, simd: S, at: usize, rows: &mut [Row]) -> bool {
        if S::F32_LANES != PIECE {
            return false;
        }
        let mut lines = [[simd.splat_f32s(0.0); PIECE]; PAIR];
        for (i, weight) in self.weights.iter().enumerate() {
            if let Some(weight) = weight {
                let [low, high] = pair_of_vectors(simd, *weight, at, 0);
                lines[0][i] = low;
                lines[1][i] = high;
            }
        }
        let columns = [transposed(simd, lines[0]), transposed(simd, lines[1])];
        let [Some(low), Some(high)] = columns else {
            return false;
        };
        for (half, columns) in [low, high].into_iter().enumerate() {
            let rows = rows[half * PIECE * W::APART..].iter_mut();
            for (row, column) in rows.zip(columns) {
                let place = &mut row.0[self.first..self.first + PIECE];
                S::as_mut_simd_f32s(place).0[0] = column;
            }
        }
        true
    }

    /// The same value by value, also where inputs end within the pair.
    #[inline(always)]
    fn transpose_by_value<S: Simd>(&self, simd: S, at: usize, rows: &mut [Row]) {
        let mut tile = [[[0.0; PIECE]; PAIR]; PIECE];
        for (line, weight) in tile.iter_mut().zip(self.weights.iter().flatten()) {
            *line = if rows.len() < PAIR * PIECE && W::APART == 1 {
                what_is_left(*weight, at, rows.len())
            } else {
                pair(simd, *weight, at)
            };
        }
        for half in 0..PAIR {
            let rows = rows.iter_mut().skip(half * PIECE * W::APART);
            for (input, row) in rows.take(PIECE).enumerate() {
                for (output, line) in tile.iter().enumerate() {
                    row.0[self.first + output] = line[half][input];
                }
            }
        }
    }
}

/// The `count` values from pair number `at` on, which are fewer than a pair.
#[inline(always)]
fn what_is_left<W: Stored>(weight: W, at: usize, count: usize) -> [[f32; PIECE]; PAIR] {
    let mut pair = [[0.0; PIECE]; PAIR];
    for (i, value) in pair.as_flattened_mut()[..count].iter_mut().enumerate() {
        *value = weight.value(PAIR * PIECE * at + i);
    }
    pair
}
