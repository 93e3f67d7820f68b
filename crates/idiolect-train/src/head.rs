//! Losses of a language-model head, in chunks of rows and without a tape.
//!
//! With `z = h W` and `p = softmax(z)`, the token loss is `logsumexp(z) - z[target]` and its
//! gradient with respect to `h` is `(p - onehot(target)) W^T`.
//! Against a second row of logits, a teacher's, the losses are divergences (`head/divergence.rs`).
//! Where the head is frozen nothing else is needed; the gradient of one that trains is
//! `h^T (p - onehot(target))`, added up over the chunks. `[tokens, vocab]` never exists whole.

mod divergence;
mod stored;
mod taught;
mod teacher;

use burn::tensor::{DType, Tensor, activation};
use divergence::Distribution;
pub use divergence::Divergence;
use idiolect_kernels::{
    RowLoss, cast, chunk_values, linear_of_rows, row_chunks, row_loss, transpose,
};
pub use stored::{StoredTeacher, stored_head_loss};
pub use taught::{TaughtHead, TaughtToken, TeacherHead, teacher_head_loss};
pub use teacher::{Likeliest, Support, TeacherLoss, TeacherRowLoss, TeacherRows, teacher_row_loss};

/// The loss of the head at trained positions, and its gradient there.
#[derive(Debug, Clone)]
pub struct HeadLoss {
    /// Sum of the token losses in nats, added up in f64.
    pub sum: f64,
    /// Gradient of `sum / divisor` with respect to the hidden rows, in their dtype.
    pub gradient: Tensor<2>,
}

/// The loss of a frozen head and its gradient with respect to the hidden rows.
///
/// `hidden` holds the rows that predict a trained token (position `t` for the token at `t + 1`),
/// `targets` the tokens they predict. Both tensors have one dtype; logits are cast to f32 before
/// anything is computed from them.
/// The chunk size moves the result by rounding only. See [`idiolect_kernels::chunk_rows`].
///
/// # Shapes
///
/// - hidden: `[n, width]`
/// - targets: `n` ids below `vocab`
/// - weight: `[width, vocab]`; a view of `[vocab, width]` as checkpoints hold it is the fastest on
///   the CPU, since the backward reads it in order
/// - gradient: `[n, width]`
///
/// # Panics
///
/// If the shapes disagree.
#[must_use]
pub fn head_loss(
    hidden: &Tensor<2>,
    targets: &[i64],
    weight: &Tensor<2>,
    divisor: f64,
    chunk_rows: usize,
) -> HeadLoss {
    loss_by_chunks(
        (hidden, targets),
        weight,
        (divisor, chunk_rows),
        &mut |_, _| (),
    )
}

/// [`head_loss`] of a head that trains too, and the gradient of `sum / divisor` with respect to its weight.
///
/// # Shapes
///
/// As [`head_loss`]; the second gradient is `[width, vocab]` in f32.
///
/// # Panics
///
/// If the shapes disagree.
#[must_use]
pub fn trained_head_loss(
    hidden: &Tensor<2>,
    targets: &[i64],
    weight: &Tensor<2>,
    divisor: f64,
    chunk_rows: usize,
) -> (HeadLoss, Tensor<2>) {
    let mut total: Option<Tensor<2>> = None;
    let mut add = |chunk: &Tensor<2>, gradient: &Tensor<2>| {
        let chunk = chunk.clone().cast(DType::F32).transpose();
        let part = chunk.matmul(gradient.clone().cast(DType::F32));
        total = Some(match total.take() {
            Some(total) => total + part,
            None => part,
        });
    };
    let numbers = (divisor, chunk_rows);
    let loss = loss_by_chunks((hidden, targets), weight, numbers, &mut add);
    let nothing = || weight.clone().without_autodiff().zeros_like();
    let gradient = total.unwrap_or_else(|| nothing().cast(DType::F32));
    (loss, gradient)
}

/// The loss, with every chunk of rows shown beside the gradient of its logits.
fn loss_by_chunks(
    (hidden, targets): (&Tensor<2>, &[i64]),
    weight: &Tensor<2>,
    (divisor, chunk_rows): (f64, usize),
    each: &mut dyn FnMut(&Tensor<2>, &Tensor<2>),
) -> HeadLoss {
    let weight = weight.clone().without_autodiff();
    let hidden = hidden.clone().without_autodiff();
    let mut losses = Vec::new();
    let mut gradients = Vec::new();
    for (chunk, target) in row_chunks(hidden.clone(), targets, chunk_rows) {
        let logits = linear_of_rows(chunk.clone(), weight.clone());
        let RowLoss { nll, gradient } = row_loss(logits, target, 1.0 / divisor);
        losses.push(nll);
        each(&chunk, &gradient);
        let gradient = cast(gradient, hidden.dtype());
        gradients.push(linear_of_rows(gradient, transpose(weight.clone())));
    }
    joined(losses, gradients, hidden)
}

/// The divergence of a frozen head's distributions over two sets of hidden rows, and its gradient
/// with respect to the student's.
///
/// Both sets have one dtype; there is no temperature, and logits are cast to f32.
///
/// # Shapes
///
/// - `student`, `teacher`: `[n, width]`, the rows of the same positions
/// - `weight`: `[width, vocab]`, as for [`head_loss`]
/// - gradient: `[n, width]`
///
/// # Panics
///
/// If the shapes disagree.
#[must_use]
pub fn head_divergence(
    (student, teacher): (&Tensor<2>, &Tensor<2>),
    weight: &Tensor<2>,
    divergence: Divergence,
    divisor: f64,
    chunk_rows: usize,
) -> HeadLoss {
    let weight = weight.clone().without_autodiff();
    let [student, teacher] = [student, teacher].map(|rows| rows.clone().without_autodiff());
    let [rows, width] = student.dims();
    let mut losses = Vec::new();
    let mut gradients = Vec::new();
    for start in (0..rows).step_by(chunk_rows.max(1)) {
        let part = [start..(start + chunk_rows.max(1)).min(rows), 0..width];
        let [log_p, log_q] = [&student, &teacher].map(|rows| {
            let logits = linear_of_rows(rows.clone().slice(part.clone()), weight.clone());
            activation::log_softmax(cast(logits, DType::F32), 1)
        });
        let student_here = Distribution::new(log_p);
        let found = divergence.of(&student_here, &log_q);
        losses.push(found.value.clone().squeeze_dim(1));
        let gradient = found.gradient(&student_here);
        let gradient = cast(gradient.div_scalar(divisor), student.dtype());
        gradients.push(linear_of_rows(gradient, transpose(weight.clone())));
    }
    joined(losses, gradients, student)
}

/// What the chunks make together; the gradient of no chunk is `none`, which has no row.
fn joined(losses: Vec<Tensor<1>>, gradients: Vec<Tensor<2>>, none: Tensor<2>) -> HeadLoss {
    let gradient = if gradients.is_empty() {
        none
    } else {
        Tensor::cat(gradients, 0)
    };
    let sum = chunk_values(losses).into_iter().map(f64::from).sum();
    HeadLoss { sum, gradient }
}
