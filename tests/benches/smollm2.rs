//! Speed and memory on the real model: a `LoRA` step, greedy generation, prefill.
//!
//! One case a process, named on the command line, so that the peak of memory is that case's alone:
//! `cargo bench -p idiolect-tests --bench smollm2 -- CASE [REPEATS]`. Without a case it runs them all, each
//! in a process of its own. The distillation cases are 32 prompts of that job in batches of 8 or alone: whole
//! batches one after the other, batches refilled, prefixes shared too, and with the default speculation. Behind the
//! name of a case, `-8bits` and `-4bits` quantise the model as `--quantize` does, `-bf16` keeps its files' type, and
//! `-q8_0`, `-q4_0` or `-Q4_1` is the GGUF file of that type, whose matrices stay in it.
//! `cargo xtask bench` runs this and the `PyTorch` yardstick in turn.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    missing_docs
)]

use std::ops::ControlFlow;
use std::path::Path;
use std::process::Command;
use std::time::Instant;

use burn::module::Module;
use burn::tensor::{Device, FloatDType, Int, Tensor};
use idiolect::finetune::{AdapterLoss, Loss};
use idiolect::generate::{GenerationConfig, Request, Sampling, Stops, generate};
use idiolect::lm::DecoderLogits;
use idiolect::lora::{Checkpointing, LoraAdapter, LoraConfig};
use idiolect::model::{Bits, Decoder, NoAdapter, load, load_as_stored, load_quantized};
use idiolect::tokens::{TokenBatch, TokenRow};
use idiolect::train::{AdamW, Objective, StepContext, TrainConfig, clip_by_global_norm};
use support::peak_mib;

#[path = "smollm2/distill.rs"]
mod distill;
mod support;

const CASES: [&str; 21] = [
    "train-blocks",
    "train-whole",
    "train-blocks-fifth",
    "train-whole-fifth",
    "generate-1",
    "generate-8",
    "generate-1-bf16",
    "generate-1-8bits",
    "generate-8-8bits",
    "generate-1-4bits",
    "generate-8-4bits",
    "distill-8-batches",
    "distill-8-refill",
    "distill-8-shared",
    "distill-8-speculate",
    "distill-1-shared",
    "distill-1-speculate",
    "prefill-512",
    "prefill-512-8bits",
    "prefill-4x256",
    "load",
];

fn main() {
    // Cargo passes --bench.
    let args: Vec<String> = std::env::args()
        .skip(1)
        .filter(|arg| arg != "--bench")
        .collect();
    match args.first() {
        Some(case) => {
            let repeats = args.get(1).map_or(3, |n| n.parse().expect("a number"));
            // On a thread of the pool, as the command line runs: handing each product over costs more.
            rayon::scope(|_| run(case, repeats));
        }
        None => {
            for case in CASES {
                Command::new(std::env::current_exe().unwrap())
                    .arg(case)
                    .status()
                    .unwrap();
            }
        }
    }
}

fn run(case: &str, repeats: usize) {
    let Some(path) = idiolect_testkit::smollm2_folder() else {
        return;
    };
    if let Some(case) = case.strip_prefix("distill-") {
        return distill::run(&path, case, repeats);
    }
    let (decoder, of_type) = decoder(&path, case);
    let loaded = peak_mib();
    let (tokens, mut once): (usize, Box<dyn FnMut()>) = match of_type {
        "train-blocks" => (1024, Box::new(train(decoder, Checkpointing::Blocks, 1))),
        "train-whole" => (1024, Box::new(train(decoder, Checkpointing::Off, 1))),
        "train-blocks-fifth" => (1024, Box::new(train(decoder, Checkpointing::Blocks, 5))),
        "train-whole-fifth" => (1024, Box::new(train(decoder, Checkpointing::Off, 5))),
        "generate-1" => (128, Box::new(move || continue_rows(&decoder, 1))),
        "generate-8" => (8 * 128, Box::new(move || continue_rows(&decoder, 8))),
        "prefill-512" => (512, Box::new(move || prefill(&decoder, 1, 512))),
        "prefill-4x256" => (1024, Box::new(move || prefill(&decoder, 4, 256))),
        "load" => (0, Box::new(|| ())),
        other => panic!("no case {other}; there are {CASES:?}"),
    };
    once();
    let mut seconds: Vec<f64> = (0..repeats).map(|_| time(&mut once)).collect();
    seconds.sort_by(f64::total_cmp);
    let median = seconds[seconds.len() / 2];
    let rates: Vec<f64> = seconds
        .iter()
        .rev()
        .map(|s| (tokens as f64 / s * 10.0).round() / 10.0)
        .collect();
    let row = serde_json::json!({
        "case": case, "tokens": tokens, "tokens_per_second": (tokens as f64 / median * 10.0).round() / 10.0,
        "all": rates, "peak_mib": peak_mib(), "loaded_mib": loaded,
    });
    println!("{row}");
}

