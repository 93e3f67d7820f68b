//! Questions whose choices are compared by likelihood.
//!
//! Source: EleutherAI/lm-evaluation-harness@4e7e0d47, tasks arc, hellaswag, mmlu and winogrande.
//! A worked example is the context of its question, the right choice and a blank line.

use idiolect_completion::LikelihoodRequest;
use serde_json::Value;

use crate::error::EvalError;
use crate::gold::Gold;
use crate::item::ItemRequest;
use crate::tasks::files::TaskRow;
use crate::tasks::form::{ChoiceForm, Choices, RightChoice};

/// A question before worked examples are set above it.
pub(crate) struct Question {
    /// One context, or one for each choice.
    pub(crate) contexts: Vec<String>,
    /// One choice for each context, or several after the only one, without leading space.
    pub(crate) choices: Vec<String>,
    pub(crate) gold: Gold,
}

impl Question {
    /// The pairs of context and continuation, below `above`.
    pub(crate) fn continuations(&self, above: &str) -> Vec<LikelihoodRequest> {
        let pair = |(i, choice): (usize, &String)| LikelihoodRequest {
            context: format!("{above}{}", self.contexts[i.min(self.contexts.len() - 1)]),
            text: format!(" {choice}"),
        };
        self.choices.iter().enumerate().map(pair).collect()
    }

    /// The question with its right answer, as worked examples show it.
    pub(crate) fn worked(&self) -> String {
        let right = match &self.gold {
            Gold::Choice { right, .. } => *right,
            _ => 0,
        };
        let LikelihoodRequest { context, text } = self.continuations("").swap_remove(right);
        format!("{context}{text}\n\n")
    }

    /// What the model is asked below `above`, and what is right.
    pub(crate) fn asked(self, above: &str) -> (ItemRequest, Gold) {
        (ItemRequest::Choose(self.continuations(above)), self.gold)
    }

    fn new(context: String, choices: Vec<String>, right: usize) -> Self {
        let texts = choices.clone();
        Self {
            contexts: vec![context],
            choices,
            gold: Gold::Choice { texts, right },
        }
    }
}

impl ChoiceForm {
    /// The question of a row of a user's own task.
    pub(crate) fn question(&self, row: &TaskRow) -> Result<Question, EvalError> {
        let choices = match &self.choices {
            Choices::Field(field) => row.texts(field)?,
            Choices::Templates(all) => {
                let filled = all.iter().map(|template| row.filled(template));
                filled.collect::<Result<_, _>>()?
            }
        };
        let (field, expected, right) = match &self.right {
            RightChoice::Index(field) => (
                field,
                "the number of a choice, from 0",
                Some(row.index(field)?),
            ),
            RightChoice::Letter(field) => (
                field,
                "the letter of a choice, A for the first",
                letter(&row.text(field)?),
            ),
            RightChoice::Text(field) => {
                let text = row.text(field)?;
                let found = choices.iter().position(|choice| *choice == text);
                (field, "the text of a choice", found)
            }
        };
        let right = right.filter(|right| *right < choices.len());
        let right = right.ok_or_else(|| row.wrong(field, expected))?;
        Ok(Question::new(row.filled(&self.context)?, choices, right))
    }
}

/// The place of a letter in the alphabet.
fn letter(text: &str) -> Option<usize> {
    match text.trim().as_bytes() {
        [letter @ b'A'..=b'Z'] => Some(usize::from(letter - b'A')),
        _ => None,
    }
}

/// ARC in AI2's own layout (`question.stem`) or that of the Hub (`choices.text`).
pub(crate) fn arc(row: &TaskRow) -> Result<Question, EvalError> {
    let hub = row.fields.get("choices");
    let own = row
        .fields
        .get("question")
        .and_then(|question| question.get("choices"));
    let of = |name: &str| -> Option<Vec<String>> {
        let text = |value: &Value| Some(value.as_str()?.to_owned());
        match (hub, own) {
            (Some(hub), _) => hub.get(name)?.as_array()?.iter().map(text).collect(),
            (None, own) => own?
                .as_array()?
                .iter()
                .map(|one| text(one.get(name)?))
                .collect(),
        }
    };
    let stem = row
        .fields
        .get("question")
        .and_then(|question| question.get("stem"));
    let stem = match stem.and_then(Value::as_str) {
        Some(stem) => stem.to_owned(),
        None => row.text("question")?,
    };
    let texts = of("text").ok_or_else(|| row.wrong("choices", "texts and labels"))?;
    let labels = of("label").ok_or_else(|| row.wrong("choices", "texts and labels"))?;
    if labels.len() != texts.len() {
        return Err(row.wrong("choices", "a label for each text"));
    }
    let key = row.text("answerKey")?;
    let right = labels.iter().position(|label| *label == key);
    let right = right.ok_or_else(|| row.wrong("answerKey", "one of the labels"))?;
    Ok(Question::new(
        format!("Question: {stem}\nAnswer:"),
        texts,
        right,
    ))
}

