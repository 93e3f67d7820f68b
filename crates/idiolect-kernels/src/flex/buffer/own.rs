//! Tensors of Burn's interface as those of its CPU backend, where they are.

use burn::backend::{
    BackendTensor, DispatchAutodiffContext, DispatchDevice, DispatchTensor, DispatchTensorKind,
    Flex,
};
use burn::tensor::{DType, Device, Tensor};
use burn_flex::{FlexQTensor, FlexTensor};

/// Whether a tensor is on the CPU backend in f32.
pub(crate) fn serves<const D: usize>(x: &Tensor<D>) -> bool {
    x.dtype() == DType::F32 && serves_half(x)
}

/// Whether a tensor is on the CPU backend in f32 or bf16.
pub(crate) fn serves_half<const D: usize>(x: &Tensor<D>) -> bool {
    matches!(x.dtype(), DType::F32 | DType::BF16) && is_own(&x.device())
}

/// Whether a device is the CPU backend.
pub(crate) fn is_own(device: &Device) -> bool {
    matches!(
        device.clone().inner().as_dispatch(),
        DispatchDevice::Flex(_)
    )
}

/// A tensor of the CPU backend in f32 or bf16 that autodiff does not track.
pub(crate) fn untracked<const D: usize>(x: &Tensor<D>) -> Option<FlexTensor> {
    let own = serves_half(x).then(|| x.clone().try_into_primitive::<Flex>().ok());
    own.flatten()
}

/// The quantised tensor of the CPU backend; another comes back.
#[allow(
    clippy::result_large_err,
    reason = "what is not taken is handed back as it came"
)]
pub(crate) fn quantized<const D: usize>(weight: Tensor<D>) -> Result<FlexQTensor, Tensor<D>> {
    match weight.into_dispatch() {
        DispatchTensor {
            kind: DispatchTensorKind::Flex(BackendTensor::Quantized(weight)),
            ..
        } => Ok(weight),
        other => Err(Tensor::from_dispatch(other)),
    }
}

/// A quantised tensor of the CPU backend.
pub(crate) fn tensor_of(quantized: FlexQTensor) -> Tensor<2> {
    Tensor::from_dispatch(DispatchTensor {
        kind: DispatchTensorKind::Flex(BackendTensor::Quantized(quantized)),
        autodiff: DispatchAutodiffContext::Disabled,
    })
}
