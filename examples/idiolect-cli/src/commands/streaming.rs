//! One prompt's text on standard output as it comes: never text that is taken back later.

use std::io::Write;
use std::ops::ControlFlow;

use idiolect::generate::Event;

use crate::continuing::{Generation, continue_all};
use crate::error::CliError;
use crate::opened::Opened;

/// What of a text stands on the terminal already.
struct Terminal<W> {
    out: W,
    shown: usize,
    failed: Option<std::io::Error>,
}

impl<W: Write> Terminal<W> {
    /// Writes what `text` has beyond what stands there; a closed pipe ends the run.
    fn show(&mut self, text: &str) -> ControlFlow<()> {
        let new = text.get(self.shown..).unwrap_or_default();
        self.shown = self.shown.max(text.len());
        let written = self.out.write_all(new.as_bytes());
        match written.and_then(|()| self.out.flush()) {
            Ok(()) => ControlFlow::Continue(()),
            Err(error) => {
                self.failed = Some(error);
                ControlFlow::Break(())
            }
        }
    }
}

/// The beginning of a text that cannot change any more: no half character at its end, and
/// nothing that may turn out to begin a stop string of up to `guard` bytes.
fn certain(text: &str, guard: usize) -> &str {
    let whole = text.trim_end_matches(char::REPLACEMENT_CHARACTER);
    let end = whole.floor_char_boundary(whole.len().saturating_sub(guard));
    &whole[..end]
}

/// Continues one prompt and writes its text as it grows.
pub(super) fn stream(
    opened: &Opened,
    prompts: Vec<Vec<u32>>,
    generation: &Generation,
) -> Result<(), CliError> {
    let mut terminal = Terminal {
        out: std::io::stdout().lock(),
        shown: 0,
        failed: None,
    };
    let stops = &generation.settings.stops.strings;
    let guard = stops.iter().map(String::len).max().unwrap_or(0);
    continue_all(opened, prompts, generation, &mut |event| match event {
        Event::Token { token_ids, .. } => {
            let text = opened.tokenizer.decode(token_ids, true).unwrap_or_default();
            terminal.show(certain(&text, guard))
        }
        Event::Done(done) => terminal.show(&done.text),
    })?;
    let end = terminal.out.write_all(b"\n").err();
    match terminal.failed.or(end) {
        Some(error) => Err(CliError::io("standard output")(error)),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::certain;

    #[test]
    fn half_a_character_and_the_beginning_of_a_stop_wait() {
        assert_eq!(certain("ab\u{fffd}", 0), "ab");
        assert_eq!(certain("answer ##", 3), "answer");
        assert_eq!(certain("\u{e9}t\u{e9}", 1), "\u{e9}t");
    }
}
