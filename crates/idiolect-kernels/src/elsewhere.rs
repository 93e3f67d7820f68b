//! Whether a device is this process's own.

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
