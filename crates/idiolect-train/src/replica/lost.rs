//! Work on a device that another machine lends, and may take away.
//!
//! Burn tells of a lost connection by a panic where a tensor is read. Here that is an error, and a panic for any other
//! reason stays one.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

use burn::module::Module;
use burn::tensor::Device;
use idiolect_kernels::is_elsewhere;

use crate::TrainError;

/// A device of a run, and what it is at.
#[derive(Clone)]
pub(crate) struct Watched {
    /// None where it is this machine's, which is not looked after.
    device: Option<Device>,
    place: usize,
}

impl Watched {
    /// The device of a module, at a place among those of the run.
    pub(crate) fn new<M: Module>(module: &M, place: usize) -> Self {
        let device = module.devices().into_iter().next();
        Self {
            device: device.filter(is_elsewhere),
            place,
        }
    }

    /// Work of a step; a panic of it is [`TrainError::DeviceLost`] where the device is lost.
    pub(crate) fn over<T>(
        &self,
        step: usize,
        work: impl FnOnce() -> Result<T, TrainError>,
    ) -> Result<T, TrainError> {
        let Some(device) = &self.device else {
            return work();
        };
        let place = self.place;
        catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|panic| {
            if is_lost(device) {
                return Err(TrainError::DeviceLost { step, place });
            }
            resume_unwind(panic)
        })
    }
}

/// Whether a device no longer answers.
fn is_lost(device: &Device) -> bool {
    let device = device.clone().inner();
    !matches!(catch_unwind(AssertUnwindSafe(|| device.sync())), Ok(Ok(())))
}
