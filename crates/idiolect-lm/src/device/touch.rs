//! Whether this machine has a device, found out by touching it.
//!
//! Burn's GPU runtimes panic where a driver or an adapter is missing, on a thread of their own (cubecl 0.11);
//! here that becomes an error with the runtime's own words. It is not a test of the device's numbers: a
//! training run has one of its own.

use std::panic::{AssertUnwindSafe, catch_unwind, set_hook, take_hook};
use std::sync::{Arc, Mutex, PoisonError};

use burn::tensor::{Device, Tensor};

use crate::LmError;

/// One touch at a time, since the hook of panics is the whole program's.
static TOUCHING: Mutex<()> = Mutex::new(());

/// Makes a tensor of one number on `device`, which a setting calls `name`.
///
/// While it runs, panics anywhere are silent.
///
/// # Errors
///
/// [`LmError::Setting`] with what the runtime said.
pub(super) fn touch(name: &str, device: &Device) -> Result<(), LmError> {
    let alone = TOUCHING.lock().unwrap_or_else(PoisonError::into_inner);
    let said = Arc::new(Mutex::new(None));
    let heard = Arc::clone(&said);
    let usual = take_hook();
    set_hook(Box::new(move |panic| {
        // The first panic is the runtime's; the caller's, who waits for it in vain, comes second.
        let mut heard = heard.lock().unwrap_or_else(PoisonError::into_inner);
        let message = panic.payload_as_str().unwrap_or("a panic without words");
        heard.get_or_insert_with(|| message.to_owned());
    }));
    let number = AssertUnwindSafe(|| Tensor::<1>::ones([1], device).into_data());
    let touched = catch_unwind(number);
    set_hook(usual);
    drop(alone);
    if touched.is_ok() {
        return Ok(());
    }
    let said = said.lock().unwrap_or_else(PoisonError::into_inner).take();
    let said = said.unwrap_or_default().replace('\n', " ");
    let found = format!("{name}: {said}");
    Err(LmError::setting(
        "device",
        "a device that this machine has",
        found,
    ))
}
