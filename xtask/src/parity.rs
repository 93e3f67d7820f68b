//! `cargo xtask parity --device NAME`: the numbers of the oracles on any device.
//!
//! wgpu is built without the `vulkan` feature: its WGSL runs on Mesa's software driver, whereas the SPIR-V of
//! that feature crashes this driver and gives wrong gradients on another (docs/decisions/0005).

use std::path::Path;

use crate::shell::TESTED;
use crate::{fetch, shell};

/// Where drivers of Vulkan say that they are installed.
const DRIVERS: [&str; 2] = ["/usr/share/vulkan/icd.d", "/etc/vulkan/icd.d"];

/// Runs the suite; arguments after the device go to the test program, as `--skip NAME`.
pub(crate) fn run(arguments: &[&str]) -> shell::Outcome {
    let ["--device", device, rest @ ..] = arguments else {
        return Err(format!("expected --device NAME, found {arguments:?}"));
    };
    let features = match *device {
        "flex" => None,
        "wgpu" | "vulkan" | "cuda" => Some(features(device)),
        other => {
            return Err(format!(
                "expected flex, wgpu, vulkan or cuda, found {other}"
            ));
        }
    };
    if shell::shared().is_none() {
        return Err("the shared oracles are absent".into());
    }
    fetch::smollm2_folder()?;
    // The whole workspace's features, as the tests are built: CI builds Burn once.
    let mut tests = shell::cargo(&["test", TESTED, "--locked", "--workspace"]);
    tests.args(["--test", "parity"]);
    tests.args(features);
    tests.args(["--", "--test-threads", "1"]).args(rest);
    tests.env("IDIOLECT_DEVICE", device);
    tests.env("IDIOLECT_REQUIRE_SHARED", "1");
    // Mesa complains of its absence.
    if std::env::var_os("XDG_RUNTIME_DIR").is_none() {
        tests.env("XDG_RUNTIME_DIR", std::env::temp_dir());
    }
    shell::run(&mut tests)
}

/// The features that [`on_wgpu`] builds with. Tests built with the same need no second build of Burn.
pub(crate) fn features_on_wgpu() -> Option<String> {
    runs_on_wgpu().then(|| features("wgpu"))
}

/// [`features_on_wgpu`], if there are any, with a program that lends devices.
pub(crate) fn features_with_remote() -> String {
    let remote = "idiolect-cli/remote";
    features_on_wgpu().map_or(format!("--features={remote}"), |own| {
        format!("{own},{remote}")
    })
}

/// The program has the device too: its tests say what it then refuses.
fn features(device: &str) -> String {
    format!("--features=idiolect-tests/{device},idiolect-cli/{device}")
}

fn runs_on_wgpu() -> bool {
    shell::shared().is_some() && has_driver()
}

/// The part that fits into CI, on whatever Vulkan driver there is: hidden states, logits, loss and gradients of the
/// tiny models and their adapters, and the check that precedes a training.
///
/// With Mesa's software driver compiling kernels takes the time, nine minutes for the gradients of all adapters alone.
pub(crate) fn on_wgpu() -> shell::Outcome {
    if !runs_on_wgpu() {
        println!("skipped: it needs the shared oracles and a Vulkan driver");
        return Ok(());
    }
    let long = [
        "training::",
        "adapters::gradients",
        "choice::",
        "model::greedy_text",
        "model::left_padded",
        // Kernels of a second type.
        "half_types",
    ];
    let skipped = long.iter().flat_map(|name| ["--skip", *name]);
    let skipped: Vec<&str> = skipped.collect();
    run(&[&["--device", "wgpu"], skipped.as_slice()].concat())
}

fn has_driver() -> bool {
    let filled = |folder: &str| {
        Path::new(folder)
            .read_dir()
            .is_ok_and(|mut files| files.next().is_some())
    };
    DRIVERS.iter().any(|folder| filled(folder))
}
