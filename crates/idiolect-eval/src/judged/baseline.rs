//! The answers that a judge compares a model's with.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use idiolect_data::Id;
use serde_json::Value;

use crate::answer::ItemAnswer;
use crate::error::EvalError;
use crate::item::{Item, name_of};
use crate::tasks::rows;

/// One question with both answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AnswerPair {
    /// The item's id.
    pub id: Id,
    /// What was asked.
    pub question: String,
    /// The answer of the model that is measured.
    pub model: String,
    /// The baseline's answer.
    pub baseline: String,
}

/// The answers of a baseline, to be found by a question's id or by its text.
#[derive(Debug, Clone)]
pub struct Baseline {
    path: PathBuf,
    answers: HashMap<String, String>,
}

impl Baseline {
    /// Reads answers in the form of `AlpacaEval` (`instruction`, `output`), of Arena-Hard (`question_id` or `uid`
    /// with `choices` or `messages`), or of `idiolect eval` (`id`, `text`), also an earlier model's of one's own.
    ///
    /// # Errors
    ///
    /// [`EvalError::Data`]; [`EvalError::Field`] for a row of none of these forms.
    pub fn read(path: &Path) -> Result<Self, EvalError> {
        let mut answers = HashMap::new();
        for row in rows(path)? {
            let field = |name: &str| row.fields.get(name);
            let key = ["id", "uid", "question_id", "instruction"]
                .into_iter()
                .find_map(field);
            let key = key.ok_or_else(|| row.wrong("id", "an id, or an instruction"))?;
            let text = ["text", "output"]
                .into_iter()
                .find_map(field)
                .and_then(Value::as_str);
            let text = text.or_else(|| content(field("choices")?.get(0)?.get("turns")?.get(0)?));
            let text = text.or_else(|| content(field("messages")?.as_array()?.last()?));
            let text = text.ok_or_else(|| row.wrong("text", "an answer"))?;
            answers.insert(name_of(key), text.to_owned());
        }
        Ok(Self {
            path: path.to_owned(),
            answers,
        })
    }

    /// The model's answers, each with the baseline's.
    ///
    /// # Errors
    ///
    /// [`EvalError::Baseline`] for the first question without one.
    pub fn pairs(&self, items: &[Item], rows: &[ItemAnswer]) -> Result<Vec<AnswerPair>, EvalError> {
        let asked = items.iter().zip(rows).filter_map(|(item, row)| {
            let (question, model) = item.question_and_answer(&row.answer)?;
            Some((item, question, model))
        });
        let pair = |(item, question, model): (&Item, &str, &str)| {
            let found = self
                .answers
                .get(&name_of(&item.id))
                .or_else(|| self.answers.get(question));
            let baseline = found.ok_or_else(|| EvalError::Baseline {
                path: self.path.clone(),
                id: item.id.clone(),
            })?;
            Ok(AnswerPair {
                id: item.id.clone(),
                question: question.to_owned(),
                model: model.to_owned(),
                baseline: baseline.clone(),
            })
        };
        asked.map(pair).collect()
    }
}

/// The text of a turn, in whichever release's form: itself, its `content`, or the `answer` in that.
fn content(turn: &Value) -> Option<&str> {
    let inner = turn.get("content").unwrap_or(turn);
    inner.get("answer").unwrap_or(inner).as_str()
}
