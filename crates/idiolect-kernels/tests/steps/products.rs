//! Products of few rows, and products with a quantised weight.

use burn::tensor::quantization::{QuantScheme, QuantValue, ScaleDtype};
use burn::tensor::{DType, Tensor};
use idiolect_kernels::{
    QuantizedCopy, dequantize, linear, linear_few_tokens, plain, product, quantize,
};
use proptest::prelude::*;

use crate::same::BOUND;
use crate::support::{close, random};

pub(crate) fn values(tensor: Tensor<2>) -> Vec<f64> {
    tensor.into_data().iter::<f64>().collect()
}

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
        let [found] = linear_few_tokens(&tokens, [weight]);
        let found = found.reshape([rows, outputs]);
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
pub(crate) struct Weight {
    pub(crate) quantized: Tensor<2>,
    pub(crate) wide: Tensor<2>,
}

pub(crate) fn quantized(shape: [usize; 2], block: u8, value: QuantValue) -> Weight {
    let scheme = QuantScheme::default()
        .with_value(value)
        .per_block([block], ScaleDtype::F32);
    let weight = random(shape, 5);
    let quantized = quantize(weight.clone(), &scheme);
    let wide = weight.quantize_dynamic(&scheme).dequantize();
    Weight { quantized, wide }
}

#[test]
fn products_with_a_quantised_weight_are_those_with_the_dequantised_one() {
    let values = [QuantValue::Q8S, QuantValue::Q4S];
    for (shape, block) in [([48, 64], 32), ([7, 24], 8), ([5, 6], 2), ([64, 64], 64)] {
        for value in values {
            let Weight { quantized, wide } = quantized(shape, block, value);
            let (x, upstream) = (random([2, 9, shape[0]], 3), random([2, 9, shape[1]], 4));
            close(
                "untracked",
                &linear(x.clone(), quantized.clone()),
                &burn::tensor::module::linear(x.clone(), wide.clone(), None),
                BOUND,
            );
            let x = x.autodiff().require_grad();
            let gradient = |y: Tensor<3>| {
                let tape = (y * upstream.clone().autodiff()).sum().backward();
                x.grad(&tape).unwrap()
            };
            let found = gradient(linear(x.clone(), quantized.clone()));
            let expected = gradient(burn::tensor::module::linear(x.clone(), wide, None));
            close("gradient", &found, &expected, BOUND);
            let plain = gradient(plain::quantized_linear(x.clone(), dequantize(quantized)));
            close("plain gradient", &plain, &expected, BOUND);
        }
    }
}

/// Whether every value is within `(inputs + 2) 2^-24` of the sum of its products' sizes from the product in f64:
/// the bound of a sum of `inputs` products in f32, in any order. A result in bf16 is rounded once more.
pub(crate) fn close_to_f64(found: Tensor<2>, x: Tensor<2>, wide: Tensor<2>) {
    let ([rows, inputs], [_, outputs]) = (x.dims(), wide.dims());
    let rounding = match found.dtype() {
        DType::BF16 => 2f64.powi(-8),
        _ => 0.0,
    };
    let (found, x, wide) = (values(found), values(x), values(wide));
    let unit = (inputs + 2) as f64 * 2f64.powi(-24);
    assert_eq!(found.len(), rows * outputs);
    for (at, found) in found.into_iter().enumerate() {
        let (row, output) = (at / outputs, at % outputs);
        let products = (0..inputs).map(|i| x[row * inputs + i] * wide[i * outputs + output]);
        let exact: f64 = products.clone().sum();
        let size: f64 = products.map(f64::abs).sum();
        let off = (found - exact).abs();
        let sum = unit * size;
        assert!(
            off <= sum + rounding * (exact.abs() + sum),
            "{off} at {at} of {rows} x {inputs} x {outputs}, sizes {size}"
        );
    }
}

