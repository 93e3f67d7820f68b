//! How a row of a task's file becomes an item: what is asked, and what is right.
//!
//! A form is data: the tasks that come with the crate are written in it, and so are a user's own, in a TOML file
//! or as a struct. `{field}` in a template stands for a field of the row, text or a number; a brace that is text is
//! written twice.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How a row becomes an item.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum ItemForm {
    /// Text is generated and scored.
    Generate(GenerateForm),
    /// Choices are compared by their likelihood.
    Choice(ChoiceForm),
    /// The rows of a published benchmark whose prompts templates alone do not give.
    Benchmark(Benchmark),
}

/// A text that is generated.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct GenerateForm {
    /// Template of what the model is shown.
    pub prompt: String,
    /// Whether the prompt is a user's turn in the model's chat template, or plain text to go on with.
    #[serde(default)]
    pub prompt_form: PromptForm,
    /// Template of a worked example, to stand above the prompt; none where the task has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub worked_example: Option<String>,
    /// Texts that end an answer and are no part of it. Default: none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub stops: Vec<String>,
    /// Tokens after which an answer ends, at least 1. Default: 512, as the self-distillation paper's program.
    #[serde(default = "chat_tokens")]
    pub max_new_tokens: usize,
    /// How an answer is scored.
    pub metric: Metric,
}

/// Tokens after which a chat answer ends: the default of the self-distillation paper's program.
pub(crate) fn chat_tokens() -> usize {
    512
}

/// In what form a prompt is shown.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum PromptForm {
    /// A user's turn in the model's chat template.
    #[default]
    Chat,
    /// Plain text after the beginning-of-text token alone.
    Text,
}

/// How a generated answer is scored; the templates give what is right.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Metric {
    /// `exact_match`: this text, white space around it apart.
    ExactMatch(String),
    /// `correct`: the last number of the answer is that of this text, as in the self-distillation paper.
    Number(String),
    /// `strict` and `flexible` against a worked answer of GSM8K, as lm-evaluation-harness.
    Gsm8k(String),
    /// `correct` and `score` against this function call, as the self-distillation paper.
    Call(String),
    /// `safe`: the answer refuses, by the keywords of the self-distillation paper.
    Refusal,
    /// `passed`: the program around the answer ends without an error in the sandbox.
    Program {
        /// What stands before the answer.
        before: String,
        /// What stands after it.
        after: String,
    },
    /// The scores of `IFEval`, by the row's `instruction_id_list` and `kwargs`.
    Instructions,
    /// `win`: a judge compares the answer with a baseline's.
    Pairwise(Pairwise),
}

/// How a judge compares two answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Pairwise {
    /// Both orders and five labels, as Arena-Hard 0.1.
    ArenaHard,
    /// One order and a ranking of two, as `alpaca_eval_gpt4`. Without a baseline's file it compares with the
    /// `output` fields of the task's own file.
    AlpacaEval,
}

/// Choices that are compared by their likelihood: `acc`, and `acc_norm` by the length of the choices.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ChoiceForm {
    /// Template of what stands before the choices; it must not end in white space, since each choice begins with
    /// a space.
    pub context: String,
    /// The choices.
    pub choices: Choices,
    /// Which of them is right.
    pub right: RightChoice,
}

/// Where the choices stand.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Choices {
    /// In a field that holds a list of texts.
    Field(String),
    /// In these templates, one for each.
    Templates(Vec<String>),
}

/// What says which choice is right.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum RightChoice {
    /// A field with its number, from 0.
    Index(String),
    /// A field with its letter: A for the first.
    Letter(String),
    /// A field with its text.
    Text(String),
}

/// A published benchmark whose rows are read in its own way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Benchmark {
    /// ARC in AI2's own layout or that of the Hub.
    Arc,
    /// `HellaSwag` in its own layout, or with a `context` that is made ready.
    Hellaswag,
    /// `WinoGrande`: the same words after two openings.
    Winogrande,
    /// MMLU's archive of tables.
    Mmlu,
    /// `TruthfulQA` with one right choice.
    TruthfulqaMc1,
    /// `TruthfulQA` with several.
    TruthfulqaMc2,
    /// MT-bench: two turns that a judge rates.
    MtBench,
    /// Programs of `HumanEvalPack` from an instruction and the beginning of the function, as
    /// bigcode-evaluation-harness asks for them (`humanevalsynthesize-python` with the prompt `octocoder`).
    HumanevalSynthesize,
}

impl ItemForm {
    /// Every template with its key.
    pub(crate) fn templates(&self) -> Vec<(&'static str, &str)> {
        match self {
            Self::Generate(form) => {
                let own = [("prompt", form.prompt.as_str())];
                let worked = form.worked_example.as_deref();
                let worked = worked.map(|text| ("worked_example", text));
                let right = form.metric.templates().into_iter();
                own.into_iter()
                    .chain(worked)
                    .chain(right.map(|text| ("metric", text)))
                    .collect()
            }
            Self::Choice(form) => {
                let choices = match &form.choices {
                    Choices::Field(_) => &[][..],
                    Choices::Templates(all) => all,
                };
                let choices = choices.iter().map(|text| ("choices", text.as_str()));
                [("context", form.context.as_str())]
                    .into_iter()
                    .chain(choices)
                    .collect()
            }
            Self::Benchmark(_) => Vec::new(),
        }
    }
}

impl Metric {
    /// The score by which a task stands in a table.
    pub(crate) fn main_score(&self, samples: usize) -> &'static str {
        match self {
            Self::ExactMatch(_) => "exact_match",
            Self::Number(_) | Self::Call(_) => "correct",
            Self::Gsm8k(_) => "strict",
            Self::Refusal => "safe",
            Self::Program { .. } => Self::program_score(samples),
            Self::Instructions => "prompt_strict",
            Self::Pairwise(_) => "win",
        }
    }

    /// That of programs with so many answers each.
    pub(crate) fn program_score(samples: usize) -> &'static str {
        if 1 < samples { "pass@1" } else { "passed" }
    }

    fn templates(&self) -> Vec<&str> {
        match self {
            Self::ExactMatch(text) | Self::Number(text) | Self::Gsm8k(text) | Self::Call(text) => {
                vec![text]
            }
            Self::Program { before, after } => vec![before, after],
            Self::Refusal | Self::Instructions | Self::Pairwise(_) => Vec::new(),
        }
    }
}
