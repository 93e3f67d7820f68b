//! Names of devices and what they stand for.
//!
//! Features decide which devices are compiled in; the choice among them is made here, at run time.

mod cuda_math;
mod kernel_cache;
mod memory;
#[cfg(feature = "remote")]
pub mod remote;
mod state;
mod threads;
mod touch;

pub use kernel_cache::folder as cache_folder;
pub use memory::free_memory;
pub use state::state;
pub use threads::on_threads;
pub(crate) use threads::{check_threads, in_pool, set_threads};

use std::path::Path;

use burn::tensor::{DType, Device, FloatDType};
use idiolect_model::{Bits, StoredType, stored_type};

use crate::{Dtype, LmError};

/// Every name of a device, and whether this program was built with it. `flex` is another name of `cpu`.
pub const DEVICES: [(&str, bool); 7] = [
    ("cpu", cfg!(feature = "flex")),
    ("flex", cfg!(feature = "flex")),
    ("cuda", cfg!(feature = "cuda")),
    ("vulkan", cfg!(feature = "vulkan")),
    ("wgpu", cfg!(feature = "wgpu")),
    ("metal", cfg!(feature = "metal")),
    ("remote", cfg!(feature = "remote")),
];

/// The device called `name`: `cpu` or `flex`, `cuda`, `cuda:1`, `vulkan`, `wgpu`, `metal`, or `remote:ID` of another
/// machine, which is connected.
///
/// A GPU is touched once, to see whether this machine has it; while that runs, panics of other threads are
/// silent.
///
/// # Errors
///
/// [`LmError::Setting`] for a name that is unknown or not compiled in, a device that this machine lacks, and another
/// machine that does not answer, refuses, or is of another version.
pub fn device(name: &str) -> Result<Device, LmError> {
    let device = named(name)?;
    if !is_host(&device) && !is_elsewhere(&device) {
        kernel_cache::keep();
        touch::touch(name, &device)?;
        let from_llvm = cfg!(all(feature = "cuda", not(feature = "cuda-cpp")));
        if from_llvm && name.split(':').next() == Some("cuda") {
            cuda_math::require(name)?;
        }
    }
    Ok(device)
}

/// The device called `name`, without a look at whether this machine has it. A device of another machine is connected.
///
/// # Errors
///
/// [`LmError::Setting`] for a name that is unknown or not compiled in; for a device of another machine as [`device`].
pub fn named(name: &str) -> Result<Device, LmError> {
    #[cfg(feature = "remote")]
    if is_name_elsewhere(name) {
        return remote::connect(name);
    }
    let (kind, index) = match name.split_once(':') {
        Some((kind, index)) => (kind, index.parse().map_err(|_| unknown(name))?),
        None => (name, 0_usize),
    };
    match kind {
        #[cfg(feature = "flex")]
        "cpu" | "flex" if index == 0 => Ok(Device::flex()),
        #[cfg(feature = "cuda")]
        "cuda" => Ok(Device::cuda(index)),
        #[cfg(feature = "vulkan")]
        "vulkan" => Ok(Device::vulkan(gpu(index))),
        #[cfg(feature = "wgpu")]
        "wgpu" => Ok(Device::wgpu(gpu(index))),
        #[cfg(feature = "metal")]
        "metal" => Ok(Device::metal(gpu(index))),
        _ => {
            let _ = index;
            Err(unknown(name))
        }
    }
}

#[cfg(any(feature = "wgpu", feature = "vulkan", feature = "metal"))]
fn gpu(index: usize) -> burn::tensor::DeviceKind {
    use burn::tensor::DeviceKind;
    if index == 0 {
        DeviceKind::DefaultDevice
    } else {
        DeviceKind::DiscreteGpu(index)
    }
}

/// Whether the device's memory is the program's own, so that reading a tensor costs nothing.
#[must_use]
pub fn is_host(device: &Device) -> bool {
    #[cfg(feature = "flex")]
    if *device == Device::flex() {
        return true;
    }
    let _ = device;
    false
}

/// Whether a name is meant to be that of another machine's device.
#[must_use]
pub fn is_name_elsewhere(name: &str) -> bool {
    name == "remote" || name.starts_with("remote:")
}

/// Refuses quantised weights on another machine's device: Burn's remote backend has none.
pub(crate) fn check_elsewhere(device: &str, quantize: Option<u8>) -> Result<(), LmError> {
    match quantize {
        Some(bits) if is_name_elsewhere(device) => {
            let expected = format!("nothing beside {device}, where weights are in floats");
            Err(LmError::setting("quantize", expected, bits))
        }
        _ => Ok(()),
    }
}