/// The model in the type that a case's name ends with, and the name without it.
fn decoder<'c>(path: &Path, case: &'c str) -> (Decoder, &'c str) {
    let device = Device::flex();
    let (name, of_type) = case.rsplit_once('-').unwrap_or((case, ""));
    if of_type.starts_with(['q', 'Q']) {
        let file = path.with_file_name(format!("SmolLM2-135M-Instruct.{of_type}.gguf"));
        let loaded = load_as_stored(&file, &device, FloatDType::F32);
        return (loaded.unwrap().0, name);
    }
    let bits = match of_type {
        "8bits" => Some(Bits::Eight),
        "4bits" => Some(Bits::Four),
        _ => None,
    };
    if let Some(bits) = bits {
        return (
            load_quantized(path, &device, FloatDType::F32, bits)
                .unwrap()
                .0,
            name,
        );
    }
    let (dtype, name) = match of_type {
        "bf16" => (FloatDType::BF16, name),
        _ => (FloatDType::F32, case),
    };
    (load(path, &device, dtype).unwrap().0, name)
}

fn time(once: &mut dyn FnMut()) -> f64 {
    let began = Instant::now();
    once();
    began.elapsed().as_secs_f64()
}

/// Ids without meaning, the same in every run.
fn ids(count: usize, seed: u64) -> Vec<u32> {
    let next = |state: &mut u64| {
        *state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        Some(100 + u32::try_from((*state >> 33) % 49_000).unwrap())
    };
    (0..count).scan(seed, |state, _| next(state)).collect()
}

/// One optimiser step over 4 x 256 tokens; one token in `every` is trained.
fn train(decoder: Decoder, checkpointing: Checkpointing, every: usize) -> impl FnMut() {
    let device = Device::flex().autodiff();
    let mut adapter = Some(
        LoraAdapter::new(&LoraConfig::default(), &decoder, 1, &device)
            .unwrap()
            .train(),
    );
    let config = TrainConfig::default();
    let mut optimizer = AdamW::new(&config);
    let mut step = 0;
    move || {
        step += 1;
        let row = |n: u64| {
            let input_ids = ids(256, step * 4 + n);
            let label = |(i, id): (usize, &u32)| if i % every == 0 { i64::from(*id) } else { -100 };
            let labels = input_ids.iter().enumerate().map(label).collect();
            TokenRow {
                id: n.into(),
                input_ids,
                labels,
                teacher: Vec::new(),
            }
        };
        let rows: Vec<TokenRow> = (0..4).map(row).collect();
        let batch = TokenBatch::new(&rows.iter().collect::<Vec<_>>(), 0);
        let objective = AdapterLoss {
            decoder: &decoder,
            checkpointing,
            loss: Loss::CrossEntropy,
            stored: None,
        };
        let module = adapter.take().unwrap();
        let share = StepContext {
            divisor: 1020.0,
            seed: 0,
            place: 0,
        };
        let mut measured = objective.gradients(&module, &batch, share).unwrap();
        clip_by_global_norm(&module, &mut measured.gradients, 1.0);
        adapter = Some(optimizer.step(module, measured.gradients, 1e-4));
    }
}

fn continue_rows(decoder: &Decoder, rows: usize) {
    let mut model = DecoderLogits::new(decoder, &NoAdapter);
    let requests: Vec<Request> = (0..rows)
        .map(|index| Request {
            variant: 0,
            index,
            prompt: ids(64, index as u64),
            seed: 0,
        })
        .collect();
    let settings = GenerationConfig {
        sampling: Sampling::GREEDY,
        stops: Stops::default(),
        max_new_tokens: 128,
        batch_size: rows,
        share_prefixes: false,
        speculate: 0,
    };
    let done = generate(
        &mut model,
        &requests,
        &settings,
        &|_| Ok(String::new()),
        &mut |_| ControlFlow::Continue(()),
    );
    assert!(done.unwrap().iter().all(|row| row.token_ids.len() == 128));
}

fn prefill(decoder: &Decoder, rows: usize, tokens: usize) {
    let flat: Vec<i64> = ids(rows * tokens, 7).into_iter().map(i64::from).collect();
    let data = burn::tensor::TensorData::new(flat, [rows, tokens]);
    let hidden = decoder.hidden(
        Tensor::<2, Int>::from_data(data, &Device::flex()),
        &NoAdapter,
    );
    let width = decoder.config.hidden_size;
    let last = hidden
        .slice([0..rows, tokens - 1..tokens, 0..width])
        .reshape([rows, width]);
    let _ = decoder.logits(last).into_data();
}
