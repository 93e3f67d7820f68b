//! The devices of a training run: whether each may be trusted, and what the further ones compute with.

mod gradient_check;
mod replicas;
pub(crate) mod small_model;

pub use gradient_check::check_device;
pub(crate) use gradient_check::{Trains, check};
pub(crate) use replicas::{DeviceCount, Replicas, check_names};
