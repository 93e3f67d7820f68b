//! What kind of device it is: a GPU of this process, or a device of another.

use burn::tensor::Device;

/// Whether a device is one that another process lends, so that it can be lost at any time.
#[must_use]
pub fn is_elsewhere(device: &Device) -> bool {
    #[cfg(feature = "remote")]
    {
        let own = device.clone().inner();
        matches!(own.as_dispatch(), burn::backend::DispatchDevice::Remote(_))
    }
    #[cfg(not(feature = "remote"))]
    {
        let _ = device;
        false
    }
}

/// Whether a device is a GPU of this process, or whatever else Burn computes on through `CubeCL`, as Mesa's driver.
#[must_use]
pub fn is_gpu(device: &Device) -> bool {
    #[cfg(feature = "cube")]
    {
        let own = device.clone().inner();
        matches!(own.as_dispatch(), burn::backend::DispatchDevice::Cube(_))
    }
    #[cfg(not(feature = "cube"))]
    {
        let _ = device;
        false
    }
}
