//! What llama.cpp computes with the GGUF files that we write.
//!
//! Needs a Python with xllamacpp, named by `IDIOLECT_PYTHON`; says so when it skips.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stderr,
    reason = "helpers of tests end them, and say what is skipped"
)]

mod asked;

use std::path::{Path, PathBuf};

use asked::{Job, ask, assert_alike, greedy, has_python, ours};
use idiolect::Quiet;
use idiolect::lm::{Export, LanguageModel, ModelSettings, export};
use idiolect::model::gguf::GgufType;
use idiolect_testkit::{Tensors, shared, smollm2_folder};
use serde_json::Value;

fn written(ask: &Export, out: &Path) -> PathBuf {
    let summary = export(ask, out, &Quiet).unwrap();
    assert_eq!(
        std::fs::metadata(&summary.out).unwrap().len() / summary.tensor_bytes,
        1
    );
    summary.out
}

/// What is exported of a folder, in f32.
fn of(model: &Path) -> Export {
    Export {
        model: ModelSettings::of(&model.display().to_string()),
        stored: Some(GgufType::F32),
        ..Export::default()
    }
}

fn open(model: &Path) -> LanguageModel {
    LanguageModel::open(&model.display().to_string()).unwrap()
}

/// The first prompt of the oracle of `SmolLM2`.
fn prompt(oracle: &Path) -> Vec<u32> {
    let text = std::fs::read_to_string(oracle.join("oracle.json")).unwrap();
    let json: Value = serde_json::from_str(&text).unwrap();
    serde_json::from_value(json["generation"][0]["ids"].clone()).unwrap()
}

#[test]
fn smollm2_goes_on_for_64_tokens_as_here_plain_with_an_adapter_and_merged() {
    let (Some(folder), Some(shared)) = (smollm2_folder(), shared()) else {
        return;
    };
    if !has_python() {
        return;
    }
    let oracle = shared.join("oracles/smollm2");
    let adapter = oracle.join("adapter_final");
    let place = tempfile::tempdir().unwrap();
    let at = |name: &str| place.path().join(name);
    let plain = written(&of(&folder), &at("plain.gguf"));
    let lora = Export {
        adapter: Some(adapter.clone()),
        ..of(&folder)
    };
    let lora = written(&lora, &at("lora.gguf"));
    let merged = Export {
        adapter: Some(adapter.clone()),
        merge: true,
        ..of(&folder)
    };
    let merged = written(&merged, &at("merged.gguf"));
    let base = open(&folder);
    let adapted = base.load_adapter(&adapter).unwrap();
    let job = |name: &str, model: &LanguageModel, gguf: &Path, lora: Option<&Path>| Job {
        name: name.into(),
        model: model.clone(),
        gguf: gguf.into(),
        lora: lora.map(Path::to_path_buf),
        ids: prompt(&oracle),
        tokens: 64,
    };
    let jobs = [
        job("plain", &base, &plain, None),
        job("adapter", &adapted, &plain, Some(&lora)),
        job("merged", &adapted, &merged, None),
    ];
    for (job, answer) in jobs.iter().zip(ask(&jobs)) {
        assert_eq!(answer.len(), 64, "{}", job.name);
        assert_alike(job, &answer, 64);
    }
}

#[test]
fn smaller_types_of_smollm2_are_near() {
    let (Some(folder), Some(shared)) = (smollm2_folder(), shared()) else {
        return;
    };
    if !has_python() {
        return;
    }
    let place = tempfile::tempdir().unwrap();
    let model = open(&folder);
    // 4 bits move a model of this size far; the others do not.
    let kinds = [
        (GgufType::F16, 0.05),
        (GgufType::Bf16, 0.05),
        (GgufType::Q8_0, 0.2),
        (GgufType::Q4_0, 2.0),
    ];
    let job = |(kind, _): &(GgufType, f64)| {
        let ask = Export {
            stored: Some(*kind),
            ..of(&folder)
        };
        Job {
            name: kind.to_string(),
            model: model.clone(),
            gguf: written(&ask, &place.path().join(format!("{kind}.gguf"))),
            lora: None,
            ids: prompt(&shared.join("oracles/smollm2")),
            tokens: 1,
        }
    };
    let jobs: Vec<Job> = kinds.iter().map(job).collect();
    let scores = ours(&model, &jobs[0].ids, 1).remove(0);
    for ((job, answer), (_, bound)) in jobs.iter().zip(ask(&jobs)).zip(kinds) {
        let top = &answer[0].top[0];
        let far = (top.1 - scores[top.0 as usize]).abs();
        assert!(far < bound, "{}: {far}", job.name);
    }
}