#[test]
fn quantised_products_of_few_rows_are_those_of_f64() {
    // Blocks of 32, of 16, and shorter than a vector; rows of one block, of many, and of an odd number.
    let shapes = [
        ([1, 32], 32),
        ([31, 96], 32),
        ([33, 64], 32),
        ([70, 1056], 32),
        ([5, 48], 16),
        ([32, 1], 1),
        ([33, 31], 1),
        ([64, 33], 1),
        ([9, 24], 8),
    ];
    for (shape, block) in shapes {
        for value in [QuantValue::Q8S, QuantValue::Q4S] {
            let Weight { quantized, wide } = quantized(shape, block, value);
            for rows in 1..=17 {
                let x: Tensor<2> = random([rows, shape[0]], 3);
                let found = product(x.clone(), quantized.clone());
                close_to_f64(found.clone(), x.clone(), wide.clone());
                let tokens = x.clone().reshape([1, rows, shape[0]]);
                let [tokens] = linear_few_tokens(&tokens, [quantized.clone()]);
                found
                    .into_data()
                    .assert_eq(&tokens.reshape([rows, shape[1]]).into_data(), true);
            }
        }
    }
}

#[test]
fn products_of_few_rows_are_the_same_to_the_bit_on_any_number_of_threads() {
    let shape = [256, 1056];
    let Weight {
        quantized: halves, ..
    } = quantized(shape, 32, QuantValue::Q4S);
    let Weight { quantized, wide } = quantized(shape, 32, QuantValue::Q8S);
    let narrow = wide.clone().cast(DType::BF16);
    let (x, back) = (random([5, shape[0]], 3), random([5, shape[1]], 4));
    let copies =
        [wide.clone(), wide.clone().transpose()].map(|wide| QuantizedCopy::new(&wide).unwrap());
    let all = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads);
        pool.build().unwrap().install(|| {
            [
                product(x.clone(), quantized.clone()),
                product(x.clone(), halves.clone()),
                product(x.clone(), narrow.clone()),
                product(back.clone(), narrow.clone().transpose()),
                copies[0].product(&x).unwrap(),
                copies[1].product(&back).unwrap(),
                product(x.clone(), wide.clone()),
                product(back.clone(), wide.clone().transpose()),
            ]
            .map(Tensor::into_data)
        })
    };
    let expected = all(1);
    for threads in [2, 3, 5, 16] {
        for (found, expected) in all(threads).iter().zip(&expected) {
            found.assert_eq(expected, true);
        }
    }
}

#[test]
fn a_row_of_a_quantised_product_does_not_depend_on_the_others() {
    for value in [QuantValue::Q8S, QuantValue::Q4S] {
        let Weight { quantized, wide } = quantized([70, 96], 32, value);
        let copy = QuantizedCopy::new(&wide.transpose()).unwrap();
        let (x, back): (Tensor<2>, Tensor<2>) = (random([16, 70], 3), random([16, 96], 4));
        for rows in 1..=16 {
            let (above, at) = (0..rows, rows - 1..rows);
            let beside = product(x.clone().slice([above.clone(), 0..70]), quantized.clone());
            let alone = product(x.clone().slice([at.clone(), 0..70]), quantized.clone());
            alone
                .into_data()
                .assert_eq(&beside.slice([at.clone(), 0..96]).into_data(), true);
            let beside = copy.product(&back.clone().slice([above, 0..96])).unwrap();
            let alone = copy
                .product(&back.clone().slice([at.clone(), 0..96]))
                .unwrap();
            alone
                .into_data()
                .assert_eq(&beside.slice([at, 0..70]).into_data(), true);
        }
    }
}

#[test]
fn products_of_few_rows_in_bf16_are_those_of_f64_rounded_once() {
    for (inputs, outputs) in [(1, 1), (31, 96), (33, 31), (70, 1056), (300, 17)] {
        for transposed in [false, true] {
            let weight = if transposed {
                random([outputs, inputs], 5).cast(DType::BF16).transpose()
            } else {
                random([inputs, outputs], 5).cast(DType::BF16)
            };
            let wide = weight.clone().cast(DType::F32);
            for rows in [1, 3, 8, 16] {
                let x: Tensor<2> = random([rows, inputs], 3);
                // A weight in bf16 beside an input in f32: nothing is rounded but the sums.
                let found = product(x.clone(), weight.clone());
                close_to_f64(found, x.clone(), wide.clone());
                let x = x.cast(DType::BF16);
                let found = product(x.clone(), weight.clone());
                assert_eq!(found.dtype(), DType::BF16);
                let once = product(x.cast(DType::F32), weight.clone()).cast(DType::BF16);
                found.into_data().assert_eq(&once.into_data(), true);
            }
        }
    }
}
