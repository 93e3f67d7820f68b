//! One question of a task: what is asked of the model, and what counts as right.

use idiolect_completion::{CompletionRequest, LikelihoodRequest, Overrides, Prompt, Sampling};
use idiolect_data::{Id, Message};
use serde::Serialize;
use sha2::{Digest, Sha256};

use crate::answer::Answer;
use crate::gold::Gold;

/// One question of a task.
#[derive(Debug, Clone, PartialEq)]
pub struct Item {
    /// Unique inside the task: the data's own id where it has one, else the row from 0.
    pub id: Id,
    /// Part of the task that is also averaged alone, as a subject of MMLU; empty elsewhere.
    pub group: String,
    /// The request.
    pub request: ItemRequest,
    /// What the answer is scored with.
    pub gold: Gold,
}

/// A request to a model.
#[derive(Debug, Clone, PartialEq)]
pub enum ItemRequest {
    /// Write text.
    Generate(GenerateRequest),
    /// Give the log-likelihood of each choice.
    Choose(Vec<LikelihoodRequest>),
}

/// A text to be written.
#[derive(Debug, Clone, PartialEq)]
pub struct GenerateRequest {
    /// What comes before the text.
    pub prompt: Prompt,
    /// Strings that end the text and are not part of it.
    pub stops: Vec<String>,
    /// Tokens after which the text ends, at least 1.
    pub max_new_tokens: usize,
    /// How tokens are drawn; none takes the likeliest ones.
    pub draw: Option<Draw>,
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

impl GenerateRequest {
    /// A user's turn that is answered greedily.
    pub(crate) fn chat(turns: Vec<Message>, max_new_tokens: usize) -> Self {
        Self {
            prompt: Prompt::Chat(turns),
            stops: Vec::new(),
            max_new_tokens,
            draw: None,
        }
    }

    /// The request as a writer takes it; `max_new_tokens` stands for the task's own number.
    pub(crate) fn completion(&self, id: Id, max_new_tokens: Option<usize>) -> CompletionRequest {
        let drawn = |draw: Draw| Sampling {
            temperature: draw.temperature,
            top_p: draw.top_p,
            ..Sampling::GREEDY
        };
        CompletionRequest {
            overrides: Overrides {
                sampling: Some(self.draw.map_or(Sampling::GREEDY, drawn)),
                max_new_tokens: Some(max_new_tokens.unwrap_or(self.max_new_tokens)),
                stops: self.stops.clone(),
            },
            ..CompletionRequest::new(
                id,
                self.prompt.clone(),
                self.draw.map_or(0, |draw| draw.seed),
            )
        }
    }
}

impl Item {
    /// The last turn of a chat and the text that answers it; none of other questions.
    pub(crate) fn question_and_answer<'a>(
        &'a self,
        answer: &'a Answer,
    ) -> Option<(&'a str, &'a str)> {
        let ItemRequest::Generate(asked) = &self.request else {
            return None;
        };
        match (&asked.prompt, answer) {
            (Prompt::Chat(turns), Answer::Text(text)) => {
                Some((turns.last()?.content.as_str(), text.as_str()))
            }
            _ => None,
        }
    }
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

/// Each item `samples` times, one after the other, with `#` and its number behind the id; every copy is drawn by a
/// seed of its own, made from `draw`'s. Questions of choices stay as they are, once.
#[must_use]
pub fn sampled(items: &[Item], samples: usize, draw: Draw) -> Vec<Item> {
    let copies = items.iter().flat_map(|item| {
        let written = matches!(item.request, ItemRequest::Generate(_));
        (0..if written { samples } else { 1 }).map(move |number| copy(item, number, draw))
    });
    copies.collect()
}

fn copy(item: &Item, number: usize, from: Draw) -> Item {
    let mut item = item.clone();
    if let ItemRequest::Generate(asked) = &mut item.request {
        let id = format!("{}#{number}", name_of(&item.id));
        asked.draw = Some(Draw {
            seed: seed_of(from.seed, &id),
            ..from
        });
        item.id = id.into();
    }
    item
}
