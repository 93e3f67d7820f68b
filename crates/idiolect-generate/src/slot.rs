//! A place in the batch: the row that stands there, and the tokens that the model has of it.

use crate::draft::draft;
use crate::row::Row;
use crate::{GenerationConfig, Request, RowPart};

/// Guesses that a row begins with; see [`Slot::verified`].
const FIRST_GUESSES: usize = 2;

/// A place in the batch.
#[derive(Default)]
pub(crate) struct Slot {
    /// The row under way and its place among the requests.
    pub(crate) row: Option<(usize, Row)>,
    /// What the model will have of this place after the next pass, guesses included.
    tokens: Vec<u32>,
    /// The variant that the model has them of.
    variant: usize,
    /// How many of them are the row's for certain.
    sure: usize,
    kept: usize,
    guesses: usize,
    /// The most guesses that the row has earned.
    earned: usize,
}

impl Slot {
    /// The model has `tokens` of a variant here already.
    pub(crate) fn holding(tokens: &[u32], variant: usize) -> Self {
        Self {
            tokens: tokens.to_vec(),
            variant,
            ..Self::default()
        }
    }

    /// Puts the request at `place` here.
    pub(crate) fn take(&mut self, place: usize, request: &Request, settings: &GenerationConfig) {
        if !settings.share_prefixes || self.variant != request.variant {
            self.tokens.clear();
        }
        self.variant = request.variant;
        self.sure = 0;
        self.earned = FIRST_GUESSES;
        self.row = Some((place, Row::new(request, &settings.sampling)));
    }

    /// Sets up the next pass: what the model lacks of the row, and guesses of what follows, at most `room`.
    ///
    /// Returns how many guesses there are.
    pub(crate) fn prepare(&mut self, settings: &GenerationConfig, room: usize) -> usize {
        let Some((_, row)) = &self.row else { return 0 };
        // What came before may serve: the same row's tokens, or another's that begins the same way.
        let more = common(&self.tokens[self.sure..], &row.tokens[self.sure..]);
        self.kept = (self.sure + more).min(row.tokens.len() - 1);
        self.tokens.truncate(self.kept);
        self.tokens.extend_from_slice(&row.tokens[self.kept..]);
        self.sure = self.tokens.len();
        let left = settings.max_new_tokens - row.new_tokens().len();
        let most = settings.speculate.min(self.earned).min(left - 1).min(room);
        let guesses = draft(&row.tokens, most);
        self.guesses = guesses.len();
        self.tokens.extend_from_slice(guesses);
        self.guesses
    }

    /// The next pass, as the model sees it; `None` where nothing stands.
    pub(crate) fn part(&self, row: usize) -> Option<RowPart<'_>> {
        self.row.as_ref()?;
        Some(RowPart {
            row,
            variant: self.variant,
            kept: self.kept,
            tokens: &self.tokens[self.kept..],
            wanted: self.guesses + 1,
        })
    }

    /// Learns how many of the guesses came true: twice as many next time where all did, else one more than
    /// did.
    ///
    /// A wrong guess costs most of what a token costs, so a row that leaves its text behind stops guessing
    /// far.
    pub(crate) fn verified(&mut self, right: usize) {
        if right == self.guesses && right > 0 {
            self.earned = self.earned.saturating_mul(2);
        } else if self.guesses > 0 {
            self.earned = right + 1;
        }
    }

    /// The guesses of the next pass.
    pub(crate) fn guesses(&self) -> &[u32] {
        &self.tokens[self.tokens.len() - self.guesses..]
    }
}

/// How many tokens `a` and `b` begin with in common.
pub(crate) fn common(a: &[u32], b: &[u32]) -> usize {
    a.iter().zip(b).take_while(|(a, b)| a == b).count()
}
