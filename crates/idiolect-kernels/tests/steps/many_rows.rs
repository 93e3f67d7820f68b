//! Products of many rows with a frozen weight, in each type and order of memory that it is stored in.

use burn::tensor::quantization::QuantValue;
use burn::tensor::{DType, Tensor};
use idiolect_kernels::{linear, linear_of_rows};
use rayon::ThreadPool;

use crate::products::{Weight, close_to_f64, quantized};
use crate::support::random;

/// Rows, inputs and outputs: of one tile and of parts of one, of several panels, of several blocks of inputs, and of
/// several blocks of outputs.
const SHAPES: [[usize; 3]; 9] = [
    [1, 1, 1],
    [6, 16, 64],
    [7, 31, 65],
    [17, 33, 130],
    [23, 640, 48],
    [12, 641, 80],
    [300, 96, 70],
    [5, 1300, 33],
    [3, 600, 1800],
];

/// A weight stored `[inputs, outputs]`, and one stored the other way round.
fn views([inputs, outputs]: [usize; 2]) -> [Tensor<2>; 2] {
    [
        random([inputs, outputs], 5),
        random::<2>([outputs, inputs], 6).transpose(),
    ]
}

/// The gradient of `x` beside a frozen weight.
pub(crate) fn gradient(
    x: &Tensor<2>,
    weight: &Tensor<2>,
    upstream: &Tensor<2>,
) -> Option<Tensor<2>> {
    let x = x.clone().autodiff().require_grad();
    let y = linear_of_rows(x.clone(), weight.clone());
    let tape = (y * upstream.clone().autodiff()).sum().backward();
    x.grad(&tape)
}

#[test]
fn products_of_many_rows_are_those_of_f64() {
    for [rows, inputs, outputs] in SHAPES {
        let (x, upstream): (Tensor<2>, Tensor<2>) =
            (random([rows, inputs], 3), random([rows, outputs], 4));
        for weight in views([inputs, outputs]) {
            let found = linear_of_rows(x.clone(), weight.clone());
            close_to_f64(found, x.clone(), weight.clone());
            let found = gradient(&x, &weight, &upstream).unwrap();
            close_to_f64(found, upstream.clone(), weight.transpose());
        }
    }
}

#[test]
fn products_of_many_rows_in_bf16_are_those_of_f64_rounded_once() {
    for [rows, inputs, outputs] in SHAPES {
        let x = random([rows, inputs], 3).cast(DType::BF16);
        let upstream = random([rows, outputs], 4).cast(DType::BF16);
        for weight in views([inputs, outputs]) {
            let weight = weight.cast(DType::BF16);
            let wide = weight.clone().cast(DType::F32);
            // A weight in bf16 beside an input in f32: nothing is rounded but the sums.
            let found = linear_of_rows(x.clone().cast(DType::F32), weight.clone());
            close_to_f64(found, x.clone(), wide.clone());
            let found = linear_of_rows(x.clone(), weight.clone());
            assert_eq!(found.dtype(), DType::BF16);
            close_to_f64(found, x.clone(), wide.clone());
            let found = gradient(&x, &weight, &upstream).unwrap();
            assert_eq!(found.dtype(), DType::BF16);
            close_to_f64(found, upstream.clone(), wide.transpose());
        }
    }
}

#[test]
fn products_of_many_rows_with_a_quantised_weight_are_those_of_f64() {
    for value in [QuantValue::Q8S, QuantValue::Q4S] {
        for (shape, block) in [
            ([1, 32], 32),
            ([33, 64], 32),
            ([70, 96], 32),
            ([700, 1056], 32),
            ([5, 48], 16),
            ([33, 31], 1),
            ([9, 24], 8),
        ] {
            let Weight { quantized, wide } = quantized(shape, block, value);
            for rows in [1, 17, 40] {
                let (x, upstream): (Tensor<2>, Tensor<2>) =
                    (random([rows, shape[0]], 3), random([rows, shape[1]], 4));
                let found = linear_of_rows(x.clone(), quantized.clone());
                close_to_f64(found, x.clone(), wide.clone());
                let found = gradient(&x, &quantized, &upstream).unwrap();
                close_to_f64(found, upstream, wide.clone().transpose());
            }
        }
    }
}

/// So that an example trains alone as it does in a batch, on every machine.
#[test]
fn a_row_has_the_same_bits_with_any_others_and_any_number_of_threads() {
    let pools = [1, 2, 3, 5, 16].map(|threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads);
        pool.build().unwrap()
    });
    for dtype in [DType::F32, DType::BF16] {
        let x = random([1, 150, 700], 3).cast(dtype);
        for weight in views([700, 200]) {
            same_bits(&x, &weight.cast(dtype), &pools);
        }
    }
}

fn same_bits(x: &Tensor<3>, weight: &Tensor<2>, pools: &[ThreadPool]) {
    let ([_, rows, inputs], [_, outputs]) = (x.dims(), weight.dims());
    let product = |x: Tensor<3>, pool: &ThreadPool| {
        let weight = weight.clone();
        pool.install(|| linear(x, weight))
    };
    let expected = product(x.clone(), &pools[0]);
    for pool in pools {
        let found = product(x.clone(), pool);
        found
            .into_data()
            .assert_eq(&expected.clone().into_data(), true);
    }
    for row in [0, 5, 6, 77, rows - 1] {
        let alone = x.clone().slice([0..1, row..row + 1, 0..inputs]);
        let alone = product(alone, &pools[1]);
        let beside = expected.clone().slice([0..1, row..row + 1, 0..outputs]);
        alone.into_data().assert_eq(&beside.into_data(), true);
    }
}
