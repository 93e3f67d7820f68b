//! The steps of a device that another process lends: each is one message, and that process answers it with its own
//! device's step, on its CPU the fused one, on its GPU the kernel.
//!
//! Both sides must be of one version of the steps: [`about`] asks for it before anything else is sent.

mod client;
mod host;
mod losses;
mod names;
mod steps;

pub(crate) use client::Router;
pub use host::with_steps;
pub(crate) use steps::{row_loss, row_nll};

use burn::backend::DispatchTensorKind;
use burn::tensor::{DType, Device, Tensor};

/// Version of the messages: a change of a step's inputs, results or meaning is another version.
pub const VERSION: i32 = 1;

/// Numbers in the answer to what a device is.
const ABOUT_FIELDS: usize = 3;

/// What a lent device is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct About {
    /// The version of the messages that its host answers.
    pub version: i32,
    /// Whether it is the host's CPU.
    pub is_cpu: bool,
    /// Memory that programs may still take there, in MiB; none where the host does not know.
    pub free_mib: Option<i32>,
}

impl About {
    fn new(is_cpu: bool, free_bytes: Option<usize>) -> Self {
        let mib = |bytes: usize| i32::try_from(bytes >> 20).unwrap_or(i32::MAX);
        Self {
            version: VERSION,
            is_cpu,
            free_mib: free_bytes.map(mib),
        }
    }

    /// As they travel; -1 is what is unknown.
    fn fields(self) -> [i32; ABOUT_FIELDS] {
        let free = self.free_mib.unwrap_or(-1);
        [self.version, i32::from(self.is_cpu), free]
    }

    fn of(fields: &[i32]) -> Option<Self> {
        let [version, is_cpu, free_mib] = *fields else {
            return None;
        };
        Some(Self {
            version,
            is_cpu: is_cpu == 1,
            free_mib: (free_mib >= 0).then_some(free_mib),
        })
    }
}

/// What a remote device is, as its host says; none where the host answers no such question, which ends the session.
#[must_use]
pub fn about(device: &Device) -> Option<About> {
    let answer = steps::about(device).try_into_data().ok()?;
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_device_is_comes_back_as_it_was_sent() {
        for free in [None, Some(0), Some(5 << 20), Some(usize::MAX)] {
            for is_cpu in [false, true] {
                let about = About::new(is_cpu, free);
                assert_eq!(About::of(&about.fields()), Some(about));
            }
        }
        assert_eq!(About::of(&[1, 1]), None);
    }
}
