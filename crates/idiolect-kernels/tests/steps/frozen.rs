//! Products with a frozen weight, and the gradients of their inputs.

use burn::tensor::quantization::QuantValue;
use burn::tensor::{DType, Tensor};
use idiolect_kernels::{linear, linear_gradient};

use crate::products::quantized;
use crate::same::BOUND;
use crate::support::{close, random};

#[test]
fn the_gradient_beside_a_frozen_weight_is_that_of_burns_product() {
    // Of whole tiles, of parts of one, and of more tokens than a row of the batch has.
    for (batch, shape) in [
        ([1, 1], [1, 1]),
        ([2, 9], [48, 64]),
        ([3, 7], [17, 33]),
        ([4, 40], [100, 70]),
        ([1, 300], [130, 257]),
    ] {
        let [rows, tokens] = batch;
        let weight: Tensor<2> = random(shape, 5);
        let upstream: Tensor<3> = random([rows, tokens, shape[1]], 4);
        let x: Tensor<3> = random([rows, tokens, shape[0]], 3);
        let x = x.autodiff().require_grad();
        let gradient = |y: Tensor<3>| {
            let tape = (y * upstream.clone().autodiff()).sum().backward();
            x.grad(&tape).unwrap()
        };
        // The last is a view across the rows of its memory.
        let views = [
            weight.clone(),
            random::<2>([shape[1], shape[0]], 6).transpose(),
        ];
        for weight in views {
            let ours = linear(x.clone(), weight.clone());
            let burns = burn::tensor::module::linear(x.clone(), weight.clone(), None);
            close("product", &ours, &burns, BOUND);
            let found = gradient(ours);
            close("gradient", &found, &gradient(burns), BOUND);
            let flat = upstream
                .clone()
                .reshape([rows * tokens, shape[1]])
                .cast(DType::F64);
            let exact = flat.matmul(weight.transpose().cast(DType::F64));
            let exact = exact.reshape([rows, tokens, shape[0]]);
            close("gradient in f64", &found, &exact, 2e-6);
        }
    }
}

#[test]
fn a_weight_that_is_trained_gets_its_gradient() {
    let weight: Tensor<2> = random([20, 30], 5);
    let weight = weight.autodiff().require_grad();
    let x: Tensor<3> = random([2, 3, 20], 3);
    let x = x.autodiff().require_grad();
    let tape = linear(x.clone(), weight.clone()).sum().backward();
    let found = weight.grad(&tape).unwrap();
    let expected = x.clone().inner().sum_dim(0).sum_dim(1).reshape([20, 1]);
    close("weight", &found, &expected.expand([20, 30]), BOUND);
    assert!(x.grad(&tape).is_some());
}

/// In every type that a base model has; a weight that is trained takes part in values too.
#[test]
fn a_product_without_values_has_the_same_gradient() {
    let narrow = |dtype| (random([96, 64], 5).cast(dtype), dtype);
    let blocks = |value| (quantized([96, 64], 32, value).quantized, DType::F32);
    let frozen = [
        narrow(DType::F32),
        narrow(DType::BF16),
        narrow(DType::F16),
        blocks(QuantValue::Q8S),
        blocks(QuantValue::Q4S),
    ];
    for (weight, dtype) in frozen {
        let x = random([2, 9, 96], 3).cast(dtype).autodiff().require_grad();
        let upstream = random([2, 9, 64], 4).cast(dtype).autodiff();
        let gradient = |y: Tensor<3>| {
            let tape = (y * upstream.clone()).sum().backward();
            x.grad(&tape).unwrap().into_data()
        };
        let found = linear_gradient(x.clone(), weight.clone());
        let zeros = found.clone().into_data();
        assert!(zeros.iter::<f32>().all(|value| value == 0.0), "{dtype:?}");
        assert_eq!(gradient(found), gradient(linear(x.clone(), weight)));
    }
    let trained = random::<2>([96, 64], 5).autodiff().require_grad();
    let x: Tensor<3> = random([2, 9, 96], 3);
    let x = x.autodiff().require_grad();
    let found = linear_gradient(x.clone(), trained.clone());
    let expected = linear(x, trained);
    close("trained", &found, &expected, 0.0);
}
