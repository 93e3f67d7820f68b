//! Products of many rows with frozen weights at the sizes of SmolLM2-135M.
//!
//! Prints the median and the most GFLOP a second of some runs by the wall, each run over weights that together are
//! larger than a cache: 1,024 rows, in f32 and in bf16, with a weight whose outputs are neighbours in memory, as in a
//! forward pass, and with one whose inputs are, as for gradients.
//! `cargo bench -p idiolect-kernels --features flex --bench many_rows` runs it, with `RAYON_NUM_THREADS=1` on one thread;
//! `-- 9` sets the number of runs.

#![allow(clippy::print_stdout, clippy::cast_precision_loss)]

use std::time::Instant;

use burn::tensor::{DType, Device, Distribution, Tensor};
use idiolect_kernels::linear;

/// Inputs and outputs of a query, a gate or up, and a down projection, and a third of the head.
const SHAPES: [[usize; 2]; 4] = [[576, 576], [576, 1536], [1536, 576], [576, 16_384]];

const ROWS: usize = 1_024;

/// Values of all weights of a run.
const VALUES: usize = 28_000_000;

fn main() {
    let runs = std::env::args()
        .find_map(|word| word.parse().ok())
        .unwrap_or(7);
    println!("{:<48}{:>9}{:>9}", "GFLOP/s", "median", "most");
    for dtype in [DType::F32, DType::BF16] {
        for shape in SHAPES {
            for along in ["outputs", "inputs"] {
                let rates = rates(shape, dtype, along == "inputs", runs);
                let (median, most) = (rates[runs / 2], rates[runs - 1]);
                let [inputs, outputs] = shape;
                let name = format!("{inputs} x {outputs}, {dtype:?}, {along} are neighbours");
                println!("{name:<48}{median:>9.1}{most:>9.1}");
            }
        }
    }
}

/// GFLOP a second of each run, from the least on.
fn rates([inputs, outputs]: [usize; 2], dtype: DType, by_inputs: bool, runs: usize) -> Vec<f64> {
    let device = Device::flex();
    let random =
        |shape| Tensor::<2>::random(shape, Distribution::Uniform(-1.0, 1.0), &device).cast(dtype);
    let weight = || {
        if by_inputs {
            random([outputs, inputs]).transpose()
        } else {
            random([inputs, outputs])
        }
    };
    let weights: Vec<_> = (0..VALUES / (inputs * outputs)).map(|_| weight()).collect();
    let x = random([ROWS, inputs]).unsqueeze_dim::<3>(0);
    let flop = (2 * ROWS * inputs * outputs * weights.len()) as f64;
    let run = || {
        let start = Instant::now();
        for weight in &weights {
            drop(linear(x.clone(), weight.clone()));
        }
        flop / start.elapsed().as_secs_f64() / 1e9
    };
    run();
    let mut rates: Vec<_> = (0..runs).map(|_| run()).collect();
    rates.sort_by(f64::total_cmp);
    rates
}
