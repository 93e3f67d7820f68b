//! Bytes that autodiff keeps for a token and a block, with all activations kept: the steps keep their inputs alone, and
//! of these not what norms and gated units give, so that neither attention scores nor copies of projections' inputs are
//! there.
//!
//! Shapes are an eighth of Llama-2-7B's, whose bytes are therefore eight times as many; they are counted by the
//! allocator, on the CPU, where half types have the steps that GPUs have.
#![allow(clippy::unwrap_used, reason = "helpers of tests end them")]

use std::convert::Infallible;
use std::path::Path;

use burn::module::{Module, Param};
use burn::tensor::{Device, Distribution, FloatDType, Int, Tensor};
use idiolect::lora::{
    AdapterBatch, Checkpointing, LoraAdapter, LoraConfig, Targets, adapter_gradients,
};
use idiolect::model::{Block, BlockExtras, Decoder, ModelConfig, Projection, Weights};
use peak_alloc::PeakAlloc;
use serde_json::json;

#[global_allocator]
static HELD: PeakAlloc = PeakAlloc;

/// What Llama-2-7B's shapes are divided by.
const PART: usize = 8;

fn decoder(layers: usize, dtype: FloatDType) -> Decoder {
    let json = json!({
        "model_type": "llama", "architectures": ["LlamaForCausalLM"], "vocab_size": 64,
        "hidden_size": 4096 / PART, "intermediate_size": 11_008 / PART, "num_hidden_layers": layers,
        "num_attention_heads": 32 / PART, "num_key_value_heads": 32 / PART, "max_position_embeddings": 4096,
        "rms_norm_eps": 1e-5, "rope_theta": 1e4, "tie_word_embeddings": true, "hidden_act": "silu",
    });
    let config = ModelConfig::from_json(&json, Path::new("an eighth of Llama-2-7B")).unwrap();
    let device = Device::flex();
    let drawn = |shape: [usize; 2]| {
        let drawn: Tensor<2> = Tensor::random(shape, Distribution::Normal(0.0, 0.02), &device);
        Param::from_tensor(drawn.cast(dtype))
    };
    let ones = || Param::from_tensor(Tensor::<1>::ones([config.hidden_size], &device).cast(dtype));
    let block = |_| Block {
        input_norm: ones(),
        post_norm: ones(),
        projections: Projection::ALL
            .map(|projection| drawn(config.projection_shape(projection)))
            .into(),
        extras: BlockExtras::default(),
    };
    let weights = Weights {
        embedding: drawn([config.vocab_size, config.hidden_size]),
        blocks: (0..layers).map(block).collect(),
        norm: ones(),
        head: None,
    };
    Decoder::new(config, weights)
}

/// Bytes that are held beside weights and adapter when the backward pass is about to begin.
fn kept(layers: usize, tokens: usize, config: &LoraConfig, dtype: FloatDType) -> usize {
    let decoder = decoder(layers, dtype);
    let adapter = LoraAdapter::new(config, &decoder, 1, &Device::flex().autodiff());
    let adapter = adapter.unwrap().train();
    let device = Device::flex();
    let batch = AdapterBatch {
        ids: Tensor::<2, Int>::zeros([1, tokens], &device),
        trained_positions: Tensor::zeros([1], &device),
        dropout_seed: 0,
        context: None,
    };
    let before = HELD.current_usage();
    let mut held = 0;
    let head = |hidden: Tensor<2>| {
        held = HELD.current_usage() - before;
        Ok::<_, Infallible>(hidden)
    };
    let _ = adapter_gradients(&decoder, &adapter, &batch, Checkpointing::Off, head).unwrap();
    held
}

/// Bytes of Llama-2-7B for a token and a block, which are the same at two lengths.
fn of_token_and_block(config: &LoraConfig, dtype: FloatDType) -> usize {
    // Threads and their memory come with the first pass.
    let _ = kept(2, 256, config, dtype);
    let of = |tokens| {
        let [two, three] = [2, 3].map(|layers| kept(layers, tokens, config, dtype));
        (three - two) / tokens * PART
    };
    let (short, long) = (of(64), of(256));
    assert!(
        long <= short + short / 100,
        "{short} bytes a token in 64 tokens, {long} in 256"
    );
    // What a block keeps whatever the number of tokens, as dropout's numbers for channels.
    let fixed = short.saturating_sub(long) * 64 * 256 / (256 - 64) / PART;
    assert!(fixed <= 64_000, "{fixed} bytes of a block at any length");
    long
}

// One test: the allocator counts what the whole process holds.
#[test]
fn a_token_and_a_block_keep_the_inputs_of_steps_alone() {
    let query_and_value = Targets::Names(vec!["q_proj".into(), "v_proj".into()]);
    for (dtype, targets, most) in [
        (FloatDType::BF16, &query_and_value, 88_000),
        (FloatDType::F32, &query_and_value, 176_000),
        (FloatDType::BF16, &Targets::AllLinear, 98_000),
    ] {
        // What dropout leaves out is made again in the backward pass.
        for dropout in [0.0, 0.1] {
            let config = LoraConfig {
                targets: targets.clone(),
                dropout,
                ..LoraConfig::default()
            };
            let bytes = of_token_and_block(&config, dtype);
            let case = format!("{dtype:?}, {targets:?}, dropout {dropout}");
            println!("{case}: {bytes} bytes for a token and a block");
            assert!(bytes <= most, "{case}: {bytes} bytes, at most {most}");
        }
    }
}
