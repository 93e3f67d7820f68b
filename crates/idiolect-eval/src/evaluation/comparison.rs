//! An evaluation whose answers a judge compares with a baseline's.

use std::path::{Path, PathBuf};

use idiolect_data::content_hash;
use serde_json::{Value, json};

use crate::answer::ItemAnswer;
use crate::error::EvalError;
use crate::evaluation::settings::EvalSettings;
use crate::item::Item;
use crate::judged::{AnswerPair, Baseline, PairwiseJudging};
use crate::tasks::{Pairwise, Task};

/// Tokens of a judgement, in the programs of Arena-Hard and `AlpacaEval`.
const ARENA_TOKENS: usize = 4096;
const ALPACA_TOKENS: usize = 100;

/// A baseline that is ready before the first answer is written.
pub(crate) struct Comparison {
    pub(crate) judging: PairwiseJudging,
    baseline: Baseline,
    path: PathBuf,
}

/// Tokens of a judgement.
pub(crate) fn judge_tokens(pairwise: Pairwise) -> usize {
    match pairwise {
        Pairwise::ArenaHard => ARENA_TOKENS,
        Pairwise::AlpacaEval => ALPACA_TOKENS,
    }
}

impl Comparison {
    /// Reads the baseline.
    pub(crate) fn new(
        settings: &EvalSettings,
        task: &Task,
        pairwise: Pairwise,
    ) -> Result<Self, EvalError> {
        let path = match (&settings.baseline, pairwise) {
            (Some(path), _) => path.clone(),
            // The outputs that come with AlpacaEval's instructions are its reference model's.
            (None, Pairwise::AlpacaEval) => task.located(&settings.data)?,
            (None, Pairwise::ArenaHard) => {
                let expected = "a file with answers to compare with";
                return Err(EvalError::setting("baseline", expected, "nothing"));
            }
        };
        Ok(Self {
            judging: match pairwise {
                Pairwise::AlpacaEval => PairwiseJudging::AlpacaEval(settings.seed),
                Pairwise::ArenaHard => PairwiseJudging::ArenaHard,
            },
            baseline: Baseline::read(&path)?,
            path,
        })
    }

    /// What the judgements depend on beside the judge.
    pub(crate) fn asked(&self, judge: &Value) -> Result<Value, EvalError> {
        let hash = content_hash(&self.path)?;
        let mut asked = json!({ "judge": judge, "baseline_hash": hash });
        if let PairwiseJudging::AlpacaEval(seed) = self.judging {
            asked["order_seed"] = seed.into();
        }
        Ok(asked)
    }

    /// The file's name, for the summary.
    pub(crate) fn name(&self) -> String {
        let name = Path::file_name(&self.path).unwrap_or_default();
        name.to_string_lossy().into_owned()
    }

    /// The model's answers beside the baseline's.
    pub(crate) fn pairs(
        &self,
        items: &[Item],
        rows: &[ItemAnswer],
    ) -> Result<Vec<AnswerPair>, EvalError> {
        self.baseline.pairs(items, rows)
    }
}
