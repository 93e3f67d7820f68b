//! Products of few rows at the sizes of SmolLM2-135M: a weight in f32, in bf16, quantised to 8 and 4 bits, as it
//! is multiplied and as it would be after dequantising it, and in each type of GGUF blocks.
//!
//! Prints the least milliseconds of some runs, each over weights that together are larger than a cache, and how many
//! values of the weight a nanosecond takes. On Linux it is processor time, which other load on the machine changes
//! less, and which counts a running thread late: so the products run on a thread of the pool while this one waits for
//! them, and handing one over takes some 25 microseconds of its time. `RAYON_NUM_THREADS=1 cargo bench -p idiolect-kernels --features flex --bench few_rows` runs it;
//! `-- 9` sets the number of runs.

#![allow(
    clippy::print_stdout,
    clippy::unwrap_used,
    clippy::cast_possible_truncation
)]

use std::time::Instant;

use burn::tensor::quantization::{QuantScheme, QuantValue, ScaleDtype};
use burn::tensor::{DType, Device, Distribution, Tensor};
use idiolect_kernels::{BlockType, QuantizedCopy, from_blocks, linear, product, quantize};

use support::seconds;

mod support;

/// Inputs and outputs: a gate or up projection, a down projection, and a third of the head.
const SHAPES: [[usize; 2]; 3] = [[576, 1536], [1536, 576], [576, 16_384]];

/// Values of all weights of a run.
const VALUES: usize = 48_000_000;

fn main() {
    let runs = std::env::args()
        .find_map(|word| word.parse().ok())
        .unwrap_or(7);
    let device = Device::flex();
    device.seed(7);
    println!("{:<44}{:>9}{:>16}", "", "ms", "values/ns");
    for shape in SHAPES {
        let weights = Weights::new(shape, &device);
        for rows in [1, 4, 8, 16] {
            let x = Tensor::<2>::random([rows, shape[0]], Distribution::Default, &device);
            weights.compare(runs, &x);
        }
    }
}

/// Weights of one shape in each form.
struct Weights {
    shape: [usize; 2],
    wide: Vec<Tensor<2>>,
    narrow: Vec<Tensor<2>>,
    quantized: Vec<Tensor<2>>,
    halves: Vec<Tensor<2>>,
    /// Copies in which inputs are neighbours, as in a head that is the embedding.
    copies: Vec<QuantizedCopy>,
    /// Those of the types whose blocks the inputs are whole numbers of.
    files: Vec<(BlockType, Vec<Tensor<2>>)>,
}

impl Weights {
    fn new(shape: [usize; 2], device: &Device) -> Self {
        let [inputs, outputs] = shape;
        let range = Distribution::Uniform(-0.05, 0.05);
        let random = |shape| Tensor::<2>::random(shape, range, device);
        let count = VALUES / (inputs * outputs);
        let wide: Vec<_> = (0..count).map(|_| random(shape)).collect();
        let quantized = |value: QuantValue| {
            let scheme = QuantScheme::default().with_value(value);
            let scheme = scheme.per_block([32], ScaleDtype::F32);
            let all = wide.iter().map(|wide| quantize(wide.clone(), &scheme));
            all.collect()
        };
        let narrow = wide.iter().map(|wide| wide.clone().cast(DType::BF16));
        let copy = |_| QuantizedCopy::new(&random([outputs, inputs]).transpose()).unwrap();
        Self {
            shape,
            narrow: narrow.collect(),
            quantized: quantized(QuantValue::Q8S),
            halves: quantized(QuantValue::Q4S),
            copies: (0..count).map(copy).collect(),
            files: BlockType::ALL
                .into_iter()
                .filter(|of| inputs.is_multiple_of(of.values()))
                .map(|of| (of, (0..count).map(|_| in_blocks(of, shape)).collect()))
                .collect(),
            wide,
        }
    }

    fn compare(&self, runs: usize, x: &Tensor<2>) {
        let [rows, inputs] = x.dims();
        let report = |name: &str, count: usize, run: &dyn Fn(usize)| {
            let one = || {
                let start = Instant::now();
                let before = seconds(start);
                (0..count).for_each(run);
                seconds(start) - before
            };
            one();
            let least = (0..runs).map(|_| one()).fold(f64::INFINITY, f64::min);
            let (milliseconds, values) =
                (least * 1e3 / count as f64, self.shape[0] * self.shape[1]);
            let rate = (values * count) as f64 / least / 1e9;
            let name = format!("{rows} rows, {} x {}, {name}", self.shape[0], self.shape[1]);
            println!("{name:<44}{milliseconds:>9.3}{rate:>16.2}");
        };
        let many = self.wide.len();
        report("f32", many, &|at| {
            drop(product(x.clone(), self.wide[at].clone()));
        });
        let short = x.clone().cast(DType::BF16);
        report("bf16", many, &|at| {
            drop(product(short.clone(), self.narrow[at].clone()));
        });
        report("4 bits", many, &|at| {
            drop(product(x.clone(), self.halves[at].clone()));
        });
        report("8 bits", many, &|at| {
            drop(product(x.clone(), self.quantized[at].clone()));
        });
        report("copy in 8 bits", many, &|at| {
            drop(self.copies[at].product(x));
        });
        for (of, weights) in &self.files {
            report(&format!("{of:?}"), many, &|at| {
                drop(product(x.clone(), weights[at].clone()));
            });
        }
        let tokens = x.clone().reshape([1, rows, inputs]);
        report("8 bits, dequantised", many.min(4), &|at| {
            drop(linear(tokens.clone(), self.quantized[at].clone()));
        });
    }
}

/// A weight of a GGUF file, with bytes that follow no pattern and scales between 2^-9 and 2^-7.
fn in_blocks(of: BlockType, [inputs, outputs]: [usize; 2]) -> Tensor<2> {
    let count = inputs * outputs / of.values() * of.bytes();
    let mixed = |at: usize| (at as u32).wrapping_mul(0x9e37_79b1).to_le_bytes()[3];
    let mut bytes: Vec<u8> = (0..count).map(mixed).collect();
    for block in bytes.chunks_exact_mut(of.bytes()) {
        for at in of.halves() {
            block[at + 1] = 0x18 + block[at + 1] % 8;
        }
    }
    from_blocks(bytes, of, [outputs, inputs]).unwrap()
}
