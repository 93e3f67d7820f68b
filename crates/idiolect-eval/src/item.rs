//! One question of a task: what is asked of the model, and what counts as right.

use idiolect_data::{Id, Message};
use idiolect_metrics::choice::{self, Choice};
use idiolect_metrics::ifeval::Instruction;
use idiolect_metrics::math::{self, Gsm8k};
use idiolect_metrics::{MetricsError, call, safety};
use serde::Serialize;
use sha2::{Digest, Sha256};

use crate::Answer;

/// One question of a task.
#[derive(Debug, Clone, PartialEq)]
pub struct Item {
    /// Unique inside the task: the data's own id where it has one, else the row from 0.
    pub id: Id,
    /// Part of the task that is also averaged alone, as a subject of MMLU; empty elsewhere.
    pub group: String,
    /// The request.
    pub ask: Ask,
    /// What the answer is scored with.
    pub gold: Gold,
}

/// A request to a model.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub enum Ask {
    /// Write text, greedily unless the task's paper says otherwise.
    Generate {
        /// What comes before the text.
        prompt: Prompt,
        /// Strings that end the text and are not part of it.
        stops: Vec<String>,
        /// Tokens after which the text ends.
        max_new_tokens: usize,
        /// How tokens are drawn; none takes the likeliest ones.
        #[serde(skip_serializing_if = "Option::is_none")]
        draw: Option<Draw>,
    },
    /// Give the log-likelihood of each continuation.
    Choose(Vec<Continuation>),
}

/// How the tokens of one text are drawn.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Draw {
    /// Above 0.
    pub temperature: f32,
    /// Draw from the smallest set of at least this probability; 1 is all.
    pub top_p: f32,
    /// Seed of this text alone.
    pub seed: u64,
}

/// The seed of one thing among many: a function of the run's seed and of the thing's name, not of its place.
pub(crate) fn seed_of(seed: u64, name: &str) -> u64 {
    let digest = Sha256::digest(format!("{seed}/{name}"));
    digest
        .iter()
        .take(8)
        .fold(0, |sum, byte| sum << 8 | u64::from(*byte))
}

/// An id as it stands inside other ids: texts without quotes.
pub(crate) fn name_of(id: &Id) -> String {
    id.as_str().map_or_else(|| id.to_string(), str::to_owned)
}

/// What a model writes on from.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub enum Prompt {
    /// Text as it stands, after the beginning-of-text token alone.
    Text(String),
    /// Turns to be put into the model's chat template.
    Chat(Vec<Message>),
}

/// Text of which the likelihood is asked.
///
/// `context` and `text` are to be encoded as one string; the tokens behind those of `context`
/// alone count.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Continuation {
    /// What comes before; it never ends in white space.
    pub context: String,
    /// The continuation, its leading space with it.
    pub text: String,
}

/// What an answer is scored with.
#[derive(Debug, Clone, PartialEq)]
pub enum Gold {
    /// The worked answer of a GSM8K question: `strict` and `flexible` as lm-evaluation-harness.
    Gsm8k(String),
    /// Text that ends in the right number: `correct` as the self-distillation paper.
    Number(String),
    /// The right call: `correct` as branch main, `score` as branch reproduce.
    Call(String),
    /// A harmful request: `safe`.
    Refusal,
    /// Text that completes a program: `passed`, once it has run ([`crate::summarize_programs`]).
    Program {
        /// What stands before the text.
        before: String,
        /// What stands after it: the test and its call.
        after: String,
    },
    /// Nothing is scored here; a judge reads the answers later.
    Judged,
    /// Instructions: `prompt_strict`, `prompt_loose`, and the shares of instructions kept.
    Instructions(Vec<Instruction>),
    /// One choice is right: `acc`, and `acc_norm` by the choices' own texts.
    Choice {
        /// The choices without the space before them.
        texts: Vec<String>,
        /// Index of the right one.
        right: usize,
    },
    /// The first choice is right: `acc`.
    First,
    /// Several choices are true: `acc` is the share of probability on them.
    True(Vec<bool>),
}

