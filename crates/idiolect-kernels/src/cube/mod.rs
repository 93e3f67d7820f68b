//! The steps of GPUs as kernels: norm, rotary embedding, the softmax of attention scores and the head's loss, each one launch in
//! either direction, and the write to a KV cache. The rest is composed of Burn's operations.
//!
//! A row has one cube (a work group), whose units share its sums through shared memory; sums are in f32. Launches are
//! checked where the compiler can (WGSL, SPIR-V, CUDA C++): a kernel cannot reach beyond its tensors. The LLVM of CUDA
//! adds no checks, so that callers must name rows and places within them.

// The last parameter of a kernel names the types of its values to CubeCL alone.
#![allow(clippy::used_underscore_binding)]

mod cache;
mod launch;
mod norm;
#[cfg(all(test, feature = "ptx"))]
mod ptx;
mod rotary;
mod row_loss;
mod row_sum;
mod softmax;

pub(crate) use cache::CacheWrites;
#[cfg(feature = "remote")]
pub(crate) use row_loss::HeadLosses;
pub(crate) use row_loss::{row_loss, row_nll};

use burn::backend::TensorMetadata;
use burn::backend::tensor::{FloatTensor, IntTensor};
use burn::tensor::{DType, Tensor};
use burn_cubecl::CubeBackend;
use burn_cubecl::tensor::CubeTensor;

use crate::extension::backend::Steps;
use crate::extension::composed;
use crate::extension::drops::Drops;
use crate::extension::scores::Scores;
use crate::is_gpu;

impl Steps for CubeBackend {
    fn rms_norm(x: CubeTensor, scale: CubeTensor, eps: f64) -> CubeTensor {
        if serves(&x) {
            return norm::forward(x, scale, eps);
        }
        composed::norm::forward::<Self>(x, scale, eps)
    }

    fn rms_norm_backward(dy: CubeTensor, x: CubeTensor, scale: CubeTensor, eps: f64) -> CubeTensor {
        if serves(&x) {
            return norm::backward(dy, x, scale, eps);
        }
        composed::norm::backward::<Self>(dy, x, scale, eps)
    }

    fn rotate(x: CubeTensor, cos: CubeTensor, sin: CubeTensor, backward: bool) -> CubeTensor {
        if serves(&x) {
            return rotary::rotate(x, cos, sin, backward);
        }
        composed::rotary::rotate::<Self>(x, cos, sin, backward)
    }
}

impl Drops for CubeBackend {}

impl Scores for CubeBackend {
    fn softmax_rows(
        scores: FloatTensor<Self>,
        visible: IntTensor<Self>,
        scale: f64,
    ) -> FloatTensor<Self> {
        if serves(&scores) {
            return softmax::forward(scores, visible, scale);
        }
        composed::softmax::forward::<Self>(scores, visible, scale)
    }

    fn softmax_rows_backward(p: CubeTensor, dp: CubeTensor, scale: f64) -> CubeTensor {
        if serves(&p) {
            return softmax::backward(p, dp, scale);
        }
        composed::softmax::backward::<Self>(p, dp, scale)
    }
}

/// Whether a tensor is on a GPU, in a type that kernels take.
pub(crate) fn is_on_gpu<const D: usize>(x: &Tensor<D>) -> bool {
    let in_type = matches!(x.dtype(), DType::F32 | DType::F16 | DType::BF16);
    in_type && is_gpu(&x.device()) && counts(x.shape().num_elements())
}

/// Whether kernels take a tensor: it has values, in f32 or a half type.
fn serves(x: &CubeTensor) -> bool {
    let in_type = matches!(x.dtype(), DType::F32 | DType::F16 | DType::BF16);
    let elements = x.shape().num_elements();
    in_type && elements > 0 && counts(elements)
}

/// Whether the places of so many values fit into the 32 bits that kernels count them in.
fn counts(elements: usize) -> bool {
    u32::try_from(elements).is_ok()
}
