//! Kernel launches of a training step and of a generated token, as cubecl's own log counts them, by block and by
//! kernel.
//!
//! The log is switched on by a file in the folder in which a process starts, so the case starts itself again there.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use burn::tensor::{DType, FloatDType};
use idiolect::lora::Checkpointing;
use idiolect_testkit::device;
use serde_json::json;

use super::meter::{tell, wait};
use super::shape::Shape;
use super::{Training, query_and_value, written};

/// Names the log to the process that is started in its folder.
const LOG: &str = "IDIOLECT_LAUNCH_LOG";
/// Steps until kernels are compiled and chosen.
const WARM: usize = 3;

#[test]
fn launches() {
    let Some(shape) = Shape::asked() else { return };
    match std::env::var_os(LOG) {
        Some(log) => count(&half(shape), &PathBuf::from(log)),
        None => again(),
    }
}

/// The same case in a folder whose `cubecl.toml` has every launch written down.
fn again() {
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("launches.log");
    let logger = format!(
        "[profiling.logger]\nlevel = \"minimal\"\nfile = \"{}\"\n",
        log.display()
    );
    std::fs::write(folder.path().join("cubecl.toml"), logger).unwrap();
    let mut child = Command::new(std::env::current_exe().unwrap());
    child.args(["--exact", "speed::launches::launches", "--nocapture"]);
    let status = child.current_dir(folder.path()).env(LOG, &log).status();
    assert!(status.unwrap().success());
}

/// The shape in a half type, as models train on a GPU; where the device has none, as it is.
fn half(shape: Shape) -> Shape {
    let has = |dtype: &FloatDType| device().unwrap().supports_dtype(DType::from(*dtype));
    let dtype = [FloatDType::BF16, FloatDType::F16].into_iter().find(has);
    Shape {
        dtype: dtype.unwrap_or(shape.dtype),
        ..shape
    }
}

/// Tokens that are generated more, and divided by.
const TOKENS: usize = 8;

fn count(shape: &Shape, log: &Path) {
    steps(shape, log);
    for rows in [1, 8] {
        generation(shape, rows, log);
    }
}

fn with_layers(shape: &Shape, layers: usize) -> Shape {
    let mut shape = shape.clone();
    shape.config.num_layers = layers;
    shape
}

fn generation(shape: &Shape, rows: usize, log: &Path) {
    let of_layers = |layers| {
        let decoder = with_layers(shape, layers).decoder();
        let of = |new| {
            written(&decoder, rows, (shape.text.0, new));
            let before = lines(log).len();
            written(&decoder, rows, (shape.text.0, new));
            (lines(log).len() - before) as f64
        };
        (of(4 + TOKENS) - of(4)) / TOKENS as f64
    };
    let (one, three) = (of_layers(1), of_layers(3));
    let a_block = (three - one) / 2.0;
    let more = json!({"mode": format!("a token of {rows} rows"), "launches_a_block": a_block, "beside_blocks": one - a_block});
    tell("launches", shape, &more);
}

fn steps(shape: &Shape, log: &Path) {
    let mut found = Vec::new();
    for layers in [1, 3] {
        let decoder = with_layers(shape, layers).decoder();
        for checkpointing in [Checkpointing::Off, Checkpointing::Blocks] {
            let mut training = Training::new(&decoder, query_and_value(), checkpointing);
            for _ in 0..WARM {
                training.step(shape.step);
            }
            let before = lines(log).len();
            training.step(shape.step);
            found.push(by_kernel(&lines(log)[before..]));
        }
    }
    for (at, mode) in ["all activations kept", "activation checkpointing"]
        .iter()
        .enumerate()
    {
        let (one, three) = (&found[at], &found[2 + at]);
        let total = |of: &BTreeMap<String, i64>| of.values().sum::<i64>();
        let of_block = |(name, count): (&String, &i64)| {
            let more = count - one.get(name).unwrap_or(&0);
            (more != 0).then(|| (name.clone(), more as f64 / 2.0))
        };
        let blocks: BTreeMap<String, f64> = three.iter().filter_map(of_block).collect();
        let a_block = (total(three) - total(one)) as f64 / 2.0;
        assert!(a_block > 0.0, "nothing was written to {}", log.display());
        let more = json!({
            "mode": mode, "launches_a_block": a_block, "beside_blocks": total(one) as f64 - a_block, "kernels": blocks,
        });
        tell("launches", shape, &more);
    }
}

/// The lines of the log, when all that was launched is in it.
fn lines(log: &Path) -> Vec<String> {
    wait();
    let mut length = None;
    loop {
        std::thread::sleep(Duration::from_millis(300));
        let now = std::fs::metadata(log).map_or(0, |file| file.len());
        if length.replace(now) == Some(now) {
            break;
        }
    }
    let text = std::fs::read_to_string(log).unwrap_or_default();
    let launch = |line: &str| line.contains("Executing").then(|| line.to_owned());
    text.lines().filter_map(launch).collect()
}

/// How often each kernel was launched.
fn by_kernel(lines: &[String]) -> BTreeMap<String, i64> {
    let mut counts = BTreeMap::new();
    for line in lines {
        let name = line.split("Executing").last().unwrap_or(line).trim();
        let name = name.split(['<', '(', ' ']).next().unwrap_or(name);
        *counts.entry(name.to_owned()).or_insert(0) += 1;
    }
    counts
}
