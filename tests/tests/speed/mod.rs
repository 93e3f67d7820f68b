//! Speed and memory on a GPU: training steps, generation, attention, flat memory, loading.
//!
//! Each test is a case of a shape that `IDIOLECT_SPEED` names, and prints one line of JSON; `run.sh` of
//! `cargo xtask gpu` starts each in a process of its own. The yardstick with the same cases is
//! tests/python/gpu_speed.py. Nothing here says how fast is fast enough.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "helpers of tests end them"
)]

use std::ops::ControlFlow;
use std::time::Instant;

use burn::module::Module;
use burn::tensor::module::attention as burns;
use burn::tensor::ops::AttentionModuleOptions;
use burn::tensor::{DType, Tensor};
use idiolect::finetune::{AdapterLoss, Loss};
use idiolect::generate::{GenerationConfig, Request, Sampling, Stops, generate};
use idiolect::lm::DecoderLogits;
use idiolect::lora::{Checkpointing, LoraAdapter, LoraConfig, Targets};
use idiolect::model::{Decoder, NoAdapter, SaveOptions, StoredType, load as read, save};
use idiolect::tokens::{TokenBatch, TokenRow};
use idiolect::train::{AdamW, Objective, StepContext, TrainConfig, clip_by_global_norm};
use idiolect_kernels::{Visible, attention as attend};
use idiolect_testkit::device;
use serde_json::json;

mod launches;
mod meter;
mod shape;

use meter::{Meter, in_use, peak_tflops, tell, timed, wait};
use shape::Shape;

/// Ids without meaning, the same in every run.
fn ids(count: usize, seed: usize, vocab: usize) -> Vec<u32> {
    let next = |state: &mut u64| {
        *state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        u32::try_from((*state >> 33) % vocab as u64).ok()
    };
    (0..count)
        .scan(seed as u64, |state, _| next(state))
        .collect()
}

/// A training run in which every token is trained.
struct Training<'a> {
    decoder: &'a Decoder,
    checkpointing: Checkpointing,
    adapter: Option<LoraAdapter>,
    optimizer: AdamW,
    steps: usize,
}

impl<'a> Training<'a> {
    fn new(decoder: &'a Decoder, targets: Targets, checkpointing: Checkpointing) -> Self {
        let config = LoraConfig {
            targets,
            ..LoraConfig::default()
        };
        let adapter = LoraAdapter::new(&config, decoder, 1, &device().unwrap().autodiff());
        Self {
            decoder,
            checkpointing,
            adapter: Some(adapter.expect("an adapter").train()),
            optimizer: AdamW::new(&TrainConfig::default()),
            steps: 0,
        }
    }

    /// One optimiser step over `rows` rows of `tokens` tokens; its loss.
    fn step(&mut self, (rows, tokens): (usize, usize)) -> f64 {
        self.steps += 1;
        let row = |n: usize| {
            let (seed, vocab) = (self.steps * rows + n, self.decoder.config.vocab_size);
            TokenRow::all_trained(n.into(), ids(tokens, seed, vocab))
        };
        let rows: Vec<TokenRow> = (0..rows).map(row).collect();
        let batch = TokenBatch::new(&rows.iter().collect::<Vec<_>>(), 0);
        let objective = AdapterLoss {
            decoder: self.decoder,
            checkpointing: self.checkpointing,
            loss: Loss::CrossEntropy,
            stored: None,
        };
        let divisor = (rows.len() * (tokens - 1)) as f64;
        let share = StepContext {
            divisor,
            seed: 0,
            place: 0,
        };
        let module = self.adapter.take().expect("an adapter");
        let mut measured = objective
            .gradients(&module, &batch, share)
            .expect("gradients");
        clip_by_global_norm(&module, &mut measured.gradients, 1.0);
        self.adapter = Some(self.optimizer.step(module, measured.gradients, 1e-4));
        measured.loss.sum / divisor
    }
}

fn step(case: &str, targets: Targets, checkpointing: Checkpointing) {
    let Some(shape) = Shape::asked() else { return };
    let meter = Meter::start();
    let decoder = shape.decoder();
    let mut training = Training::new(&decoder, targets, checkpointing);
    let mut loss = 0.0;
    let (first, seconds) = timed(shape.repeats, &mut || loss = training.step(shape.step));
    let (rows, tokens) = shape.step;
    let rate = (rows * tokens) as f64 / seconds[seconds.len() / 2];
    let tflops = rate * shape.flops_per_token() / 1e12;
    let used = peak_tflops().map(|peak| tflops / peak);
    assert!(loss.is_finite(), "loss {loss}");
    let more = json!({
        "rows": rows, "tokens": tokens, "tokens_per_second": rate, "seconds": seconds, "first_second": first,
        "tflops": tflops, "flop_utilisation": used, "peak_mib": meter.stop(), "loss": loss,
    });
    tell(case, &shape, &more);
}

fn query_and_value() -> Targets {
    Targets::Names(vec!["q_proj".into(), "v_proj".into()])
}

#[test]
fn step_qv_blocks() {
    step("step_qv_blocks", query_and_value(), Checkpointing::Blocks);
}

#[test]
fn step_qv_whole() {
    step("step_qv_whole", query_and_value(), Checkpointing::Off);
}

#[test]
fn step_all_blocks() {
    step("step_all_blocks", Targets::AllLinear, Checkpointing::Blocks);
}

