//! The prompts of a data set, as the student and as the teacher are shown them.
//!
//! The tokens of an answer are put behind either prompt as they were drawn: a tokenizer never sees both together, so
//! that no token can differ between student and teacher.

use std::borrow::Cow;

use idiolect_data::{BadRows, Example, Id, Message, Role, Row, SkippedRow, id_text};
use idiolect_lm::{LanguageModel, LmError, ModelPrompt};
use idiolect_prompt::{ContextTemplate, Conversation};
use idiolect_tokens::{IGNORE, TokenRow};
use idiolect_train::{BoxError, RowSize, Rows};

use crate::{FineTuneError, TrainingData};

/// A row of a data set that is to be answered.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct PromptRow {
    pub(super) id: Id,
    /// What the student is shown.
    pub(super) student: Vec<u32>,
    /// What the teacher is shown; where answers are judged, the same.
    pub(super) teacher: Vec<u32>,
    /// The row itself, where answers are judged.
    pub(super) example: Option<Example>,
}

/// All of them, with the longest answer that one can have.
pub(super) struct Prompts {
    pub(super) rows: Vec<PromptRow>,
    pub(super) max_new_tokens: usize,
    /// Most tokens of a context with an answer.
    pub(super) max_length: usize,
    pub(super) pad_id: u32,
}

/// How prompts are made.
pub(super) struct PromptMaker<'a> {
    pub(super) model: &'a LanguageModel,
    /// What the teacher is shown; none where answers are judged, and make the context.
    pub(super) context: Option<&'a ContextTemplate>,
    /// Most tokens of a prompt with its answer.
    pub(super) max_length: usize,
    pub(super) max_new_tokens: usize,
    pub(super) bad_rows: BadRows,
}

impl PromptMaker<'_> {
    /// The prompts of a data set, and the rows that are left out of it.
    ///
    /// # Errors
    ///
    /// [`FineTuneError::Setting`] for rows of tokens, and for a row whose prompt or context leaves no room for an
    /// answer; [`FineTuneError::Lm`] for one that has no demonstration or cannot be rendered.
    pub(super) fn all(
        &self,
        data: &TrainingData<'_>,
    ) -> Result<(Prompts, Vec<SkippedRow>), FineTuneError> {
        let rows = match data {
            TrainingData::Set(set) => &set.rows[..],
            TrainingData::Examples(rows) => rows,
            _ => {
                let expected = "conversations held in memory";
                return Err(FineTuneError::setting("data", expected, "others"));
            }
        };
        let (mut found, mut skipped, mut first) = (Vec::new(), Vec::new(), None);
        for row in rows {
            match self.one(row) {
                Ok(prompt) => found.push(prompt),
                Err(error) if self.bad_rows == BadRows::Skip && is_of_row(&error) => {
                    skipped.push(SkippedRow {
                        line: Some(row.line),
                        ..SkippedRow::new(row.example.id.clone(), error.to_string())
                    });
                    first.get_or_insert(error);
                }
                Err(error) => return Err(error),
            }
        }
        if let Some(error) = first.filter(|_| found.is_empty()) {
            return Err(error);
        }
        let prompts = Prompts {
            rows: found,
            max_new_tokens: self.max_new_tokens,
            max_length: self.max_length,
            pad_id: self.model.pad_id(),
        };
        Ok((prompts, skipped))
    }

    fn one(&self, row: &Row) -> Result<PromptRow, FineTuneError> {
        let example = &row.example;
        let prompt = ModelPrompt::Example(Box::new(example.clone()));
        let student = self.model.prompt_ids(&prompt);
        let student = student.map_err(|error| of_row(example, error))?;
        let teacher = match self.context {
            Some(context) => self.shown(example, context)?,
            None => student.clone(),
        };
        for (what, tokens) in [("prompt", student.len()), ("context", teacher.len())] {
            if tokens.saturating_add(self.max_new_tokens) > self.max_length {
                let most = self.max_length;
                let expected = format!(
                    "{what} and max_new_tokens ({}) within {most} tokens",
                    self.max_new_tokens
                );
                let error = FineTuneError::setting(what, expected, format!("{tokens} of {what}"));
                return Err(named(&example.id, error));
            }
        }
        Ok(PromptRow {
            id: example.id.clone(),
            student,
            teacher,
            example: self.context.is_none().then(|| example.clone()),
        })
    }

    /// A row in the teacher's context, as token ids.
    fn shown(
        &self,
        example: &Example,
        context: &ContextTemplate,
    ) -> Result<Vec<u32>, FineTuneError> {
        let demonstration = example.response().unwrap_or_default();
        if demonstration.trim().is_empty() && context.shows_demonstration() {
            let expected = format!("a demonstration for context {}", context.name);
            let missing = FineTuneError::setting("response", expected, "none");
            return Err(named(&example.id, missing));
        }
        let messages = context.messages(example, demonstration);
        let messages = messages.map_err(|error| of_row(example, error.into()))?;
        conversation(self.model, example, &messages)
    }
}

