//! Products with a weight in the blocks of a GGUF file; that its values are those of the format is tested where files are
//! read.

use burn::tensor::quantization::{QuantScheme, QuantValue, ScaleDtype};
use burn::tensor::{Device, Int, Tensor};
use idiolect_kernels::{
    BlockType, block_type, dequantize, embedding, from_blocks, keeps_blocks, linear_of_rows,
    product, quantize, transpose,
};

use crate::many_rows::gradient;
use crate::products::close_to_f64;
use crate::support::random;

/// Bytes of a weight, `[outputs, inputs]`, whose scales are between 2^-9 and 2^-7.
fn bytes(of: BlockType, [outputs, inputs]: [usize; 2], seed: u64) -> Vec<u8> {
    let count = outputs * inputs / of.values() * of.bytes();
    let drawn: Tensor<1> = random([count], seed);
    let low_bits = |value: f32| value.to_bits().to_le_bytes()[0];
    let mut bytes: Vec<u8> = drawn.into_data().iter::<f32>().map(low_bits).collect();
    for block in bytes.chunks_exact_mut(of.bytes()) {
        for at in of.halves() {
            block[at + 1] = 0x18 + block[at + 1] % 8;
        }
    }
    bytes
}

#[allow(clippy::unwrap_used, reason = "a helper of tests ends them")]
fn weight(of: BlockType, shape: [usize; 2], seed: u64) -> Tensor<2> {
    from_blocks(bytes(of, shape, seed), of, shape).unwrap()
}

#[test]
fn a_weight_in_blocks_has_its_shape_its_type_and_finite_values() {
    assert!(keeps_blocks(&Device::flex()));
    for of in BlockType::ALL {
        let shape = [3, 2 * of.values()];
        let weight = weight(of, shape, 1);
        assert_eq!(weight.dims(), [shape[1], shape[0]]);
        assert_eq!(block_type(&weight), Some(of));
        let wide = dequantize(weight);
        assert_eq!(
            (wide.dims(), block_type(&wide)),
            ([shape[1], shape[0]], None)
        );
        let values: Vec<f32> = wide.into_data().iter::<f32>().collect();
        assert!(values.iter().all(|value| value.is_finite()));
        assert!(values.windows(2).any(|pair| pair[0] < pair[1]));
    }
}

#[test]
fn bytes_of_another_size_are_no_weight() {
    for of in BlockType::ALL {
        let shape = [2, of.values()];
        let whole = bytes(of, shape, 1);
        assert!(from_blocks(whole[1..].to_vec(), of, shape).is_none());
        assert!(from_blocks(whole.clone(), of, [3, of.values()]).is_none());
        assert!(from_blocks(whole, of, [4, of.values() / 2]).is_none());
    }
}

#[test]
fn products_with_a_weight_in_blocks_are_those_of_f64() {
    for of in BlockType::ALL {
        // The last has blocks of packed inputs that are no whole number of the largest blocks of a file.
        for [outputs, blocks] in [[1, 1], [5, 2], [70, 3], [33, 5], [17, 16]] {
            let inputs = blocks * of.values();
            let weight = weight(of, [outputs, inputs], 2);
            let wide = dequantize(weight.clone());
            for rows in [1, 3, 4, 9, 16, 17, 40] {
                let (x, upstream): (Tensor<2>, Tensor<2>) =
                    (random([rows, inputs], 3), random([rows, outputs], 4));
                let few = product(x.clone(), weight.clone());
                close_to_f64(few, x.clone(), wide.clone());
                let many = linear_of_rows(x.clone(), weight.clone());
                close_to_f64(many, x.clone(), wide.clone());
                let found = gradient(&x, &weight, &upstream).unwrap();
                close_to_f64(found, upstream, wide.clone().transpose());
            }
        }
    }
}

#[test]
fn a_row_beside_a_weight_in_blocks_does_not_depend_on_the_others() {
    for of in BlockType::ALL {
        let inputs = 2 * of.values();
        let (weight, x): (_, Tensor<2>) = (weight(of, [50, inputs], 5), random([13, inputs], 6));
        let alone = product(x.clone().slice([12..13, 0..inputs]), weight.clone());
        let beside = product(x, weight).slice([12..13, 0..50]);
        alone.into_data().assert_eq(&beside.into_data(), true);
    }
}

/// A weight in every kind of blocks, those of `quantize` among them.
fn every_kind(outputs: usize, inputs: usize) -> Vec<Tensor<2>> {
    let of_files = BlockType::ALL.map(|of| weight(of, [outputs, inputs], 7));
    let own = [QuantValue::Q8S, QuantValue::Q4S].map(|value| {
        let scheme = QuantScheme::default().with_value(value);
        let scheme = scheme.per_block([32], ScaleDtype::F32);
        quantize(random([inputs, outputs], 8), &scheme)
    });
    of_files.into_iter().chain(own).collect()
}

#[test]
fn a_transposed_weight_in_blocks_has_its_values_and_products() {
    for weight in every_kind(64, 512) {
        let wide = dequantize(weight.clone());
        let turned = transpose(weight.clone());
        assert_eq!(
            (turned.dims(), turned.dtype(), block_type(&turned)),
            ([64, 512], weight.dtype(), block_type(&weight))
        );
        let same = |found: Tensor<2>, expected: Tensor<2>| {
            found.into_data().assert_eq(&expected.into_data(), true);
        };
        same(dequantize(turned.clone()), wide.clone().transpose());
        same(dequantize(transpose(turned.clone())), wide.clone());
        for rows in [1, 4, 17, 40] {
            let (x, upstream): (Tensor<2>, Tensor<2>) =
                (random([rows, 64], 9), random([rows, 512], 10));
            let across = wide.clone().transpose();
            close_to_f64(
                product(x.clone(), turned.clone()),
                x.clone(),
                across.clone(),
            );
            close_to_f64(linear_of_rows(x.clone(), turned.clone()), x.clone(), across);
            let found = gradient(&x, &turned, &upstream).unwrap();
            close_to_f64(found, upstream, wide.clone());
        }
    }
}

#[test]
fn vectors_of_ids_are_the_rows_of_an_embedding_in_blocks() {
    let ids: Tensor<2, Int> = Tensor::from_data([[3, 63, 0], [3, 3, 17]], &Device::flex());
    for weight in every_kind(64, 512) {
        let along = block_type(&weight).is_some();
        let rows = if along { transpose(weight) } else { weight };
        let wide = dequantize(rows.clone());
        let expected = burn::tensor::module::embedding(wide, ids.clone());
        let found = embedding(rows, ids.clone());
        found.into_data().assert_eq(&expected.into_data(), true);
    }
}

#[test]
#[should_panic(expected = "an id that is not below 64")]
fn an_id_without_a_row_ends_the_lookup() {
    let ids: Tensor<2, Int> = Tensor::from_data([[64]], &Device::flex());
    let rows = transpose(weight(BlockType::Q8_0, [64, 32], 1));
    drop(embedding(rows, ids));
}
