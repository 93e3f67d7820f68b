//! One prompt's text as it comes: never text that is taken back later.

use std::ops::ControlFlow;

use idiolect_generate::{Generated, GenerationEvent, GenerationSettings};

use super::GenerateRun;
use crate::rows::ModelPrompt;
use crate::{LanguageModel, LmError};

impl LanguageModel {
    /// Continues one prompt and hands over its text piece by piece, each as soon as it can no longer change:
    /// whole characters only, and nothing that may turn out to begin a stop text. All pieces joined are the
    /// text of the result, which is there unless `on_text` breaks off.
    ///
    /// # Errors
    ///
    /// As [`LanguageModel::generate`].
    pub fn stream(
        &self,
        prompt: ModelPrompt,
        settings: &GenerationSettings,
        run: GenerateRun,
        on_text: &mut dyn FnMut(&str) -> ControlFlow<()>,
    ) -> Result<Option<Generated>, LmError> {
        let stops = self.generation_config(settings).stops.strings;
        let guard = stops.iter().map(String::len).max().unwrap_or(0);
        let mut shown = Shown { bytes: 0, on_text };
        let done = self.generate(&[prompt], settings, run, &mut |event| match event {
            GenerationEvent::Token { token_ids, .. } => {
                let text = self.tokenizer().decode(token_ids, true);
                shown.show(certain(&text.unwrap_or_default(), guard))
            }
            GenerationEvent::Done(done) => shown.show(&done.text),
        })?;
        Ok(done.into_iter().next())
    }
}

/// What of a text was handed over already.
struct Shown<'a> {
    bytes: usize,
    on_text: &'a mut dyn FnMut(&str) -> ControlFlow<()>,
}

impl Shown<'_> {
    /// Hands over what `text` has beyond that.
    fn show(&mut self, text: &str) -> ControlFlow<()> {
        let new = text.get(self.bytes..).unwrap_or_default();
        self.bytes = self.bytes.max(text.len());
        if new.is_empty() {
            return ControlFlow::Continue(());
        }
        (self.on_text)(new)
    }
}

/// The beginning of a text that cannot change any more: no half character at its end, and nothing that may
/// turn out to begin a stop text of up to `guard` bytes.
fn certain(text: &str, guard: usize) -> &str {
    let whole = text.trim_end_matches(char::REPLACEMENT_CHARACTER);
    let end = whole.floor_char_boundary(whole.len().saturating_sub(guard));
    &whole[..end]
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
