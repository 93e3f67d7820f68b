//! The steps of a device that another process lends: each is one message, and that process answers it with its own
//! device's step, on its CPU the fused one, on its GPU the kernel.
//!
//! Both sides must be of one version of the steps: [`about`] asks for it before anything else is sent.

mod about;
mod client;
mod host;
mod losses;
mod names;
mod steps;

pub use about::{About, VERSION};
pub use host::with_steps;
pub(crate) use steps::{row_loss, row_nll};

use burn::backend::DispatchTensorKind;
use burn::tensor::{DType, Device, Tensor};

/// What a remote device is, as its host says; none where the host answers no such question, which ends the session.
#[must_use]
pub fn about(device: &Device) -> Option<About> {
    let answer = steps::asked(device).try_into_data().ok()?;
    let fields: Vec<i32> = answer.iter::<i32>().collect();
    About::of(&fields)
}

/// Whether a weight is frozen, so that a product with it has a backward of its own: both are on such a device in f32 or
/// bf16, and autodiff does not track the weight.
pub(crate) fn is_frozen(x: &Tensor<3>, weight: &Tensor<2>) -> bool {
    let in_type = |dtype| matches!(dtype, DType::F32 | DType::BF16);
    let kind = weight.clone().into_dispatch().kind;
    in_type(x.dtype()) && in_type(weight.dtype()) && matches!(kind, DispatchTensorKind::Remote(_))
}
