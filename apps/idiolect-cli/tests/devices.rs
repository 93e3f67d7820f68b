//! Training on several devices at once; the CPU stands for each of them, on a pool of one thread, where a
//! device that only waited for another would wait for ever.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "helpers of tests end them"
)]

mod common;
#[cfg(feature = "remote")]
mod lent;

use common::kill::{kill_after, lines};
use common::{Place, done, refused, words};
use serde_json::Value;

/// A run of twelve rows in windows of `accumulation` micro-batches, with `more` flags.
fn call(place: &Place, out: &str, accumulation: &str, more: &[&str]) -> Vec<String> {
    let (model, mut data, out) = (place.model("tiny-llama3"), place.alpaca(), place.path(out));
    if more.contains(&"--lazy") {
        let text = place.read("alpaca.json");
        data = place.rows(
            "alpaca.jsonl",
            &serde_json::from_str::<Vec<_>>(&text).unwrap(),
        );
    }
    let call = [
        "train",
        "--model",
        &model,
        "--data",
        &data,
        "--out",
        &out,
        "--accumulation",
        accumulation,
        "--batch-size",
        "2",
        "--epochs",
        "4",
        "--learning-rate",
        "2e-3",
        "--threads",
        "1",
    ];
    let all = call.iter().chain(more);
    all.map(ToString::to_string).collect()
}

fn train(place: &Place, out: &str, accumulation: &str, more: &[&str]) {
    done(&words(&call(place, out, accumulation, more)));
}

/// Metrics and adapter of a run.
fn bytes(place: &Place, out: &str) -> [Vec<u8>; 2] {
    ["metrics.jsonl", "adapter/adapter_model.safetensors"].map(|file| {
        let path = place.folder.path().join(out).join(file);
        std::fs::read(path).expect(file)
    })
}

/// The numbers of an f32 adapter file, in the order of its tensors' names.
fn numbers(file: &[u8]) -> Vec<f32> {
    let tensors = safetensors::SafeTensors::deserialize(file).expect("an adapter");
    let mut tensors = tensors.tensors();
    tensors.sort_by(|a, b| a.0.cmp(&b.0));
    let all = tensors
        .iter()
        .flat_map(|(_, tensor)| tensor.data().chunks(4));
    all.map(|four| f32::from_le_bytes(four.try_into().expect("four bytes")))
        .collect()
}

/// Flags of trainings that are to be the same on any devices.
const OPTIONS: [(&str, &[&str]); 4] = [
    ("plain", &["--validation-share", "0.2", "--return-best"]),
    (
        "dora",
        &["--dora", "--dropout", "0.1", "--targets", "all-linear"],
    ),
    (
        "pissa",
        &["--init", "pissa", "--activation-checkpointing", "on"],
    ),
    ("packing", &["--packing", "--max-length", "64"]),
];

#[test]
fn two_devices_train_what_one_does_with_every_option() {
    let Some(place) = Place::new() else { return };
    // A sum of two is the same in either order, so not a bit may differ.
    let more: [(&str, &[&str]); 2] = [("lazy", &["--lazy"]), ("bits", &["--quantize", "8"])];
    for (name, options) in OPTIONS.into_iter().chain(more) {
        let (one, two) = (format!("{name}-1"), format!("{name}-2"));
        train(&place, &one, "2", options);
        train(
            &place,
            &two,
            "2",
            &[options, &["--devices", "flex,flex"]].concat(),
        );
        assert_eq!(bytes(&place, &one), bytes(&place, &two), "{name}");
    }
}

#[test]
fn windows_that_do_not_divide_among_devices_differ_by_rounding_alone() {
    let Some(place) = Place::new() else { return };
    let read = |out: &str| place.lines(&format!("{out}/metrics.jsonl"));
    // Adam divides a gradient by its size: with its usual epsilon one that is nearly zero, which is all
    // rounding, would move its weight by anything. How a processor rounds depends on its vectors.
    let even = ["--adam-epsilon", "1e-5"];
    train(&place, "one", "4", &even);
    for (name, devices) in [("two", "flex,flex"), ("three", "flex,flex,flex")] {
        train(
            &place,
            name,
            "4",
            &[&even[..], &["--devices", devices]].concat(),
        );
        let (one, more) = (read("one"), read(name));
        assert_eq!((one.len(), more.len()), (8, 8));
        for (a, b) in one.iter().zip(&more) {
            assert_eq!((&a["step"], &a["lr"]), (&b["step"], &b["lr"]));
            for number in ["loss", "grad_norm"] {
                let [a, b] = [a, b].map(|row: &Value| row[number].as_f64().unwrap());
                assert!((a / b - 1.0).abs() < 1e-6, "{name} {number}: {a} {b}");
            }
        }
        let [a, b] = ["one", name].map(|run| numbers(&bytes(&place, run)[1]));
        let off = a.iter().zip(&b).map(|(a, b)| (a - b).abs());
        let off = off.fold(0.0, f32::max);
        assert!(
            a.len() == b.len() && off < 1e-6,
            "{name}: adapters are {off:e} apart"
        );
    }
}

