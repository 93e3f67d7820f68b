//! The device that tests of numbers run on, `IDIOLECT_DEVICE`, else the CPU; and the bound of a number there.

use burn::tensor::Device;

use crate::TestkitError;

/// The device named by `IDIOLECT_DEVICE`: `flex` (the default), `wgpu`, `vulkan` or `cuda`, each where it
/// is compiled in.
///
/// # Errors
///
/// [`TestkitError::Device`] for any other name, so that no test runs on another device than the one asked for.
pub fn device() -> Result<Device, TestkitError> {
    let name = device_name();
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

/// How far a number of a model in f32 may be from its oracle on the device of the tests: `f32`, or `tf32` on CUDA.
///
/// `CubeCL`'s kernels for tensor cores round what a product in f32 reads to TF32, ten bits of mantissa for 23, and which
/// kernels a product takes is tuned on each card. `tests/python/tf32.py` measures how far `PyTorch` and PEFT are from
/// their own oracles where every product rounds so; `tf32` is about twice that.
#[must_use]
pub fn bound<T>(f32: T, tf32: T) -> T {
    bound_on(&device_name(), f32, tf32)
}

fn bound_on<T>(device: &str, f32: T, tf32: T) -> T {
    if device == "cuda" { tf32 } else { f32 }
}

fn device_name() -> String {
    std::env::var("IDIOLECT_DEVICE").unwrap_or_else(|_| "flex".into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn products_in_tf32_have_a_bound_of_their_own_on_cuda_alone() {
        assert!(bound_on("cuda", 1.0, 2.0) > 1.0);
        for exact in ["flex", "wgpu", "vulkan"] {
            assert!(bound_on(exact, 1.0, 2.0) < 2.0, "{exact}");
        }
    }
}
