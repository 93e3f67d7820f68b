//! Products with a weight in the blocks of a GGUF file; that its values are those of the format is tested where files are
//! read.

use burn::tensor::{Device, Tensor};
use idiolect_kernels::{
    BlockType, block_type, dequantize, from_blocks, keeps_blocks, linear_of_rows, product,
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
        for [outputs, blocks] in [[1, 1], [5, 2], [70, 3], [33, 5]] {
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