#[test]
fn a_killed_run_on_two_devices_resumes_to_the_same_bytes() {
    let Some(place) = Place::new() else { return };
    let more = [
        "--devices",
        "flex,flex",
        "--checkpoint-every",
        "1",
        "--dropout",
        "0.1",
    ];
    train(&place, "whole", "3", &more);
    let (metrics, mut killed) = (place.folder.path().join("torn/metrics.jsonl"), 0);
    for wanted in [1, 3, 6] {
        let resumed = [more.as_slice(), &["--resume"]].concat();
        let call = call(&place, "torn", "3", &resumed);
        killed += usize::from(kill_after(&words(&call), || lines(&metrics), wanted));
    }
    assert!(killed > 0, "no run was still at work");
    train(
        &place,
        "torn",
        "3",
        &[more.as_slice(), &["--resume"]].concat(),
    );
    assert_eq!(bytes(&place, "whole"), bytes(&place, "torn"));
}

#[test]
fn a_whole_job_trains_on_two_devices() {
    let Some(place) = Place::new() else { return };
    let (model, data) = (place.model("tiny-llama3"), place.alpaca());
    for (name, devices) in [("one", "flex"), ("two", "flex,flex")] {
        let out = place.path(name);
        let files = ["--data", &data, "--eval-data", &data, "--out", &out];
        let short = ["--max-new-tokens", "4", "--epochs", "1"];
        let parts = ["--accumulation", "2", "--devices", devices];
        let call = ["sdft", "--model", &model];
        done(&[call.as_slice(), &files, &short, &parts].concat());
    }
    assert_eq!(bytes(&place, "one/plain"), bytes(&place, "two/plain"));
    let plan: Value = serde_json::from_str(&place.read("two/plain/plan.json")).unwrap();
    assert_eq!(plan["devices"], 2);
}

#[test]
fn plans_count_each_device() {
    let Some(place) = Place::new() else { return };
    train(
        &place,
        "run",
        "2",
        &["--devices", "flex,flex", "--max-steps", "1"],
    );
    let plan: Value = serde_json::from_str(&place.read("run/plan.json")).unwrap();
    assert_eq!(plan["devices"], 2);
    let text = done(&["inspect", "--plan", &place.path("run/run.toml")]);
    assert!(
        text.contains("memory on each of 2 devices: weights"),
        "{text}"
    );
}

#[test]
fn devices_that_cannot_work_together_are_refused() {
    let Some(place) = Place::new() else { return };
    let wrong = |more: &[&str], parts: &[&str]| {
        refused(&words(&call(&place, "no", "2", more)), parts);
    };
    wrong(
        &["--devices", "flex,abacus"],
        &["--devices", "one of cpu", "abacus"],
    );
    wrong(
        &["--devices", "flex,flex", "--device", "flex"],
        &["--devices", "cannot be used with", "--device"],
    );
    wrong(
        &["--devices", "flex,flex,flex"],
        &["--accumulation", "at least 3", "found 2"],
    );
    wrong(
        &["--devices", "flex,flex", "--full"],
        &["--devices", "full"],
    );
    // Both are named before either is looked for, so no GPU is needed to tell.
    wrong(
        &["--devices", "wgpu,wgpu:0"],
        if cfg!(feature = "wgpu") {
            &["--devices", "each GPU once", "wgpu:0"]
        } else {
            &["--devices", "one of cpu", "wgpu"]
        },
    );
    wrong(
        &["--devices", "flex,wgpu:99"],
        if cfg!(feature = "wgpu") {
            &["--devices", "a device that this machine has", "wgpu:99"]
        } else {
            &["--devices", "one of cpu", "wgpu:99"]
        },
    );
    let config = place.write("run.toml", "devices = [\"flex\", \"abacus\"]\n");
    refused(
        &["train", "--config", &config, "--model", "m", "--out", "o"],
        &["--devices", "abacus"],
    );
}
