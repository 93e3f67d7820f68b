//! A frozen head's loss against a teacher, in chunks of rows and without a tape.

use burn::tensor::{DType, Tensor, TensorData};
use idiolect_kernels::{cast, linear_of_rows, row_chunks, transpose};

use super::teacher::{TeacherLoss, TeacherRowLoss, TeacherRows, teacher_row_loss};

/// Hidden rows of a student and its teacher at the same positions.
#[derive(Debug, Clone, Copy)]
pub struct TeacherHead<'a> {
    /// The student's, `[n, width]`.
    pub student: &'a Tensor<2>,
    /// The teacher's, `[n, width]`.
    pub teacher: &'a Tensor<2>,
    /// The head of both, `[width, vocab]`, as for [`crate::head_loss`].
    pub weight: &'a Tensor<2>,
    /// Sampled tokens, `n` ids below `vocab`.
    pub targets: &'a [i64],
    /// Their log-probabilities under the student that sampled them; `n`, or none.
    pub old: Option<&'a [f32]>,
    /// What the loss of each token is multiplied by before the gradient is taken, `n`.
    pub shares: &'a [f32],
}

/// What a token of a student's answer is found to be.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TaughtToken {
    /// The loss, with its importance weight.
    pub loss: f32,
    /// The divergence, or its estimate by the sampled token, without a weight.
    pub divergence: f32,
    /// Log-probability under the student.
    pub log_prob: f32,
    /// Entropy of the student in nats.
    pub entropy: f32,
    /// The importance weight.
    pub importance: f32,
    /// Whether student and teacher find the same token likeliest.
    pub agrees: bool,
}

/// The losses of a head against a teacher.
#[derive(Debug, Clone)]
pub struct TaughtHead {
    /// One for each row, in their order.
    pub tokens: Vec<TaughtToken>,
    /// Gradient of the sum of each loss times its share with respect to the student's hidden rows, in their dtype.
    pub gradient: Tensor<2>,
}

/// Numbers of a token that are read back.
const NUMBERS: usize = 6;

/// The losses of a frozen head against a teacher, and their gradient with respect to the student's hidden rows.
///
/// Logits are cast to f32. The logits of all rows never exist at once.
///
/// # Panics
///
/// If the shapes disagree.
#[must_use]
pub fn teacher_head_loss(
    head: &TeacherHead<'_>,
    settings: &TeacherLoss,
    chunk_rows: usize,
) -> TaughtHead {
    let plain = |tensor: &Tensor<2>| tensor.clone().without_autodiff();
    let (student, teacher, weight) = (plain(head.student), plain(head.teacher), plain(head.weight));
    let (dtype, device, width) = (student.dtype(), student.device(), teacher.dims()[1]);
    let (mut gradients, mut numbers, mut start) = (Vec::new(), Vec::new(), 0);
    for (chunk, targets) in row_chunks(student.clone(), head.targets, chunk_rows) {
        let rows = start..start + targets.len();
        let column = |values: &[f32]| {
            let data = TensorData::new(values[rows.clone()].to_vec(), [targets.len(), 1]);
            Tensor::<2>::from_data(data, (&device, DType::F32))
        };
        let logits = |hidden: Tensor<2>| cast(linear_of_rows(hidden, weight.clone()), DType::F32);
        let found = teacher_row_loss(
            TeacherRows {
                student: logits(chunk),
                teacher: logits(teacher.clone().slice([rows.clone(), 0..width])),
                targets,
                old: head.old.map(column),
            },
            settings,
        );
        let gradient = cast(found.gradient.clone() * column(head.shares), dtype);
        gradients.push(linear_of_rows(gradient, transpose(weight.clone())));
        numbers.push(read_back(found));
        start = rows.end;
    }
    let gradient = if gradients.is_empty() {
        student
    } else {
        Tensor::cat(gradients, 0)
    };
    TaughtHead {
        tokens: tokens(numbers),
        gradient,
    }
}

/// What is read of a chunk, `[rows, NUMBERS]`.
fn read_back(found: TeacherRowLoss) -> Tensor<2> {
    let columns = vec![
        found.loss,
        found.divergence,
        found.log_prob,
        found.entropy,
        found.importance,
        found.agrees,
    ];
    Tensor::cat(columns, 1)
}

/// The numbers of all chunks, read at once: each read waits for the device.
fn tokens(chunks: Vec<Tensor<2>>) -> Vec<TaughtToken> {
    if chunks.is_empty() {
        return Vec::new();
    }
    let data = Tensor::cat(chunks, 0).into_data();
    let numbers: Vec<f32> = data.iter::<f32>().collect();
    let rows = numbers.as_chunks::<NUMBERS>().0.iter();
    let token =
        |&[loss, divergence, log_prob, entropy, importance, agrees]: &[f32; NUMBERS]| TaughtToken {
            loss,
            divergence,
            log_prob,
            entropy,
            importance,
            agrees: agrees > 0.5,
        };
    rows.map(token).collect()
}
