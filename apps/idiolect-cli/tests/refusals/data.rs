//! Rows and tokens that are wrong.

use std::fs;

use serde_json::{Value, json};

use crate::common::{Place, done, refused};

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
        b"{\"messages\": [{\"role\": \"robot\", \"content\": \"x\"}]}",
        &["--format", "messages"],
        &["robot"],
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
