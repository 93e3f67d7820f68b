//! What can be said of a device from here.

use super::{DEVICES, device, free_memory, is_card, is_host};

/// Whether the device called `name` can be used, in words for people; it is touched once.
#[must_use]
pub fn state(name: &str) -> String {
    if DEVICES.contains(&(name, false)) {
        return "not compiled in".to_owned();
    }
    if name == "remote" {
        return "ready for remote:ID, as idiolect lend prints it on the other machine".to_owned();
    }
    match device(name) {
        Ok(device) if !is_host(&device) && !is_card(&device) => {
            "ready, without a card: its driver computes on the CPU".to_owned()
        }
        Ok(device) => free_memory(&device).map_or("ready".to_owned(), |bytes| {
            format!("ready, {} MB free", bytes / 1_000_000)
        }),
        Err(error) => error.to_string(),
    }
}
