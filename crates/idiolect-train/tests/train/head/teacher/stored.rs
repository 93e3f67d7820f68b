//! The loss against the likeliest tokens of a teacher, against that of all its logits.

use burn::tensor::activation;
use idiolect_train::{HeadLoss, StoredTeacher, stored_head_loss};

use super::*;

const SHAPE: [usize; 3] = [9, 5, 23];

/// Waves of different length, so that no two logits of a row are equal.
fn tensor(from: f32, shape: [usize; 2]) -> Tensor<2> {
    let values = (0..shape[0] * shape[1]).map(|at| (at as f32 * 0.713 + from).sin() * 2.0);
    let data = TensorData::new(values.collect::<Vec<f32>>(), shape);
    Tensor::from_data(data, &Device::flex())
}

/// Hidden rows of the student, the head, and the teacher's logits.
fn tensors() -> [Tensor<2>; 3] {
    let [rows, width, vocab] = SHAPE;
    [
        tensor(0.1, [rows, width]),
        tensor(2.1, [width, vocab]),
        tensor(1.1, [rows, vocab]),
    ]
}

/// The loss against the `count` likeliest of a teacher, their logarithms rounded by `round`.
fn stored(count: usize, round: fn(f32) -> f32, chunk: usize) -> HeadLoss {
    let [student, weight, teacher] = tensors();
    let log = activation::log_softmax(teacher, 1);
    let (log, ids) = log.topk_with_indices(count, 1);
    let ids: Vec<i64> = ids.into_data().iter::<i64>().collect();
    let log: Vec<f32> = log.into_data().iter::<f32>().map(round).collect();
    let teacher = StoredTeacher {
        count,
        ids: &ids,
        log_probabilities: &log,
    };
    stored_head_loss(&student, &teacher, &weight, 3.0, chunk)
}

/// Sum of the losses and gradient of the hidden rows, of all logits.
fn whole(support: Support) -> (f64, Vec<f64>) {
    let [student, weight, teacher] = tensors();
    let found = teacher_row_loss(
        TeacherRows {
            student: student.matmul(weight.clone()),
            teacher,
            targets: &[0; SHAPE[0]],
            old: None,
        },
        &TeacherLoss {
            divergence: Divergence::Forward,
            support,
            temperature: 1.0,
            clip: 2.0,
        },
    );
    let gradient = (found.gradient / 3.0).matmul(weight.transpose());
    (numbers(found.loss).iter().sum(), numbers(gradient))
}

fn close(found: &HeadLoss, expected: &(f64, Vec<f64>), bound: f64, what: &str) {
    let away = (found.sum - expected.0).abs() / expected.0;
    assert!(away < bound, "{what}: loss is off by {away:e}");
    let away = off(&numbers(found.gradient.clone()), &expected.1);
    assert!(away < bound, "{what}: gradient is off by {away:e}");
}

#[test]
fn the_likeliest_of_a_teacher_have_the_loss_of_its_top_k_with_a_tail() {
    for (count, chunk) in [(1, 4), (4, 4), (20, 128), (22, 1)] {
        let support = Support::Teacher(Likeliest { count, tail: true });
        let found = stored(count, |log| log, chunk);
        close(&found, &whole(support), 2e-6, &format!("{count} likeliest"));
    }
}

/// The bound is what half precision leaves of logarithms below 8: 8 / 2048, of which a probability has a share.
#[test]
fn a_whole_vocabulary_that_is_stored_has_the_loss_of_the_full_one_to_half_precision() {
    let exact = stored(SHAPE[2], |log| log, 4);
    close(&exact, &whole(Support::Full), 2e-6, "exact");
    let round = |log: f32| {
        // Eleven bits of the fraction.
        let step = (log.abs().log2().floor() - 10.0).exp2();
        (log / step).round() * step
    };
    let halves = stored(SHAPE[2], round, 4);
    close(&halves, &whole(Support::Full), 2e-3, "halves");
    assert!((halves.sum - exact.sum).abs() > 0.0);
}

#[test]
fn no_row_has_no_loss() {
    let [student, weight, _] = tensors();
    let teacher = StoredTeacher {
        count: 3,
        ids: &[],
        log_probabilities: &[],
    };
    let found = stored_head_loss(
        &student.slice([0..0, 0..SHAPE[1]]),
        &teacher,
        &weight,
        1.0,
        4,
    );
    assert_eq!((found.sum, found.gradient.dims()), (0.0, [0, SHAPE[1]]));
}