/// Whether a device is another machine's.
#[must_use]
pub fn is_elsewhere(device: &Device) -> bool {
    idiolect_kernels::is_elsewhere(device)
}

/// The name of another machine's device that this program has connected and that is lost, if there is one.
///
/// Where tensors of such a device are read, Burn panics; this tells why. A device that is silent is waited for, up to the
/// half minute after which its connection counts as lost.
#[must_use]
pub fn lost() -> Option<String> {
    #[cfg(feature = "remote")]
    return remote::lost();
    #[cfg(not(feature = "remote"))]
    None
}

/// Whether a device is a CPU with the fused steps, this machine's or that of one that lends it.
#[must_use]
pub fn is_cpu(device: &Device) -> bool {
    #[cfg(feature = "remote")]
    if let Some(about) = remote::of_machine(device) {
        return about.is_cpu;
    }
    is_host(device)
}

/// Whether a device is a card of its own: not the CPU, and not a driver that computes on it in the place of one
/// (Mesa's llvmpipe), which takes minutes for what the CPU does in seconds.
#[must_use]
pub fn is_card(device: &Device) -> bool {
    if is_elsewhere(device) {
        return !is_cpu(device);
    }
    #[cfg(feature = "cards")]
    if !is_host(device) {
        return device.identity().is_some_and(|own| own.physical.is_some());
    }
    let _ = device;
    false
}

fn unknown(name: &str) -> LmError {
    let built = DEVICES.iter().filter(|(_, built)| *built);
    let built: Vec<&str> = built.map(|(name, _)| *name).collect();
    let expected = if built.is_empty() {
        "a program that was built with a device (feature flex, cuda, vulkan, wgpu or metal)".into()
    } else {
        format!("one of {}, as this program was built", built.join(", "))
    };
    let kind = name.split(':').next().unwrap_or(name);
    let is_known = DEVICES.iter().any(|(known, _)| *known == kind);
    let expected = if is_known && !built.contains(&kind) {
        format!("{expected} (feature {kind} of the build adds that)")
    } else {
        expected
    };
    LmError::setting("device", expected, name)
}

/// The type in which a checkpoint is computed with where none is asked for: f32 on the CPU; on other devices that of
/// the weights on disk, bf16 where they are quantised, and f32 where the device does not compute in it.
///
/// # Errors
///
/// [`LmError::Model`] for a checkpoint whose headers cannot be read.
pub fn usual_dtype(path: &Path, device: &Device) -> Result<Dtype, LmError> {
    if is_cpu(device) {
        return Ok(Dtype::F32);
    }
    let stored = match stored_type(path)? {
        Some(StoredType::F32) => Dtype::F32,
        Some(StoredType::F16) => Dtype::F16,
        Some(StoredType::Bf16) | None => Dtype::Bf16,
    };
    let computes = device.supports_dtype(DType::from(FloatDType::from(stored)));
    Ok(if computes { stored } else { Dtype::F32 })
}

/// The type in which tensors are made on a device.
///
/// # Errors
///
/// [`LmError::Setting`] for a type that the device does not compute in.
pub fn dtype(dtype: Dtype, device: &Device) -> Result<FloatDType, LmError> {
    let float = FloatDType::from(dtype);
    if dtype != Dtype::F32 && !device.supports_dtype(DType::from(float)) {
        return Err(LmError::setting(
            "dtype",
            "a type that the device computes in",
            dtype,
        ));
    }
    Ok(float)
}

/// The number of bits that projections are kept in.
///
/// # Errors
///
/// [`LmError::Setting`] for another number than 8 and 4.
pub fn bits(count: u8) -> Result<Bits, LmError> {
    match count {
        8 => Ok(Bits::Eight),
        4 => Ok(Bits::Four),
        _ => Err(LmError::setting("quantize", "8 or 4", count)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_device_that_was_not_compiled_in_is_one_clear_line() {
        for name in ["abacus", "cpu:1", "cuda:x", "hip"] {
            let error = named(name).unwrap_err().to_string();
            assert_eq!(error.lines().count(), 1, "{error}");
            assert!(error.starts_with("device: expected one of cpu"), "{error}");
            assert!(error.ends_with(&format!("found {name}")), "{error}");
        }
    }

    #[cfg(feature = "flex")]
    #[test]
    fn cpu_and_flex_are_one_device() {
        assert_eq!(named("cpu").unwrap(), named("flex").unwrap());
        assert!(is_host(&device("cpu").unwrap()));
    }

    #[test]
    fn bits_are_eight_or_four() {
        assert!(bits(8).is_ok() && bits(4).is_ok());
        let error = bits(3).unwrap_err().to_string();
        assert_eq!(error, "quantize: expected 8 or 4, found 3");
    }
}
