//! A block of a weight in panels of neighbouring outputs, input after input, in f32.

use std::array;
use std::ops::Range;

use bytemuck::{Pod, Zeroable};
use pulp::{Arch, Simd, WithSimd};
use rayon::prelude::*;

use crate::flex::product_few_rows::{Along, Form, Stored, pair, pair_of_vectors, widen};
use crate::flex::simd::lanes::{PAIR, PIECE, transposed};

/// Outputs that are packed together.
pub(super) const WIDE: usize = LINES * PIECE;

/// Lines of an input for so many outputs.
const LINES: usize = 4;

/// The weights of an input for a piece of neighbouring outputs, at an address that a vector is read from in one go.
#[derive(Debug, Clone, Copy, Zeroable, Pod)]
#[repr(C, align(64))]
pub(super) struct Line(pub(super) [f32; PIECE]);

/// Lines of an input in a panel: as many as a tile has sums for, so that a tile reads the panel from beginning to end.
#[inline(always)]
pub(super) const fn lines<S: Simd>() -> usize {
    if S::F32_LANES >= PIECE { LINES } else { 1 }
}

/// Some inputs and some outputs of a weight.
#[derive(Debug, Clone)]
pub(super) struct Block {
    pub(super) inputs: Range<usize>,
    pub(super) outputs: Range<usize>,
}

/// Writes a block to `packed`, in panels of [`lines`]; what the last [`WIDE`] outputs have beyond the last one is 0.
pub(super) fn pack<W: Stored>(packed: &mut Vec<Line>, weight: W, form: Form, block: &Block) {
    let Block { inputs, outputs } = block;
    let of_part = LINES * inputs.len();
    packed.resize(outputs.len().div_ceil(WIDE) * of_part, Line([0.0; PIECE]));
    let starts = outputs.clone().into_par_iter().step_by(WIDE);
    let parts = packed.par_chunks_exact_mut(of_part).zip(starts);
    parts.for_each(|(lines, start)| {
        let outputs = start..outputs.end.min(start + WIDE);
        let block = Block {
            inputs: inputs.clone(),
            outputs,
        };
        Arch::new().dispatch(Part {
            lines,
            weight,
            form,
            block,
        });
    });
}

/// Panels of [`WIDE`] outputs, with the part of the weight that they take.
struct Part<'a, W> {
    lines: &'a mut [Line],
    weight: W,
    form: Form,
    block: Block,
}

impl<W: Stored> WithSimd for Part<'_, W> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        match self.form.along {
            Along::Outputs => self.by_inputs(simd),
            Along::Inputs => self.by_outputs(simd),
        }
    }
}

impl<W: Stored> Part<'_, W> {
    /// Of a weight whose outputs are neighbours in memory: an input is one part of it.
    #[inline(always)]
    fn by_inputs<S: Simd>(self, simd: S) {
        let Block { inputs, outputs } = self.block;
        let (depth, count) = (inputs.len(), outputs.len());
        // What is beyond the last output stays 0.
        let mut row = [Line([0.0; PIECE]); LINES];
        for (at, input) in inputs.enumerate() {
            let start = input * self.form.outputs + outputs.start;
            let weights = self.weight.part(start, count);
            if lines::<S>() == LINES {
                let row = bytemuck::cast_slice_mut(&mut self.lines[at * LINES..][..LINES]);
                widen(simd, weights, &mut row[..count]);
                row[count..].fill(0.0);
            } else if let (Some(values), WIDE) = (weights.as_f32(), count) {
                for (panel, values) in values.as_chunks().0.iter().enumerate() {
                    self.lines[panel * depth + at] = Line(*values);
                }
            } else {
                let values = bytemuck::cast_slice_mut(&mut row);
                widen(simd, weights, &mut values[..count]);
                for (panel, line) in row.iter().enumerate() {
                    self.lines[panel * depth + at] = *line;
                }
            }
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
        let panels = self.lines.chunks_exact_mut(inputs.len() * lines::<S>());
        for (panel, lines_of_panel) in panels.enumerate() {
            for line in 0..lines::<S>() {
                let first = (panel * lines::<S>() + line) * PIECE;
                let count = outputs.len().saturating_sub(first).min(PIECE);
                let pieces = Pieces {
                    weights: array::from_fn(|i| (i < count).then(|| weights(first + i))),
                    line,
                };
                let group = PAIR * PIECE * W::APART * lines::<S>();
                for (at, inputs) in lines_of_panel.chunks_mut(group).enumerate() {
                    for place in 0..W::APART {
                        let inputs = &mut inputs[PIECE * place * lines::<S>()..];
                        pieces.transpose_pair(simd, at * W::APART + place, inputs);
                    }
                }
            }
        }
    }
}

