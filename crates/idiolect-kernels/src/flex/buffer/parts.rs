//! Steps over tensors in bf16: a part of each is widened in a thread's own memory, computed in f32, and rounded once.
//! No tensor exists in f32.

use burn::tensor::{TensorData, bf16};
use burn_flex::FlexTensor;
use bytemuck::zeroed_vec;
use rayon::prelude::*;

use super::dense;
use crate::flex::simd::bf16::{narrow, widen};

/// The most values of a part of one tensor, where a row has no more.
const PART: usize = 1 << 12;

/// The tensors of a step, in bf16 and all as large.
pub(crate) struct Step<const W: usize, const R: usize> {
    /// Those that results replace, in their memory where nothing else owns it.
    pub(crate) written: [FlexTensor; W],
    pub(crate) read: [FlexTensor; R],
    /// Values that are computed together: a part is a whole number of such rows.
    pub(crate) row: usize,
}

impl<const W: usize, const R: usize> Step<W, R> {
    /// What `compute` makes of the parts of the tensors that are written, in f32.
    pub(crate) fn run(
        self,
        compute: impl Fn([&mut [f32]; W], [&[f32]; R]) + Sync,
    ) -> [FlexTensor; W] {
        let row = self.row.max(1);
        let part = (PART / row).max(1) * row;
        let read = self.read.map(dense);
        let mut written = self.written.map(|tensor| Written::new(dense(tensor)));
        jobs(&mut written, &read, part)
            .into_par_iter()
            .for_each_init(
                || vec![0.0; (W + R) * part],
                |memory, job| job.run(memory, part, &compute),
            );
        written.map(|written| written.result)
    }
}

/// A tensor that is written.
struct Written {
    /// What is read; `None` where it is overwritten.
    source: Option<FlexTensor>,
    result: FlexTensor,
}

impl Written {
    fn new(tensor: FlexTensor) -> Self {
        if tensor.is_unique() {
            return Self {
                source: None,
                result: tensor,
            };
        }
        let shape = tensor.layout().shape().clone();
        let values: Vec<bf16> = zeroed_vec(shape.num_elements());
        Self {
            source: Some(tensor),
            result: FlexTensor::from_data(TensorData::new(values, shape)),
        }
    }

    /// Its parts: what is read, where it is something else, and what is written.
    fn parts(&mut self, part: usize) -> impl Iterator<Item = (Option<&[bf16]>, &mut [bf16])> {
        let source = self.source.as_ref().map(FlexTensor::storage::<bf16>);
        let results = self.result.storage_mut::<bf16>().chunks_mut(part);
        results.enumerate().map(move |(at, result)| {
            let start = at * part;
            (
                source.map(|source| &source[start..start + result.len()]),
                result,
            )
        })
    }
}

/// A part of every tensor.
struct Job<'a, const W: usize, const R: usize> {
    written: [(Option<&'a [bf16]>, &'a mut [bf16]); W],
    read: [&'a [bf16]; R],
}

fn jobs<'a, const W: usize, const R: usize>(
    written: &'a mut [Written; W],
    read: &'a [FlexTensor; R],
    part: usize,
) -> Vec<Job<'a, W, R>> {
    let first = written.first().map(|first| &first.result);
    let count = first.map_or(0, |first| first.layout().num_elements().div_ceil(part));
    let mut written = written.each_mut().map(|written| written.parts(part));
    let mut read = read
        .each_ref()
        .map(|tensor| tensor.storage::<bf16>().chunks(part));
    let job = |_| Job {
        written: written
            .each_mut()
            .map(|parts| parts.next().unwrap_or_default()),
        read: read
            .each_mut()
            .map(|parts| parts.next().unwrap_or_default()),
    };
    (0..count).map(job).collect()
}

impl<const W: usize, const R: usize> Job<'_, W, R> {
    fn run(self, memory: &mut [f32], part: usize, compute: &impl Fn([&mut [f32]; W], [&[f32]; R])) {
        let mut memory = memory.chunks_mut(part);
        let mut wide = |values: &[bf16]| {
            let (wide, _) = memory.next().unwrap_or_default().split_at_mut(values.len());
            widen(values, wide);
            wide
        };
        let mut results = self
            .written
            .each_ref()
            .map(|(source, result)| wide(source.unwrap_or(result)));
        let read = self.read.map(|values| &*wide(values));
        compute(results.each_mut().map(|result| &mut **result), read);
        for ((_, place), result) in self.written.into_iter().zip(results) {
            narrow(result, place);
        }
    }
}