/// A row's prompt with another last question, as token ids.
///
/// # Errors
///
/// [`FineTuneError::Lm`] for a row that cannot be rendered or asks nothing.
pub(super) fn asked_otherwise(
    model: &LanguageModel,
    example: &Example,
    question: &str,
) -> Result<Vec<u32>, FineTuneError> {
    let mut messages = example.prompt().to_vec();
    let last = messages.last_mut().filter(|turn| turn.role == Role::User);
    let Some(last) = last else {
        let name = "the last turn before the answer";
        let error = FineTuneError::setting(name, "one of user", "another or none");
        return Err(named(&example.id, error));
    };
    *last = Message::new(Role::User, question);
    conversation(model, example, &messages)
}

fn conversation(
    model: &LanguageModel,
    example: &Example,
    messages: &[Message],
) -> Result<Vec<u32>, FineTuneError> {
    let shown = Conversation {
        messages,
        ..example.into()
    };
    model
        .conversation_ids(shown)
        .map_err(|error| of_row(example, error))
}

/// An error with the row that it is about.
fn of_row(example: &Example, error: LmError) -> FineTuneError {
    FineTuneError::Lm(LmError::Row {
        id: example.id.clone(),
        source: Box::new(error),
        suggestion: None,
    })
}

/// A setting's error with the row that it is about.
fn named(id: &Id, error: FineTuneError) -> FineTuneError {
    match error {
        FineTuneError::Setting {
            name,
            expected,
            found,
        } => FineTuneError::Setting {
            name: format!("row {}, {name}", id_text(id)),
            expected,
            found,
        },
        other => other,
    }
}

/// Whether an error is about one row, so that the others can be used without it.
fn is_of_row(error: &FineTuneError) -> bool {
    match error {
        FineTuneError::Setting { name, .. } => name.starts_with("row "),
        FineTuneError::Lm(error) => error.is_of_row(),
        _ => false,
    }
}

impl PromptRow {
    /// An answer behind a prompt, of which the first tokens are not trained.
    pub(super) fn behind(&self, prompt: &[u32], answer: &[u32], skip: usize) -> TokenRow {
        let label = |(at, id): (usize, &u32)| if at < skip { IGNORE } else { i64::from(*id) };
        let mut labels = vec![IGNORE; prompt.len()];
        labels.extend(answer.iter().enumerate().map(label));
        TokenRow {
            id: self.id.clone(),
            input_ids: [prompt, answer].concat(),
            labels,
            teacher: Vec::new(),
        }
    }

    /// An answer as the student sees it.
    pub(super) fn student_row(&self, answer: &[u32], skip: usize) -> TokenRow {
        self.behind(&self.student, answer, skip)
    }

    /// The same answer as the teacher sees it.
    pub(super) fn teacher_row(&self, answer: &[u32], skip: usize) -> TokenRow {
        self.behind(&self.teacher, answer, skip)
    }
}

/// Tokens of the words around what judged answers are shown.
const WORDS_AROUND: usize = 64;

impl Prompts {
    /// The longest prompt that a row may have: where answers are judged, one that shows another answer.
    fn longest<'r>(&self, row: &'r PromptRow) -> Cow<'r, [u32]> {
        if row.example.is_some() {
            let most = self.max_length.saturating_sub(self.max_new_tokens);
            let shown = row.student.len() + self.max_new_tokens + WORDS_AROUND;
            let mut prompt = row.student.clone();
            prompt.resize(shown.min(most).max(row.student.len()), self.pad_id);
            return Cow::Owned(prompt);
        }
        Cow::Borrowed(if row.student.len() < row.teacher.len() {
            &row.teacher
        } else {
            &row.student
        })
    }
}