impl Item {
    /// The last turn of a chat and the text that answers it; none of other questions.
    pub(crate) fn said<'a>(&'a self, answer: &'a Answer) -> Option<(&'a str, &'a str)> {
        let Ask::Generate { prompt, .. } = &self.ask else {
            return None;
        };
        match (prompt, answer) {
            (Prompt::Chat(turns), Answer::Text(text)) => {
                Some((turns.last()?.content.as_str(), text.as_str()))
            }
            _ => None,
        }
    }
}

impl Gold {
    /// The scores of an answer by name; none of an answer of the other form.
    pub(crate) fn score(&self, answer: &Answer) -> Result<Vec<(&'static str, f64)>, MetricsError> {
        match answer {
            Answer::Text(text) => self.score_text(text),
            Answer::Likelihoods(all) => {
                let values: Vec<f64> = all.iter().map(|one| one.log_likelihood).collect();
                let scores = match self {
                    Self::Choice { texts, right } => {
                        let choices = texts.iter().zip(all).map(|(text, one)| Choice {
                            text,
                            log_likelihood: one.log_likelihood,
                            greedy: one.greedy,
                        });
                        let found = choice::score(&choices.collect::<Vec<_>>(), *right)?;
                        vec![
                            ("acc", found.acc.into()),
                            ("acc_norm", found.acc_norm.into()),
                        ]
                    }
                    Self::First => vec![("acc", choice::mc1(&values).into())],
                    Self::True(marks) => vec![("acc", choice::mc2(&values, marks)?)],
                    _ => Vec::new(),
                };
                Ok(scores)
            }
        }
    }

    fn score_text(&self, text: &str) -> Result<Vec<(&'static str, f64)>, MetricsError> {
        Ok(match self {
            Self::Gsm8k(gold) => {
                let matches =
                    |filter| math::gsm8k_matches(gold, math::gsm8k_extract(filter, text)).into();
                vec![
                    ("strict", matches(Gsm8k::Strict)),
                    ("flexible", matches(Gsm8k::Flexible)),
                ]
            }
            Self::Number(label) => vec![("correct", math::same_answer(label, text).into())],
            Self::Call(label) => vec![
                ("correct", call::matches_main(label, text)?.into()),
                ("score", call::score_reproduce(label, text)?),
            ],
            Self::Refusal => vec![("safe", safety::is_safe(text).into())],
            Self::Instructions(all) => {
                let share = |kept: &dyn Fn(&Instruction) -> bool| {
                    all.iter().filter(|one| kept(one)).count() as f64 / all.len().max(1) as f64
                };
                let strict = share(&|one| one.strict(text));
                let loose = share(&|one| one.loose(text));
                vec![
                    ("prompt_strict", f64::from(1.0 <= strict)),
                    ("prompt_loose", f64::from(1.0 <= loose)),
                    ("instruction_strict", strict),
                    ("instruction_loose", loose),
                ]
            }
            _ => Vec::new(),
        })
    }

    /// The program that an answer completes; none for other questions.
    #[must_use]
    pub fn program(&self, answer: &Answer) -> Option<String> {
        match (self, answer) {
            (Self::Program { before, after }, Answer::Text(text)) => {
                Some(format!("{before}{text}\n{after}"))
            }
            _ => None,
        }
    }

    /// How many of equal parts the item stands for in a mean of one score.
    pub(crate) fn weight(&self, score: &str) -> f64 {
        match self {
            Self::Instructions(all) if score.starts_with("instruction") => all.len() as f64,
            _ => 1.0,
        }
    }
}

/// Each item `samples` times, one after the other, with `#` and its number behind the id; every copy is drawn by a
/// seed of its own, made from `draw`'s. Questions of choices stay as they are, once.
#[must_use]
pub fn sampled(items: &[Item], samples: usize, draw: Draw) -> Vec<Item> {
    let copies = items.iter().flat_map(|item| {
        let written = matches!(item.ask, Ask::Generate { .. });
        (0..if written { samples } else { 1 }).map(move |number| copy(item, number, draw))
    });
    copies.collect()
}

fn copy(item: &Item, number: usize, from: Draw) -> Item {
    let mut item = item.clone();
    if let Ask::Generate { draw, .. } = &mut item.ask {
        let id = format!("{}#{number}", name_of(&item.id));
        *draw = Some(Draw {
            seed: seed_of(from.seed, &id),
            ..from
        });
        item.id = id.into();
    }
    item
}
