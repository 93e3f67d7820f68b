//! Flex tensors as slices, read in place where their layout allows it.

pub(super) mod own;
pub(super) mod parts;

use burn::tensor::{DType, Element, Shape, TensorData};
use burn_flex::{FlexTensor, Layout};
use bytemuck::{Zeroable, zeroed_vec};
use rayon::prelude::*;

use super::simd::TASK;
use super::simd::bf16::{narrow, widen};

/// The tensor in row-major order that fills its memory: itself, or a copy where it is not.
pub(super) fn dense(tensor: FlexTensor) -> FlexTensor {
    let whole = tensor.to_contiguous();
    // Otherwise the result and the argument would count as two owners of one memory.
    drop(tensor);
    whole
}

/// A tensor over new values in row-major order.
pub(super) fn tensor<E: Element, const D: usize>(values: Vec<E>, shape: [usize; D]) -> FlexTensor {
    FlexTensor::from_data(TensorData::new(values, shape))
}

/// The sizes of a tensor of `D` axes.
pub(super) fn dims<const D: usize>(tensor: &FlexTensor) -> [usize; D] {
    let shape = tensor.layout().shape();
    std::array::from_fn(|axis| shape[axis])
}

/// A four-dimensional tensor whose last axis is contiguous; the strides of the others are free.
pub(super) struct Rows<'a, E = f32> {
    values: &'a [E],
    start: usize,
    strides: [usize; 3],
    width: usize,
}

impl<'a> Rows<'a> {
    /// The rows of a tensor that [`readable`] returned.
    pub(super) fn new(tensor: &'a FlexTensor) -> Self {
        let strides = tensor.layout().strides();
        let stride = |axis: usize| strides[axis].unsigned_abs();
        Self {
            values: tensor.storage(),
            start: tensor.layout().start_offset(),
            strides: [stride(0), stride(1), stride(2)],
            width: tensor.layout().shape()[3],
        }
    }
}

impl<'a, E> Rows<'a, E> {
    /// Rows of `width` values with a stride for each of the first three indices.
    pub(super) fn strided(values: &'a [E], strides: [usize; 3], width: usize) -> Self {
        Self {
            values,
            start: 0,
            strides,
            width,
        }
    }

    /// The row at the first three indices; an axis of length 1 takes any index.
    #[inline(always)]
    pub(super) fn get(&self, at: [usize; 3]) -> &'a [E] {
        let [a, b, c] = self.strides;
        let start = self.start + at[0] * a + at[1] * b + at[2] * c;
        &self.values[start..start + self.width]
    }
}

/// A tensor that [`Rows`] can read: itself, or a copy where its last axis is not contiguous.
pub(super) fn readable(tensor: FlexTensor) -> FlexTensor {
    let layout = tensor.layout();
    let strides = layout.strides();
    let along_memory = strides[3] == 1 || layout.shape()[3] == 1;
    if !along_memory || strides.iter().any(|stride| *stride < 0) {
        return dense(tensor);
    }
    // Broadcasting an axis of length 1 is a stride of 0.
    let strides: Vec<isize> = (0..4)
        .map(|axis| {
            if layout.shape()[axis] == 1 {
                0
            } else {
                strides[axis]
            }
        })
        .collect();
    let layout = Layout::new(layout.shape().clone(), strides, layout.start_offset());
    tensor.with_layout(layout)
}

/// Values of `[a, c, b, width]` seen as `[a, b, c, width]`.
pub(super) fn swapped(values: Vec<f32>, [a, b, c, width]: [usize; 4]) -> FlexTensor {
    let layout = Layout::contiguous(Shape::new([a, c, b, width])).permute(&[0, 2, 1, 3]);
    tensor(values, [a, c, b, width]).with_layout(layout)
}

/// Whether the second axis is inside the third in memory, as in a projection that is viewed by heads.
pub(super) fn is_swapped(tensor: &FlexTensor) -> bool {
    let strides = tensor.layout().strides();
    strides[2] > strides[1] && strides[1] > 0
}

/// Whether a tensor may be overwritten: nothing else owns its memory, and it fills it in order, with heads outside
/// tokens or, where `by_token`, inside.
pub(super) fn is_free(tensor: &FlexTensor, by_token: bool) -> bool {
    let layout = tensor.layout();
    let whole = tensor.storage::<f32>().len() == layout.num_elements();
    let in_order = if by_token {
        layout.permute(&[0, 2, 1, 3]).is_contiguous()
    } else {
        layout.is_contiguous()
    };
    tensor.is_unique() && whole && in_order
}

/// The values of a tensor that [`dense`] returned.
pub(super) fn values(tensor: &FlexTensor) -> &[f32] {
    debug_assert_eq!(tensor.dtype(), DType::F32);
    tensor.storage()
}

/// The tensor in f32 or bf16, of which it is one.
pub(super) fn in_type(x: FlexTensor, dtype: DType) -> FlexTensor {
    if x.dtype() == dtype {
        return x;
    }
    // Its own order of memory is kept where all of that is its own.
    let is_whole = x.layout().num_elements() * x.dtype().size() == x.bytes().len();
    let x = if is_whole { x } else { dense(x) };
    if dtype == DType::BF16 {
        like(&x, converted(x.storage(), narrow))
    } else {
        like(&x, converted(x.storage(), widen))
    }
}

/// Values in another type, on all threads.
fn converted<A: Sync, B: Zeroable + Send>(
    from: &[A],
    convert: impl Fn(&[A], &mut [B]) + Sync,
) -> Vec<B> {
    let mut to = zeroed_vec(from.len());
    let parts = to.par_chunks_mut(TASK).zip(from.par_chunks(TASK));
    parts.for_each(|(to, from)| convert(from, to));
    to
}

/// A tensor over new values in the order of memory of another.
fn like<E: Element>(x: &FlexTensor, values: Vec<E>) -> FlexTensor {
    let count = values.len();
    FlexTensor::from_data(TensorData::new(values, [count])).with_layout(x.layout().clone())
}
