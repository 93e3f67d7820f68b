//! Signals: the first that asks to end asks a run to stop, a second one ends the program; a file that would be larger
//! than the system allows is an error of the one who writes it.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};

use idiolect::Progress;

use crate::progress::Bar;

/// Set by the first SIGINT, SIGTERM or SIGHUP; the same flag for every run of the program.
pub(crate) fn flag() -> &'static AtomicBool {
    static FLAG: AtomicBool = AtomicBool::new(false);
    static HANDLER: OnceLock<bool> = OnceLock::new();
    HANDLER.get_or_init(|| {
        let handler = || {
            if FLAG.swap(true, Ordering::SeqCst) {
                std::process::exit(1);
            }
            Bar::default().note("stopping after what is under way; the same again ends at once");
        };
        // Without a handler a signal ends the program at once, and the journal and checkpoints serve.
        ctrlc::set_handler(handler).is_ok()
    });
    &FLAG
}

/// Turns the signal that a too large file brings, which would end the program without a word, into the error of
/// the write that made it.
#[cfg(unix)]
pub(crate) fn large_files_are_errors() {
    // A signal that is handled leaves the write to fail; nobody looks at what the handler sets.
    let handled = std::sync::Arc::default();
    let _ = signal_hook::flag::register(signal_hook::consts::SIGXFSZ, handled);
}

/// Other systems have no such signal.
#[cfg(not(unix))]
pub(crate) fn large_files_are_errors() {}
