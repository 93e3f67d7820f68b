//! Answers against a baseline's, compared by a judge: Arena-Hard and `AlpacaEval`.
//!
//! Sources: lmarena/arena-hard-auto@196f6b8267, version 0.1 (its prompt, both orders, a much better answer counts as
//! three games); `alpaca_eval` 0.6.6, evaluator `alpaca_eval_gpt4` (its prompt, one order by chance, equal outputs
//! are a draw). Both prompts are Apache-2.0 and stand here word for word, for another wording is another judge.
//! With two contestants the Bradley-Terry model that Arena-Hard fits gives the share of weighted games that are won,
//! ties as half of one: that share is the score.
//! Not here: the length-controlled win rate of `AlpacaEval` 2 and Arena-Hard's style control, which need the
//! judgements of many models; and the second attempt that Arena-Hard gives a judge without a label.

use std::collections::{BTreeMap, HashSet};

use idiolect_completion::CompletionRequest;
use idiolect_data::Id;
use idiolect_metrics::interval::Draws;
use idiolect_metrics::judge::{Preference, preference, ranking};

use crate::item::{Item, name_of, seed_of};
use crate::judged::baseline::AnswerPair;
use crate::judged::judge::judge_request;
use crate::judged::judged_scores::JudgedScores;
use crate::summary::{EvalSummary, weighted};
use crate::template::fill;

const ARENA_SYSTEM: &str = include_str!("../../prompts/arena_hard_system.txt");
const ARENA_USER: &str = include_str!("../../prompts/arena_hard_user.txt");
const ALPACA_SYSTEM: &str = include_str!("../../prompts/alpaca_eval_system.txt");
const ALPACA_USER: &str = include_str!("../../prompts/alpaca_eval_user.txt");

/// Where the model's answer stands, in ids.
const PLACES: [&str; 2] = ["first", "second"];

/// How two answers are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PairwiseJudging {
    /// Both orders, five labels.
    ArenaHard,
    /// One order, drawn for each instruction by this seed; a ranking of two.
    AlpacaEval(u64),
}

/// One comparison: which pair, and whether the model's answer stands first.
#[derive(Debug, Clone, Copy)]
struct Game<'a> {
    pair: &'a AnswerPair,
    model_first: bool,
}

impl PairwiseJudging {
    /// The games of a pair; none where `AlpacaEval` calls it a draw unseen.
    fn games(self, pair: &AnswerPair) -> Vec<Game<'_>> {
        let game = |model_first| Game { pair, model_first };
        match self {
            Self::ArenaHard => vec![game(false), game(true)],
            Self::AlpacaEval(_) if pair.model == pair.baseline => Vec::new(),
            Self::AlpacaEval(seed) => vec![game(seed_of(seed, &pair.question) & 1 == 1)],
        }
    }

    /// The questions to the judge.
    #[must_use]
    pub fn requests(self, pairs: &[AnswerPair]) -> Vec<CompletionRequest> {
        let games = pairs.iter().flat_map(|pair| self.games(pair));
        games.map(|game| self.request(game)).collect()
    }

    /// The ids that requests about these items may have.
    pub(crate) fn ids(items: &[Item]) -> HashSet<String> {
        let places = |item: &Item| PLACES.map(|place| format!("{}/{place}", name_of(&item.id)));
        items.iter().flat_map(places).collect()
    }

    fn request(self, Game { pair, model_first }: Game<'_>) -> CompletionRequest {
        let (first, second) = if model_first {
            (&pair.model, &pair.baseline)
        } else {
            (&pair.baseline, &pair.model)
        };
        let place = PLACES[usize::from(!model_first)];
        let name = name_of(&pair.id);
        let (system, user) = match self {
            Self::ArenaHard => (ARENA_SYSTEM, ARENA_USER),
            Self::AlpacaEval(_) => (ALPACA_SYSTEM, ALPACA_USER),
        };
        let values = [
            ("question", pair.question.as_str()),
            ("answer_1", first),
            ("answer_2", second),
        ];
        let user = fill(user.trim_end(), &values);
        judge_request(format!("{name}/{place}"), system.trim_end(), user)
    }

    fn read(self, text: &str) -> Option<Preference> {
        match self {
            Self::ArenaHard => preference(text),
            Self::AlpacaEval(_) => ranking(text),
        }
    }

    /// What the model wins of a pair's games by the next judgements, and how much those count together.
    fn won<'a>(
        self,
        pair: &AnswerPair,
        texts: &mut impl Iterator<Item = &'a String>,
        unread: &mut Vec<Id>,
    ) -> (f64, f64) {
        let games = self.games(pair);
        if games.is_empty() {
            // Equal outputs are half a win.
            return (0.5, 1.0);
        }
        let (mut won, mut weight) = (0.0, 0.0);
        for (game, text) in games.into_iter().zip(texts) {
            let Some(found) = self.read(text) else {
                unread.push(self.request(game).id);
                continue;
            };
            let found = if game.model_first {
                found
            } else {
                found.swapped()
            };
            won += found.first * found.weight;
            weight += found.weight;
        }
        (won, weight)
    }

    /// The share of games that the model wins, `win`, from `judgements`, one for each of [`Self::requests`].
    ///
    /// The interval is over questions: both games of one go in or out together.
    #[must_use]
    pub fn summarize(
        self,
        pairs: &[AnswerPair],
        judgements: &[String],
        draws: &Draws,
    ) -> JudgedScores {
        let mut texts = judgements.iter();
        let (mut values, mut rows, mut unread) = (Vec::new(), Vec::new(), Vec::new());
        for pair in pairs {
            let (won, weight) = self.won(pair, &mut texts, &mut unread);
            let mut row = BTreeMap::new();
            if 0.0 < weight {
                values.push((won / weight, weight));
                row.insert("win".to_owned(), won / weight);
            }
            rows.push(row);
        }
        let win = weighted(&values, draws).map(|mean| ("win".to_owned(), mean));
        JudgedScores {
            summary: EvalSummary {
                items: pairs.len(),
                scores: win.into_iter().collect(),
                groups: BTreeMap::new(),
                rows,
            },
            judgements: judgements.len(),
            unread,
            empty: pairs
                .iter()
                .filter(|pair| pair.model.trim().is_empty())
                .count(),
            runs: Vec::new(),
        }
    }
}
