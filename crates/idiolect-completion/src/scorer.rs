//! Anything that says how likely a text is after a context.

use serde::{Deserialize, Serialize};

use crate::writer::BoxError;

/// Text of which the likelihood is asked.
///
/// `context` and `text` are to be encoded as one string; the tokens behind those of `context`
/// alone count.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LikelihoodRequest {
    /// What comes before; it never ends in white space.
    pub context: String,
    /// The continuation, its leading space with it.
    pub text: String,
}

/// The log-likelihood of a continuation.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Likelihood {
    /// Sum over its tokens, in nats.
    pub log_likelihood: f64,
    /// Whether each token is the likeliest at its place.
    pub greedy: bool,
}

/// Anything that says how likely texts are.
pub trait Scorer {
    /// One likelihood for each text of each question; the texts of a question mostly share their
    /// context.
    ///
    /// # Errors
    ///
    /// Whatever stops the scorer.
    fn likelihoods(
        &mut self,
        questions: &[&[LikelihoodRequest]],
    ) -> Result<Vec<Vec<Likelihood>>, BoxError>;
}
