//! Products of few rows, and products with a quantised weight.

use burn::tensor::Tensor;
use burn::tensor::quantization::{QuantScheme, QuantValue, ScaleDtype};
use idiolect_kernels::{linear, linear_few_tokens, plain, product};
use proptest::prelude::*;

use crate::support::{BOUND, close, random};

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn products_of_few_rows_are_burns(
        rows in 1_usize..20, inputs in 1_usize..70, outputs in 1_usize..1100, transposed in any::<bool>(),
        seed in any::<u64>(),
    ) {
        let x: Tensor<2> = random([rows, inputs], seed);
        let weight = if transposed {
            random([outputs, inputs], seed ^ 1).transpose()
        } else {
            random([inputs, outputs], seed ^ 1)
        };
        let expected = x.clone().matmul(weight.clone());
        let found = product(x.clone(), weight.clone());
        close("product", &found, &expected, 2e-6);
        let tokens = x.reshape([1, rows, inputs]);
        let found = linear_few_tokens(tokens, weight).reshape([rows, outputs]);
        close("linear", &found, &expected, 2e-6);
    }

    #[test]
    fn a_row_does_not_depend_on_the_others(
        rows in 2_usize..17, inputs in 1_usize..70, transposed in any::<bool>(), seed in any::<u64>(),
    ) {
        let x: Tensor<2> = random([rows, inputs], seed);
        let weight = if transposed {
            random([50, inputs], seed ^ 1).transpose()
        } else {
            random([inputs, 50], seed ^ 1)
        };
        let last = x.clone().slice([rows - 1..rows, 0..inputs]);
        let alone = product(last, weight.clone()).into_data();
        let beside = product(x, weight).slice([rows - 1..rows, 0..50]).into_data();
        alone.assert_eq(&beside, true);
    }
}

/// A weight quantised in blocks along its rows, and the same dequantised.
struct Weight {
    quantized: Tensor<2>,
    wide: Tensor<2>,
}

fn quantized(shape: [usize; 2], block: u8, value: QuantValue) -> Weight {
    let scheme = QuantScheme::default()
        .with_value(value)
        .per_block([block], ScaleDtype::F32);
    let quantized = random(shape, 5).quantize_dynamic(&scheme);
    let wide = quantized.clone().dequantize();
    Weight { quantized, wide }
}

#[test]
fn products_with_a_quantised_weight_are_those_with_the_dequantised_one() {
    let values = [QuantValue::Q8S, QuantValue::Q4S];
    for (shape, block) in [([48, 64], 32), ([7, 24], 8), ([5, 6], 2), ([64, 64], 64)] {
        for value in values {
            let Weight { quantized, wide } = quantized(shape, block, value);
            let (x, seed) = (random([2, 9, shape[0]], 3), random([2, 9, shape[1]], 4));
            close(
                "untracked",
                &linear(x.clone(), quantized.clone()),
                &burn::tensor::module::linear(x.clone(), wide.clone(), None),
                BOUND,
            );
            let x = x.autodiff().require_grad();
            let gradient = |y: Tensor<3>| {
                let tape = (y * seed.clone().autodiff()).sum().backward();
                x.grad(&tape).unwrap()
            };
            let found = gradient(linear(x.clone(), quantized.clone()));
            let expected = gradient(burn::tensor::module::linear(x.clone(), wide, None));
            close("gradient", &found, &expected, BOUND);
            let plain = gradient(plain::quantized_linear(x.clone(), quantized));
            close("plain gradient", &plain, &expected, BOUND);
        }
    }
}
