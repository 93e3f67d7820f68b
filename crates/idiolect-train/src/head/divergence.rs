//! Divergences of two distributions over the same categories, by row, with their gradients.
//!
//! With `p` the student's and `q` the teacher's: forward `KL(q | p) = sum q (ln q - ln p)`, reverse `KL(p | q)`
//! (arXiv 2306.13649, section 2), and with the mixture `m = (1 - w) p + w q` the interpolated
//! `w KL(q | m) + (1 - w) KL(p | m)`.
//! For a loss `L` the gradient of the logits of `p` is `e - p sum(e)` with `e = p dL/dp`, where a term of `dL/dp` that
//! is equal for all categories makes no difference: `e` is `-q`, `p (ln p - ln q)` and `(1 - w) p (ln p - ln m)`.

use burn::tensor::Tensor;

/// Which way a divergence from a teacher is taken.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Divergence {
    /// `KL(teacher | student)`: the student covers what the teacher finds likely.
    Forward,
    /// `KL(student | teacher)`: the student keeps to what the teacher finds likely.
    Reverse,
    /// The interpolated Jensen-Shannon divergence. It does not go over into the other two: towards either end it
    /// vanishes.
    JensenShannon {
        /// The teacher's share of the mixture, above 0 and below 1; a half is the symmetric one.
        weight: f64,
    },
}

/// Divergences of rows, `[rows, 1]`, and `p` times their derivative by `p`, `[rows, categories]`.
pub(super) struct Diverged {
    pub(super) value: Tensor<2>,
    pub(super) weighted: Tensor<2>,
}

impl Divergence {
    /// Of log-probabilities, `[rows, categories]` both.
    pub(super) fn of(self, log_p: &Tensor<2>, log_q: &Tensor<2>) -> Diverged {
        let (p, q) = (|| log_p.clone().exp(), || log_q.clone().exp());
        match self {
            Self::Forward => Diverged {
                value: (q() * (log_q.clone() - log_p.clone())).sum_dim(1),
                weighted: q().neg(),
            },
            Self::Reverse => {
                let weighted = p() * (log_p.clone() - log_q.clone());
                Diverged {
                    value: weighted.clone().sum_dim(1),
                    weighted,
                }
            }
            Self::JensenShannon { weight } => {
                let log_m = mixture(log_p, log_q, weight);
                let weighted = p() * (log_p.clone() - log_m.clone()) * (1.0 - weight);
                let teacher = q() * (log_q.clone() - log_m) * weight;
                Diverged {
                    value: (weighted.clone() + teacher).sum_dim(1),
                    weighted,
                }
            }
        }
    }
}

impl Diverged {
    /// The gradient of the student's logits, `[rows, categories]`, given their log-probabilities.
    pub(super) fn gradient(self, log_p: &Tensor<2>) -> Tensor<2> {
        let sum = self.weighted.clone().sum_dim(1);
        self.weighted - log_p.clone().exp() * sum
    }
}

/// `ln((1 - w) p + w q)`, of the larger of both, so that nothing vanishes.
fn mixture(log_p: &Tensor<2>, log_q: &Tensor<2>, weight: f64) -> Tensor<2> {
    let own = log_p.clone() + (1.0 - weight).ln();
    let other = log_q.clone() + weight.ln();
    let larger = own.clone().max_pair(other.clone());
    let smaller = own.min_pair(other);
    larger.clone() + (smaller - larger).exp().log1p()
}
