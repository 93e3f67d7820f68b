//! Calls into libraries that may panic on damaged files, each met as an error.
//!
//! A library that is given bytes from outside should return errors; some panic on some files. Where a crate of
//! this workspace gives such bytes to a library, it does so in [`guarded`]. `docs/LIMITS.md` lists the places.

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind, set_hook, take_hook};

/// That a library panicked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the library that reads it gave up: {message}")]
pub struct LibraryPanic {
    /// What the library said, made safe to show.
    pub message: String,
}

thread_local! {
    static DEPTH: Cell<usize> = const { Cell::new(0) };
}

/// Runs a library's work; a panic of it is an error.
///
/// What the work changes outside itself may be half done after a panic: give it what is dropped then.
///
/// # Errors
///
/// [`LibraryPanic`].
pub fn guarded<T>(work: impl FnOnce() -> T) -> Result<T, LibraryPanic> {
    DEPTH.set(DEPTH.get() + 1);
    let done = catch_unwind(AssertUnwindSafe(work));
    DEPTH.set(DEPTH.get() - 1);
    done.map_err(|panic| {
        let text = panic.downcast_ref::<String>().map(String::as_str);
        let text = text.or_else(|| panic.downcast_ref::<&str>().copied());
        let message = crate::shown(text.unwrap_or("no reason"), 200).into_owned();
        LibraryPanic { message }
    })
}

/// Lets panics in [`guarded`] on their own thread pass without a message; others are told as before.
///
/// For programs: a library leaves the hook of the process alone.
pub fn silence_guarded() {
    let before = take_hook();
    set_hook(Box::new(move |info| {
        if DEPTH.get() == 0 {
            before(info);
        }
    }));
}
