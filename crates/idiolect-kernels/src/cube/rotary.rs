//! Half-split rotary embedding of heads, a pair of values a unit.
//!
//! What is rotated is read in its own order of memory, so that a projection viewed by heads is not copied first. The
//! result lies by heads, as products with keys read it; rotated backward, it lies by tokens, as the projection whose
//! gradient it is.

use burn::backend::TensorMetadata;
use burn::backend::ops::FloatTensorOps;
use burn::tensor::Shape;
use burn_cubecl::CubeBackend;
use burn_cubecl::kernel::into_contiguous;
use burn_cubecl::tensor::CubeTensor;
use cubecl::ir::ElemType;
use cubecl::prelude::*;

use super::launch::{cubes, element, empty, units};

/// Rotated by the angles, or by their opposite where `backward`.
pub(super) fn rotate(
    x: CubeTensor,
    cos: CubeTensor,
    sin: CubeTensor,
    backward: bool,
) -> CubeTensor {
    let (cos, sin) = (into_contiguous(cos), into_contiguous(sin));
    let [rows, heads, tokens, width] = x.shape().dims();
    let pairs = rows * heads * tokens * width / 2;
    let (client, units) = (x.client.clone(), units(&x, pairs));
    let count = cubes(&x, pairs.div_ceil(units as usize));
    let out = if backward {
        let out = empty(&x, Shape::new([rows, tokens, heads, width]), x.dtype());
        CubeBackend::float_swap_dims(out, 1, 2)
    } else {
        empty(&x, x.shape(), x.dtype())
    };
    let elements = [element(&x), element(&cos)];
    rotate_pairs::launch(
        &client,
        count,
        CubeDim::new_1d(units),
        x.into_tensor_arg(),
        cos.into_tensor_arg(),
        sin.into_tensor_arg(),
        out.clone().into_tensor_arg(),
        if backward { -1.0 } else { 1.0 },
        elements,
    );
    out
}

#[cube(launch)]
pub(super) fn rotate_pairs<F: Float, A: Float>(
    x: &Tensor<F>,
    cos: &Tensor<A>,
    sin: &Tensor<A>,
    out: &mut Tensor<F>,
    sign: f32,
    #[define(F, A)] _elements: [ElemType; 2],
) {
    let (heads, tokens, half) = (x.shape(1), x.shape(2), x.shape(3) / 2);
    let pair = ABSOLUTE_POS;
    if pair >= x.shape(0) * heads * tokens * half {
        terminate!();
    }
    let at = pair % half;
    let token = pair / half % tokens;
    let head = pair / (half * tokens) % heads;
    let row = pair / (half * tokens * heads);
    let mut of_rows = row;
    if cos.shape(0) == 1 {
        of_rows = 0;
    }
    let angle = (of_rows * tokens + token) * half + at;
    let cos = f32::cast_from(cos[angle]);
    let sin = f32::cast_from(sin[angle]) * sign;
    let from = row * x.stride(0) + head * x.stride(1) + token * x.stride(2);
    let a = f32::cast_from(x[from + at * x.stride(3)]);
    let b = f32::cast_from(x[from + (at + half) * x.stride(3)]);
    let to = row * out.stride(0) + head * out.stride(1) + token * out.stride(2);
    out[to + at] = F::cast_from(a * cos - b * sin);
    out[to + at + half] = F::cast_from(b * cos + a * sin);
}
