//! What the ratings of MT-bench come to.
//!
//! Source: lm-sys/FastChat 0.2.36 `llm_judge/show_result.py`; a rating outside 1 to 10 counts as none.

use std::collections::BTreeMap;

use idiolect_metrics::interval::{Draws, mean};
use idiolect_metrics::judge::rating;

use crate::judged::judged_scores::JudgedScores;
use crate::judged::mt_bench::{Dialogue, MtBench};
use crate::summary::{EvalSummary, weighted};

impl MtBench {
    /// The means of the ratings in `judgements`, one for each of [`Self::requests`]: `score` over both turns,
    /// `turn_1`, `turn_2`, and `score` of each kind of question.
    ///
    /// Intervals are over questions: what a question got in all turns and runs goes in or out together.
    #[must_use]
    pub fn summarize(
        &self,
        dialogues: &[Dialogue],
        judgements: &[String],
        draws: &Draws,
    ) -> JudgedScores {
        let mut ratings: Vec<[Vec<f64>; 2]> = self
            .questions()
            .iter()
            .map(|_| Default::default())
            .collect();
        let mut of_runs = vec![Vec::new(); self.runs];
        let mut unread = Vec::new();
        let dialogues = self.known(dialogues);
        let pairs = dialogues
            .iter()
            .flat_map(|&dialogue| [(dialogue, 0), (dialogue, 1)]);
        for ((dialogue, turn), text) in pairs.zip(judgements) {
            match rating(text) {
                Some(rating) => {
                    ratings[dialogue.question][turn].push(rating);
                    of_runs[dialogue.run].push(rating);
                }
                None => unread.push(self.request(dialogue, turn).id),
            }
        }
        let blank = |dialogue: &&&Dialogue| {
            dialogue
                .answers
                .iter()
                .any(|answer| answer.trim().is_empty())
        };
        JudgedScores {
            judgements: judgements.len().min(2 * dialogues.len()),
            unread,
            empty: dialogues.iter().filter(blank).count(),
            runs: of_runs.iter().filter_map(|all| mean(all)).collect(),
            summary: self.means(&ratings, draws),
        }
    }

    fn means(&self, ratings: &[[Vec<f64>; 2]], draws: &Draws) -> EvalSummary {
        let mut all: BTreeMap<String, Vec<(f64, f64)>> = BTreeMap::new();
        let mut kinds: BTreeMap<String, Vec<f64>> = BTreeMap::new();
        let mut rows = Vec::new();
        for (question, [first, second]) in self.questions().iter().zip(ratings) {
            let both = [first.as_slice(), second].concat();
            let mut row = BTreeMap::new();
            for (name, values) in [("score", &both), ("turn_1", first), ("turn_2", second)] {
                let Some(mean) = mean(values) else { continue };
                row.insert(name.to_owned(), mean);
                let weight = values.len() as f64;
                all.entry(name.to_owned()).or_default().push((mean, weight));
            }
            kinds.entry(question.kind.clone()).or_default().extend(both);
            rows.push(row);
        }
        let scores = all
            .into_iter()
            .filter_map(|(name, values)| Some((name, weighted(&values, draws)?)));
        let groups = kinds.into_iter().filter_map(|(kind, values)| {
            let score = BTreeMap::from([("score".to_owned(), mean(&values)?)]);
            Some((kind, score))
        });
        EvalSummary {
            items: self.questions().len(),
            scores: scores.collect(),
            groups: groups.collect(),
            rows,
        }
    }
}
