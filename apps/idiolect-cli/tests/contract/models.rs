//! `merge` writes a model, and `inspect` shows one.

use serde_json::{Value, json};

use crate::common::{Place, done, merge};

#[test]
fn merge_writes_a_model_that_answers_as_the_adapter_did() {
    let Some(place) = Place::new() else { return };
    let model = place.model("tiny-llama3");
    let adapter = place.adapter("tiny-llama3/all/adapter_final");
    let merged = place.path("merged");
    let said = merge(&model, &adapter, &merged);
    assert!(
        said["max_logit_difference"].as_f64().expect("a number") < 1e-4,
        "{said}"
    );
    let prompts = place.rows(
        "prompts.jsonl",
        &[json!({"prompt": "Say red."}), json!({"prompt": "Say sea."})],
    );
    let (with, without) = (place.path("with.jsonl"), place.path("without.jsonl"));
    let common = [
        "generate",
        "--prompts",
        &prompts,
        "--max-new-tokens",
        "16",
        "--model",
    ];
    done(
        &[
            common.as_slice(),
            &[&model, "--adapter", &adapter, "--out", &with],
        ]
        .concat(),
    );
    done(&[common.as_slice(), &[&merged, "--out", &without]].concat());
    assert_eq!(place.read("with.jsonl"), place.read("without.jsonl"));
}

#[test]
fn inspect_shows_the_model_and_the_trained_text() {
    let Some(place) = Place::new() else { return };
    let (model, data) = (place.model("tiny-mistral"), place.alpaca());
    let about: Value =
        serde_json::from_str(&done(&["inspect", "--model", &model, "--json"])).expect("JSON");
    assert_eq!(about["architecture"], "MistralForCausalLM");
    assert_eq!(about["sliding_window"], 8);
    let shown = done(&["inspect", "--model", &model, "--data", &data, "--rows", "1"]);
    assert!(shown.contains("«red it is<|im_end|>»"), "{shown}");
    let shown = done(&[
        "inspect",
        "--model",
        &model,
        "--data",
        &data,
        "--rows",
        "1",
        "--template",
        "alpaca",
    ]);
    assert!(shown.contains("### Response:\n«red it is</s>»"), "{shown}");
}