/// A tiny checkpoint and perhaps an adapter for it, as one question of a row within every window.
fn tiny(place: &Path, model: &Path, adapter: Option<PathBuf>) -> Job {
    let name = model.file_name().unwrap().to_string_lossy().into_owned();
    let number = std::fs::read_dir(place).unwrap().count();
    let at = |part: &str| place.join(format!("{number}-{part}.gguf"));
    let gguf = written(&of(model), &at("model"));
    let base = open(model);
    let lora = adapter.as_ref().map(|adapter| {
        let lora = Export {
            adapter: Some(adapter.clone()),
            ..of(model)
        };
        written(&lora, &at("adapter"))
    });
    let tensors = Tensors::read(&model.join("oracle.safetensors")).unwrap();
    let (_, ids) = tensors.i64("right_input_ids").unwrap();
    let ids = ids.iter().take(8).map(|id| u32::try_from(*id).unwrap());
    Job {
        name: format!("{name} {adapter:?}"),
        model: base.load_optional_adapter(adapter.as_deref()).unwrap(),
        gguf,
        lora,
        ids: ids.collect(),
        // The first one's text may be a part of a character, and come with the next.
        tokens: 4,
    }
}

#[test]
fn every_class_and_its_adapters_compute_as_here() {
    let Some(oracles) = shared().map(|shared| shared.join("oracles")) else {
        return;
    };
    if !has_python() {
        return;
    }
    let place = tempfile::tempdir().unwrap();
    let classes = [
        "tiny/tiny-llama2",
        "tiny/tiny-llama3",
        "tiny/tiny-llama-tied",
        "tiny/tiny-mistral",
        "tiny/tiny-mistral-headdim",
        "tiny-2026/tiny-llama-bias",
        "tiny-2026/tiny-mistral-yarn",
        "tiny-2026/tiny-ministral3",
        "tiny-2026/tiny-mistral3-wrapper",
        "tiny-2026/tiny-qwen2",
        "tiny-2026/tiny-qwen3",
        "tiny-2026/tiny-granite",
    ];
    let adapters = [
        ("tiny/tiny-llama3", "peft/tiny-llama3/all"),
        ("tiny/tiny-llama3", "peft/tiny-llama3/qv_rslora"),
        ("tiny/tiny-mistral", "peft/tiny-mistral/all_rslora"),
        (
            "tiny-2026/tiny-ministral3",
            "peft-2026/tiny-ministral3/qv_r4",
        ),
        (
            "tiny-2026/tiny-mistral3-wrapper",
            "peft-2026/tiny-mistral3-wrapper/qv_r4",
        ),
        ("tiny-2026/tiny-qwen2", "peft-2026/tiny-qwen2/qv_r4"),
        ("tiny-2026/tiny-qwen3", "peft-2026/tiny-qwen3/qv_r4"),
    ];
    let plain = classes.map(|name| tiny(place.path(), &oracles.join(name), None));
    let adapted = adapters.map(|(model, adapter)| {
        let adapter = oracles.join(adapter).join("adapter_final");
        tiny(place.path(), &oracles.join(model), Some(adapter))
    });
    let jobs: Vec<Job> = plain.into_iter().chain(adapted).collect();
    let mut compared = 0;
    for (job, answer) in jobs.iter().zip(ask(&jobs)) {
        let first = greedy(&ours(&job.model, &job.ids, 1)[0]);
        if answer.first().is_some_and(|token| token.id == first) {
            assert_alike(job, &answer, 1);
            compared += 1;
        } else {
            eprintln!("not compared, a part of a character: {}", job.name);
        }
    }
    assert!(
        compared >= jobs.len() * 2 / 3,
        "{compared} of {}",
        jobs.len()
    );
}
