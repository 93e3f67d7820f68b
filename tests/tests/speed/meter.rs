//! Seconds and memory of a case, and the line that it prints.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::thread::JoinHandle;
use std::time::Instant;

use burn::tensor::Device;
use idiolect_testkit::device;
use serde_json::{Value, json};

use super::shape::Shape;

/// Peaks of dense bf16 products in TFLOP/s, by a part of the device's name; `IDIOLECT_PEAK_TFLOPS` goes first.
const PEAKS: [(&str, f64); 4] = [
    ("H200", 989.0),
    ("H100 PCIe", 756.0),
    ("H100", 989.0),
    ("A100", 312.0),
];

/// Watches the memory of the first GPU, ten times a second, while it lives.
pub(super) struct Meter {
    watched: Option<(Child, JoinHandle<u64>)>,
}

impl Meter {
    pub(super) fn start() -> Self {
        let watched = nvidia("memory.used").args(["-lms", "100"]).spawn().ok();
        let watched = watched.and_then(|mut child| {
            let lines = BufReader::new(child.stdout.take()?).lines();
            let numbers = lines.map_while(Result::ok);
            let numbers = numbers.filter_map(|line| line.trim().parse::<u64>().ok());
            Some((child, std::thread::spawn(|| numbers.max().unwrap_or(0))))
        });
        Self { watched }
    }

    /// MiB at the peak: of the GPU where `nvidia-smi` tells, which counts other programs too, and of this
    /// process beside it.
    pub(super) fn stop(self) -> Value {
        let gpu = self.watched.and_then(|(mut child, peak)| {
            let _ = child.kill();
            let _ = child.wait();
            peak.join().ok()
        });
        json!({"gpu": gpu, "process": status("VmHWM:"), "pool": pool_mib(&device().unwrap())})
    }
}

fn nvidia(query: &str) -> Command {
    let mut command = Command::new("nvidia-smi");
    command.arg(format!("--query-gpu={query}"));
    command.args(["--format=csv,noheader,nounits", "-i", "0"]);
    command.stdout(Stdio::piped()).stderr(Stdio::null());
    command
}

/// MiB that the device's allocator has reserved, where it tells.
fn pool_mib(device: &Device) -> Option<u64> {
    Some(device.memory_pool_usage()?.bytes_reserved >> 20)
}

/// KiB in use now: the device's allocator's, else the process's.
pub(super) fn in_use() -> u64 {
    let pool = device().unwrap().memory_pool_usage();
    pool.map_or_else(|| status("VmRSS:") << 10, |pool| pool.bytes_reserved >> 10)
}

/// MiB of a line of the process's status.
fn status(name: &str) -> u64 {
    let text = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix(name));
    let count = line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok());
    count.unwrap_or(0) / 1024
}

/// Peak of the first GPU, as far as it is known.
pub(super) fn peak_tflops() -> Option<f64> {
    if let Ok(given) = std::env::var("IDIOLECT_PEAK_TFLOPS") {
        return Some(given.parse().expect("IDIOLECT_PEAK_TFLOPS: a number"));
    }
    let name = nvidia("name").output().ok()?;
    let name = String::from_utf8_lossy(&name.stdout).into_owned();
    let known = PEAKS.iter().find(|(part, _)| name.contains(part));
    known.map(|(_, peak)| *peak)
}

/// Waits for the device.
pub(super) fn wait() {
    device().unwrap().sync().expect("a device at work");
}

/// Seconds of each repeat after one that warms up, ascending; and those of the warm-up.
pub(super) fn timed(repeats: usize, once: &mut dyn FnMut()) -> (f64, Vec<f64>) {
    let mut one = || {
        let began = Instant::now();
        once();
        wait();
        began.elapsed().as_secs_f64()
    };
    let first = one();
    let mut seconds: Vec<f64> = (0..repeats).map(|_| one()).collect();
    seconds.sort_by(f64::total_cmp);
    (first, seconds)
}

/// One line on standard output: a case's settings and what came out, `more`.
pub(super) fn tell(case: &str, shape: &Shape, more: &Value) {
    let fused = std::env::var("BURN_FUSION_MAX_EXPLORATIONS").as_deref() != Ok("0");
    let mut line = json!({
        "case": case, "shape": shape.name, "dtype": format!("{:?}", shape.dtype),
        "device": format!("{:?}", device().unwrap()), "fusion": fused,
    });
    if let (Some(line), Some(more)) = (line.as_object_mut(), more.as_object()) {
        line.extend(more.clone());
    }
    // A line of its own, also behind the harness's "test speed::... ".
    println!("\n{line}");
}
