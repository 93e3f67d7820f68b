//! Products with a frozen weight: of a few rows as in generation, of many as in training and for prompts.
//!
//! Rows in bf16 are widened to f32, in which everything is multiplied and added up; the result is rounded once. Where the
//! processor multiplies bf16, many rows are not widened.

use std::ops::Range;

use burn::backend::Flex;
use burn::backend::ops::ModuleOps;
use burn::tensor::{DType, bf16};
use burn_flex::FlexTensor;

use super::blocks::Read;
use super::buffer::{dense, dims, in_type, tensor, values};
use super::product_few_rows::{self, Along, Form, MOST_ROWS, Stored};
use super::product_many_rows;

/// How many rows a product has.
#[derive(Debug, Clone, Copy)]
pub(super) enum Rows {
    /// As many as training has, however few: an example alone has the sums that it has in a batch.
    Many,
    /// Few in generation, where reading the weight is what counts, or many in a prompt.
    Either,
}

impl Rows {
    /// Whether so many values are few rows of so many inputs.
    fn are_few(self, values: usize, inputs: usize) -> bool {
        matches!(self, Self::Either) && values <= MOST_ROWS * inputs
    }
}

/// `x W`, `[rows, tokens, out]`.
pub(super) fn forward(x: FlexTensor, weight: FlexTensor) -> FlexTensor {
    let y = form(&weight).and_then(|form| by_type::<3>(&x, &weight, form, Rows::Many));
    y.unwrap_or_else(|| Flex::linear(x, weight, None))
}

/// The gradient of `x`, `[rows, tokens, in]`: the product with the transposed weight.
pub(super) fn backward(dy: FlexTensor, weight: FlexTensor) -> FlexTensor {
    let form = form(&weight).map(Form::transposed);
    let dx = form.and_then(|form| by_type::<3>(&dy, &weight, form, Rows::Many));
    dx.unwrap_or_else(|| Flex::linear_x_backward(weight, dy))
}

/// `x W`, `[rows, out]`; `None` where one is in a type other than f32 and bf16, or neither the inputs nor the outputs
/// of the weight are neighbours in memory.
pub(super) fn product(x: &FlexTensor, weight: &FlexTensor) -> Option<FlexTensor> {
    by_type::<2>(x, weight, form(weight)?, Rows::Either)
}

/// The product of rows, `[.., inputs]`, with a weight as it is stored: `[.., outputs]`, in the type of the rows.
/// `None` where that is neither f32 nor bf16.
pub(super) fn times<W: Stored, const D: usize>(
    x: &FlexTensor,
    weight: W,
    form: Form,
    rows: Rows,
) -> Option<FlexTensor> {
    let (dtype, mut shape) = (x.dtype(), dims::<D>(x));
    if !matches!(dtype, DType::F32 | DType::BF16) {
        return None;
    }
    shape[D - 1] = form.outputs;
    let x = dense(in_type(x.clone(), DType::F32));
    let x = values(&x);
    let y = if rows.are_few(x.len(), form.inputs) {
        product_few_rows::times(x, weight, form)
    } else {
        product_many_rows::times(x, weight, form)
    };
    Some(in_type(tensor(y, shape), dtype))
}

fn by_type<const D: usize>(
    x: &FlexTensor,
    weight: &FlexTensor,
    form: Form,
    rows: Rows,
) -> Option<FlexTensor> {
    let in_bf16 = || match weight.dtype() {
        DType::BF16 => in_bf16::<D>(x, weight, form, rows),
        _ => None,
    };
    in_bf16().or_else(|| read(weight, form, Product::<D> { x, form, rows }).flatten())
}

/// Does something with a weight as it is stored; `None` where that is neither in f32 nor in bf16.
pub(super) fn read<R: Read>(weight: &FlexTensor, form: Form, reader: R) -> Option<R::Output> {
    let place = place(weight, form);
    match weight.dtype() {
        DType::F32 => Some(reader.read(&weight.storage::<f32>()[place])),
        DType::BF16 => Some(reader.read(&weight.storage::<bf16>()[place])),
        _ => None,
    }
}

/// Where in its memory a weight lies.
fn place(weight: &FlexTensor, form: Form) -> Range<usize> {
    let start = weight.layout().start_offset();
    start..start + form.inputs * form.outputs
}

/// A product that waits for its weight.
pub(super) struct Product<'a, const D: usize> {
    pub(super) x: &'a FlexTensor,
    pub(super) form: Form,
    pub(super) rows: Rows,
}

impl<const D: usize> Read for Product<'_, D> {
    type Output = Option<FlexTensor>;

    fn read<W: Stored>(self, weight: W) -> Option<FlexTensor> {
        times::<_, D>(self.x, weight, self.form, self.rows)
    }
}

/// The product of many rows in bf16 where the processor has products of bf16.
fn in_bf16<const D: usize>(
    x: &FlexTensor,
    weight: &FlexTensor,
    form: Form,
    rows: Rows,
) -> Option<FlexTensor> {
    let values = x.layout().num_elements();
    if x.dtype() != DType::BF16 || rows.are_few(values, form.inputs) {
        return None;
    }
    let mut shape = dims::<D>(x);
    shape[D - 1] = form.outputs;
    let weight = &weight.storage()[place(weight, form)];
    let y = product_many_rows::in_bf16(dense(x.clone()).storage(), weight, form)?;
    Some(tensor(y, shape))
}

/// The form of a weight; `None` where neither its inputs nor its outputs are neighbours in memory.
pub(super) fn form(weight: &FlexTensor) -> Option<Form> {
    let ([inputs, outputs], layout) = (dims(weight), weight.layout());
    let along = if layout.is_contiguous() {
        Along::Outputs
    } else if layout.permute(&[1, 0]).is_contiguous() {
        Along::Inputs
    } else {
        return None;
    };
    Some(Form {
        inputs,
        outputs,
        along,
    })
}
