//! Twenty real prompts, 128 greedy tokens each, against transformers; opt-in, for it takes half a minute.
//!
//! Each row is compared as far as transformers' likeliest two logits are 1e-3 apart: behind that the order
//! of additions decides.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stderr,
    reason = "a test's own files"
)]

use std::ops::ControlFlow;
use std::path::Path;

use burn::tensor::{Device, FloatDType};
use idiolect::generate::{GenerationConfig, Request, Sampling, Stops, generate};
use idiolect::lm::DecoderLogits;
use idiolect::model::NoAdapter;
use idiolect_testkit::smollm2_folder;
use serde_json::Value;

const VARIABLE: &str = "IDIOLECT_LONG";

fn ids(row: &Value, key: &str) -> Vec<u32> {
    serde_json::from_value(row[key].clone()).expect(key)
}

#[test]
fn twenty_prompts_have_the_128_tokens_of_transformers() {
    if std::env::var_os(VARIABLE).is_none() {
        idiolect_testkit::skipped(&format!("{VARIABLE} is not set"));
        return;
    }
    let Some(path) = smollm2_folder() else { return };
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("golden/greedy.json");
    let golden: Value = serde_json::from_str(&std::fs::read_to_string(golden).unwrap()).unwrap();
    let rows = golden["rows"].as_array().expect("rows");
    let (decoder, _) = idiolect::model::load(&path, &Device::flex(), FloatDType::F32).unwrap();
    let requests = rows.iter().enumerate();
    let requests: Vec<Request> = requests
        .map(|(index, row)| Request {
            variant: 0,
            index,
            prompt: ids(row, "prompt"),
            seed: 0,
        })
        .collect();
    let stops = Stops {
        tokens: decoder.config.eos.clone(),
        ignore_eos: true,
        ..Stops::default()
    };
    let settings = GenerationConfig {
        sampling: Sampling::GREEDY,
        stops,
        max_new_tokens: 128,
        batch_size: 8,
        share_prefixes: true,
        speculate: 4,
    };
    let found = generate(
        &mut DecoderLogits::new(&decoder, &NoAdapter),
        &requests,
        &settings,
        &|_| Ok(String::new()),
        &mut |_| ControlFlow::Continue(()),
    )
    .unwrap();
    let mut compared = 0;
    for (found, row) in found.iter().zip(rows) {
        let sure = usize::try_from(row["sure"].as_u64().expect("a count")).unwrap();
        let want = ids(row, "new");
        assert_eq!((found.token_ids.len(), want.len()), (128, 128));
        assert_eq!(found.token_ids[..sure], want[..sure], "{}", row["id"]);
        compared += sure;
    }
    eprintln!("{compared} of {} tokens compared", 128 * rows.len());
    assert!(compared > 100 * rows.len(), "{compared}");
}
