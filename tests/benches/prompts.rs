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

use idiolect::data::Row;
use idiolect_cli::commands::distill::{Keys, read};
use idiolect_cli::distilling::{generation, settings};
use idiolect_cli::keys::{DataKeys, DistillKeys, ModelKeys};
use idiolect_cli::opened::Opened;
use serde_json::{Value, json};

fn main() {
    let words: Vec<String> = std::env::args().filter(|word| word != "--bench").collect();
    let [_, out, model, data, rows, preset] = words.as_slice() else {
        return;
    };
    let keys = keys(model, data, rows, preset);
    let set = read(&keys.data, keys.seed()).expect("a data set");
    let opened = Opened::new(&keys.model, None, None).expect("a model");
    let generation = generation(&keys, &opened);
    let settings = settings(&keys, &opened, &generation).expect("settings");
    let row = |row: &Row| {
        let prompt = settings.prompt(&row.example).expect("a prompt");
        let ids = opened.tokenizer.encode(&prompt).expect("tokens").ids;
        json!({ "id": row.example.id, "prompt": ids })
    };
    let rows: Vec<Value> = set.rows.iter().map(row).collect();
    let generation = generation.settings;
    let all = json!({ "rows": rows, "max_new_tokens": generation.max_new_tokens,
        "stop_tokens": generation.stops.tokens, "stop_strings": generation.stops.strings });
    std::fs::write(out, all.to_string()).expect("a file");
}

fn keys(model: &str, data: &str, rows: &str, preset: &str) -> Keys {
    Keys {
        model: ModelKeys {
            model: Some(model.to_owned()),
            ..ModelKeys::default()
        },
        data: DataKeys {
            data: vec![data.into()],
            sample: Some(rows.parse().expect("a number of rows")),
            ..DataKeys::default()
        },
        distill: DistillKeys {
            preset: Some(preset.to_owned()),
            ..DistillKeys::default()
        },
        ..Keys::default()
    }
}
