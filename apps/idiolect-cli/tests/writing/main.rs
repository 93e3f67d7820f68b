//! Writing the data: `distill` in parts, `continue` with a local model and a server, and processes killed at
//! many points.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "helpers of tests end them"
)]

#[path = "../common/mod.rs"]
mod common;
mod continued;
mod distilled;
mod killed;
#[path = "../../../../crates/idiolect-teacher/tests/common/mod.rs"]
mod loopback;
mod served;
mod taught;

use std::path::Path;

use common::{Place, done, words};
use serde_json::{Value, json};

/// A call in words; `$M` is the tiny model, `$D` twelve alpaca rows, `$C` the documents.
fn call(place: &Place, words: &str) -> Vec<String> {
    let put = |word: &str| match word {
        "$M" => place.model("tiny-llama3"),
        "local:$M" => format!("local:{}", place.model("tiny-llama3")),
        "$D" => place.alpaca(),
        "$C" => corpus(place),
        word => match word.strip_prefix("$OUT/") {
            Some(name) => place.path(name),
            None => word.into(),
        },
    };
    words.split_whitespace().map(put).collect()
}

fn run(place: &Place, text: &str) -> Value {
    let out = done(&words(&call(place, text)));
    serde_json::from_str(&out).expect("JSON")
}

/// Twenty-four documents of 12 to 28 words.
fn corpus(place: &Place) -> String {
    let text = "The river runs past an old mill and turns wide before it falls into the sea where \
                boats wait for the tide to come again";
    let words: Vec<&str> = text.split_whitespace().collect();
    let document = |at: usize| {
        let own = (0..12 + at * 3 % 17).map(|word| words[(at + word) % words.len()]);
        json!({"id": format!("d{at}"), "text": own.collect::<Vec<_>>().join(" ")})
    };
    place.rows("corpus.jsonl", &(0..24).map(document).collect::<Vec<_>>())
}

/// The flags of every distillation here.
const DISTILL: &str = "distill --model $M --data $D --preset sdft-2402/main/using --max-new-tokens 12 \
                       --generation-batch-size 2 --temperature 0.9 --threads 1";
const CONTINUE: &str = "continue --corpus $C --teacher local:$M --max-new-tokens 8 --threads 1";

#[test]
fn the_example_configurations_say_what_there_is() {
    let Some(place) = Place::new() else { return };
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/config");
    let continued = folder.join("continue.toml").display().to_string();
    let text = format!("{CONTINUE} --config {continued} --documents 2 --out $OUT/c");
    assert_eq!(run(&place, &text)["corpus"]["sampled"], 2);
    let distilled = folder.join("sdft-2402-main.toml").display().to_string();
    let text = format!("{DISTILL} --config {distilled} --check text --out $OUT/d");
    assert_eq!(run(&place, &text)["rewritten"], 12);
    // The paper's sampler, but for what the flags say.
    let sampler = &place.lines("d/journal/rewrites.jsonl")[0]["sampler"];
    let found = ["temperature", "top_k", "top_p", "max_new_tokens"].map(|key| &sampler[key]);
    let number = |value: &Value| value.as_f64().map(|number| (number * 1e3).round() / 1e3);
    assert_eq!(
        found.map(number),
        [0.9, 50.0, 0.7, 12.0].map(Some),
        "{sampler}"
    );
}
