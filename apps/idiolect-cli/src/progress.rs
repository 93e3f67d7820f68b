//! Progress of long work as a bar on standard error, where somebody watches.

use std::io::Write;
use std::sync::{Mutex, MutexGuard, PoisonError};

use idiolect::Progress;
use idiolect::input::{shown, shown_text};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// Characters of a text beside the bar: stages are named after files.
const LONGEST: usize = 400;

/// The bar of the stage that is under way.
#[derive(Default)]
pub(crate) struct Bar {
    bar: Mutex<Option<ProgressBar>>,
}

impl Bar {
    fn bar(&self) -> MutexGuard<'_, Option<ProgressBar>> {
        self.bar.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What stands behind the bar.
    pub(crate) fn message(&self, text: String) {
        if let Some(bar) = &*self.bar() {
            bar.set_message(shown(&text, LONGEST).into_owned());
        }
    }

    /// How far the stage is.
    pub(crate) fn position(&self, done: usize) {
        if let Some(bar) = &*self.bar() {
            bar.set_position(done as u64);
        }
    }
}

impl Progress for Bar {
    fn begin(&self, stage: &str, total: usize) {
        self.end();
        let bar = ProgressBar::with_draw_target(Some(total as u64), ProgressDrawTarget::stderr());
        let form = "{prefix} [{wide_bar}] {pos}/{len} {msg} {elapsed} left {eta}";
        if let Ok(style) = ProgressStyle::with_template(form) {
            bar.set_style(style.progress_chars("=> "));
        }
        bar.set_prefix(shown(stage, LONGEST).into_owned());
        *self.bar() = Some(bar);
    }

    fn advance(&self, units: usize) {
        if let Some(bar) = &*self.bar() {
            bar.inc(units as u64);
        }
    }

    fn end(&self) {
        if let Some(bar) = self.bar().take() {
            bar.finish_and_clear();
        }
    }

    fn note(&self, line: &str) {
        let line = shown_text(line, 10 * LONGEST);
        // Nobody is left to be told when standard error is gone.
        let write = || {
            let _ = writeln!(std::io::stderr(), "{line}");
        };
        match &*self.bar() {
            Some(bar) => bar.suspend(write),
            None => write(),
        }
    }
}
