//! Adapters beside a base in 8 or 4 bits: how far packing moves a weight, gradients, and a training run.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "helpers of tests end them"
)]

use std::path::PathBuf;

use burn::module::Param;
use burn::tensor::{Device, FloatDType, Tensor, TensorData};
use idiolect::lora::{
    AdapterBatch, Checkpointing, Init, LoraAdapter, LoraConfig, Targets, adapter_gradients,
    adapter_shift, merge,
};
use idiolect::model::{Bits, Decoder, load, load_quantized};
use idiolect::tokens::TokenRow;
use idiolect_kernels::dequantize;
use idiolect_testkit::shared;
use idiolect_tests::learn;

fn folder() -> Option<PathBuf> {
    Some(shared()?.join("oracles/tiny/tiny-llama3"))
}

fn packed(bits: Bits) -> Option<Decoder> {
    let loaded = load_quantized(&folder()?, &Device::flex(), FloatDType::F32, bits);
    Some(loaded.expect("tiny-llama3").0)
}

fn plain() -> Option<Decoder> {
    let loaded = load(&folder()?, &Device::flex(), FloatDType::F32);
    Some(loaded.expect("tiny-llama3").0)
}

/// The same decoder with the packed weights widened once and for all.
fn widened(mut decoder: Decoder) -> Decoder {
    for block in &mut decoder.weights.blocks {
        for weight in &mut block.projections {
            *weight = Param::from_tensor(dequantize(weight.val())).set_require_grad(false);
        }
    }
    decoder
}

fn values<const D: usize>(tensor: Tensor<D>) -> Vec<f32> {
    tensor.into_data().iter::<f32>().collect()
}

#[test]
fn no_weight_moves_by_more_than_half_a_step_of_its_block() {
    for bits in [Bits::Eight, Bits::Four] {
        let (Some(packed), Some(plain)) = (packed(bits), plain()) else {
            return;
        };
        // Every row is a whole number of blocks of 32, each with a scale of four bytes.
        let all = plain.weights.blocks.iter();
        let all = all.flat_map(|block| &block.projections);
        let count: usize = all.map(|weight| weight.val().shape().num_elements()).sum();
        let halves = match bits {
            Bits::Eight => 2,
            Bits::Four => 1,
        };
        let saved = 4 * count - halves * count / 2 - 4 * count / 32;
        assert_eq!(plain.weight_bytes() - packed.weight_bytes(), saved);
        let mut moved = 0;
        for (packed, plain) in packed.weights.blocks.iter().zip(&plain.weights.blocks) {
            for (packed, plain) in packed.projections.iter().zip(&plain.projections) {
                let block = bits.block(plain.val().dims()[1]);
                let packed = values(dequantize(packed.val()));
                let plain = values(plain.val());
                for (packed, plain) in packed.chunks(block).zip(plain.chunks(block)) {
                    let largest = plain.iter().fold(0f32, |most, x| most.max(x.abs()));
                    let bound = largest / f32::from(bits.steps()) / 2.0;
                    for (packed, plain) in packed.iter().zip(plain) {
                        assert!((packed - plain).abs() <= bound * 1.0001, "{packed} {plain}");
                        moved += usize::from(packed.to_bits() != plain.to_bits());
                    }
                }
            }
        }
        assert!(moved > 0, "nothing was packed");
    }
}

fn batch() -> AdapterBatch {
    let ids: Vec<i64> = (0..18).map(|i| (i * 37) % 300 + 3).collect();
    let trained = TensorData::new(vec![1_i64, 4, 6, 9, 13], [5]);
    AdapterBatch {
        ids: Tensor::from_data(TensorData::new(ids, [2, 9]), &Device::flex()),
        trained_positions: Tensor::from_data(trained, &Device::flex()),
        dropout_seed: 5,
        context: None,
    }
}

