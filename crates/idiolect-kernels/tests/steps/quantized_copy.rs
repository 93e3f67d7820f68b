//! Weights in 8 and 4 bits: the copies that products of few rows read, and the values that are stored.

use burn::tensor::quantization::{QuantScheme, QuantStore, QuantValue, ScaleDtype};
use burn::tensor::{DType, Tensor, TensorData};
use idiolect_kernels::{QuantizedCopy, dequantize, quantize};

use crate::products::values;
use crate::same::device;
use crate::support::{close, random};

#[test]
fn a_copy_of_a_weight_differs_by_half_a_step_of_its_blocks() {
    for (inputs, outputs, rows) in [(7, 32, 1), (33, 64, 3), (31, 1056, 16), (64, 33, 5)] {
        // The neighbours in memory are outputs, and then inputs.
        for transposed in [outputs % 32 > 0, true] {
            let stored = if transposed {
                [outputs, inputs]
            } else {
                [inputs, outputs]
            };
            if stored[1] % 32 > 0 {
                continue;
            }
            let memory: Tensor<2> = random(stored, 5);
            let numbers: Vec<f32> = memory.clone().into_data().iter::<f32>().collect();
            let largest = |block: &[f32]| block.iter().fold(0_f32, |most, x| most.max(x.abs()));
            let steps = numbers
                .chunks(32)
                .flat_map(|block| [largest(block) / 254.0; 32]);
            let steps: Vec<f32> = steps.collect();
            let steps: Tensor<2> = Tensor::from_data(TensorData::new(steps, stored), &device());
            let in_order = |stored: Tensor<2>| {
                if transposed {
                    stored.transpose()
                } else {
                    stored
                }
            };
            let (weight, steps) = (in_order(memory), in_order(steps));
            let x: Tensor<2> = random([rows, inputs], 3);
            let found = QuantizedCopy::new(&weight).unwrap().product(&x).unwrap();
            let exact = values(x.clone().cast(DType::F64).matmul(weight.cast(DType::F64)));
            let bound = values(x.abs().cast(DType::F64).matmul(steps.cast(DType::F64)));
            let found = values(found);
            for ((found, exact), bound) in found.iter().zip(&exact).zip(&bound) {
                assert!(
                    (found - exact).abs() <= bound * 1.0001,
                    "{found} {exact} {bound}"
                );
            }
            assert_ne!(found, exact, "nothing was rounded");
        }
    }
}

#[test]
fn a_copy_is_made_only_where_it_is_read() {
    assert!(
        QuantizedCopy::new(&random([32, 33], 1)).is_none(),
        "rows of 33"
    );
    assert!(QuantizedCopy::new(&random([33, 32], 1).transpose()).is_some());
    assert!(
        QuantizedCopy::new(&random([32, 32], 1).cast(DType::BF16)).is_none(),
        "bf16"
    );
    let copy = QuantizedCopy::new(&random([32, 32], 1)).unwrap();
    assert!(
        copy.product(&random([1, 32], 2).autodiff().require_grad())
            .is_none(),
        "tracked"
    );
    let zeros = QuantizedCopy::new(&Tensor::zeros([32, 32], &device())).unwrap();
    let none = zeros.product(&random([2, 32], 2)).unwrap();
    assert!(values(none).iter().all(|value| *value == 0.0));
}

#[test]
fn quantising_on_all_threads_gives_the_numbers_of_burn() {
    let values = [QuantValue::Q8S, QuantValue::Q4S, QuantValue::Q8F];
    for (shape, block) in [
        ([1100, 96], 32),
        ([7, 24], 8),
        ([5, 6], 2),
        ([3, 64], 64),
        ([31, 1], 1),
    ] {
        let random: Tensor<2> = random(shape, 5);
        // Halves of a step, which are rounded away from zero, and a block of zeros.
        let halves = random.clone().mul_scalar(2.0).round().div_scalar(2.0);
        let halves =
            halves.slice_assign([0..1, 0..shape[1]], Tensor::zeros([1, shape[1]], &device()));
        for weight in [random, halves] {
            for value in values {
                let scheme = QuantScheme::default().with_value(value);
                let scheme = scheme.per_block([block], ScaleDtype::F32);
                let found = quantize(weight.clone(), &scheme);
                let expected = weight.clone().quantize_dynamic(&scheme);
                assert_eq!(found.dims(), expected.dims());
                let wide = dequantize(found.clone()).into_data();
                assert_eq!(wide, expected.clone().dequantize().into_data());
                // Blocks of our own.
                if value != QuantValue::Q8F && block == 32 {
                    continue;
                }
                assert_eq!(found.dtype(), expected.dtype());
                assert_eq!(found.into_data(), expected.into_data());
            }
        }
    }
}

#[test]
fn numbers_of_four_bits_take_half_a_byte() {
    let scheme = QuantScheme::default().with_value(QuantValue::Q4S);
    let scheme = scheme.per_block([32], ScaleDtype::F32);
    // Every number, in either half of a byte, and a scale that is no power of two.
    let numbers: Vec<f32> = (0..64).map(|i| (i * 5 % 15 - 7) as f32 * 0.37).collect();
    let weight: Tensor<2> = Tensor::from_data(TensorData::new(numbers, [2, 32]), &device());
    let halves = quantize(weight.clone(), &scheme);
    let DType::QFloat(stored) = halves.dtype() else {
        panic!("not quantised")
    };
    assert_eq!(stored.value, QuantValue::Q4S);
    assert_eq!(stored.store, QuantStore::PackedNative(0));
    close("values", &dequantize(halves.clone()), &weight, 1e-7);
    // Burn cannot read them, and says so.
    let burns = std::panic::catch_unwind(|| halves.dequantize().into_data());
    assert!(burns.is_err());
}

#[test]
fn what_is_not_quantised_stays_as_it_is() {
    let weight: Tensor<2> = random([3, 5], 1);
    let same = dequantize(weight.clone());
    same.into_data().assert_eq(&weight.into_data(), true);
}