/// The inputs of some outputs, each where there is such an output.
struct Pieces<W> {
    weights: [Option<W>; PIECE],
    /// The place of the outputs among the lines of an input.
    line: usize,
}

impl<W: Stored> Pieces<W> {
    /// Writes pair number `at` of all outputs to the lines of inputs, which begin with the first input of the pair.
    #[inline(always)]
    fn transpose_pair<S: Simd>(&self, simd: S, at: usize, inputs: &mut [Line]) {
        let is_part = inputs.len() < PAIR * PIECE * lines::<S>() && W::APART == 1;
        let done = !is_part
            && match S::F32_LANES {
                16 => self.transpose_in_registers::<S, 16>(simd, at, inputs),
                8 => self.transpose_in_registers::<S, 8>(simd, at, inputs),
                _ => false,
            };
        if !done {
            self.transpose_by_value(simd, at, inputs);
        }
    }

    /// The same in registers, `N` outputs and inputs at a time, where a vector has as many; whether it was done.
    #[inline(always)]
    fn transpose_in_registers<S: Simd, const N: usize>(
        &self,
        simd: S,
        at: usize,
        inputs: &mut [Line],
    ) -> bool {
        for first in (0..PIECE).step_by(N) {
            for vector in 0..PIECE / N {
                let mut rows = [[simd.splat_f32s(0.0); N]; PAIR];
                for (i, weight) in self.weights[first..first + N].iter().enumerate() {
                    if let Some(weight) = weight {
                        let [low, high] = pair_of_vectors(simd, *weight, at, vector);
                        rows[0][i] = low;
                        rows[1][i] = high;
                    }
                }
                let columns = [transposed(simd, rows[0]), transposed(simd, rows[1])];
                let [Some(low), Some(high)] = columns else {
                    return false;
                };
                for (half, columns) in [low, high].into_iter().enumerate() {
                    let input = half * PIECE * W::APART + vector * N;
                    let inputs = inputs[input * lines::<S>()..].chunks_exact_mut(lines::<S>());
                    for (lines, column) in inputs.zip(columns) {
                        let place = &mut lines[self.line].0[first..first + N];
                        S::as_mut_simd_f32s(place).0[0] = column;
                    }
                }
            }
        }
        true
    }

    /// The same value by value, also where inputs end within the pair.
    #[inline(always)]
    fn transpose_by_value<S: Simd>(&self, simd: S, at: usize, inputs: &mut [Line]) {
        let count = inputs.len() / lines::<S>();
        let is_part = count < PAIR * PIECE && W::APART == 1;
        let mut tile = [[[0.0; PIECE]; PAIR]; PIECE];
        for (tile, weight) in tile.iter_mut().zip(self.weights.iter().flatten()) {
            *tile = if is_part {
                what_is_left(*weight, at, count)
            } else {
                pair(simd, *weight, at)
            };
        }
        for half in 0..PAIR {
            let inputs = inputs
                .chunks_exact_mut(lines::<S>())
                .skip(half * PIECE * W::APART);
            for (input, lines) in inputs.take(PIECE).enumerate() {
                for (value, tile) in lines[self.line].0.iter_mut().zip(&tile) {
                    *value = tile[half][input];
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
