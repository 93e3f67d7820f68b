//! The first SIGINT or SIGTERM asks a run to stop; a second one ends the program.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};

/// Set by the first signal; the same flag for every run of the program.
pub(crate) fn flag() -> &'static AtomicBool {
    static FLAG: AtomicBool = AtomicBool::new(false);
    static HANDLER: OnceLock<bool> = OnceLock::new();
    HANDLER.get_or_init(|| {
        let handler = || {
            if FLAG.swap(true, Ordering::SeqCst) {
                std::process::exit(1);
            }
        };
        // Without a handler a signal ends the program at once, and the journal and checkpoints serve.
        ctrlc::set_handler(handler).is_ok()
    });
    &FLAG
}
