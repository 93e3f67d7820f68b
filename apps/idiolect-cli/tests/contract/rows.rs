//! Rows and templates that people bring: what is trained of them, and what is said of those that cannot be used.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use crate::common::{Place, done, idiolect, on_data, refused};

/// A copy of a tiny checkpoint with another chat template, or none.
fn model_with(place: &Place, name: &str, template: &Value) -> String {
    let (from, to) = (
        place.tiny.join("tiny-llama3"),
        place.folder.path().join(name),
    );
    fs::create_dir_all(&to).unwrap();
    for file in [
        "config.json",
        "generation_config.json",
        "model.safetensors",
        "tokenizer.json",
    ] {
        if from.join(file).is_file() {
            fs::copy(from.join(file), to.join(file)).unwrap();
        }
    }
    let config = fs::read_to_string(from.join("tokenizer_config.json")).unwrap();
    let mut config: Value = serde_json::from_str(&config).unwrap();
    config["chat_template"] = template.clone();
    fs::write(to.join("tokenizer_config.json"), config.to_string()).unwrap();
    to.display().to_string()
}

fn shown(model: &str, data: &str, more: &[&str]) -> String {
    let call = ["inspect", "--model", model, "--data", data, "--rows", "9"];
    let said = done(&[&call[..], more].concat());
    said[said.find("---").unwrap_or(said.len())..].to_owned()
}

const TOOLS: &str = "{% if tools %}<|im_start|>system\nTools: {{ tools | tojson }}<|im_end|>\n{% endif %}{% for m in messages %}\
    <|im_start|>{{ m.role }}\n{% if m.tool_calls %}{% for c in m.tool_calls %}CALL {{ c.function.name }} {{ c.function.arguments }}\
    {% endfor %}{% else %}{{ m.content }}{% endif %}<|im_end|>\n{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}";

#[test]
fn tools_calls_and_weights_of_rows_reach_the_mask() {
    let Some(place) = Place::new() else { return };
    let model = model_with(&place, "tools", &json!(TOOLS));
    let call = json!([{"id": "c1", "type": "function", "function": {"name": "get_tide", "arguments": "{\"harbour\": \"Husum\"}"}}]);
    let data = place.rows("tools.jsonl", &[
        json!({"id": 1, "tools": [{"type": "function", "function": {"name": "get_tide"}}],
               "messages": [{"role": "user", "content": "How high?"}, {"role": "assistant", "content": "2.1 m"}]}),
        json!({"id": 2, "messages": [{"role": "user", "content": "How high?"}, {"role": "assistant", "content": null, "tool_calls": call},
               {"role": "tool", "tool_call_id": "c1", "content": "2.1 m"}, {"role": "assistant", "content": "It is 2.1 m."}]}),
        json!({"id": 3, "messages": [{"role": "user", "content": "2+2?"}, {"role": "assistant", "content": "5", "weight": 0},
               {"role": "user", "content": "Sure?"}, {"role": "assistant", "content": "No, 4."}]}),
    ]);
    let said = shown(&model, &data, &[]);
    for part in [
        "--- 1\n<|im_start|>system\nTools: [{\"type\": \"function\", \"function\": {\"name\": \"get_tide\"}}]<|im_end|>\n<|im_start|>user",
        "assistant\n«CALL get_tide {\"harbour\": \"Husum\"}<|im_end|>»\n<|im_start|>tool\n2.1 m<|im_end|>\n<|im_start|>assistant\n«It is 2.1 m.<|im_end|>»",
        "assistant\n5<|im_end|>\n<|im_start|>user\nSure?<|im_end|>\n<|im_start|>assistant\n«No, 4.<|im_end|>»",
    ] {
        assert!(said.contains(part), "{part}\n{said}");
    }
}

#[test]
fn bad_rows_end_the_reading_or_are_left_out_and_counted() {
    let Some(place) = Place::new() else { return };
    let model = place.model("tiny-llama3");
    let good = |id: &str| json!({"id": id, "messages": [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}]});
    let data = place.rows("mixed.jsonl", &[
        good("x"),
        json!({"id": "roles", "messages": [{"role": "chatgpt", "content": "b"}]}),
        json!({"id": "unanswered", "messages": [{"role": "user", "content": "a"}]}),
        json!({"id": "two", "messages": [{"role": "user", "content": "a"}, {"role": "user", "content": "b"}, {"role": "assistant", "content": "c"}]}),
    ]);
    refused(
        &["inspect", "--model", &model, "--data", &data],
        &["row 1 (line 2)", "found \"chatgpt\""],
    );
    let out = place.path("run");
    let skip = ["--bad-rows", "skip", "--max-steps", "1", "--out", &out];
    let run = idiolect(&on_data("train", [&model, &data], &skip));
    let said = String::from_utf8_lossy(&run.stderr).into_owned();
    assert!(run.status.success(), "{said}");
    assert!(
        said.contains(
            "2 rows cannot be used and are skipped, the first of them row roles (line 2)"
        ),
        "{said}"
    );
    let listed = place.lines("run/skipped.jsonl");
    let ids: Vec<&Value> = listed.iter().map(|row| &row["id"]).collect();
    assert_eq!(ids, ["roles", "unanswered"]);
    let scores = place.path("scores.jsonl");
    let skip = ["--bad-rows", "skip", "--out", &scores];
    done(&on_data("score", [&model, &data], &skip));
    assert_eq!(
        (
            place.lines("scores.jsonl").len(),
            place.lines("scores.jsonl.skipped.jsonl").len()
        ),
        (2, 2)
    );
}

