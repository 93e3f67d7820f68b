//! Text and likelihoods of the tiny checkpoints: they are those of the reference.

use idiolect_testkit::Tensors;
use serde_json::{Value, json};

use crate::common::{Place, done, read};
use crate::rows;

#[test]
fn generate_gives_the_reference_greedy_tokens() {
    let Some(place) = Place::new() else { return };
    for model in [
        "tiny-llama2",
        "tiny-llama3",
        "tiny-mistral",
        "tiny-llama-tied",
    ] {
        let folder = place.tiny.join(model);
        let tensors = Tensors::read(&folder.join("oracle.safetensors")).unwrap();
        let prompts: Vec<Value> = rows(&tensors, "left_", 0..4)
            .into_iter()
            .enumerate()
            .map(|(i, (ids, _))| json!({"id": format!("row-{i}"), "input_ids": ids}))
            .collect();
        let prompts = place.rows("prompts.jsonl", &prompts);
        let (model, out) = (place.model(model), place.path("out.jsonl"));
        for batch in ["1", "4"] {
            done(&[
                "generate",
                "--model",
                &model,
                "--prompts",
                &prompts,
                "--out",
                &out,
                "--max-new-tokens",
                "32",
                "--ignore-eos",
                "--batch-size",
                batch,
            ]);
            let oracle: Value =
                serde_json::from_str(&read(&folder.join("oracle.json"))).expect("JSON");
            for (i, row) in place.lines("out.jsonl").iter().enumerate() {
                assert_eq!(row["id"], format!("row-{i}"));
                assert_eq!(
                    row["token_ids"], oracle["greedy_ids"][i],
                    "{model} batch {batch} row {i}"
                );
                assert_eq!(row["finish_reason"], "length");
            }
        }
    }
}

#[test]
fn a_prompt_streams_the_text_that_a_file_gets() {
    let Some(place) = Place::new() else { return };
    let model = place.model("tiny-llama3");
    let prompts = place.rows("prompts.jsonl", &[json!({"prompt": "Say red."})]);
    let out = place.path("out.jsonl");
    let common = [
        "--model",
        &model,
        "--max-new-tokens",
        "24",
        "--temperature",
        "0.9",
        "--seed",
        "5",
    ];
    let streamed = done(&[&["generate", "--prompt", "Say red."], common.as_slice()].concat());
    done(
        &[
            &["generate", "--prompts", &prompts, "--out", &out],
            common.as_slice(),
        ]
        .concat(),
    );
    let row = &place.lines("out.jsonl")[0];
    assert_eq!(row["id"], 0);
    assert_eq!(
        streamed,
        format!("{}\n", row["text"].as_str().expect("text"))
    );
}

#[test]
fn score_gives_the_reference_loss() {
    let Some(place) = Place::new() else { return };
    for model in ["tiny-llama3", "tiny-mistral"] {
        let folder = place.tiny.join(model);
        let tensors = Tensors::read(&folder.join("oracle.safetensors")).unwrap();
        let data: Vec<Value> = rows(&tensors, "right_", 0..4)
            .into_iter()
            .map(|(input_ids, labels)| json!({"input_ids": input_ids, "labels": labels}))
            .collect();
        let (data, out) = (place.rows("rows.jsonl", &data), place.path("scores.jsonl"));
        done(&[
            "score",
            "--model",
            &place.model(model),
            "--data",
            &data,
            "--out",
            &out,
            "--batch-size",
            "3",
        ]);
        let scored = place.lines("scores.jsonl");
        let sum: f64 = scored
            .iter()
            .map(|row| row["nll"].as_f64().expect("nll"))
            .sum();
        let tokens: u64 = scored
            .iter()
            .map(|row| row["tokens"].as_u64().expect("tokens"))
            .sum();
        let oracle: Value = serde_json::from_str(&read(&folder.join("oracle.json"))).expect("JSON");
        let want = oracle["loss_sum"].as_f64().expect("a sum");
        assert!(((sum - want) / want).abs() < 1e-5, "{model}: {sum} {want}");
        assert_eq!(tokens, oracle["loss_tokens"].as_u64().expect("a count"));
    }
}
