//! A frozen head's divergence from a teacher of which only the likeliest tokens at each place are known.
//!
//! It is the forward divergence KL(teacher | student) over these tokens and one category for all others (the tail), whose
//! probability under the teacher is what they leave of 1. Where they are the whole vocabulary there is no tail, and the
//! teacher's distribution is made to sum to 1.

use burn::tensor::{DType, Int, Tensor, TensorData, activation};

use super::divergence::{Distribution, Divergence};
use super::teacher::over_known;
use super::{HeadLoss, joined};

/// The likeliest tokens of a teacher at each of `n` places, `count` of them: place after place, distinct ids below
/// `vocab`.
#[derive(Debug, Clone, Copy)]
pub struct StoredTeacher<'a> {
    /// How many at each place, at least 1.
    pub count: usize,
    /// Their ids, `n * count`.
    pub ids: &'a [i64],
    /// Their natural log-probabilities at temperature 1, `n * count`.
    pub log_probabilities: &'a [f32],
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
        let known = TensorData::new(teacher.log_probabilities[part].to_vec(), shape);
        let known = Tensor::<2>::from_data(known, (&device, DType::F32));
        let logits = hidden.clone().slice([start..end, 0..width]);
        let logits = logits.matmul(weight.clone()).cast(DType::F32);
        let student = Distribution::new(activation::log_softmax(logits, 1));
        let found = over_known(&ids, (&student, known), Divergence::Forward);
        losses.push(found.divergence.squeeze_dim(1));
        let gradient = found.gradient.div_scalar(divisor).cast(hidden.dtype());
        gradients.push(gradient.matmul(weight.clone().transpose()));
    }
    joined(losses, gradients, hidden)
}