/// The longest rows that can come of the prompts: what a plan of memory and batches is made of.
impl Rows for Prompts {
    fn count(&self) -> usize {
        self.rows.len()
    }

    fn size(&self, row: usize) -> RowSize {
        RowSize {
            tokens: self.longest(&self.rows[row]).len() + self.max_new_tokens,
            trained_tokens: self.max_new_tokens,
        }
    }

    fn sizes_are_exact(&self) -> bool {
        true
    }

    fn row(&self, row: usize) -> Result<Option<Cow<'_, TokenRow>>, BoxError> {
        let Some(own) = self.rows.get(row) else {
            return Ok(None);
        };
        let answer = vec![self.pad_id; self.max_new_tokens];
        Ok(Some(Cow::Owned(own.behind(&self.longest(own), &answer, 0))))
    }

    fn fingerprint(&self) -> String {
        let rows = self.rows.iter().flat_map(|row| {
            [&row.student, &row.teacher]
                .map(|ids| TokenRow::all_trained(row.id.clone(), ids.clone()))
        });
        let rows: Vec<TokenRow> = rows.collect();
        rows.fingerprint()
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test's own file")]
mod tests {
    use idiolect_lm::ModelSettings;
    use serde_json::Map;

    use super::*;

    /// The tiny model in a template that ends with the question itself.
    fn plain() -> Option<LanguageModel> {
        let tiny = idiolect_testkit::shared()?.join("oracles/tiny/tiny-llama3");
        let settings = ModelSettings {
            template: Some("vanilla".to_owned()),
            ..ModelSettings::of(&tiny.display().to_string())
        };
        Some(LanguageModel::load(&settings, &idiolect_completion::Quiet).unwrap())
    }

    /// The letters of an answer would become one token with the end of either prompt: they stay the tokens that were
    /// drawn, in the student's row and in the teacher's.
    #[test]
    fn tokens_are_the_same_behind_prompts_that_would_merge_with_them() {
        let Some(model) = plain() else { return };
        let context = ContextTemplate {
            name: "hint".into(),
            user: "Hint: {{resp}}. {{content}}".into(),
            ..ContextTemplate::default()
        };
        let maker = PromptMaker {
            model: &model,
            context: Some(&context),
            max_length: 200,
            max_new_tokens: 8,
            bad_rows: BadRows::Error,
        };
        let question = "Say the colour of t";
        let turns = [(Role::User, question), (Role::Assistant, "red")];
        let turns = turns.map(|(role, text)| Message::new(role, text)).to_vec();
        let row = Row {
            line: 1,
            raw: Map::new(),
            example: Example::new("a".into(), turns),
        };
        let prompt = maker.one(&row).unwrap();
        let text = |text: &str| model.tokenizer().encode_text(text).unwrap();
        let answer = [text("h"), text("e"), text(" sea")].concat();
        let ends = |ids: &[u32], what: &[u32]| ids.ends_with(what);
        for (ids, shown) in [
            (&prompt.student, question.to_owned()),
            (&prompt.teacher, format!("Hint: red. {question}")),
        ] {
            assert!(ends(ids, &text(&shown)), "{shown}");
            let joined = text(&format!("{shown}he sea"));
            assert!(
                !ends(&joined, &answer),
                "the texts do not merge: {joined:?}"
            );
        }
        let skip = 1;
        let rows = [
            prompt.student_row(&answer, skip),
            prompt.teacher_row(&answer, skip),
        ];
        let prompts = [&prompt.student, &prompt.teacher];
        for (row, prompt) in rows.iter().zip(prompts) {
            assert_eq!(row.input_ids, [prompt.as_slice(), &answer].concat());
            assert_eq!(row.trained_tokens(), answer.len() - skip);
            let trained: Vec<i64> = row.labels[prompt.len() + skip..].to_vec();
            let drawn: Vec<i64> = answer[skip..].iter().map(|id| i64::from(*id)).collect();
            assert_eq!(trained, drawn);
            assert!(
                row.labels[..prompt.len() + skip]
                    .iter()
                    .all(|label| *label == IGNORE)
            );
        }
    }
}
