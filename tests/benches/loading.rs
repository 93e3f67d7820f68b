//! Loading a folder in bf16, beside the Python package of safetensors.
//!
//! `cargo bench -p idiolect-tests --bench loading -- [--python PYTHON] [--repeats 5]` loads `SmolLM2` in bf16 and widened to
//! f32; with a Python that has torch and safetensors, `loading.py` reads the same file in between. Each time has a process
//! of its own and two threads; the file is in memory, and neither starting nor importing is timed.
#![allow(
    missing_docs,
    clippy::print_stdout,
    clippy::expect_used,
    reason = "a benchmark's own words"
)]

use std::path::Path;
use std::process::Command;
use std::time::Instant;

use burn::tensor::{Device, FloatDType};
use idiolect_testkit::smollm2_folder;
use serde_json::{Value, json};
use support::{again, case, field, number, option, peak_mib};

mod support;

/// Types of weights, as both sides name them.
const TYPES: [&str; 2] = ["bf16", "f32"];

fn main() {
    let Some(model) = smollm2_folder() else {
        return;
    };
    match option("--case") {
        Some(dtype) => rayon::scope(|_| load(&dtype, &model)),
        None => table(&model),
    }
}

fn load(dtype: &str, model: &Path) {
    let of = match dtype {
        "bf16" => FloatDType::BF16,
        _ => FloatDType::F32,
    };
    let (before, began) = (peak_mib(), Instant::now());
    let loaded = idiolect::model::load(model, &Device::flex(), of).expect("the model");
    let seconds = began.elapsed().as_secs_f64();
    println!(
        "{}",
        json!({ "seconds": seconds, "peak_mib": peak_mib() - before })
    );
    drop(loaded);
}

fn table(model: &Path) {
    let python = option("--python");
    println!("case                    seconds, median (least to most)  peak MiB");
    for dtype in TYPES {
        let (mut own, mut peer) = (Vec::new(), Vec::new());
        for _ in 0..number("--repeats", 5) {
            own.push(again(&["--case", dtype]));
            if let Some(python) = &python {
                let script = concat!(env!("CARGO_MANIFEST_DIR"), "/benches/loading.py");
                let mut command = Command::new(python);
                peer.push(case(command.arg(script).arg(model).arg(dtype)));
            }
        }
        report(&format!("idiolect, {dtype}"), &own);
        report(&format!("safetensors, {dtype}"), &peer);
    }
}

fn report(name: &str, rows: &[Value]) {
    let sorted = |name| {
        let mut values: Vec<f64> = rows.iter().map(|row| field(row, name)).collect();
        values.sort_by(f64::total_cmp);
        values
    };
    let (seconds, peak) = (sorted("seconds"), sorted("peak_mib"));
    if let (Some(least), Some(most)) = (seconds.first(), seconds.last()) {
        let (median, peak) = (seconds[seconds.len() / 2], peak[peak.len() / 2]);
        println!("{name:22} {median:8.3} ({least:.3} to {most:.3}) {peak:19.0}");
    }
}
