//! Models and adapters that are wrong, or do not go together.

use std::fs;

use crate::common::{Place, read, refused};

#[test]
#[allow(clippy::too_many_lines, reason = "a table")]
fn wrong_models() {
    let Some(place) = Place::new() else { return };
    let folder = place.folder.path().join("model");
    fs::create_dir(&folder).expect("a folder");
    let spoil = |name: &str, change: &dyn Fn(Vec<u8>) -> Vec<u8>, parts: &[&str]| {
        for entry in fs::read_dir(place.tiny.join("tiny-llama3")).expect("tiny-llama3") {
            let from = entry.expect("an entry").path();
            let bytes = fs::read(&from).expect("a file");
            fs::write(folder.join(from.file_name().expect("a name")), bytes).expect("a copy");
        }
        let path = folder.join(name);
        fs::write(&path, change(fs::read(&path).expect(name))).expect("spoilt");
        let model = folder.display().to_string();
        refused(&["generate", "--model", &model, "--prompt", "x"], parts);
    };
    let edit = |old: &'static str, new: &'static str| {
        move |bytes: Vec<u8>| {
            String::from_utf8(bytes)
                .expect("text")
                .replace(old, new)
                .into_bytes()
        }
    };
    spoil(
        "config.json",
        &edit("LlamaForCausalLM", "GPT2LMHeadModel"),
        &["config.json", "GPT2LMHeadModel"],
    );
    spoil(
        "config.json",
        &edit("\"vocab_size\": 384", "\"vocab_size\": 100"),
        &["tokenizer larger than the embedding"],
    );
    spoil(
        "model.safetensors",
        &|bytes| bytes[..bytes.len() / 2].to_vec(),
        &["model.safetensors", "size"],
    );
    spoil("tokenizer.json", &|_| b"{".to_vec(), &["tokenizer.json"]);
    let model = place.model("tiny-llama3");
    let adapter = place.adapter("tiny-mistral/qv/adapter_final");
    let other = place.model("tiny-mistral-headdim");
    let call = [
        "generate",
        "--model",
        &other,
        "--adapter",
        &adapter,
        "--prompt",
        "x",
    ];
    refused(
        &call,
        &[
            "adapter_model.safetensors",
            "q_proj.lora_B",
            "expected shape",
        ],
    );
    let biased = place
        .peft
        .join("tiny-llama3/qv/adapter_final/adapter_config.json");
    let config = read(&biased).replace("\"bias\": \"none\"", "\"bias\": \"all\"");
    std::fs::create_dir(place.path("biased")).expect("made");
    place.write("biased/adapter_config.json", &config);
    let biased = place.path("biased");
    refused(
        &[
            "merge",
            "--model",
            &model,
            "--adapter",
            &biased,
            "--out",
            &place.path("m"),
        ],
        &["bias", "expected none", "all"],
    );
}

/// What a folder is that is no adapter, and what to do with it.
#[test]
fn folders_that_are_no_adapter() {
    let Some(place) = Place::new() else { return };
    let model = place.model("tiny-llama3");
    fs::create_dir(place.path("rewritten")).expect("a folder");
    place.write("rewritten/distilled.jsonl", "{}\n");
    let rewritten = place.path("rewritten");
    for (adapter, parts) in [
        (
            "no-such",
            [
                "adapter no-such: expected a folder with adapter_config.json",
                "no such folder",
            ],
        ),
        (
            &rewritten,
            [
                "the run of a distillation",
                "distilled.jsonl (idiolect train)",
            ],
        ),
        (&model, ["adapter_config.json", "found a model"]),
    ] {
        let out = place.path("out");
        for call in [
            &["generate", "--prompt", "x"][..],
            &["merge", "--out", &out],
            &["export", "--out", "a.gguf"],
        ] {
            let call = [call, &["--model", &model, "--adapter", adapter]].concat();
            refused(&call, &parts);
        }
    }
    refused(
        &["generate", "--prompt", "x", "--model", "no-such-model"],
        &[
            "model no-such-model: expected a Hugging Face folder, a .gguf file",
            "no such file or folder",
        ],
    );
}
