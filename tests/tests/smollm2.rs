//! The real model: SmolLM2-135M-Instruct against transformers, from its folder and from its GGUF file.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "helpers of tests end them"
)]

#[path = "smollm2/stored.rs"]
mod stored;
#[path = "smollm2/vllm.rs"]
mod vllm;

use std::ops::ControlFlow;
use std::path::Path;

use burn::tensor::{Device, FloatDType};
use idiolect::generate::{GenerationConfig, Request, Sampling, Stops, generate};
use idiolect::lm::DecoderLogits;
use idiolect::model::{Decoder, NoAdapter, Session};
use idiolect_testkit::{Tensors, assert_close, max_abs_diff, shared, smollm2_folder, smollm2_gguf};
use serde_json::Value;

fn load(path: &Path) -> Decoder {
    let loaded = idiolect::model::load(path, &Device::flex(), FloatDType::F32);
    let (decoder, report) = loaded.unwrap_or_else(|e| panic!("{e}"));
    assert!(report.unused.is_empty(), "{report:?}");
    decoder
}

/// What the oracle holds, row by row.
struct Oracle {
    prompts: Vec<Vec<u32>>,
    greedy: Vec<Vec<u32>>,
    last_logits: Vec<Vec<f32>>,
}

fn oracle() -> Option<Oracle> {
    let folder = shared()?.join("oracles/smollm2");
    let text = std::fs::read_to_string(folder.join("oracle.json")).expect("oracle.json");
    let json: Value = serde_json::from_str(&text).expect("JSON");
    let rows = json["generation"].as_array().expect("rows");
    let ids = |key: &str| -> Vec<Vec<u32>> {
        rows.iter()
            .map(|row| serde_json::from_value(row[key].clone()).expect(key))
            .collect()
    };
    let tensors = Tensors::read(&folder.join("oracle.safetensors")).unwrap();
    let last_logits = (0..rows.len())
        .map(|i| tensors.f32(&format!("last_logits_{i}")).unwrap().1)
        .collect();
    Some(Oracle {
        prompts: ids("ids"),
        greedy: ids("greedy_ids"),
        last_logits,
    })
}

#[test]
fn logits_are_those_of_transformers() {
    let (Some(path), Some(oracle)) = (smollm2_folder(), oracle()) else {
        return;
    };
    let decoder = load(&path);
    for (prompt, want) in oracle.prompts.iter().zip(&oracle.last_logits) {
        let (_, scores) = Session::start(&decoder, &NoAdapter, std::slice::from_ref(prompt), 0)
            .expect("a session");
        // Logits reach 25 here; transformers' own f32 noise is of this size.
        assert_close("SmolLM2", &scores, want, 1e-3);
    }
}

/// Greedy ids of all prompts: alone and together, with rows that join as others end, with what they begin
/// with computed once, and with guesses verified many in a pass.
#[test]
fn greedy_text_is_that_of_transformers_however_it_is_computed() {
    let (Some(path), Some(oracle)) = (smollm2_folder(), oracle()) else {
        return;
    };
    let decoder = load(&path);
    let (prompts, want) = (&oracle.prompts, &oracle.greedy);
    let new = want.iter().map(Vec::len).max().expect("rows");
    let all = prompts.len();
    for (batch_size, share_prefixes, speculate) in [
        (1, false, 0),
        (all, false, 0),
        (2, true, 0),
        (1, true, 6),
        (2, false, 4),
        (all, true, 3),
    ] {
        let stops = Stops {
            tokens: decoder.config.eos.clone(),
            ..Stops::default()
        };
        let settings = GenerationConfig {
            sampling: Sampling::GREEDY,
            stops,
            max_new_tokens: new,
            batch_size,
            share_prefixes,
            speculate,
        };
        let requests: Vec<Request> = prompts
            .iter()
            .enumerate()
            .map(|(index, prompt)| Request {
                variant: 0,
                index,
                prompt: prompt.clone(),
                seed: 0,
            })
            .collect();
        let mut model = DecoderLogits::new(&decoder, &NoAdapter);
        let rows = generate(
            &mut model,
            &requests,
            &settings,
            &|_| Ok(String::new()),
            &mut |_| ControlFlow::Continue(()),
        );
        for (row, want) in rows.expect("rows").iter().zip(want) {
            // transformers keeps the end token, we stop before it.
            let want = want.strip_suffix(&[2]).unwrap_or(want);
            assert_eq!(
                row.token_ids, want,
                "prompt {} with {settings:?}",
                row.index
            );
            assert!(speculate > 0 || row.passes >= row.token_ids.len());
        }
    }
}

#[test]
fn the_gguf_file_is_the_folder_before_rounding_to_bf16() {
    let (Some(gguf), Some(folder), Some(oracle)) = (smollm2_gguf(), smollm2_folder(), oracle())
    else {
        return;
    };
    let scores = |path: &Path| {
        let decoder = load(path);
        let started = Session::start(&decoder, &NoAdapter, &oracle.prompts[..1], 0);
        (decoder.config.clone(), started.expect("a session").1)
    };
    let ((from_gguf, a), (from_folder, b)) = (scores(&gguf), scores(&folder));
    assert_eq!(from_gguf, from_folder);
    let (off, _) = max_abs_diff(&a, &b);
    assert!(
        off > 0.0 && off < 1.0,
        "logits differ by the rounding of the weights: {off}"
    );
}
