//! The answers of a step: what was drawn, as rows to train on, and what was found of each.

use idiolect_tokens::{TokenBatch, TokenRow};
use idiolect_train::TaughtToken;

use super::answers::DrawnAnswer;
use super::groups::Judged;
use super::prompts::Prompts;

/// What the teacher of an answer is shown.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) enum Context {
    /// The demonstration of the data set's row.
    #[default]
    OfRow,
    /// A prompt of the answer's own.
    Own(Vec<u32>),
    /// Nothing more than the student: the answer is masked.
    Masked,
}

/// One answer of a batch.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Drawn {
    /// Its prompt, by its place among them.
    pub(super) prompt: usize,
    /// Which of the answers to that prompt, from 0.
    pub(super) rollout: usize,
    pub(super) answer: DrawnAnswer,
    /// What was said of it, where answers are judged.
    pub(super) judged: Option<Judged>,
    pub(super) context: Context,
    /// Log-probabilities of its trained tokens under the student that drew it, once they are known.
    pub(super) old: Vec<f32>,
    /// What the last update found of each trained token.
    pub(super) found: Vec<TaughtToken>,
}

impl Drawn {
    /// Whether it has a token behind those that are skipped, and a teacher.
    pub(super) fn is_trained(&self, skip: usize) -> bool {
        self.answer.token_ids.len() > skip && self.context != Context::Masked
    }

    /// The answer as its teacher sees it.
    fn teacher_row(&self, prompts: &Prompts, skip: usize) -> TokenRow {
        let (row, ids) = (&prompts.rows[self.prompt], &self.answer.token_ids);
        match &self.context {
            Context::Own(prompt) => row.behind(prompt, ids, skip),
            Context::OfRow | Context::Masked => row.teacher_row(ids, skip),
        }
    }
}

/// Answers that are trained on for one or several updates.
#[derive(Debug, Default)]
pub(super) struct Batch {
    /// The step that they were drawn in.
    pub(super) step: usize,
    pub(super) drawn: Vec<Drawn>,
    /// Answers of each micro-batch that have a trained token, by their place in `drawn`.
    pub(super) places: Vec<Vec<usize>>,
}

impl Batch {
    /// Answers divided into micro-batches of so many rows, in their order.
    pub(super) fn new(step: usize, drawn: Vec<Drawn>, rows: usize, skip: usize) -> Self {
        let is_trained = |at: &usize| drawn[*at].is_trained(skip);
        let all: Vec<usize> = (0..drawn.len()).collect();
        let places = all.chunks(rows.max(1));
        let places = places.map(|part| part.iter().copied().filter(is_trained).collect());
        let places = places.collect();
        Self {
            step,
            drawn,
            places,
        }
    }

    /// The micro-batches as the student sees them.
    pub(super) fn rows(&self, prompts: &Prompts, skip: usize) -> Vec<Vec<TokenRow>> {
        let row = |at: &usize| {
            let drawn = &self.drawn[*at];
            prompts.rows[drawn.prompt].student_row(&drawn.answer.token_ids, skip)
        };
        let places = self.places.iter();
        places.map(|part| part.iter().map(row).collect()).collect()
    }

    /// One of them as the teacher sees it.
    pub(super) fn teacher_batch(&self, place: usize, prompts: &Prompts, skip: usize) -> TokenBatch {
        let row = |at: &usize| self.drawn[*at].teacher_row(prompts, skip);
        let rows: Vec<TokenRow> = self.places[place].iter().map(row).collect();
        TokenBatch::new(&rows.iter().collect::<Vec<_>>(), prompts.pad_id)
    }

    /// What each trained token of a micro-batch counts in the loss, where each answer counts the same.
    pub(super) fn answer_shares(&self, place: usize, skip: usize) -> Vec<f64> {
        let all = self.drawn.len() as f64;
        let of = |at: &usize| {
            let tokens = self.drawn[*at].answer.token_ids.len() - skip;
            std::iter::repeat_n(1.0 / (all * tokens as f64), tokens)
        };
        self.places[place].iter().flat_map(of).collect()
    }

    /// Log-probabilities of a micro-batch's trained tokens under the student that drew them; none in the first update.
    pub(super) fn old(&self, place: usize) -> Option<Vec<f32>> {
        let all = || self.places[place].iter().map(|at| &self.drawn[*at].old);
        let is_known = all().all(|old| !old.is_empty());
        is_known.then(|| all().flatten().copied().collect())
    }

    /// Notes what an update found of a micro-batch's trained tokens.
    pub(super) fn note(&mut self, place: usize, found: &[TaughtToken], skip: usize) {
        let mut rest = found;
        for at in &self.places[place] {
            let drawn = &mut self.drawn[*at];
            let (own, others) = rest.split_at(drawn.answer.token_ids.len() - skip);
            drawn.found = own.to_vec();
            rest = others;
        }
    }

    /// Keeps the log-probabilities of the first update: those of the student that drew the answers.
    pub(super) fn keep_old(&mut self) {
        for drawn in &mut self.drawn {
            if drawn.old.is_empty() {
                drawn.old = drawn.found.iter().map(|token| token.log_prob).collect();
            }
        }
    }
}
