//! One question of a task: what is asked of the model, and what counts as right.

use idiolect_completion::{CompletionRequest, LikelihoodRequest, Overrides, Prompt, Sampling};
use idiolect_data::{Id, Message};
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
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Draw {
    /// From which tokens, and how.
    pub sampling: Sampling,
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
        CompletionRequest {
            overrides: Overrides {
                sampling: Some(self.draw.map_or(Sampling::GREEDY, |draw| draw.sampling)),
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
    let copies = items.iter().flat_map(|item| match item.request {
        ItemRequest::Generate(_) => (0..samples)
            .map(|number| copy(item, number, draw))
            .collect(),
        ItemRequest::Choose(_) => vec![item.clone()],
    });
    copies.collect()
}

fn copy(item: &Item, number: usize, from: Draw) -> Item {
    let item = Item {
        id: format!("{}#{number}", name_of(&item.id)).into(),
        ..item.clone()
    };
    drawn(item, from)
}

/// The item with an answer that is drawn, by a seed made from `draw`'s and the item's id.
pub(crate) fn drawn(mut item: Item, draw: Draw) -> Item {
    let seed = seed_of(draw.seed, &name_of(&item.id));
    if let ItemRequest::Generate(asked) = &mut item.request {
        asked.draw = Some(Draw { seed, ..draw });
    }
    item
}
