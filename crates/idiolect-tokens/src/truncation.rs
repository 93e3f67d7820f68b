//! Rows with more tokens than allowed: refused, dropped or truncated, and always counted.

use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{IGNORE, RowProblem, TokenRow, TokensError};

/// What becomes of a row that is longer than allowed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Truncation {
    /// It is an error.
    #[default]
    Error,
    /// It is left out.
    Drop,
    /// It is truncated at the end, and loses the end of its response.
    Cut,
    /// Of each question and its answer both are truncated at their ends, by their lengths, as LLaMA-Factory does
    /// since version 0.8: what is short beside the limit stays whole.
    Proportional,
    /// Of each question and its answer both are truncated at their ends to their shares of the limit, as LLaMA-Factory
    /// did up to version 0.7, and with it the scripts of arXiv 2402.13669 and 2409.00096.
    Share,
}

/// A name that is none of `error`, `drop`, `cut`, `proportional` and `share`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{name:?} is none of error, drop, cut, proportional, share")]
pub struct UnknownTruncation {
    /// The name.
    pub name: String,
}

impl FromStr for Truncation {
    type Err = UnknownTruncation;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        match name {
            "error" => Ok(Self::Error),
            "drop" => Ok(Self::Drop),
            "cut" => Ok(Self::Cut),
            "proportional" => Ok(Self::Proportional),
            "share" => Ok(Self::Share),
            _ => Err(UnknownTruncation { name: name.into() }),
        }
    }
}

/// Rows that are short enough, and which rows were dropped or truncated.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct TruncatedRows {
    /// All rows that are left, in order, none longer than allowed.
    pub rows: Vec<TokenRow>,
    /// Ids of rows that were left out.
    pub dropped: Vec<Value>,
    /// Ids of rows that were truncated, those that are lost among them.
    pub cut: Vec<Value>,
    /// Ids of rows that were truncated and lost their last trained token; they teach nothing.
    pub lost: Vec<Value>,
}

/// Brings rows to at most `max_length` tokens.
///
/// # Errors
///
/// [`TokensError::Row`] for the first row that is too long, if that is an error.
pub fn truncate_rows(
    rows: Vec<TokenRow>,
    max_length: usize,
    truncation: Truncation,
) -> Result<TruncatedRows, TokensError> {
    let mut out = TruncatedRows::default();
    for mut row in rows {
        let length = row.input_ids.len();
        if length <= max_length {
            out.rows.push(row);
            continue;
        }
        match truncation {
            Truncation::Error => {
                let problem = RowProblem::TooLong { length, max_length };
                return Err(TokensError::Row {
                    id: row.id,
                    problem,
                });
            }
            Truncation::Drop => out.dropped.push(row.id),
            Truncation::Cut | Truncation::Proportional | Truncation::Share => {
                let had_some = row.trained_tokens() > 0;
                match truncation {
                    Truncation::Proportional => cut_pairs(&mut row, max_length, lengths),
                    Truncation::Share => cut_pairs(&mut row, max_length, shares),
                    _ => {
                        row.input_ids.truncate(max_length);
                        row.labels.truncate(max_length);
                        row.teacher.truncate(max_length);
                    }
                }
                out.cut.push(row.id.clone());
                if had_some && row.trained_tokens() == 0 {
                    out.lost.push(row.id.clone());
                }
                out.rows.push(row);
            }
        }
    }
    Ok(out)
}

/// Cuts questions and answers by their lengths, the first ones first; pairs for which no room is left are gone.
///
/// Sources: hiyouga/LLaMA-Factory `data/processor/processor_utils.py`, `infer_seqlen`, and `supervised.py`; of its
/// version 0.6 `data/template.py`, `_make_pairs`.
fn cut_pairs(
    row: &mut TokenRow,
    max_length: usize,
    kept: fn(usize, usize, usize) -> (usize, usize),
) {
    let (mut ids, mut labels, mut teacher) = (Vec::new(), Vec::new(), Vec::new());
    let mut at = 0;
    while at < row.input_ids.len() && ids.len() < max_length {
        let run = |from: usize, trained: bool| {
            let rest = row.labels[from..].iter();
            rest.take_while(|label| (**label != IGNORE) == trained)
                .count()
        };
        let question = run(at, false);
        let answer = run(at + question, true);
        let (asked, answered) = kept(question, answer, max_length - ids.len());
        for part in [at..at + asked, at + question..at + question + answered] {
            ids.extend_from_slice(&row.input_ids[part.clone()]);
            labels.extend_from_slice(&row.labels[part.clone()]);
            teacher.extend_from_slice(row.teacher.get(part).unwrap_or_default());
        }
        at += question + answer;
    }
    (row.input_ids, row.labels, row.teacher) = (ids, labels, teacher);
}

