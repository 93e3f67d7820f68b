//! A step through a few layers of Llama-2-7B's shape: our taped blocks beside Burn's own `apply_lora`.
//!
//! `cargo bench -p idiolect-tests --bench apply_lora -- [--layers 2] [--rows 1] [--tokens 256] [--repeats 3]`
//! times forward and backward in f32, each case in a process of its own, and prints one table. The layers
//! have random weights, 809 MB each; `tests/tests/apply_lora.rs` shows that both sides compute the same.
#![allow(
    missing_docs,
    clippy::print_stdout,
    clippy::expect_used,
    clippy::panic,
    reason = "a benchmark's own words"
)]

use std::convert::Infallible;
use std::path::Path;
use std::time::Instant;

use burn::module::Module;
use burn::tensor::{Device, Int, Tensor, TensorData};
use burn_lora::{Peer, weights};
use idiolect::lora::{AdapterBatch, Checkpointing, LoraAdapter, LoraConfig, adapter_gradients};
use idiolect::model::{Decoder, ModelConfig, Projection};
use serde_json::json;
use support::{again, field, number, option, peak_mib};

#[path = "support/burn_lora.rs"]
mod burn_lora;
mod support;

const SIDES: [&str; 3] = ["burn", "whole", "blocks"];
const TARGETS: [(&str, &[Projection]); 2] = [
    ("q_proj,v_proj", &[Projection::Query, Projection::Value]),
    ("all-linear", &Projection::ALL),
];

fn main() {
    match (option("--side"), option("--targets")) {
        // On a thread of the pool, as the command line runs.
        (Some(side), Some(targets)) => rayon::scope(|_| run(&side, &targets)),
        _ => table(),
    }
}

fn table() {
    let [layers, rows, tokens, repeats] = sizes();
    println!(
        "{layers} layers of Llama-2-7B's shape, {rows} x {tokens} tokens, f32, median of {repeats}"
    );
    println!("targets          side      s/step   speed   peak MiB  memory  above weights");
    let sizes = [layers, rows, tokens, repeats].map(|size| size.to_string());
    for (targets, _) in TARGETS {
        let mut burn = None;
        for side in SIDES {
            let names = ["--layers", "--rows", "--tokens", "--repeats"];
            let mut words = vec!["--side", side, "--targets", targets];
            words.extend(
                names
                    .iter()
                    .zip(&sizes)
                    .flat_map(|(name, size)| [*name, size]),
            );
            let found = again(&words);
            let [seconds, peak, above] =
                ["seconds", "peak_mib", "above_mib"].map(|name| field(&found, name));
            let (first, most) = *burn.get_or_insert((seconds, peak));
            println!(
                "{targets:16} {side:8} {seconds:7.2} {:6.2} x {peak:10.0} {:5.2} x {above:14.0}",
                first / seconds,
                peak / most
            );
        }
    }
}

fn sizes() -> [usize; 4] {
    [
        ("--layers", 2),
        ("--rows", 1),
        ("--tokens", 256),
        ("--repeats", 3),
    ]
    .map(|(name, default)| number(name, default))
}

fn run(side: &str, targets: &str) {
    let [layers, rows, tokens, repeats] = sizes();
    let config = llama_2_7b(layers, tokens);
    let weights = weights(&config, &Device::flex());
    let weights_mib = 4.0 * weights.num_params() as f64 / f64::from(1 << 20);
    let decoder = Decoder::new(config, weights);
    let ids: Vec<i64> = (0..whole(rows * tokens)).map(|at| at * 37 % 100).collect();
    let ids = Tensor::from_data(TensorData::new(ids, [rows, tokens]), &Device::flex());
    let mut once = match side {
        "burn" => burn_step(decoder, ids, targets),
        "whole" => our_step(decoder, ids, targets, Checkpointing::Off),
        "blocks" => our_step(decoder, ids, targets, Checkpointing::Blocks),
        other => panic!("no side {other}; there are {SIDES:?}"),
    };
    once();
    let mut seconds: Vec<f64> = (0..repeats)
        .map(|_| {
            let began = Instant::now();
            once();
            began.elapsed().as_secs_f64()
        })
        .collect();
    seconds.sort_by(f64::total_cmp);
    let peak = peak_mib();
    println!(
        "{}",
        json!({ "seconds": seconds[repeats / 2], "all": seconds, "peak_mib": peak,
            "above_mib": peak as f64 - weights_mib })
    );
}

/// Everything but the vocabulary, which neither side uses.
fn llama_2_7b(layers: usize, tokens: usize) -> ModelConfig {
    let json = json!({
        "architectures": ["LlamaForCausalLM"], "vocab_size": 128, "hidden_size": 4096,
        "intermediate_size": 11008, "num_hidden_layers": layers, "num_attention_heads": 32,
        "num_key_value_heads": 32, "rms_norm_eps": 1e-5, "rope_theta": 10000.0,
        "max_position_embeddings": tokens, "tie_word_embeddings": true,
    });
    ModelConfig::from_json(&json, Path::new("Llama-2-7B")).expect("a configuration")
}

fn whole(count: usize) -> i64 {
    i64::try_from(count).expect("a count")
}

type Step = Box<dyn FnMut() + Send>;

fn our_step(
    decoder: Decoder,
    ids: Tensor<2, Int>,
    targets: &str,
    checkpointing: Checkpointing,
) -> Step {
    let config = LoraConfig {
        targets: targets.parse().expect("targets"),
        ..LoraConfig::default()
    };
    let device = Device::flex().autodiff();
    let adapter = LoraAdapter::new(&config, &decoder, 1, &device).expect("an adapter");
    let count = whole(ids.shape().num_elements());
    let batch = AdapterBatch {
        ids,
        trained_positions: Tensor::arange(0..count, &Device::flex()),
        dropout_seed: 0,
        context: None,
    };
    Box::new(move || {
        let head = |hidden: Tensor<2>| Ok::<_, Infallible>(hidden.ones_like());
        let Ok(_gradients) = adapter_gradients(&decoder, &adapter, &batch, checkpointing, head);
    })
}

fn burn_step(decoder: Decoder, ids: Tensor<2, Int>, targets: &str) -> Step {
    let named = TARGETS.iter().find(|(name, _)| *name == targets);
    let (_, projections) = named.expect("targets");
    let LoraConfig { rank, alpha, .. } = LoraConfig::default();
    let peer = Peer::new(
        &decoder.config,
        &decoder.weights,
        (rank, alpha),
        projections,
    );
    let input = decoder.embed(ids).autodiff();
    drop(decoder);
    Box::new(move || {
        let _gradients = peer.forward(input.clone()).sum().backward();
    })
}
