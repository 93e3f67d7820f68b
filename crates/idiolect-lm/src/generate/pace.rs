//! What guessing tokens and verifying several at once has gained.

use idiolect_completion::Progress;
use idiolect_generate::Generated;

/// Tokens that rows got, and the passes of the model that gave them.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Pace {
    tokens: usize,
    passes: usize,
}

impl Pace {
    /// Counts finished rows in.
    pub(crate) fn add(&mut self, rows: &[Generated]) {
        self.tokens += rows.iter().map(|row| row.token_ids.len()).sum::<usize>();
        self.passes += rows.iter().map(|row| row.passes).sum::<usize>();
    }

    /// Says what speculation gained, where it gained anything.
    pub(crate) fn tell(self, progress: &dyn Progress) {
        if self.tokens > self.passes {
            let pace = self.tokens as f64 / self.passes as f64;
            progress.note(&format!("speculation: {pace:.2} tokens a pass"));
        }
    }
}
