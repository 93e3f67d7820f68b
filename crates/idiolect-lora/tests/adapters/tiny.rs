//! The checkpoints that the tests adapt, new adapters for them, and what they compute.

use burn::tensor::{Device, FloatDType, Int, Tensor, TensorData};
use idiolect_lora::{AdapterBatch, LoraAdapter, LoraConfig};
use idiolect_model::{Adapter, Decoder};
use idiolect_testkit::shared;

/// A tiny checkpoint of the shared oracles; none where they are absent.
pub(crate) fn checkpoint(name: &str) -> Option<Decoder> {
    let folder = shared()?.join("oracles/tiny").join(name);
    let loaded = idiolect_model::load(&folder, &Device::flex(), FloatDType::F32);
    Some(loaded.expect(name).0)
}

/// The one that most tests adapt.
pub(crate) fn tiny() -> Option<Decoder> {
    checkpoint("tiny-llama3")
}

pub(crate) fn new(config: &LoraConfig, decoder: &Decoder) -> LoraAdapter {
    LoraAdapter::new(config, decoder, 3, &Device::flex()).unwrap()
}

/// Path, rank and scale of every site.
pub(crate) fn places(adapter: &LoraAdapter) -> Vec<(String, usize, f64)> {
    let sites = adapter.sites.iter().zip(&adapter.factors);
    let mut places: Vec<_> = sites
        .map(|(site, factors)| (site.to_string(), factors.rank(), factors.scale))
        .collect();
    places.sort_by(|a, b| a.0.cmp(&b.0));
    places
}

/// Two rows of six tokens, of which some are trained.
pub(crate) fn batch(seed: u64) -> AdapterBatch {
    let ids: Vec<i64> = (0..12).map(|i| (i * 37 + 5) % 384).collect();
    let trained: Vec<i64> = vec![1, 2, 3, 4, 7, 8, 9];
    let count = trained.len();
    let device = Device::flex();
    AdapterBatch {
        ids: Tensor::<2, Int>::from_data(TensorData::new(ids, [2, 6]), &device),
        trained_positions: Tensor::from_data(TensorData::new(trained, [count]), &device),
        dropout_seed: seed,
        context: None,
    }
}

pub(crate) fn hidden(decoder: &Decoder, adapter: &dyn Adapter) -> Vec<f32> {
    let hidden = decoder.hidden(batch(0).ids, adapter);
    hidden.into_data().iter::<f32>().collect()
}
