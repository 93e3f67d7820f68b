//! Fused steps beside the plain composition at the sizes of SmolLM2-135M: 4 rows of 256 tokens.
//!
//! Prints medians in milliseconds of alternating runs, on Linux of processor time: forward alone and forward with backward, for each step and
//! for a whole block with frozen weights.
//! `cargo bench -p idiolect-kernels --features flex` runs it; `-- 41` sets the number of runs, `-- gate` chooses
//! a step.

#![allow(clippy::print_stdout, clippy::unwrap_used)]

use std::time::Instant;

use burn::tensor::{Device, Distribution, Tensor};
use idiolect_kernels::{Visible, attention, linear, plain, rms_norm, rotate, row_loss, swiglu};

use support::seconds;

mod support;

const ROWS: usize = 4;
const TOKENS: usize = 256;
const HIDDEN: usize = 576;
const HEADS: usize = 9;
const KV_HEADS: usize = 3;
const WIDTH: usize = 64;
const FEED: usize = 1536;
const VOCAB: usize = 49_152;
const CHUNK: usize = 128;

/// The steps of one kind.
struct Steps {
    norm: fn(Tensor<3>, Tensor<1>, f64) -> Tensor<3>,
    rotate: fn(Tensor<4>, Tensor<4>, Tensor<4>) -> Tensor<4>,
    gate: fn(Tensor<3>, Tensor<3>) -> Tensor<3>,
    attend: fn(Tensor<4>, Tensor<4>, Tensor<4>, &Seen) -> Tensor<4>,
    linear: fn(Tensor<3>, Tensor<2>) -> Tensor<3>,
}

const FUSED: Steps = Steps {
    norm: rms_norm,
    rotate,
    gate: swiglu,
    attend: |q, k, v, seen| attention(q, k, v, Some(&seen.visible)),
    linear,
};
const PLAIN: Steps = Steps {
    norm: plain::rms_norm,
    rotate: plain::rotate,
    gate: plain::swiglu,
    attend: |q, k, v, seen| plain::attention(q, k, v, Some(seen.mask.clone())),
    linear: |x, weight| burn::tensor::module::linear(x, weight, None),
};

/// Which keys queries see, in the form of either kind.
struct Seen {
    visible: Visible,
    mask: Tensor<4>,
}

struct Inputs {
    x: Tensor<3>,
    scale: Tensor<1>,
    gate: Tensor<3>,
    up: Tensor<3>,
    /// Projections as they come, `[rows, tokens, heads * width]`.
    q: Tensor<3>,
    k: Tensor<3>,
    v: Tensor<3>,
    cos: Tensor<4>,
    sin: Tensor<4>,
    seen: Seen,
    weights: Vec<Tensor<2>>,
}

fn main() {
    let runs = std::env::args()
        .find_map(|word| word.parse().ok())
        .unwrap_or(21);
    let device = Device::flex();
    device.seed(7);
    let inputs = Inputs::new(&device);
    println!("{:<34}{:>9}{:>9}{:>7}", "", "plain", "fused", "ratio");
    let i = &inputs;
    compare(
        runs,
        "norm",
        |s, t| (s.norm)(t.of(&i.x), i.scale.clone(), 1e-5),
        i,
    );
    compare(
        runs,
        "rotary of q",
        |s, t| {
            flat((s.rotate)(
                heads(t.of(&i.q), HEADS),
                i.cos.clone(),
                i.sin.clone(),
            ))
        },
        i,
    );
    compare(runs, "gate", |s, t| (s.gate)(t.of(&i.gate), t.of(&i.up)), i);
    compare(
        runs,
        "attention",
        |s, t| {
            let (q, k, v) = (
                heads(t.of(&i.q), HEADS),
                heads(t.of(&i.k), KV_HEADS),
                heads(t.of(&i.v), KV_HEADS),
            );
            flat((s.attend)(q, k, v, &i.seen))
        },
        i,
    );
    compare(runs, "tape alone", |_, t| t.of(&i.gate), i);
    compare(
        runs,
        "products of a block",
        |s, t| products(s, i, &t.of(&i.x)),
        i,
    );
    compare(runs, "block", |s, t| block(s, i, t.of(&i.x)), i);
    compare_head(runs, &device);
}

/// Whether inputs enter a tape.
#[derive(Clone, Copy)]
struct Tape(bool);

impl Tape {
    fn of(self, x: &Tensor<3>) -> Tensor<3> {
        if self.0 {
            x.clone().autodiff().require_grad()
        } else {
            x.clone()
        }
    }
}

fn compare(runs: usize, name: &str, step: impl Fn(&Steps, Tape) -> Tensor<3>, inputs: &Inputs) {
    if !wanted(name) {
        return;
    }
    let forward = medians(runs, |steps| {
        let _ = step(steps, Tape(false));
    });
    report(&format!("{name}, forward"), forward);
    let shape = step(&FUSED, Tape(false)).dims();
    let upstream = Tensor::<3>::random(shape, Distribution::Default, &inputs.x.device());
    let both = medians(runs, |steps| {
        let _ = (step(steps, Tape(true)) * upstream.clone().autodiff())
            .sum()
            .backward();
    });
    report(&format!("{name}, forward and backward"), both);
}

