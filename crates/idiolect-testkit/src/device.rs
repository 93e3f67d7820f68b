//! The device that tests of numbers run on: `IDIOLECT_DEVICE`, else the CPU.

use burn::tensor::Device;

use crate::TestkitError;

/// The device named by `IDIOLECT_DEVICE`: `flex` (the default), `wgpu`, `vulkan` or `cuda`, each where it
/// is compiled in.
///
/// # Errors
///
/// [`TestkitError::Device`] for any other name, so that no test runs on another device than the one asked for.
pub fn device() -> Result<Device, TestkitError> {
    let name = std::env::var("IDIOLECT_DEVICE").unwrap_or_else(|_| "flex".into());
    Ok(match name.as_str() {
        "flex" => Device::flex(),
        #[cfg(all(feature = "wgpu", not(feature = "vulkan")))]
        "wgpu" => Device::wgpu(burn::tensor::DeviceKind::DefaultDevice),
        #[cfg(feature = "vulkan")]
        "vulkan" => Device::vulkan(burn::tensor::DeviceKind::DefaultDevice),
        #[cfg(feature = "cuda")]
        "cuda" => Device::cuda(0),
        _ => return Err(TestkitError::Device { found: name }),
    })
}
