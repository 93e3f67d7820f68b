//! Names of devices and number types on the command line, and what they stand for.
//!
//! Features decide which devices are compiled in; the choice among them is made here, at run time.

use burn::tensor::{DType, Device, FloatDType};

use idiolect::model::Bits;

use crate::error::CliError;
use crate::{kept, reach};

/// Devices that this program was built with.
pub const COMPILED: &[&str] = &[
    #[cfg(feature = "flex")]
    "flex",
    #[cfg(feature = "cuda")]
    "cuda",
    #[cfg(feature = "vulkan")]
    "vulkan",
    #[cfg(feature = "wgpu")]
    "wgpu",
    #[cfg(feature = "metal")]
    "metal",
];

/// The device called `name`: `flex`, `cuda`, `cuda:1`, `vulkan`, `wgpu`, `metal`.
///
/// # Errors
///
/// [`CliError::Setting`] for a name that is unknown or not compiled in, and a device that this machine lacks.
pub fn device(name: &str) -> Result<Device, CliError> {
    let device = named(name)?;
    if !is_host(&device) {
        kept::keep();
        reach::touch(name, &device)?;
    }
    Ok(device)
}

/// The device called `name`, without a look at whether this machine has it.
pub(crate) fn named(name: &str) -> Result<Device, CliError> {
    let (kind, index) = match name.split_once(':') {
        Some((kind, index)) => (kind, index.parse().map_err(|_| unknown(name))?),
        None => (name, 0_usize),
    };
    match kind {
        #[cfg(feature = "flex")]
        "flex" if index == 0 => Ok(Device::flex()),
        #[cfg(feature = "cuda")]
        "cuda" => Ok(Device::cuda(index)),
        #[cfg(feature = "vulkan")]
        "vulkan" => Ok(Device::vulkan(gpu(index))),
        #[cfg(feature = "wgpu")]
        "wgpu" => Ok(Device::wgpu(gpu(index))),
        #[cfg(feature = "metal")]
        "metal" => Ok(Device::metal(gpu(index))),
        _ => Err(unknown(name)),
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

fn unknown(name: &str) -> CliError {
    let expected = format!("one of {}, as this program was built", COMPILED.join(", "));
    CliError::setting("--device", expected, name)
}

/// The number type called `name`: `f32`, `bf16`, `f16`.
///
/// # Errors
///
/// [`CliError::Setting`] for another name, or a type that the device does not compute in.
pub fn dtype(name: &str, device: &Device) -> Result<FloatDType, CliError> {
    let dtype = match name {
        "f32" => FloatDType::F32,
        "bf16" => FloatDType::BF16,
        "f16" => FloatDType::F16,
        _ => return Err(CliError::setting("--dtype", "f32, bf16 or f16", name)),
    };
    if dtype != FloatDType::F32 && !device.supports_dtype(DType::from(dtype)) {
        return Err(CliError::setting(
            "--dtype",
            "a type that the device computes in",
            name,
        ));
    }
    Ok(dtype)
}

/// The number of bits that projections are kept in.
///
/// # Errors
///
/// [`CliError::Setting`] for another number than 8 and 4.
pub fn bits(count: u8) -> Result<Bits, CliError> {
    match count {
        8 => Ok(Bits::Eight),
        4 => Ok(Bits::Four),
        _ => Err(CliError::setting("--quantize", "8 or 4", count)),
    }
}

/// Runs a command on a thread of the pool, which has `count` threads, or as many as cores.
///
/// From another thread every product would be handed over to the pool and waited for, which costs a
/// batch of one row 15 % (docs/PERFORMANCE.md).
///
/// # Errors
///
/// [`CliError::Setting`] for 0, or when threads run already in another number; else those of `task`.
pub fn on_threads<T: Send>(
    count: Option<usize>,
    task: impl FnOnce() -> Result<T, CliError> + Send,
) -> Result<T, CliError> {
    if let Some(count) = count {
        set_threads(count)?;
    }
    rayon::scope(|_| task())
}

/// Sets the number of CPU threads for the whole program, once.
fn set_threads(count: usize) -> Result<(), CliError> {
    if count == 0 {
        return Err(CliError::setting("--threads", "at least 1", count));
    }
    let built = rayon::ThreadPoolBuilder::new()
        .num_threads(count)
        .build_global();
    match built {
        Ok(()) => Ok(()),
        Err(_) if rayon::current_num_threads() == count => Ok(()),
        Err(error) => Err(CliError::setting(
            "--threads",
            "one number for the whole program",
            error,
        )),
    }
}
