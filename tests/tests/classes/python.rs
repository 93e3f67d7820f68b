//! What transformers and PEFT make of what we write.
//!
//! Needs a Python with torch, transformers and peft, named by `IDIOLECT_PYTHON`; says so when it skips.

use std::process::Command;

use burn::tensor::{Int, Tensor, TensorData};
use idiolect::lora::{LoraAdapter, load_adapter, save_adapter};
use idiolect::model::{SaveOptions, StoredType, save};
use idiolect_testkit::{Tensors, assert_close, device, workspace_root};
use serde_json::{Value, json};

use crate::case::{TOLERANCE, each, logits_of};
use crate::training::choices;

/// Differences of a configuration that mean nothing: what is off, and what follows from other settings.
const KNOWN: [&str; 1] = ["pad_token_id: -1 None"];

#[test]
fn transformers_and_peft_read_what_we_write() {
    let Some(python) = std::env::var_os("IDIOLECT_PYTHON") else {
        idiolect_testkit::skipped(
            "IDIOLECT_PYTHON names no Python with torch, transformers and peft",
        );
        return;
    };
    let place = tempfile::tempdir().unwrap();
    let (jobs, expected) = (
        std::cell::RefCell::new(Vec::new()),
        std::cell::RefCell::new(Vec::new()),
    );
    each(|case| {
        let at = |part: &str| place.path().join(format!("{}-{part}", case.name));
        let options = SaveOptions {
            stored: StoredType::F32,
            max_shard_bytes: u64::MAX,
        };
        let model = at("model");
        save(&case.decoder, &model, options).unwrap();
        let device = device().unwrap();
        let folder = case.folder.join("peft/adapter_final");
        let mut adapters = vec![load_adapter(&folder, &case.decoder, &device).unwrap()];
        if case.decoder.config.wrapper.class().is_some() {
            let new = |config| LoraAdapter::new(config, &case.decoder, 1, &device).unwrap();
            adapters.extend(choices().iter().map(new));
        }
        for (number, adapter) in adapters.iter().enumerate() {
            let at = |part: &str| at(&format!("{part}{number}"));
            save_adapter(adapter, &at("adapter"), &case.name).unwrap();
            let ids = case.rows("right").swap_remove(0);
            jobs.borrow_mut().push(
                json!({"before": case.folder, "after": model, "adapter": at("adapter"),
                "ids": ids, "logits": at("logits"), "known": KNOWN}),
            );
            let count = ids.len();
            let ids = Tensor::<2, Int>::from_data(TensorData::new(ids, [1, count]), &device);
            let found = logits_of(&adapter.decoder(&case.decoder), adapter, ids);
            expected
                .borrow_mut()
                .push((case.name.clone(), at("logits"), found));
        }
    });
    let file = place.path().join("jobs.json");
    std::fs::write(&file, Value::from(jobs.into_inner()).to_string()).unwrap();
    let script = workspace_root().join("tests/python/same_model.py");
    let run = Command::new(python)
        .args([&script, &file])
        .env("HF_HUB_OFFLINE", "1")
        .status();
    assert!(run.unwrap().success(), "{}", script.display());
    for (name, logits, found) in expected.into_inner() {
        let (_, theirs) = Tensors::read(&logits).unwrap().f32("logits").unwrap();
        assert_close(&name, &found, &theirs, TOLERANCE);
    }
}
