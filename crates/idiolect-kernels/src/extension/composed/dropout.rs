//! What dropout leaves of a tensor. It is its own backward: the gradient of what was left out is 0.

use burn::backend::tensor::{FloatTensor, IntTensor};
use burn::backend::{Backend, TensorMetadata, get_device_settings};
use burn::tensor::TensorData;

use super::{dims, narrow};
use crate::Dropout;
use crate::dropout::{PRIME, Threshold};

/// `x` times the mask, in the type of `x`.
pub(crate) fn dropped<B: Backend>(x: FloatTensor<B>, dropout: &Dropout) -> FloatTensor<B> {
    let (device, dtype) = (x.device(), x.dtype());
    let settings = get_device_settings::<B>(&device);
    let Threshold { limit, kept } = Threshold::of(dropout);
    let hash = hashes::<B>(dropout, dims(&x), &device);
    let is_kept = B::int_greater_equal_elem(hash, limit.into(), settings.bool_dtype);
    let mask = narrow::<B>(B::bool_into_float(is_kept, settings.float_dtype), dtype);
    B::float_mul(x, B::float_mul_scalar(mask, kept.into()))
}

/// A number for each value, evenly below [`PRIME`].
fn hashes<B: Backend>(
    dropout: &Dropout,
    [rows, tokens, channels]: [usize; 3],
    device: &B::Device,
) -> IntTensor<B> {
    let numbers = |keys: &Vec<u16>, shape: [usize; 3]| {
        let keys: Vec<i32> = keys.iter().map(|key| i32::from(*key)).collect();
        B::int_from_data(TensorData::new(keys, shape), device)
    };
    let of_token = |keys: &Vec<u16>| numbers(keys, [rows, tokens, 1]);
    let of_channel = |keys: &Vec<u16>| numbers(keys, [1, 1, channels]);
    let [a, c] = dropout.tokens.each_ref().map(of_token);
    let [b, d] = dropout.channels.each_ref().map(of_channel);
    let hash = B::int_add(B::int_add(B::int_mul(a, b), c), d);
    B::int_remainder_scalar(hash, PRIME.into())
}
