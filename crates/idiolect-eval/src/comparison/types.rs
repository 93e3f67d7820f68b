//! What a comparison of models holds.
//!
//! The fields are those of `outcome.json`, from which reports are made.

use std::collections::BTreeMap;

use idiolect_data::Id;
use serde::{Deserialize, Serialize};

use crate::summary::Mean;

/// Several models on the same rows.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Comparison {
    /// How many rows there are.
    pub rows: usize,
    /// The models, the base model first.
    pub models: Vec<ModelScores>,
    /// The last model against the one before it, by score; empty for a single model.
    pub gains: BTreeMap<String, Gain>,
    /// The first rows with all answers.
    pub samples: Vec<AnswerSample>,
}

/// The scores of one model.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ModelScores {
    /// The model's name.
    pub model: String,
    /// Right answers by the task's check; none for a task without one.
    pub right: Option<usize>,
    /// BLEU-4 by characters against the base model's answers, 0 to 1.
    pub bleu4: f64,
    /// ROUGE-L against the base model's answers, 0 to 1.
    pub rouge_l: f64,
    /// Cosine of the embeddings with those of the base model's answers, -1 to 1; none without an encoder.
    pub embedding: Option<f64>,
    /// BLEU-4 against the labels.
    pub bleu4_to_label: f64,
    /// Answers that ended by themselves.
    pub ended: usize,
    /// Frobenius norm of the change of all weights.
    pub shift: Option<f64>,
    /// Mean over the adapted projections of the change relative to the weight.
    pub relative_shift: Option<f64>,
    /// Training loss of the last step.
    pub last_loss: Option<f64>,
    /// Means of [`ModelScores::values`] with 95 % intervals over the rows: Wilson's of a share, else by the
    /// bootstrap.
    pub intervals: BTreeMap<String, Mean>,
    /// Every score of every row, in their order; `learning` and `forgetting` have a row for each held-out response and
    /// each prompt.
    pub values: BTreeMap<String, Vec<f64>>,
    /// The change of every adapted projection.
    pub shifts: Vec<ProjectionShift>,
}

/// How far training moved one projection.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ProjectionShift {
    /// Its path, for example `model.layers.0.self_attn.q_proj`.
    pub site: String,
    /// Its block, from 0.
    pub layer: usize,
    /// Frobenius norm of the change.
    pub norm: f64,
    /// The same relative to the weight.
    pub relative: f64,
}

/// One model against another, row by row.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Gain {
    /// The later minus the earlier, with its interval.
    pub difference: Mean,
    /// Probability of a difference as large, were the two alike (permutation test).
    pub p_value: f64,
}

/// One row as the models answered it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AnswerSample {
    /// The example's id.
    pub id: Id,
    /// Its last turn before the response.
    pub prompt: String,
    /// The data set's response.
    pub label: String,
    /// The answers, in the order of the models.
    pub answers: Vec<String>,
}
