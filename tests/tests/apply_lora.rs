//! The benchmark against Burn's own `apply_lora` compares equals: the same loss and gradients.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "helpers of tests end them"
)]

use std::convert::Infallible;
use std::path::Path;

use burn::module::{Module, ModuleMapper, Param};
use burn::tensor::{Device, Distribution, Int, Tensor, TensorData};
use burn_lora::{Peer, weights};
use idiolect::lora::{
    AdapterBatch, Checkpointing, Factors, LoraAdapter, LoraConfig, adapter_gradients,
};
use idiolect::model::{Decoder, ModelConfig, Projection};
use idiolect_testkit::assert_close;
use serde_json::json;

#[path = "../benches/support/burn_lora.rs"]
mod burn_lora;

const RANK: usize = 3;

/// Draws the second factors, which start at zero.
struct Draw;

impl ModuleMapper for Draw {
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        if param.val().dims().first() != Some(&RANK) {
            return param;
        }
        let (shape, device) = (param.val().dims(), Device::flex());
        let drawn = Tensor::random(shape, Distribution::Uniform(-0.3, 0.3), &device);
        param.map(|_| drawn.autodiff().require_grad())
    }
}

fn tiny() -> Decoder {
    let json = json!({
        "architectures": ["LlamaForCausalLM"], "vocab_size": 50, "hidden_size": 32,
        "intermediate_size": 44, "num_hidden_layers": 2, "num_attention_heads": 4,
        "num_key_value_heads": 4, "rms_norm_eps": 1e-5, "max_position_embeddings": 16,
        "tie_word_embeddings": true,
    });
    let config = ModelConfig::from_json(&json, Path::new("tiny")).unwrap();
    let weights = weights(&config, &Device::flex());
    Decoder::new(config, weights)
}

fn values<const D: usize>(tensor: Tensor<D>) -> Vec<f32> {
    tensor.into_data().iter::<f32>().collect()
}

#[test]
fn burns_adapters_give_our_loss_and_gradients() {
    let decoder = tiny();
    let peer = Peer::new(
        &decoder.config,
        &decoder.weights,
        (RANK, 6.0),
        &Projection::ALL,
    );
    let peer = peer.map(&mut Draw);
    let config = LoraConfig {
        rank: RANK,
        alpha: 6.0,
        targets: "all-linear".parse().unwrap(),
        ..LoraConfig::default()
    };
    let device = Device::flex().autodiff();
    let mut adapter = LoraAdapter::new(&config, &decoder, 1, &device).unwrap();
    let theirs = |at: usize| {
        let site = adapter.sites[at];
        let linear = &peer.blocks[site.layer].projections[site.projection as usize];
        linear.weight.adapter().expect("an adapter").clone()
    };
    let theirs: Vec<_> = (0..adapter.sites.len()).map(theirs).collect();
    for (ours, theirs) in adapter.factors.iter_mut().zip(&theirs) {
        let [a, b] = [&theirs.a, &theirs.b].map(|factor| factor.val().inner().autodiff());
        *ours = Factors::new(a, b, theirs.scale);
    }

    let ids = TensorData::new(
        (0..14_i64).map(|at| at * 11 % 50).collect::<Vec<_>>(),
        [2, 7],
    );
    let ids = Tensor::<2, Int>::from_data(ids, &Device::flex());
    let gradient: Tensor<2> =
        Tensor::random([14, 32], Distribution::Uniform(-1.0, 1.0), &Device::flex());
    let hidden = peer.forward(decoder.embed(ids.clone()).autodiff());
    let loss = (hidden.reshape([14, 32]) * gradient.clone().autodiff()).sum();
    let want = values(loss.clone());
    let grads = loss.backward();
    let batch = AdapterBatch {
        ids,
        trained_positions: Tensor::arange(0..14, &Device::flex()),
        dropout_seed: 0,
        context: None,
    };
    for kept in [Checkpointing::Off, Checkpointing::Blocks] {
        let mut found = Vec::new();
        let head = |hidden: Tensor<2>| {
            found = values((hidden * gradient.clone()).sum());
            Ok::<_, Infallible>(gradient.clone())
        };
        let Ok(gradients) = adapter_gradients(&decoder, &adapter, &batch, kept, head);
        assert_close("loss", &found, &want, 1e-4);
        for (ours, theirs) in adapter.factors.iter().zip(&theirs) {
            for (ours, theirs) in [(&ours.a, &theirs.a), (&ours.b, &theirs.b)] {
                let found = values(gradients.get::<2>(ours.id).expect("a gradient"));
                let want = values(theirs.val().grad(&grads).expect("a gradient"));
                assert!(want.iter().any(|value| value.abs() > 1e-3));
                assert_close("gradient", &found, &want, 1e-4);
            }
        }
    }
}
