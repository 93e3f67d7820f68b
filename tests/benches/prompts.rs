//! The prompts of a distillation as token ids, for a peer to write the same rows: no benchmark by itself.
//!
//! `cargo bench -p idiolect-tests --bench prompts -- OUT.json MODEL DATA ROWS PRESET` samples and renders as
//! `idiolect distill` with those settings does, and writes for each row the id and the ids of its prompt,
//! beside what ends a row. `cargo xtask distill-bench --python PYTHON` hands it to `distill_peer.py`.
#![allow(
    missing_docs,
    clippy::expect_used,
    clippy::panic,
    reason = "a tool of a benchmark ends where it cannot go on"
)]

use idiolect::completion::Prompt;
use idiolect::data::{DataSettings, Row};
use idiolect::distill::DistillSettings;
use idiolect::generate::GenerationSettings;
use idiolect::{LanguageModel, read_sample};
use serde_json::{Value, json};

fn main() {
    let words: Vec<String> = std::env::args().filter(|word| word != "--bench").collect();
    let [_, out, model, data, rows, preset] = words.as_slice() else {
        return;
    };
    let data = DataSettings {
        data: vec![data.into()],
        sample: Some(rows.parse().expect("a number of rows")),
        ..DataSettings::default()
    };
    let set = read_sample(&data, 42).expect("a data set");
    let model = LanguageModel::open(model).expect("a model");
    let settings = DistillSettings {
        preset: preset.clone(),
        ..DistillSettings::default()
    };
    let config = settings.config(model.template(), 42).expect("settings");
    let row = |row: &Row| {
        let Prompt::Rendered(prompt) = config.prompt(&row.example).expect("a prompt") else {
            panic!("a rendered prompt");
        };
        let ids = model.tokenizer().encode(&prompt).expect("tokens").ids;
        json!({ "id": row.example.id, "prompt": ids })
    };
    let rows: Vec<Value> = set.rows.iter().map(row).collect();
    let generation = GenerationSettings::default();
    let mut stops = settings.stops(model.template());
    stops.extend(
        model
            .template()
            .stop_texts()
            .iter()
            .map(ToString::to_string),
    );
    let all = json!({ "rows": rows, "max_new_tokens": generation.max_new_tokens,
        "stop_tokens": model.stop_tokens(), "stop_strings": stops });
    std::fs::write(out, all.to_string()).expect("a file");
}