/// How much of a question and of its answer is kept.
fn lengths(question: usize, answer: usize, room: usize) -> (usize, usize) {
    let most_of_answer = if answer.saturating_mul(2) < room {
        room
    } else if question.saturating_mul(2) < room {
        room - question
    } else {
        share(room, answer, question + answer)
    };
    let answered = answer.min(most_of_answer);
    (question.min(room.saturating_sub(answered)), answered)
}

/// How much of a question and of its answer is kept, each its share of the room, and of the answer at least a token.
///
/// Source: hiyouga/LLaMA-Factory 0.5.2 and 0.6.3 `data/utils.py`, `infer_max_len`.
fn shares(question: usize, answer: usize, room: usize) -> (usize, usize) {
    let of_answer = share(room, answer, question + answer).max(1);
    let of_question = room.saturating_sub(of_answer);
    (question.min(of_question), answer.min(of_answer))
}

/// `int(room * (part / whole))` in floating-point numbers, as the source has it.
#[allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_precision_loss,
    reason = "lengths of rows"
)]
fn share(room: usize, part: usize, whole: usize) -> usize {
    (room as f64 * (part as f64 / whole.max(1) as f64)) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows() -> Vec<TokenRow> {
        let row = |id: &str, length: u32| TokenRow {
            id: id.into(),
            input_ids: (0..length).collect(),
            labels: (0..i64::from(length)).collect(),
            teacher: Vec::new(),
        };
        vec![row("a", 3), row("b", 5), row("c", 4)]
    }

    #[test]
    fn rows_that_are_too_long_are_refused_dropped_or_cut() {
        let error = truncate_rows(rows(), 4, Truncation::Error)
            .unwrap_err()
            .to_string();
        assert_eq!(error, "row \"b\": 5 tokens, more than 4");
        let dropped = truncate_rows(rows(), 4, Truncation::Drop).unwrap();
        assert_eq!(
            (dropped.rows.len(), dropped.dropped, dropped.cut.len()),
            (2, vec!["b".into()], 0)
        );
        let cut = truncate_rows(rows(), 4, "cut".parse().unwrap()).unwrap();
        assert_eq!(
            (cut.rows[1].labels.len(), cut.cut),
            (4, vec![Value::from("b")])
        );
        assert!("long".parse::<Truncation>().is_err());
    }

    /// Lengths by LLaMA-Factory's own function:
    /// `[infer_seqlen(s, t, c) for s, t, c in ((100, 10, 50), (10, 100, 50), (60, 40, 50), (7, 3, 5), (0, 9, 4))]`.
    #[test]
    fn questions_and_answers_are_cut_as_llama_factory_cuts_them() {
        let cases = [
            (100, 10, 50),
            (10, 100, 50),
            (60, 40, 50),
            (7, 3, 5),
            (0, 9, 4),
        ];
        let found = cases.map(|(question, answer, room)| lengths(question, answer, room));
        assert_eq!(found, [(40, 10), (10, 40), (30, 20), (4, 1), (0, 4)]);
    }

    /// Lengths by `_make_pairs` and `infer_max_len` of LLaMA-Factory 0.6.3, with one token reserved:
    /// `for s, t, c in ((100, 10, 50), (10, 100, 50), (60, 40, 50), (3000, 1, 1024), (0, 9, 4), (5, 5, 50))`.
    #[test]
    fn questions_and_answers_are_cut_to_shares_as_llama_factory_did() {
        let cases = [
            (100, 10, 50),
            (10, 100, 50),
            (60, 40, 50),
            (3000, 1, 1024),
            (0, 9, 4),
            (5, 5, 50),
        ];
        let found = cases.map(|(question, answer, room)| shares(question, answer, room));
        let expected = [(46, 4), (5, 45), (30, 20), (1023, 1), (0, 4), (5, 5)];
        assert_eq!(found, expected);
        let row = TokenRow {
            id: "a".into(),
            input_ids: (0..110).collect(),
            labels: (0..110)
                .map(|at| if at < 100 { IGNORE } else { at })
                .collect(),
            teacher: Vec::new(),
        };
        let cut = truncate_rows(vec![row], 50, Truncation::Share).unwrap();
        let kept: Vec<u32> = (0..46).chain(100..104).collect();
        assert_eq!(cut.rows[0].input_ids, kept);
    }

    #[test]
    fn each_turn_is_cut_in_the_room_that_is_left() {
        let label = |at: u32| if at % 10 < 6 { IGNORE } else { i64::from(at) };
        let row = TokenRow {
            id: "a".into(),
            input_ids: (0..20).collect(),
            labels: (0..20).map(label).collect(),
            teacher: Vec::new(),
        };
        let cut = truncate_rows(vec![row.clone()], 13, Truncation::Proportional).unwrap();
        assert_eq!(
            cut.rows[0].input_ids,
            [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 16]
        );
        assert_eq!((cut.cut.len(), cut.lost.len()), (1, 0));
        let lost = truncate_rows(vec![row], 6, Truncation::Cut).unwrap();
        assert_eq!(lost.lost, [Value::from("a")]);
    }
}
