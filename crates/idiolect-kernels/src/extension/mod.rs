//! The steps of the backends that have them: shapes are checked, and the steps are called by Burn's dispatch.
//!
//! On the CPU in f32 and bf16, steps are those of `flex`; on a GPU, some are kernels; the rest is composed of a backend's
//! operations, each step with its own backward.

pub(crate) mod attention;
mod autodiff;
pub(crate) mod backend;
pub(crate) mod composed;
pub(crate) mod drops;
pub(crate) mod place;
pub(crate) mod scores;

use burn::backend::{Dispatch, DispatchAutodiffContext, DispatchDevice};
use burn::tensor::{DType, Tensor};

use self::attention::AttentionInputs;
use self::backend::Steps;
use self::drops::Drops;
use crate::{Dropout, Visible};

/// Whether a tensor goes through these steps: on the CPU or a GPU, in f32 or a half type.
pub(crate) fn serves<const D: usize>(x: &Tensor<D>) -> bool {
    let in_type = matches!(x.dtype(), DType::F32 | DType::F16 | DType::BF16);
    in_type
        && match x.device().inner().as_dispatch() {
            #[cfg(feature = "flex")]
            DispatchDevice::Flex(_) => true,
            #[cfg(feature = "cube")]
            DispatchDevice::Cube(_) => true,
            #[cfg(feature = "remote")]
            DispatchDevice::Remote(_) => true,
            _ => false,
        }
}

/// Whether a weight goes through these steps, and autodiff does not track it.
pub(crate) fn is_frozen(weight: &Tensor<2>) -> bool {
    let context = weight.clone().into_dispatch().autodiff;
    serves(weight) && matches!(context, DispatchAutodiffContext::Disabled)
}

pub(crate) fn rms_norm(x: Tensor<3>, scale: Tensor<1>, eps: f64) -> Tensor<3> {
    assert_eq!(
        x.dims()[2],
        scale.dims()[0],
        "one scale for each hidden value"
    );
    let (x, scale) = (x.into_dispatch(), scale.into_dispatch());
    Tensor::from_dispatch(<Dispatch as Steps>::rms_norm(x, scale, eps))
}

pub(crate) fn rotate(x: Tensor<4>, cos: Tensor<4>, sin: Tensor<4>) -> Tensor<4> {
    let [rows, _, tokens, width] = x.dims();
    for [angles, one, positions, half] in [cos.dims(), sin.dims()] {
        assert!(
            angles == 1 || angles == rows,
            "angles of {angles} rows for {rows}"
        );
        assert_eq!(
            [one, positions, 2 * half],
            [1, tokens, width],
            "angles of another shape"
        );
    }
    let (x, cos, sin) = (x.into_dispatch(), cos.into_dispatch(), sin.into_dispatch());
    Tensor::from_dispatch(<Dispatch as Steps>::rotate(x, cos, sin, false))
}

pub(crate) fn swiglu(gate: Tensor<3>, up: Tensor<3>) -> Tensor<3> {
    assert_eq!(gate.dims(), up.dims(), "gate and up of one shape");
    let (gate, up) = (gate.into_dispatch(), up.into_dispatch());
    Tensor::from_dispatch(<Dispatch as Steps>::swiglu(gate, up))
}

pub(crate) fn attention(
    q: Tensor<4>,
    k: Tensor<4>,
    v: Tensor<4>,
    visible: Option<&Visible>,
) -> Tensor<4> {
    let [rows, heads, tokens, width] = q.dims();
    let [_, kv_heads, keys, _] = k.dims();
    assert_eq!(
        heads % kv_heads,
        0,
        "{kv_heads} key heads cannot share {heads} query heads"
    );
    assert_eq!(
        [k.dims(), v.dims()],
        [[rows, kv_heads, keys, width]; 2],
        "keys of another shape"
    );
    let bounds = match visible {
        Some(visible) => visible.bounds(),
        None => Visible::new(&vec![0..keys; tokens], 1, &q.device().inner()).bounds(),
    };
    let [seen, queries, _] = bounds.dims();
    assert!(
        (seen == 1 || seen == rows) && queries == tokens,
        "{seen} rows of {queries} queries that see keys for {rows} of {tokens}"
    );
    let inputs = AttentionInputs {
        q: q.into_dispatch(),
        k: k.into_dispatch(),
        v: v.into_dispatch(),
        visible: bounds.into_dispatch(),
    };
    let attended = <Dispatch as Steps>::attend(inputs);
    Tensor::from_dispatch(attended.out)
}

/// The product with a frozen weight.
pub(crate) fn frozen_linear(x: Tensor<3>, weight: Tensor<2>) -> Tensor<3> {
    one_row_for_each_input(&x, &weight);
    let (x, weight) = (x.into_dispatch(), weight.into_dispatch());
    Tensor::from_dispatch(<Dispatch as Steps>::frozen_linear(x, weight))
}

/// Zeros with the gradient of [`frozen_linear`].
pub(crate) fn frozen_linear_gradient(x: Tensor<3>, weight: Tensor<2>) -> Tensor<3> {
    one_row_for_each_input(&x, &weight);
    let (x, weight) = (x.into_dispatch(), weight.into_dispatch());
    Tensor::from_dispatch(<Dispatch as Steps>::frozen_linear_gradient(x, weight))
}

/// The product with two narrow factors, in their type.
pub(crate) fn low_rank(
    x: Tensor<3>,
    a: Tensor<2>,
    b: Tensor<2>,
    dropout: Option<Dropout>,
) -> Tensor<3> {
    one_row_for_each_input(&x, &a);
    assert_eq!(a.dims()[1], b.dims()[0], "factors of one rank");
    let (x, a, b) = (x.into_dispatch(), a.into_dispatch(), b.into_dispatch());
    Tensor::from_dispatch(<Dispatch as Steps>::low_rank(x, a, b, dropout))
}

/// What dropout leaves of `x`, in f32.
pub(crate) fn dropped(x: Tensor<3>, dropout: Dropout) -> Tensor<3> {
    let x = x.cast(DType::F32).into_dispatch();
    Tensor::from_dispatch(<Dispatch as Drops>::dropped(x, dropout))
}

/// The product with a quantised weight.
pub(crate) fn quantized_linear(x: Tensor<3>, weight: Tensor<2>) -> Tensor<3> {
    one_row_for_each_input(&x, &weight);
    let (x, weight) = (x.into_dispatch(), weight.into_dispatch());
    Tensor::from_dispatch(<Dispatch as Steps>::quantized_linear(x, weight))
}

/// Zeros with the gradient of [`quantized_linear`].
pub(crate) fn quantized_linear_gradient(x: Tensor<3>, weight: Tensor<2>) -> Tensor<3> {
    one_row_for_each_input(&x, &weight);
    let (x, weight) = (x.into_dispatch(), weight.into_dispatch());
    Tensor::from_dispatch(<Dispatch as Steps>::quantized_linear_gradient(x, weight))
}

fn one_row_for_each_input(x: &Tensor<3>, weight: &Tensor<2>) {
    assert_eq!(
        x.dims()[2],
        weight.dims()[0],
        "one row of the weight for each input"
    );
}
