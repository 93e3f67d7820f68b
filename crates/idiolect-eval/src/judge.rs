//! A judge as a text-to-text function, and a journal of what it wrote.
//!
//! Who judges is the caller's: a server, a model of this process, a function of a test.
//! Its texts are kept as they are; what they say is read from the journal anew each time.

use std::collections::HashMap;
use std::path::Path;

use idiolect_data::{Id, Journal, Message, Role};
use serde::{Deserialize, Serialize};

use crate::run::hash;
use crate::{BoxError, EvalError, Summary};

/// A question to a judge.
#[derive(Debug, Clone, PartialEq)]
pub struct JudgeRequest {
    /// Unique among the questions of a run.
    pub id: Id,
    /// A system turn, where the benchmark has one, and the judge's question.
    pub turns: Vec<Message>,
    /// The journal has the judgement already; a judge passes over it.
    pub done: bool,
}

impl JudgeRequest {
    pub(crate) fn new(id: String, system: &str, question: String) -> Self {
        let turn = |role, content| Message { role, content };
        let system = (!system.is_empty()).then(|| turn(Role::System, system.to_owned()));
        let turns = system.into_iter().chain([turn(Role::User, question)]);
        Self {
            id: id.into(),
            turns: turns.collect(),
            done: false,
        }
    }
}

/// What a judge wrote.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Judgement {
    /// The request's id.
    pub id: Id,
    /// The text as it is.
    pub text: String,
}

/// Anything that answers the questions to a judge.
pub trait Judge {
    /// Answers every request that is not done, in any order, and hands over each judgement as soon as it is there.
    ///
    /// # Errors
    ///
    /// Whatever stops the judge; an error of `on_done` is to be returned at once.
    fn judge(
        &mut self,
        requests: &[JudgeRequest],
        on_done: &mut dyn FnMut(Judgement) -> Result<(), BoxError>,
    ) -> Result<(), BoxError>;
}

/// A function of one request's turns judges them one after the other.
impl<F: FnMut(&[Message]) -> Result<String, BoxError>> Judge for F {
    fn judge(
        &mut self,
        requests: &[JudgeRequest],
        on_done: &mut dyn FnMut(Judgement) -> Result<(), BoxError>,
    ) -> Result<(), BoxError> {
        let open = requests.iter().filter(|request| !request.done);
        open.map(|request| (request.id.clone(), self(&request.turns)))
            .try_for_each(|(id, text)| on_done(Judgement { id, text: text? }))
    }
}

/// What came of judging.
#[derive(Debug, Clone, PartialEq)]
pub struct Judged {
    /// Means with their intervals over questions, means of groups, and the scores of each question.
    pub summary: Summary,
    /// How many judgements there are.
    pub judgements: usize,
    /// Ids of those that hold no judgement in the benchmark's form; they are in no mean.
    pub unread: Vec<Id>,
    /// Questions whose answer is empty or blank.
    pub empty: usize,
    /// Mean of each run by itself, where the benchmark is run several times.
    pub runs: Vec<f64>,
}

/// One line of the journal.
#[derive(Debug, Serialize, Deserialize)]
struct Record {
    id: Id,
    /// SHA-256 of the turns.
    request: String,
    text: String,
}

/// The judge's text for every request, in their order; those that `journal` has are not asked again.
///
/// A journal belongs to one judge, which is the caller's to keep apart; lines of other ids are passed over, so
/// that a shorter run can be looked at.
///
/// # Errors
///
/// [`EvalError::Journal`] where the same id was another question; [`EvalError::Judge`]; [`EvalError::Data`].
pub fn judge_all(
    mut requests: Vec<JudgeRequest>,
    judge: &mut dyn Judge,
    journal: &Path,
) -> Result<Vec<String>, EvalError> {
    let (mut writer, found) = Journal::open::<Record>(journal)?;
    let hashes: HashMap<String, String> = requests
        .iter()
        .map(|request| (request.id.to_string(), hash(&request.turns)))
        .collect();
    let mut texts = known(found, &hashes, journal)?;
    for request in &mut requests {
        request.done = texts.contains_key(&request.id.to_string());
    }
    if requests.iter().any(|request| !request.done) {
        let asked = judge.judge(&requests, &mut |Judgement { id, text }| {
            let key = id.to_string();
            let request = hashes.get(&key).ok_or("it answered what was not asked")?;
            let request = request.clone();
            writer.append(&Record {
                id,
                request,
                text: text.clone(),
            })?;
            texts.insert(key, text);
            Ok(())
        });
        asked.map_err(|source| EvalError::Judge { source })?;
    }
    let text = |request: &JudgeRequest| {
        texts
            .remove(&request.id.to_string())
            .ok_or_else(|| EvalError::Judge {
                source: format!("it left {} without a judgement", request.id).into(),
            })
    };
    requests.iter().map(text).collect()
}

/// The texts of the journal by id, each held against the question that it answers.
fn known(
    found: Vec<Record>,
    hashes: &HashMap<String, String>,
    journal: &Path,
) -> Result<HashMap<String, String>, EvalError> {
    let mut texts = HashMap::new();
    for record in found {
        let id = record.id.to_string();
        match hashes.get(&id) {
            Some(expected) if *expected != record.request => {
                return Err(EvalError::Journal {
                    path: journal.to_owned(),
                    id: record.id,
                    expected: expected.clone(),
                    found: record.request,
                });
            }
            _ => texts.insert(id, record.text),
        };
    }
    Ok(texts)
}

/// A template with each `{name}` replaced in one pass, so that no value is looked into; other braces stay.
pub(crate) fn fill(template: &str, values: &[(&str, &str)]) -> String {
    let mut out = String::new();
    let mut rest = template;
    while let Some((before, after)) = rest.split_once('{') {
        out.push_str(before);
        let known = values
            .iter()
            .find_map(|(name, value)| Some((value, after.strip_prefix(name)?.strip_prefix('}')?)));
        if let Some((value, behind)) = known {
            out.push_str(value);
            rest = behind;
        } else {
            out.push('{');
            rest = after;
        }
    }
    out + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_not_looked_into() {
        let filled = fill("{a} {x} {b}{", &[("a", "{b}"), ("b", "{a}")]);
        assert_eq!(filled, "{b} {x} {a}{");
    }
}
