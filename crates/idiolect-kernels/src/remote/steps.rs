//! Steps that a remote device alone has: the head's loss, which elsewhere is no extension of a backend, and the question
//! what the device is.

use burn::backend::fusion::custom::TensorSpec;
use burn::backend::tensor::{FloatTensor, IntTensor};
use burn::backend::{Backend, Dispatch, ExtensionType, backend_extension};
use burn::tensor::{DType, Device, Int, Shape, Tensor, TensorData};

use super::about::FIELDS;
use crate::RowLoss;

/// The cross-entropy of rows of logits.
#[derive(Debug, Clone, ExtensionType)]
#[extension_type(fusion)]
pub(crate) struct HostLosses<B: Backend> {
    /// `[rows]` in f32.
    pub(crate) nll: FloatTensor<B>,
    /// The gradient of the logits, in f32.
    pub(crate) gradient: FloatTensor<B>,
}

/// What another process computes for this one beside the steps.
#[backend_extension(Fusion, Remote)]
pub(crate) trait HostSteps: Backend {
    /// What the device is; `asked` is of any content.
    #[fusion(meta = |_asked| TensorSpec::new(Shape::new([FIELDS]), DType::I32))]
    fn about_host(asked: IntTensor<Self>) -> IntTensor<Self>;
    /// The loss of each row, and the gradient of its logits.
    #[fusion(meta = |logits, targets, _scale| HostLossesMetadata {
        nll: TensorSpec::new(targets.shape.clone(), DType::F32),
        gradient: TensorSpec::new(logits.shape.clone(), DType::F32),
    })]
    fn host_losses(
        logits: FloatTensor<Self>,
        targets: IntTensor<Self>,
        scale: f64,
    ) -> HostLosses<Self>;
    /// The loss of each row.
    #[fusion(meta = |_logits, targets| TensorSpec::new(targets.shape.clone(), DType::F32))]
    fn host_losses_alone(logits: FloatTensor<Self>, targets: IntTensor<Self>) -> FloatTensor<Self>;
}

/// [`crate::row_loss`] on a remote device.
pub(crate) fn row_loss(logits: Tensor<2>, targets: &[i64], scale: f64) -> RowLoss {
    let (targets, logits) = (ids(targets, &logits.device()), logits.without_autodiff());
    let (logits, targets) = (logits.into_dispatch(), targets.into_dispatch());
    let losses = <Dispatch as HostSteps>::host_losses(logits, targets, scale);
    RowLoss {
        nll: Tensor::from_dispatch(losses.nll),
        gradient: Tensor::from_dispatch(losses.gradient),
    }
}

/// [`crate::row_nll`] on a remote device.
pub(crate) fn row_nll(logits: Tensor<2>, targets: &[i64]) -> Tensor<1> {
    let (targets, logits) = (ids(targets, &logits.device()), logits.without_autodiff());
    let (logits, targets) = (logits.into_dispatch(), targets.into_dispatch());
    Tensor::from_dispatch(<Dispatch as HostSteps>::host_losses_alone(logits, targets))
}

/// What a remote device says of itself.
pub(super) fn asked(device: &Device) -> Tensor<1, Int> {
    let asked = ids(&[0], device).into_dispatch();
    Tensor::from_dispatch(<Dispatch as HostSteps>::about_host(asked))
}

/// Ids in 32 bits.
fn ids(targets: &[i64], device: &Device) -> Tensor<1, Int> {
    let data = TensorData::new(targets.to_vec(), [targets.len()]);
    Tensor::from_data(data, (&device.clone().inner(), DType::I32))
}
