//! The chunked head loss against plain autodiff cross entropy.

mod teacher;

use burn::tensor::{Device, Tensor, TensorData, activation};
use idiolect_train::{Divergence, head_divergence, head_loss, trained_head_loss};
use proptest::prelude::*;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::tiny::{ids, values};

const WIDTH: usize = 12;
const VOCAB: usize = 101;

struct Case {
    hidden: Tensor<2>,
    targets: Vec<i64>,
    weight: Tensor<2>,
}

fn case(rows: usize, seed: u64, scale: f32) -> Case {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let device = Device::flex();
    let mut tensor = |shape: [usize; 2]| {
        let values: Vec<f32> = (0..shape[0] * shape[1])
            .map(|_| random.random_range(-scale..scale))
            .collect();
        Tensor::from_data(TensorData::new(values, shape), &device)
    };
    let (hidden, weight) = (tensor([rows, WIDTH]), tensor([WIDTH, VOCAB]));
    let targets = (0..rows)
        .map(|_| i64::try_from(random.random_range(0..VOCAB)).unwrap())
        .collect();
    Case {
        hidden,
        targets,
        weight,
    }
}

/// Loss of each row and gradient of their sum over `divisor`, by Burn's autodiff.
fn plain(case: &Case, divisor: f64) -> (Vec<f32>, Vec<f32>) {
    let hidden = case.hidden.clone().autodiff().require_grad();
    let logits = hidden.clone().matmul(case.weight.clone().autodiff());
    let targets = ids(case.targets.clone(), &logits.device()).unsqueeze_dim(1);
    let nll = -activation::log_softmax(logits, 1).gather(1, targets);
    let gradients = (nll.clone().sum() / divisor).backward();
    (values(&nll), values(&hidden.grad(&gradients).unwrap()))
}

fn distance(found: &[f32], expected: &[f32]) -> f32 {
    let largest = expected
        .iter()
        .fold(0.0_f32, |largest, value| largest.max(value.abs()));
    let off = found
        .iter()
        .zip(expected)
        .map(|(a, b)| (a - b).abs())
        .fold(0.0, f32::max);
    assert_eq!(found.len(), expected.len());
    off / largest
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn loss_and_gradient_are_those_of_autodiff_for_any_chunk(
        rows in 1usize..40,
        chunk in 1usize..50,
        scale in 0.1f32..3.0,
        seed: u64,
    ) {
        let case = case(rows, seed, scale);
        let (nll, gradient) = plain(&case, 7.0);
        let sum: f64 = nll.iter().map(|&nll| f64::from(nll)).sum();
        // The same weights as a view of their transpose, as a tied embedding has them.
        let view = Tensor::<2>::from_data(
            case.weight.clone().transpose().into_data(),
            &case.weight.device(),
        ).transpose();
        for weight in [&case.weight, &view] {
            let loss = head_loss(&case.hidden, &case.targets, weight, 7.0, chunk);
            prop_assert!((loss.sum / sum - 1.0).abs() < 1e-6, "{} against {}", loss.sum, sum);
            prop_assert!(distance(&values(&loss.gradient), &gradient) < 2e-6);
        }
    }
}

#[test]
fn the_gradient_of_a_head_that_trains_is_that_of_autodiff() {
    let case = case(23, 5, 1.0);
    let weight = case.weight.clone().autodiff().require_grad();
    let logits = case.hidden.clone().autodiff().matmul(weight.clone());
    let targets = ids(case.targets.clone(), &logits.device()).unsqueeze_dim(1);
    let nll = -activation::log_softmax(logits, 1).gather(1, targets);
    let gradients = (nll.sum() / 7.0).backward();
    let expected = values(&weight.grad(&gradients).unwrap());
    for chunk in [1, 8, 50] {
        let (hidden, targets) = (&case.hidden, &case.targets);
        let (loss, found) = trained_head_loss(hidden, targets, &case.weight, 7.0, chunk);
        let frozen = head_loss(hidden, targets, &case.weight, 7.0, chunk);
        assert!(distance(&values(&found), &expected) < 2e-6);
        assert_eq!(values(&loss.gradient), values(&frozen.gradient));
    }
    let empty = case.hidden.slice([0..0, 0..WIDTH]);
    let (_, nothing) = trained_head_loss(&empty, &[], &case.weight, 1.0, 4);
    assert_eq!(values(&nothing), vec![0.0; WIDTH * VOCAB]);
}

#[test]
fn logits_beyond_the_range_of_exp_stay_finite() {
    let case = case(5, 3, 90.0);
    let loss = head_loss(&case.hidden, &case.targets, &case.weight, 1.0, 2);
    assert!(loss.sum.is_finite() && loss.sum > 0.0);
    assert!(values(&loss.gradient).iter().all(|value| value.is_finite()));
}

#[test]
fn no_rows_have_no_loss() {
    let case = case(1, 3, 1.0);
    let empty = case.hidden.slice([0..0, 0..WIDTH]);
    let loss = head_loss(&empty, &[], &case.weight, 1.0, 4);
    assert!(loss.sum.abs() < f64::EPSILON);
    assert_eq!(loss.gradient.dims(), [0, WIDTH]);
}

#[test]
fn divergences_and_their_gradients_are_those_of_pytorch() {
    let golden: serde_json::Value =
        serde_json::from_str(include_str!("../golden/divergence.json")).unwrap();
    let numbers =
        |value: &serde_json::Value| -> Vec<f32> { serde_json::from_value(value.clone()).unwrap() };
    let size = |name: &str| usize::try_from(golden[name].as_u64().unwrap()).unwrap();
    let tensor = |name: &str, shape: [usize; 2]| {
        let data = TensorData::new(numbers(&golden[name]), shape);
        Tensor::<2>::from_data(data, &Device::flex())
    };
    let [rows, width, vocab] = ["rows", "width", "vocab"].map(size);
    let student = tensor("student", [rows, width]);
    let teacher = tensor("teacher", [rows, width]);
    let weight = tensor("weight", [width, vocab]);
    let tolerance = golden["tolerance"].as_f64().unwrap();
    let divisor = golden["divisor"].as_f64().unwrap();
    let kinds = [
        ("forward", Divergence::Forward),
        ("reverse", Divergence::Reverse),
    ];
    for (name, kind) in kinds {
        for chunk_rows in [1, 3, 128] {
            let found = head_divergence((&student, &teacher), &weight, kind, divisor, chunk_rows);
            let sum = golden[name]["sum"].as_f64().unwrap();
            assert!(
                (found.sum - sum).abs() <= tolerance * sum,
                "{name}: {} {sum}",
                found.sum
            );
            let off = distance(
                &values(&found.gradient),
                &numbers(&golden[name]["gradient"]),
            );
            assert!(
                f64::from(off) <= tolerance,
                "{name}: gradient off by {off:e}"
            );
        }
        let none = head_divergence((&student, &student), &weight, kind, divisor, 2);
        assert!(none.sum.abs() < 1e-6, "{name}: {}", none.sum);
    }
}