#[test]
fn one_long_prompt_among_others_costs_its_own_row_only() {
    let Some(place) = Place::new() else { return };
    let model = place.model("tiny-llama3");
    let long = "Sum up: the sea is grey and wide. ".repeat(40);
    let data = place.rows(
        "long.jsonl",
        &[
            json!({"id": "a", "instruction": "Name a sea.", "output": "North Sea."}),
            json!({"id": "b", "instruction": long, "output": "Grey."}),
        ],
    );
    let out = place.path("distilled");
    let more = ["--out", &out, "--max-new-tokens", "8"];
    let said = done(&on_data("distill", [&model, &data], &more));
    let summary: Value = serde_json::from_str(&said).unwrap();
    assert_eq!(summary["target_nll"]["too_long"], 1);
    assert!(summary["target_nll"]["after"]["tokens"].as_u64() > Some(0));
    assert_eq!(
        (
            &summary["rewritten"],
            &summary["refused"]["prompt_too_long"]
        ),
        (&json!(2), &json!(1))
    );
    let rows = place.lines("distilled/distilled.jsonl");
    assert_eq!(
        (&rows[1]["id"], &rows[1]["output"]),
        (&json!("b"), &json!("Grey."))
    );
    let call = [
        "generate",
        "--model",
        &model,
        "--prompts",
        &data,
        "--max-new-tokens",
        "8",
    ];
    refused(&call, &["exceed the context of 256"]);
    let texts = place.path("texts.jsonl");
    done(&[&call[..], &["--bad-rows", "skip", "--out", &texts]].concat());
    assert_eq!(place.lines("texts.jsonl").len(), 1);
    assert_eq!(place.lines("texts.jsonl.skipped.jsonl")[0]["id"], "b");
}

#[test]
fn a_model_without_a_default_template_says_so_in_one_line() {
    let Some(place) = Place::new() else { return };
    let named = json!([{"name": "tool_use", "template": TOOLS}, {"name": "rag", "template": "R"}]);
    let data = place.rows("plain.jsonl", &[json!({"messages": [{"role": "user", "content": "q"}, {"role": "assistant", "content": "a"}]})]);
    for (name, template, found) in [
        ("none", &Value::Null, "no default chat template:"),
        (
            "named",
            &named,
            "no default chat template, only tool_use and rag:",
        ),
    ] {
        let model = model_with(&place, name, template);
        let run = idiolect(&["inspect", "--model", &model, "--data", &data]);
        let said = String::from_utf8_lossy(&run.stderr).into_owned();
        assert!(run.status.success() && said.lines().count() == 1, "{said}");
        assert!(
            said.contains(found) && said.contains("rendered as alpaca"),
            "{said}"
        );
    }
}

#[test]
fn a_template_that_prints_the_day_gets_it_and_keeps_it() {
    let Some(place) = Place::new() else { return };
    let source = "{%- set today = strftime_now('%Y-%m-%d') %}<|im_start|>system\nToday is {{ today }}.<|im_end|>\n{% for m in messages %}\
        <|im_start|>{{ m['role'] }}\n{{ m['content'] }}<|im_end|>\n{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}";
    let model = model_with(&place, "dated", &json!(source));
    let data = place.rows("plain.jsonl", &[json!({"messages": [{"role": "user", "content": "q"}, {"role": "assistant", "content": "a"}]})]);
    refused(
        &["inspect", "--model", &model, "--data", &data],
        &["strftime_now", "--date"],
    );
    refused(
        &[
            "inspect",
            "--model",
            &model,
            "--data",
            &data,
            "--date",
            "2025-02-30",
        ],
        &["2025-02-30"],
    );
    let said = shown(&model, &data, &["--date", "2025-01-31"]);
    assert!(said.contains("Today is 2025-01-31."), "{said}");
    let out = place.path("run");
    done(&[
        "train",
        "--model",
        &model,
        "--data",
        &data,
        "--date",
        "2025-01-31",
        "--max-steps",
        "1",
        "--out",
        &out,
    ]);
    let kept = place.read("run/adapter/template.json");
    assert!(kept.contains("\"date\": \"2025-01-31\""), "{kept}");
    assert!(place.read("run/run.toml").contains("date = \"2025-01-31\""));
    let adapter = place.path("run/adapter");
    let said = shown(&model, &data, &["--adapter", &adapter]);
    assert!(said.contains("Today is 2025-01-31."), "{said}");
}

/// Values of transformers 5.24.0 on the same folder and row: 57.8208 nats.
#[test]
fn windows_line_ends_and_unmarked_ends_of_turn_change_no_likelihood() {
    let Some(place) = Place::new() else { return };
    let data = place.rows("sc.jsonl", &[json!({"id": 1, "messages": [
        {"role": "user", "content": "Name a sea, please."}, {"role": "assistant", "content": "North Sea"}]})]);
    let nll = |model: &str| {
        let said = done(&["score", "--model", model, "--data", &data]);
        serde_json::from_str::<Value>(&said).unwrap()["nll"]
            .as_f64()
            .unwrap()
    };
    let lines = "{% for m in messages %}\n<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n{% endfor %}\n\
        {% if add_generation_prompt %}\n<|im_start|>assistant\n{% endif %}";
    let crlf = model_with(&place, "crlf", &json!(lines.replace('\n', "\r\n")));
    let unmarked = model_with(&place, "unmarked", &json!(lines));
    let path = Path::new(&unmarked).join("tokenizer.json");
    let mut tokenizer: Value = serde_json::from_str(&fs::read_to_string(&path).unwrap()).unwrap();
    for token in tokenizer["added_tokens"].as_array_mut().unwrap() {
        token["special"] = json!(false);
    }
    fs::write(&path, tokenizer.to_string()).unwrap();
    for model in [crlf, unmarked] {
        assert!(
            (nll(&model) - 57.8208).abs() < 1e-4,
            "{model}: {}",
            nll(&model)
        );
    }
}
