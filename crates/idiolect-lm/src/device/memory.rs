//! Free memory of a device: of this machine for the CPU, of the card for an NVIDIA GPU under any interface.
//!
//! Cards of other makers do not tell it in a way that this reads.

use burn::tensor::Device;

use super::is_host;

/// Bytes that programs may still take on a device; none where it does not tell.
#[must_use]
pub fn free_memory(device: &Device) -> Option<usize> {
    #[cfg(feature = "remote")]
    if let Some(about) = super::remote::of_machine(device) {
        return Some(usize::try_from(about.free_mib?).ok()? << 20);
    }
    if is_host(device) {
        host()
    } else {
        card(device)
    }
}

fn host() -> Option<usize> {
    let text = std::fs::read_to_string("/proc/meminfo").ok()?;
    let line = text
        .lines()
        .find(|line| line.starts_with("MemAvailable:"))?;
    let kilobytes: usize = line.split_whitespace().nth(1)?.parse().ok()?;
    Some(kilobytes * 1024)
}

/// What NVIDIA's management library says of the card that a device is on, found by its place on the bus: the numbers of
/// devices are each interface's own.
#[cfg(feature = "nvml")]
fn card(device: &Device) -> Option<usize> {
    let place = device.identity()?.physical?.pci_address?.to_string();
    let library = nvml_wrapper::Nvml::init().ok()?;
    let card = library.device_by_pci_bus_id(place).ok()?;
    card.memory_info().ok()?.free.try_into().ok()
}

#[cfg(not(feature = "nvml"))]
fn card(_: &Device) -> Option<usize> {
    None
}