/// Gradients of all factors for the sum of the hidden states, each with another weight.
fn gradients(
    decoder: &Decoder,
    config: &LoraConfig,
    checkpointing: Checkpointing,
) -> Vec<Vec<f32>> {
    let device = Device::flex().autodiff();
    let adapter = LoraAdapter::new(config, decoder, 3, &device).unwrap();
    let head = |hidden: Tensor<2>| {
        let shape = hidden.dims();
        let weights = (0..shape[0] * shape[1]).map(|i| (i * 7 % 11) as f32 / 11.0);
        let weights = TensorData::new(weights.collect::<Vec<f32>>(), shape);
        Ok::<_, ()>(Tensor::from_data(weights, &Device::flex()))
    };
    let found = adapter_gradients(decoder, &adapter, &batch(), checkpointing, head).unwrap();
    let factors = adapter.factors.iter();
    let both = factors.flat_map(|factors| [factors.a.id, factors.b.id]);
    both.map(|id| values(found.get::<2>(id).expect("a gradient")))
        .collect()
}

#[test]
fn gradients_are_those_beside_the_widened_weights() {
    let all = LoraConfig {
        targets: Targets::AllLinear,
        init: Init::Pissa,
        ..LoraConfig::default()
    };
    let dora = LoraConfig {
        dora: true,
        dropout: 0.2,
        ..LoraConfig::default()
    };
    for (bits, config) in [(Bits::Eight, &all), (Bits::Four, &all), (Bits::Four, &dora)] {
        let Some(packed) = packed(bits) else { return };
        for checkpointing in [Checkpointing::Blocks, Checkpointing::Off] {
            let expected = gradients(&widened(packed.clone()), config, checkpointing);
            let found = gradients(&packed, config, checkpointing);
            for (found, expected) in found.iter().zip(&expected) {
                let size = expected.iter().fold(0f32, |most, x| most.max(x.abs()));
                for (found, expected) in found.iter().zip(expected) {
                    assert!(
                        (found - expected).abs() <= 1e-6 * size,
                        "{found} {expected}"
                    );
                }
            }
        }
    }
}

#[test]
fn an_adapter_trains_beside_packed_weights_and_merges_into_them_widened() {
    for bits in [Bits::Eight, Bits::Four] {
        let Some(decoder) = packed(bits) else { return };
        let ids: Vec<u32> = (0..12).map(|i| (i * 53) % 300 + 3).collect();
        let row = TokenRow::all_trained(0.into(), ids);
        let (losses, adapter) = learn(&decoder, &LoraConfig::default(), &row, 8);
        assert!(losses[7] < losses[0] - 0.1, "{losses:?}");
        assert!(
            adapter_shift(&adapter, &decoder)
                .iter()
                .all(|site| site.norm > 0.0)
        );
        let ids = batch().ids;
        let before = values(decoder.hidden(ids.clone(), &adapter));
        let merged = merge(decoder, &adapter).expect("a merged model");
        let after = values(merged.hidden(ids, &idiolect::model::NoAdapter));
        for (before, after) in before.iter().zip(&after) {
            assert!((before - after).abs() < 1e-4, "{before} {after}");
        }
    }
}

#[test]
fn packed_weights_are_saved_as_they_compute() {
    let Some(decoder) = packed(Bits::Four) else {
        return;
    };
    let place = tempfile::tempdir().unwrap();
    let options = idiolect::model::SaveOptions {
        stored: idiolect::model::StoredType::F32,
        max_shard_bytes: 1 << 30,
    };
    idiolect::model::save(&decoder, place.path(), options).expect("saved");
    let (back, _) = load(place.path(), &Device::flex(), FloatDType::F32).expect("read");
    let ids = batch().ids;
    let [found, expected] = [&back, &decoder]
        .map(|decoder| values(decoder.hidden(ids.clone(), &idiolect::model::NoAdapter)));
    for (found, expected) in found.iter().zip(&expected) {
        assert!((found - expected).abs() < 1e-5, "{found} {expected}");
    }
}