/// Whether a step was asked for: by name, or all where no name was given.
fn wanted(name: &str) -> bool {
    let mut names = std::env::args()
        .skip(1)
        .filter(|word| !word.starts_with('-') && word.parse::<usize>().is_err())
        .peekable();
    names.peek().is_none() || names.any(|word| word == name)
}

fn compare_head(runs: usize, device: &Device) {
    if !wanted("head") {
        return;
    }
    let logits = || Tensor::<2>::random([CHUNK, VOCAB], Distribution::Default, device);
    let targets: Vec<i64> = (0..CHUNK)
        .map(|row| i64::try_from(row * 379).unwrap())
        .collect();
    let mut times = [Vec::new(), Vec::new()];
    for _ in 0..runs {
        for (fused, times) in times.iter_mut().enumerate() {
            let logits = logits();
            let start = Instant::now();
            let before = seconds(start);
            let loss = if fused == 1 {
                row_loss(logits, &targets, 1e-3)
            } else {
                plain::row_loss(logits, &targets, 1e-3)
            };
            times.push((seconds(start) - before) * 1e3);
            assert!(loss.nll.sum().into_scalar::<f32>().is_finite());
        }
    }
    report(&format!("head loss of {CHUNK} rows"), times.map(median));
}

/// Median milliseconds of the plain and the fused steps, run in turn.
fn medians(runs: usize, run: impl Fn(&Steps)) -> [f64; 2] {
    let mut times = [Vec::new(), Vec::new()];
    for _ in 0..runs {
        for (times, steps) in times.iter_mut().zip([&PLAIN, &FUSED]) {
            let start = Instant::now();
            let before = seconds(start);
            run(steps);
            times.push((seconds(start) - before) * 1e3);
        }
    }
    times.map(median)
}

fn median(mut times: Vec<f64>) -> f64 {
    times.sort_by(f64::total_cmp);
    times[times.len() / 2]
}

fn report(name: &str, [plain, fused]: [f64; 2]) {
    println!("{name:<34}{plain:>9.2}{fused:>9.2}{:>7.2}", plain / fused);
}

fn heads(x: Tensor<3>, heads: usize) -> Tensor<4> {
    x.reshape([ROWS, TOKENS, heads, WIDTH]).swap_dims(1, 2)
}

fn flat(x: Tensor<4>) -> Tensor<3> {
    let width = x.dims()[1] * WIDTH;
    x.swap_dims(1, 2).reshape([ROWS, TOKENS, width])
}

/// The seven products of a block and nothing else.
fn products(steps: &Steps, i: &Inputs, x: &Tensor<3>) -> Tensor<3> {
    let project = |x: &Tensor<3>, site: usize| (steps.linear)(x.clone(), i.weights[site].clone());
    let (_, _) = (project(x, 1), project(x, 2));
    let _ = project(&project(x, 0), 5);
    project(&project(&project(x, 3), 4), 6)
}

/// A block with frozen weights, as the decoder computes it.
fn block(steps: &Steps, i: &Inputs, x: Tensor<3>) -> Tensor<3> {
    let project = |x: &Tensor<3>, site: usize| (steps.linear)(x.clone(), i.weights[site].clone());
    let normed = (steps.norm)(x.clone(), i.scale.clone(), 1e-5);
    let turn = |x| (steps.rotate)(x, i.cos.clone(), i.sin.clone());
    let q = turn(heads(project(&normed, 0), HEADS));
    let k = turn(heads(project(&normed, 1), KV_HEADS));
    let v = heads(project(&normed, 2), KV_HEADS);
    let attended = flat((steps.attend)(q, k, v, &i.seen));
    let x = x + project(&attended, 3);
    let normed = (steps.norm)(x.clone(), i.scale.clone(), 1e-5);
    let gated = (steps.gate)(project(&normed, 4), project(&normed, 5));
    x + project(&gated, 6)
}

impl Inputs {
    fn new(device: &Device) -> Self {
        let random = |width| Tensor::random([ROWS, TOKENS, width], Distribution::Default, device);
        let weight = |[from, to]: [usize; 2]| {
            Tensor::random([from, to], Distribution::Uniform(-0.05, 0.05), device)
        };
        let kv = KV_HEADS * WIDTH;
        let shapes = [
            [HIDDEN, HIDDEN],
            [HIDDEN, kv],
            [HIDDEN, kv],
            [HIDDEN, HIDDEN],
            [HIDDEN, FEED],
            [HIDDEN, FEED],
            [FEED, HIDDEN],
        ];
        let angles = Tensor::<4>::random([1, 1, TOKENS, WIDTH / 2], Distribution::Default, device);
        let causal: Vec<_> = (0..TOKENS).map(|at| 0..at + 1).collect();
        let visible = Visible::new(&causal, 1, device);
        Self {
            x: random(HIDDEN),
            scale: Tensor::random([HIDDEN], Distribution::Default, device),
            gate: random(FEED),
            up: random(FEED),
            q: random(HEADS * WIDTH),
            k: random(kv),
            v: random(kv),
            cos: angles.clone().cos(),
            sin: angles.sin(),
            seen: Seen {
                mask: visible.mask(TOKENS),
                visible,
            },
            weights: shapes.map(weight).into(),
        }
    }
}
