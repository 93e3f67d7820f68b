//! Whether a backend's operations travel to another process.

use burn::backend::autodiff::checkpoint::strategy::CheckpointStrategy;
use burn::backend::{Autodiff, Backend, Dispatch};

/// Where a backend computes.
pub(crate) trait Place: Backend {
    /// Whether each operation is a message to another process, so that a step is better sent whole, however well the
    /// backend fuses its parts.
    const IS_REMOTE: bool = false;
}

impl Place for Dispatch {}

#[cfg(feature = "flex")]
impl Place for burn::backend::Flex {}

#[cfg(feature = "cube")]
impl Place for burn_cubecl::CubeBackend {}

#[cfg(any(feature = "cube", feature = "remote"))]
impl<B: burn::backend::fusion::FusionBackend + Place> Place for burn::backend::fusion::Fusion<B> {
    const IS_REMOTE: bool = B::IS_REMOTE;
}

impl<B: Place, C: CheckpointStrategy> Place for Autodiff<B, C> {
    const IS_REMOTE: bool = B::IS_REMOTE;
}