#[test]
fn step_all_whole() {
    step("step_all_whole", Targets::AllLinear, Checkpointing::Off);
}

/// Greedy text of `rows` rows, `new` tokens after `prompt`; end tokens count as any other.
fn written(decoder: &Decoder, rows: usize, (prompt, new): (usize, usize)) {
    let settings = GenerationConfig {
        sampling: Sampling::GREEDY,
        stops: Stops::default(),
        max_new_tokens: new,
        batch_size: rows,
        share_prefixes: false,
        speculate: 0,
    };
    let request = |index| Request {
        variant: 0,
        index,
        prompt: ids(prompt, index, decoder.config.vocab_size),
        seed: 0,
    };
    let requests: Vec<Request> = (0..rows).map(request).collect();
    let mut model = DecoderLogits::new(decoder, &NoAdapter);
    let decode = |_: &[u32]| Ok(String::new());
    let go_on = &mut |_: idiolect::generate::GenerationEvent<'_>| ControlFlow::Continue(());
    let done = generate(&mut model, &requests, &settings, &decode, go_on).expect("text");
    assert!(done.iter().all(|row| row.token_ids.len() == new));
}

fn text(rows: usize) {
    let Some(shape) = Shape::asked() else { return };
    let meter = Meter::start();
    let decoder = shape.decoder();
    let (prompt, new) = shape.text;
    let mut once = || written(&decoder, rows, shape.text);
    let (first, seconds) = timed(shape.repeats, &mut once);
    let rate = (rows * new) as f64 / seconds[seconds.len() / 2];
    let more = json!({
        "rows": rows, "prompt": prompt, "new": new, "tokens_per_second": rate, "seconds": seconds,
        "first_second": first, "peak_mib": meter.stop(),
    });
    tell(&format!("generate_{rows}"), &shape, &more);
}

#[test]
fn generate_1() {
    text(1);
}

#[test]
fn generate_8() {
    text(8);
}

#[test]
fn generate_32() {
    text(32);
}

/// Burn's own attention, which is a flash one where the device has it, beside that of the model: forward, causal.
#[test]
fn attention() {
    let Some(shape) = Shape::asked() else { return };
    let (config, (rows, tokens)) = (&shape.config, shape.step);
    let drawn = || {
        shape.drawn(
            [rows, config.num_heads, tokens, config.head_dim],
            &device().unwrap(),
        )
    };
    let [q, k, v] = [drawn(), drawn(), drawn()].map(|x| x * 20.0);
    let seen: Vec<_> = (0..tokens).map(|at| 0..at + 1).collect();
    let visible = Visible::new(&seen, 1, &device().unwrap());
    let own = || attend(q.clone(), k.clone(), v.clone(), Some(&visible));
    let causal = AttentionModuleOptions {
        is_causal: true,
        ..AttentionModuleOptions::default()
    };
    let flash = || burns(q.clone(), k.clone(), v.clone(), None, None, causal);
    let largest = |x: Tensor<4>| -> f32 { x.cast(DType::F32).abs().max().into_scalar() };
    let (apart, size) = (largest(own() - flash()), largest(own()));
    let (_, ours) = timed(shape.repeats, &mut || drop(own()));
    let (_, theirs) = timed(shape.repeats, &mut || drop(flash()));
    let more = json!({"own_seconds": ours, "burn_seconds": theirs, "largest_difference": apart, "largest": size});
    tell("attention", &shape, &more);
    assert!(apart < 0.05 * size, "{apart} of {size}");
}

/// Hundreds of steps over rows of a few lengths: the memory of the last fifty is that of the first.
#[test]
fn steady() {
    let Some(shape) = Shape::asked() else { return };
    if shape.steady == 0 {
        println!("skipped: {} takes too long", shape.name);
        return;
    }
    let decoder = shape.decoder();
    let mut training = Training::new(&decoder, Targets::AllLinear, Checkpointing::Blocks);
    let (rows, tokens) = shape.step;
    let (began, mut used) = (Instant::now(), Vec::new());
    for step in 0..shape.steady {
        training.step((rows, tokens - step % 4 * tokens / 8));
        used.push(in_use());
    }
    wait();
    let most = |part: &[u64]| part.iter().copied().max().unwrap_or(0);
    let (first, last) = (most(&used[..50]), most(&used[used.len() - 50..]));
    let more = json!({
        "steps": shape.steady, "seconds": began.elapsed().as_secs_f64(),
        "first_fifty_kib": first, "last_fifty_kib": last,
    });
    tell("steady", &shape, &more);
    assert!(last as f64 <= first as f64 * 1.1, "{first} to {last} KiB");
}

/// A folder as checkpoints are, written to the temporary folder, and read.
#[test]
fn load() {
    let Some(shape) = Shape::asked() else { return };
    let folder = tempfile::tempdir().expect("a folder");
    let options = SaveOptions {
        stored: StoredType::Bf16,
        max_shard_bytes: 5_000_000_000,
    };
    save(&shape.decoder(), folder.path(), options).expect("a model that is saved");
    let meter = Meter::start();
    let began = Instant::now();
    let (decoder, _) = read(folder.path(), &device().unwrap(), shape.dtype).expect("a model");
    wait();
    let more = json!({
        "seconds": began.elapsed().as_secs_f64(), "weight_bytes": decoder.weight_bytes(),
        "peak_mib": meter.stop(),
    });
    tell("load", &shape, &more);
}
