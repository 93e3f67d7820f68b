//! The loss against some tokens of a teacher, against that of all its logits.

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
        drawn: false,
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
    let away = (found.sum - expected.0).abs() / expected.0.abs();
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
        drawn: false,
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

/// Log-probabilities of rows in f64.
fn log_softmax(logits: &[f64], vocab: usize) -> Vec<Vec<f64>> {
    let row = |row: &[f64]| {
        let sum: f64 = row.iter().map(|logit| logit.exp()).sum();
        row.iter().map(|logit| logit - sum.ln()).collect()
    };
    logits.chunks(vocab).map(row).collect()
}

/// Log-probabilities of the student and of the teacher at each row, and the head row by row, in f64.
fn exact() -> [Vec<Vec<f64>>; 3] {
    let [student, weight, teacher] = tensors().map(numbers);
    let [_, width, vocab] = SHAPE;
    let weight: Vec<Vec<f64>> = weight.chunks(vocab).map(<[f64]>::to_vec).collect();
    let logits = student.chunks(width).flat_map(|hidden| {
        let logit = |token: usize| {
            (0..width)
                .map(|at| hidden[at] * weight[at][token])
                .sum::<f64>()
        };
        (0..vocab).map(logit).collect::<Vec<f64>>()
    });
    let logits: Vec<f64> = logits.collect();
    [
        log_softmax(&logits, vocab),
        log_softmax(&teacher, vocab),
        weight,
    ]
}

/// The tokens of a row, the likeliest first.
fn ordered(log_q: &[f64]) -> Vec<usize> {
    let mut tokens: Vec<usize> = (0..log_q.len()).collect();
    tokens.sort_by(|a, b| log_q[*b].total_cmp(&log_q[*a]));
    tokens
}

/// The loss of some rows against their `count - 1` likeliest tokens and number `pick(row)` of the others.
#[allow(
    clippy::cast_possible_truncation,
    reason = "logarithms are stored in f32"
)]
fn drawn(rows: std::ops::Range<usize>, count: usize, pick: &dyn Fn(usize) -> usize) -> HeadLoss {
    let ([student, weight, _], [_, log_q, _]) = (tensors(), exact());
    let (mut ids, mut logs) = (Vec::new(), Vec::new());
    for row in rows.clone() {
        let order = ordered(&log_q[row]);
        let likeliest = order[..count - 1].iter();
        for token in likeliest.chain([&order[count - 1 + pick(row)]]) {
            ids.push(i64::try_from(*token).unwrap());
            logs.push(log_q[row][*token] as f32);
        }
    }
    let teacher = StoredTeacher {
        count,
        ids: &ids,
        log_probabilities: &logs,
        drawn: true,
    };
    let student = student.slice([rows, 0..SHAPE[1]]);
    stored_head_loss(&student, &teacher, &weight, 3.0, 4)
}

/// Gradient of the hidden row by what each token counts.
fn gradient(log_p: &[f64], weights: &[f64], head: &[Vec<f64>]) -> Vec<f64> {
    let all: f64 = weights.iter().sum();
    let by_logit = log_p.iter().zip(weights).map(|(p, w)| p.exp() * all - w);
    let by_logit: Vec<f64> = by_logit.collect();
    let of = |row: &Vec<f64>| {
        row.iter()
            .zip(&by_logit)
            .map(|(w, g)| w * g / 3.0)
            .sum::<f64>()
    };
    head.iter().map(of).collect()
}

#[test]
fn a_drawn_token_has_the_weight_of_all_it_stands_for() {
    let [log_p, log_q, head] = exact();
    for count in [1, 4, 20, SHAPE[2]] {
        let pick = |row: usize| row * 7 % (SHAPE[2] - count + 1);
        let found = drawn(0..SHAPE[0], count, &pick);
        let (mut sum, mut gradients) = (0.0, Vec::new());
        for row in 0..SHAPE[0] {
            let (order, mut weights) = (ordered(&log_q[row]), vec![0.0; SHAPE[2]]);
            for token in &order[..count - 1] {
                weights[*token] = log_q[row][*token].exp();
            }
            let token = order[count - 1 + pick(row)];
            weights[token] = 1.0 - weights.iter().sum::<f64>();
            let term = |token: usize| weights[token] * (log_q[row][token] - log_p[row][token]);
            sum += (0..SHAPE[2]).map(term).sum::<f64>();
            gradients.extend(gradient(&log_p[row], &weights, &head));
        }
        close(&found, &(sum, gradients), 1e-6, &format!("{count} tokens"));
    }
}

#[test]
fn the_mean_over_all_draws_is_the_loss_over_the_whole_vocabulary() {
    let [log_p, log_q, head] = exact();
    for count in [1, 4, 20] {
        let (mut sum, mut gradients, mut expected) = (0.0, Vec::new(), (0.0, Vec::new()));
        for row in 0..SHAPE[0] {
            let order = ordered(&log_q[row]);
            let others = &order[count - 1..];
            let q = |token: &usize| log_q[row][*token].exp();
            let left: f64 = others.iter().map(q).sum();
            let mut mean = Tensor::<2>::zeros([1, SHAPE[1]], &Device::flex());
            for (at, token) in others.iter().enumerate() {
                let found = drawn(row..row + 1, count, &|_| at);
                let chance = q(token) / left;
                sum += chance * found.sum;
                mean = mean + found.gradient * chance;
            }
            gradients.push(mean);
            let all: Vec<f64> = log_q[row].iter().map(|log| log.exp()).collect();
            let terms = (0..SHAPE[2]).map(|at| all[at] * (log_q[row][at] - log_p[row][at]));
            expected.0 += terms.sum::<f64>();
            expected.1.extend(gradient(&log_p[row], &all, &head));
        }
        let mean = HeadLoss {
            sum,
            gradient: Tensor::cat(gradients, 0),
        };
        close(&mean, &expected, 1e-6, &format!("{count} tokens"));
    }
}
