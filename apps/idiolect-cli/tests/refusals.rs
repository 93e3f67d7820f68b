//! Every wrong call and wrong input: one line that names what is wrong, and exit status 2.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "helpers of tests end them"
)]

mod common;

use std::fs;

use common::{Place, done, refused};
use serde_json::{Value, json};

#[test]
fn wrong_calls() {
    refused(&["train", "--no-such-flag"], &["--no-such-flag"]);
    refused(&["frobnicate"], &["frobnicate"]);
    refused(&["generate", "--model", "x"], &["--prompt"]);
    refused(
        &["generate", "--model", "no/such/model", "--prompt", "x"],
        &["no/such/model"],
    );
    refused(&["train"], &["--out"]);
    assert!(done(&["help"]).contains("sdft"));
    assert!(done(&["train", "--help"]).contains("--activation-checkpointing"));
    assert!(done(&["--version"]).starts_with("idiolect "));
}

#[test]
fn wrong_settings() {
    let Some(place) = Place::new() else { return };
    let model = place.model("tiny-llama3");
    let prompt = |more: &[&str], parts: &[&str]| {
        refused(
            &[&["generate", "--model", &model, "--prompt", "x"], more].concat(),
            parts,
        );
    };
    prompt(&["--device", "abacus"], &["--device", "cpu", "abacus"]);
    // A device that the program was built without is one line; so is one that the machine lacks.
    prompt(
        &["--device", "wgpu:99"],
        if cfg!(feature = "wgpu") {
            &["--device", "a device that this machine has", "wgpu:99"]
        } else {
            &["--device", "built", "wgpu:99"]
        },
    );
    prompt(&["--dtype", "f8"], &["--dtype", "f8"]);
    prompt(&["--quantize", "3"], &["--quantize", "8 or 4", "3"]);
    prompt(&["--threads", "0"], &["--threads", "1 to 1024"]);
    prompt(&["--threads", "99999999"], &["--threads", "1 to 1024"]);
    prompt(&["--temperature", "-1"], &["temperature"]);
    prompt(&["--top-p", "1.5"], &["--top-p"]);
    prompt(&["--max-new-tokens", "100000"], &["100000", "256"]);
    prompt(&["--template", "no-such"], &["no-such", "alpaca"]);
    refused(&["sdft", "--full"], &["--full", "adapters"]);
    refused(
        &["train", "--overlong", "drop"],
        &["--overlong is called --truncation since version 0.2"],
    );
    let config = place.write("run.toml", "learnig_rate = 1e-3\n");
    refused(
        &["train", "--config", &config],
        &["run.toml", "learnig_rate", "learning_rate"],
    );
    let config = place.write("kind.toml", "epochs = \"two\"\n");
    refused(&["train", "--config", &config], &["kind.toml", "two"]);
}

/// Every command refuses NaN and infinity by the name of the setting, on its command line and in its file.
#[test]
fn numbers_that_are_none() {
    let Some(place) = Place::new() else { return };
    let (model, out) = (place.model("tiny-llama3"), place.path("out"));
    for (command, flag) in [
        ("train", "--learning-rate"),
        ("train", "--clip-norm"),
        ("train", "--validation-share"),
        ("distill", "--mix-ratio"),
        ("sdft", "--alpha"),
        ("continue", "--budget-money"),
        ("continue", "--top-p"),
        ("eval", "--prompt-price"),
        ("eval", "--temperature"),
    ] {
        for (value, shown) in [("nan", "NaN"), ("inf", "inf"), ("-inf", "-inf")] {
            let own = format!("{flag}={value}");
            let parts = [flag, "expected a finite number", shown];
            let call = [command, &own, "--out", &out];
            let task = ["--task", "gsm8k", "--data", "data", "--model", &model];
            let needed = if command == "eval" { &task[..] } else { &[] };
            refused(&[call.as_slice(), needed].concat(), &parts);
            let key = flag.trim_start_matches('-').replace('-', "_");
            let config = place.write("run.toml", &format!("{key} = {value}\n"));
            if command != "eval" {
                let parts = ["run.toml", "expected a finite number", shown];
                refused(&[command, "--config", &config, "--out", &out], &parts);
            }
        }
    }
    let generate = [
        "generate",
        "--model",
        &model,
        "--prompt",
        "x",
        "--min-p=nan",
    ];
    refused(&generate, &["--min-p", "a finite number"]);
    let combine = [
        "combine",
        "--model",
        &model,
        "--adapter",
        "a=nan",
        "--out",
        &out,
    ];
    refused(&combine, &["adapter", "a folder, =, and a number"]);
    assert!(!std::path::Path::new(&out).exists());
}