/// `HellaSwag` in its own layout, or in rows whose text is already made ready (`context`).
pub(crate) fn hellaswag(row: &TaskRow) -> Result<Question, EvalError> {
    let endings = row.texts("endings")?;
    let right = row.index("label")?;
    if right >= endings.len() {
        return Err(row.wrong("label", "the number of an ending, from 0"));
    }
    if row.fields.contains_key("context") {
        return Ok(Question::new(row.text("context")?, endings, right));
    }
    let (label, first, second) = (
        row.text("activity_label")?,
        row.text("ctx_a")?,
        row.text("ctx_b")?,
    );
    let context = ready(&format!("{label}: {first} {}", capitalize(&second)));
    let endings = endings.iter().map(|ending| ready(ending)).collect();
    Ok(Question::new(context, endings, right))
}

/// `HellaSwag`'s text without the marks of `WikiHow`; what a mark leaves behind stays.
fn ready(text: &str) -> String {
    let text = text.trim().replace(" [title]", ". ");
    let mut out = String::new();
    let mut rest = &*text;
    while let Some((before, after)) = rest.split_once('[') {
        // A mark does not reach over a line break.
        let end = after.find(']').filter(|&end| !after[..end].contains('\n'));
        out.push_str(before);
        if let Some(end) = end {
            rest = &after[end + 1..];
        } else {
            out.push('[');
            rest = after;
        }
    }
    out.push_str(rest);
    out.replace("  ", " ")
}

/// Python's `str.capitalize`: the first letter large, all others small.
fn capitalize(text: &str) -> String {
    let mut chars = text.chars();
    let first = chars.next().map(|first| first.to_uppercase().to_string());
    first.unwrap_or_default() + &chars.as_str().to_lowercase()
}

/// `WinoGrande`: the same words after two openings.
pub(crate) fn winogrande(row: &TaskRow) -> Result<Question, EvalError> {
    let sentence = row.text("sentence")?;
    let blank = || row.wrong("sentence", "a blank, written _");
    let (before, after) = sentence.split_once('_').ok_or_else(blank)?;
    let contexts = vec![
        format!("{before}{}", row.text("option1")?),
        format!("{before}{}", row.text("option2")?),
    ];
    let answer = row
        .index("answer")?
        .checked_sub(1)
        .filter(|&right| right < 2);
    let right = answer.ok_or_else(|| row.wrong("answer", "1 or 2"))?;
    let after = after.trim().to_owned();
    Ok(Question {
        choices: vec![after.clone(), after],
        // As the harness has it, a choice's length is that of the opening.
        gold: Gold::Choice {
            texts: contexts.clone(),
            right,
        },
        contexts,
    })
}

/// MMLU: letters as choices, in its own layout or in that of the Hub (`choices`, and the answer's number from 0).
pub(crate) fn mmlu(row: &TaskRow) -> Result<Question, EvalError> {
    let mut context = row.text("question")?.trim().to_owned();
    let letters = ["A", "B", "C", "D"];
    let is_hubs = row.fields.contains_key("choices");
    let texts = if is_hubs {
        row.texts("choices")?
    } else {
        let texts = letters.map(|letter| row.text(letter));
        texts.into_iter().collect::<Result<_, _>>()?
    };
    if texts.len() != letters.len() {
        return Err(row.wrong("choices", "four texts"));
    }
    for (letter, text) in letters.iter().zip(&texts) {
        context.extend(["\n", letter, ". ", text]);
    }
    let right = if is_hubs {
        Some(row.index("answer")?).filter(|right| *right < letters.len())
    } else {
        letter(&row.text("answer")?).filter(|right| *right < letters.len())
    };
    let right = right.ok_or_else(|| row.wrong("answer", "A, B, C or D, or its number from 0"))?;
    Ok(Question::new(
        context + "\nAnswer:",
        letters.map(str::to_owned).to_vec(),
        right,
    ))
}

/// What stands above a question of MMLU and its worked examples.
pub(crate) fn mmlu_opening(subject: &str) -> String {
    let words = subject.replace('_', " ");
    format!("The following are multiple choice questions (with answers) about {words}.\n\n")
}
