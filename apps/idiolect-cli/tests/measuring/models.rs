//! `metrics` that need a model: the shift of weights, and the likeness of sentences.

use serde_json::{Value, json};

use crate::close;
use crate::common::{Place, done, merge, refused};

#[test]
fn shift_is_that_of_the_merged_model_and_an_adapter_is_at_its_own_place() {
    let Some(place) = Place::new() else { return };
    let (model, merged) = (place.model("tiny-llama3"), place.path("merged"));
    let adapter = place.adapter("tiny-llama3/qv/adapter_final");
    merge(&model, &adapter, &merged);
    let shift = |more: &[&str]| -> Value {
        let text = done(&[&["metrics", "shift", "--model", &model], more].concat());
        serde_json::from_str(&text).unwrap()
    };
    let thin = shift(&["--adapter", &adapter]);
    let dense = shift(&["--other", &merged]);
    assert!(0.0 < thin["shift"].as_f64().unwrap());
    close(&thin["shift"], &dense["shift"], 1e-4, "shift");
    let none = shift(&["--adapter", &adapter, "--adapter", &adapter]);
    close(&none["shift"], &json!(0), 1e-5, "shift");
    refused(
        &["metrics", "shift", "--model", &model],
        &["metrics shift", "adapter", "other"],
    );
}

#[test]
fn embedding_needs_no_language_model_and_gives_the_recorded_cosine() {
    let (Some(place), Some(folder)) = (Place::new(), idiolect_testkit::minilm()) else {
        return;
    };
    let pair = json!({"id": "x", "reference": "This is an example sentence", "hypothesis": "Each sentence is converted"});
    let (rows, folder) = (
        place.rows("rows.jsonl", &[pair]),
        folder.display().to_string(),
    );
    let out = place.path("scores.jsonl");
    done(&[
        "metrics",
        "embedding",
        "--in",
        &rows,
        "--model",
        &folder,
        "--out",
        &out,
    ]);
    close(
        &place.lines("scores.jsonl")[0]["cosine"],
        &json!(0.404_559),
        1e-5,
        "cosine",
    );
    refused(&["metrics", "embedding", "--in", &rows], &["--model"]);
    let none = place.path("none");
    refused(
        &["metrics", "embedding", "--in", &rows, "--model", &none],
        &["none/config.json"],
    );
}