#[test]
#[allow(clippy::too_many_lines, reason = "a table")]
fn wrong_data() {
    let Some(place) = Place::new() else { return };
    let (model, out) = (place.model("tiny-llama3"), place.path("out"));
    let mut number = 0;
    let mut train = |text: &[u8], more: &[&str], parts: &[&str]| {
        number += 1;
        let name = format!("data-{number}.json");
        fs::write(place.folder.path().join(&name), text).expect("written");
        let data = place.path(&name);
        let call = [
            &["train", "--model", &model, "--data", &data, "--out", &out],
            more,
        ]
        .concat();
        refused(&call, &[parts, &[name.as_str()]].concat());
    };
    train(b"[]", &[], &["no rows"]);
    train(b"", &[], &["no rows"]);
    train(
        b"{\"instruction\": \"a\", \"output\": \"b\"}\n{\"instruction\": \"\xff\"}\n",
        &[],
        &["line 2", "UTF-8"],
    );
    train(b"[{\"instruction\": \"a\"", &[], &["line 1"]);
    train(
        b"[{\"instruction\": \"a\", \"output\": 5}]",
        &[],
        &["row 0", "output"],
    );
    train(
        b"{\"messages\": [{\"role\": \"bot\", \"content\": \"x\"}]}",
        &["--format", "messages"],
        &["bot"],
    );
    refused(
        &[
            "train",
            "--model",
            &model,
            "--data",
            "no-such.json",
            "--out",
            &out,
        ],
        &["no-such.json"],
    );
    let rows = place.rows("rows.jsonl", &[json!({"instruction": "a"})]);
    refused(
        &["train", "--model", &model, "--data", &rows, "--out", &out],
        &["row 0", "response"],
    );
    let long = json!({"instruction": "a", "output": "word ".repeat(400)});
    let long = place.rows(
        "long.jsonl",
        &[long, json!({"instruction": "a", "output": "b"})],
    );
    let call = [
        "train",
        "--model",
        &model,
        "--data",
        &long,
        "--out",
        &out,
        "--epochs",
        "1",
        "--truncation",
    ];
    refused(&call[..call.len() - 1], &["row 0", "256"]);
    done(&[call.as_slice(), &["drop"]].concat());
}

#[test]
fn wrong_tokens() {
    let Some(place) = Place::new() else { return };
    let (model, out) = (place.model("tiny-llama3"), place.path("out"));
    let tokens = |row: Value, parts: &[&str]| {
        let data = place.rows("tokens.jsonl", &[row]);
        let call = [
            "train", "--model", &model, "--format", "tokens", "--data", &data, "--out", &out,
        ];
        refused(&call, parts);
    };
    tokens(
        json!({"input_ids": [1, 2], "labels": [-100, -100]}),
        &["no trained token"],
    );
    tokens(
        json!({"input_ids": [1, 2], "labels": [1, 2, 3]}),
        &["label"],
    );
    tokens(
        json!({"input_ids": [1, 999], "labels": [-100, 999]}),
        &["999"],
    );
    tokens(json!({"input_ids": [1, 2]}), &["labels"]);
    let score = place.rows("score.jsonl", &[json!({"id": "a", "body": "x"})]);
    refused(
        &["score", "--model", &model, "--data", &score],
        &["row 0", "prompt and response"],
    );
}

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
    let config = common::read(&biased).replace("\"bias\": \"none\"", "\"bias\": \"all\"");
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
