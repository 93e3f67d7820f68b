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

/// A distribution of each row, `[rows, categories]`.
pub(super) struct Distribution {
    pub(super) log: Tensor<2>,
    pub(super) probability: Tensor<2>,
}

impl Distribution {
    /// Of log-probabilities; the exponential is taken once, for it is what costs.
    pub(super) fn new(log: Tensor<2>) -> Self {
        let probability = log.clone().exp();
        Self { log, probability }
    }

    /// Entropies in nats, `[rows, 1]`.
    pub(super) fn entropy(&self) -> Tensor<2> {
        (self.probability.clone() * self.log.clone())
            .sum_dim(1)
            .neg()
    }
}

/// Divergences of rows, `[rows, 1]`, and the gradient of the student's logits, `[rows, categories]`, but for the part
/// that makes its sum zero: `p` times the derivative by `p`.
pub(super) struct Diverged {
    pub(super) value: Tensor<2>,
    pub(super) weighted: Tensor<2>,
}

impl Divergence {
    /// Of a student from log-probabilities of its teacher, `[rows, categories]`.
    pub(super) fn of(self, student: &Distribution, log_q: &Tensor<2>) -> Diverged {
        let (log_p, p) = (&student.log, &student.probability);
        match self {
            Self::Forward => {
                let q = log_q.clone().exp();
                Diverged {
                    value: (q.clone() * (log_q.clone() - log_p.clone())).sum_dim(1),
                    weighted: q.neg(),
                }
            }
            Self::Reverse => {
                let weighted = p.clone() * (log_p.clone() - log_q.clone());
                Diverged {
                    value: weighted.clone().sum_dim(1),
                    weighted,
                }
            }
            Self::JensenShannon { weight } => {
                let log_m = mixture(log_p, log_q, weight);
                let weighted = p.clone() * (log_p.clone() - log_m.clone()) * (1.0 - weight);
                let teacher = log_q.clone().exp() * (log_q.clone() - log_m) * weight;
                Diverged {
                    value: (weighted.clone() + teacher).sum_dim(1),
                    weighted,
                }
            }
        }
    }
}

impl Diverged {
    /// The gradient of the student's logits, `[rows, categories]`.
    pub(super) fn gradient(self, student: &Distribution) -> Tensor<2> {
        let sum = self.weighted.clone().sum_dim(1);
        self.weighted - student.probability.clone() * sum
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
