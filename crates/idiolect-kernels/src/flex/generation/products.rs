//! Products of the few tokens of a pass in generation with several weights at once, which share what is made of the
//! tokens.

use burn::backend::Flex;
use burn::tensor::{DType, Tensor};
use rayon::prelude::*;

use crate::flex::blocks::Read;
use crate::flex::buffer::own::{quantized as own_quantized, untracked};
use crate::flex::buffer::{dense, dims, in_type, tensor, values};
use crate::flex::product_few_rows::{FewRows, Form, Stored};
use crate::flex::{linear, quantized};

/// The product of the tokens of a batch with each weight, all of them at once: the threads that are done with one go on
/// with the next. A weight whose product is not taken comes back.
///
/// # Shapes
///
/// - `x`: `[rows, tokens, inputs]`, few tokens
/// - each of `weights`: `[inputs, outputs]`
/// - each result: `[rows, tokens, outputs]`
pub(crate) fn products<const N: usize>(
    x: &Tensor<3>,
    weights: [Tensor<2>; N],
) -> [Result<Tensor<3>, Tensor<2>>; N] {
    let Some(own) = untracked(x) else {
        // On another device nothing may be touched from another thread.
        return weights.map(Err);
    };
    let ([rows, tokens, inputs], dtype) = (dims(&own), own.dtype());
    let wide = dense(in_type(own, DType::F32));
    let x = FewRows::new(values(&wide), inputs);
    let multiply = |place: &mut Result<Tensor<3>, Tensor<2>>| {
        let Err(weight) = place else { return };
        let [expected, outputs] = weight.dims();
        assert_eq!(inputs, expected, "one row of the weight for each input");
        if let Some(y) = product(&x, weight) {
            let y = in_type(tensor(y, [rows, tokens, outputs]), dtype);
            *place = Ok(Tensor::from_primitive::<Flex>(y));
        }
    };
    let mut products = weights.map(Err);
    match &mut products[..] {
        [one] => multiply(one),
        all => all.par_iter_mut().for_each(multiply),
    }
    products
}

/// `None` where the weight is in a type other than f32 and bf16 and not quantised, or autodiff tracks it.
fn product(x: &FewRows<'_>, weight: &Tensor<2>) -> Option<Vec<f32>> {
    if matches!(weight.dtype(), DType::QFloat(_)) {
        let weight = own_quantized(weight.clone()).ok()?;
        let form = quantized::form(&weight);
        return Some(quantized::read(&weight, Product { x, form }));
    }
    let weight = untracked(weight)?;
    let form = linear::form(&weight)?;
    linear::read(&weight, form, Product { x, form })
}

/// A product that waits for its weight.
struct Product<'a> {
    x: &'a FewRows<'a>,
    form: Form,
}

impl Read for Product<'_> {
    type Output = Vec<f32>;

    fn read<W: Stored>(self, weight: W) -> Vec<f32> {
        self.x.times(weight, self.form)
    }
}
