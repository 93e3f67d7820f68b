//! A frozen head's divergence from a teacher of which only some tokens at each place are known.
//!
//! Of the likeliest tokens it is the forward divergence KL(teacher | student) over these tokens and one category for all
//! others (the tail), whose probability under the teacher is what they leave of 1. Where they are the whole vocabulary
//! there is no tail, and the teacher's distribution is made to sum to 1.
//!
//! Where the last token `j` was drawn from the others in proportion to its probability, it is an estimate of the
//! divergence over the whole vocabulary: `sum q_i ln(q_i / p_i) + T ln(q_j / p_j)` with `T = 1 - sum q_i`, the sums over
//! the likeliest. Value and gradient have those of the whole vocabulary as their mean over the draws, for `j` has the
//! chance `q_j / T`. A single estimate may be negative.

use burn::tensor::{DType, Int, Tensor, TensorData, activation};
use idiolect_kernels::{cast, linear_of_rows, transpose};

use super::divergence::{Distribution, Divergence};
use super::teacher::{over_known, spread};
use super::{HeadLoss, joined};

/// Tokens of a teacher at each of `n` places, `count` of them: place after place, distinct ids below `vocab`.
#[derive(Debug, Clone, Copy)]
pub struct StoredTeacher<'a> {
    /// How many at each place, at least 1.
    pub count: usize,
    /// Their ids, `n * count`.
    pub ids: &'a [i64],
    /// Their natural log-probabilities at temperature 1, `n * count`.
    pub log_probabilities: &'a [f32],
    /// Whether the last of each place stands for all but the others: it was drawn from them in proportion to its
    /// probability.
    pub drawn: bool,
}

/// The divergence of a frozen head from a stored teacher, and its gradient with respect to the hidden rows.
///
/// Logits are cast to f32. `[tokens, vocab]` never exists whole.
///
/// # Shapes
///
/// - hidden: `[n, width]`, the rows that predict the teacher's places
/// - weight: `[width, vocab]`, as for [`crate::head_loss`]
/// - gradient: `[n, width]`
///
/// # Panics
///
/// If the shapes disagree.
#[must_use]
pub fn stored_head_loss(
    hidden: &Tensor<2>,
    teacher: &StoredTeacher<'_>,
    weight: &Tensor<2>,
    divisor: f64,
    chunk_rows: usize,
) -> HeadLoss {
    let weight = weight.clone().without_autodiff();
    let hidden = hidden.clone().without_autodiff();
    let ([rows, width], device) = (hidden.dims(), hidden.device());
    let count = teacher.count;
    assert_eq!(rows * count, teacher.ids.len(), "`count` ids for each row");
    let (mut losses, mut gradients) = (Vec::new(), Vec::new());
    for start in (0..rows).step_by(chunk_rows.max(1)) {
        let end = (start + chunk_rows.max(1)).min(rows);
        let (part, shape) = (start * count..end * count, [end - start, count]);
        let ids = TensorData::new(teacher.ids[part.clone()].to_vec(), shape);
        let ids = Tensor::<2, Int>::from_data(ids, &device);
        let known = &teacher.log_probabilities[part];
        let on_device = |values: Vec<f32>| {
            let values = TensorData::new(values, shape);
            Tensor::<2>::from_data(values, (&device, DType::F32))
        };
        let logits = hidden.clone().slice([start..end, 0..width]);
        let logits = cast(linear_of_rows(logits, weight.clone()), DType::F32);
        let student = Distribution::new(activation::log_softmax(logits, 1));
        let log_q = on_device(known.to_vec());
        let (value, gradient) = if teacher.drawn {
            let weights = on_device(drawn_weights(known, count));
            with_drawn(&ids, &student, (log_q, weights))
        } else {
            let found = over_known(&ids, (&student, log_q), Divergence::Forward);
            (found.divergence, found.gradient)
        };
        losses.push(value.squeeze_dim(1));
        let gradient = cast(gradient.div_scalar(divisor), hidden.dtype());
        gradients.push(linear_of_rows(gradient, transpose(weight.clone())));
    }
    joined(losses, gradients, hidden)
}

/// What each entry counts: its probability, and the last of a place what the others leave of 1.
#[allow(clippy::cast_possible_truncation, reason = "the precision of the loss")]
fn drawn_weights(log_probabilities: &[f32], count: usize) -> Vec<f32> {
    let mut weights = Vec::with_capacity(log_probabilities.len());
    for place in log_probabilities.chunks_exact(count) {
        let likeliest = &place[..count - 1];
        let likeliest = likeliest.iter().map(|log| f64::from(*log).exp());
        // In f64: of 1 little is left where the teacher is sure.
        let rest = 1.0 - likeliest.clone().sum::<f64>();
        weights.extend(likeliest.chain([rest.max(0.0)]).map(|weight| weight as f32));
    }
    weights
}

/// The estimate by a drawn token, `[rows, 1]`, and its gradient by the student's logits, `[rows, vocab]`.
fn with_drawn(
    ids: &Tensor<2, Int>,
    student: &Distribution,
    (log_q, weights): (Tensor<2>, Tensor<2>),
) -> (Tensor<2>, Tensor<2>) {
    let own = student.log.clone().gather(1, ids.clone());
    let value = (weights.clone() * (log_q - own)).sum_dim(1);
    let all = student.probability.clone() * weights.clone().sum_dim(1);
    (value, spread(all, ids, weights.neg()))
}
