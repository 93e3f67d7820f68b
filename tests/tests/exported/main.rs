//! What llama.cpp computes with the GGUF files that we write.
//!
//! Needs a Python with xllamacpp, named by `IDIOLECT_PYTHON`; says so when it skips.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "helpers of tests end them"
)]

mod asked;

use std::path::{Path, PathBuf};

use asked::{Job, ask, assert_alike, greedy, has_python, ours};
use idiolect::Quiet;
use idiolect::lm::{Export, LanguageModel, ModelSettings, export};
use idiolect::model::gguf::GgufType;
use idiolect_testkit::{Tensors, shared, smollm2_folder};

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

/// A beginning behind which `SmolLM2` does not end for 64 tokens: llama.cpp would end there.
fn beginning(model: &LanguageModel) -> Vec<u32> {
    let text = "Once upon a time there was a river that";
    model.tokenizer().encode_text(text).unwrap()
}

#[test]
fn smollm2_goes_on_for_64_tokens_as_here_plain_with_an_adapter_and_merged() {
    let (Some(folder), Some(shared)) = (smollm2_folder(), shared()) else {
        return;
    };
    if !has_python() {
        return;
    }
    let adapter = shared.join("oracles/smollm2/adapter_final");
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
        ids: beginning(model),
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
    let Some(folder) = smollm2_folder() else {
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
            ids: beginning(&model),
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

/// A tiny checkpoint and perhaps an adapter for it, as one question.
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
    let ids: Vec<u32> = ids.iter().map(|id| u32::try_from(*id).unwrap()).collect();
    let model = base.load_optional_adapter(adapter.as_deref()).unwrap();
    Job {
        name: format!("{name} {adapter:?}"),
        ids: in_whole_characters(&model, &ids),
        model,
        gguf,
        lora,
        tokens: 1,
    }
}

/// The longest beginning of at most eight ids, the shortest window, whose next token is text of its own: llama.cpp tells
/// of parts of characters only when they are whole.
fn in_whole_characters(model: &LanguageModel, ids: &[u32]) -> Vec<u32> {
    let is_whole = |count: &usize| {
        let next = greedy(&ours(model, &ids[..*count], 1)[0]);
        let text = model.tokenizer().decode(&[next], false).unwrap();
        !text.is_empty() && !text.contains('\u{fffd}')
    };
    let count = (2..=8).rev().find(is_whole).unwrap();
    ids[..count].to_vec()
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
    for (job, answer) in jobs.iter().zip(ask(&jobs)) {
        assert_alike(job, &answer, 1);
    }
}
