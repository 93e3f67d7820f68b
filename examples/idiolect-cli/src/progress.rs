//! Progress of long work, on standard error and only where somebody watches.

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// A bar of `total` steps, called `what`; invisible where standard error is no terminal.
#[must_use]
pub fn bar(what: &str, total: usize) -> ProgressBar {
    let bar = ProgressBar::with_draw_target(Some(total as u64), ProgressDrawTarget::stderr());
    let form = "{prefix} [{wide_bar}] {pos}/{len} {msg} {elapsed} left {eta}";
    if let Ok(style) = ProgressStyle::with_template(form) {
        bar.set_style(style.progress_chars("=> "));
    }
    bar.set_prefix(what.to_string());
    bar
}

/// One line on standard error, for what a user should know and no bar can say.
pub fn say(line: &str) {
    bar("", 0).suspend(|| {
        use std::io::Write;
        // Nobody is left to be told when standard error is gone.
        let _ = writeln!(std::io::stderr(), "{line}");
    });
}
