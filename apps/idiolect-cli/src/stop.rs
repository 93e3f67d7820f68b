//! Signals: the first that asks to end asks a run to stop, a second one ends the program; a file that would be larger
//! than the system allows is an error of the one who writes it.

use std::io::{IsTerminal, Write};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, OnceLock, PoisonError};

use idiolect::Progress;

use crate::progress::{Bar, Log};

/// What the first signal does.
enum First {
    /// Asks what is under way to stop, in these words.
    Asks(&'static str),
    /// Ends the program, in these words.
    Ends(String),
}

static FIRST: Mutex<First> = Mutex::new(First::Asks(RUN));
static FLAG: AtomicBool = AtomicBool::new(false);

/// Of a run.
pub(crate) const RUN: &str = "stopping after what is under way; a second Ctrl-C ends at once";

/// Set by the first SIGINT, SIGTERM or SIGHUP; the same flag for every run of the program.
pub(crate) fn flag() -> &'static AtomicBool {
    static HANDLER: OnceLock<bool> = OnceLock::new();
    // Without a handler a signal ends the program at once, and the journal and checkpoints serve.
    HANDLER.get_or_init(|| ctrlc::set_handler(heard).is_ok());
    &FLAG
}

/// Has the first signal ask what is under way to stop, which looks at the flag.
pub(crate) fn asks(line: &'static str) {
    set(First::Asks(line));
}

/// Has the first signal end the program: every text that was written is in a folder, which the same command resumes.
pub(crate) fn ends(kept: Option<&Path>) {
    if let Some(kept) = kept {
        let kept = kept.display();
        set(First::Ends(format!(
            "stopped: what was done is kept in {kept}; the same command resumes"
        )));
    }
}

fn set(first: First) {
    *FIRST.lock().unwrap_or_else(PoisonError::into_inner) = first;
    flag();
}

fn heard() {
    if FLAG.swap(true, Ordering::SeqCst) {
        std::process::exit(1);
    }
    let bar = Bar::default();
    if std::io::stderr().is_terminal() && !bar.is_shown() {
        // Behind what the terminal shows of the key.
        let _ = writeln!(std::io::stderr());
    }
    match &*FIRST.lock().unwrap_or_else(PoisonError::into_inner) {
        First::Asks(line) => bar.note(line),
        First::Ends(line) => {
            let reached = bar.reached().map(|at| format!(" (at {at})"));
            bar.end();
            Log::get().error(&format!("{line}{}", reached.unwrap_or_default()));
            std::process::exit(1);
        }
    }
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
