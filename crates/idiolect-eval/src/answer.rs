//! What a model made of one item, as the journal has it.

use idiolect_completion::Likelihood;
use idiolect_data::Id;
use serde::{Deserialize, Serialize};

/// What a model made of one request.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Answer {
    /// The text it wrote.
    Text(String),
    /// The likelihood of each choice, in their order.
    Likelihoods(Vec<Likelihood>),
}

/// One answered item, as the journal has it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ItemAnswer {
    /// The item's id.
    pub id: Id,
    /// SHA-256 of the request, in hexadecimal.
    pub request: String,
    /// The answer.
    pub answer: Answer,
}
