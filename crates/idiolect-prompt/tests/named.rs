//! Named templates by name: their texts beside those of the chat templates, of `FastChat` and of the papers.

#![allow(
    clippy::unwrap_used,
    clippy::needless_raw_string_hashes,
    reason = "helpers of tests may panic; expect-test writes the hashes"
)]

mod common;

use common::{answered, assistant, golden, pieces, turns, user};
use expect_test::expect;
use idiolect_data::Message;
use idiolect_prompt::{ChatTemplate, ChatTokens, DistillTemplate, NamedTemplate, Preset};
use idiolect_testkit::shared_file;
use serde_json::Value;

#[test]
fn a_default_system_text_stands_where_none_is_given() {
    let template = NamedTemplate::by_name("alpaca").unwrap();
    let text = template.prompt(&[user("Q")]).unwrap().text("<s>", "</s>");
    expect![[r#"
        <s>Below is an instruction that describes a task. Write a response that appropriately completes the request.

        ### Instruction:
        Q

        ### Response:
    "#]].assert_eq(&text);
}

#[test]
fn plain_text_is_a_response_to_nothing() {
    let template = NamedTemplate::by_name("vanilla").unwrap();
    expect![[r#"
        <bos>
        «‹Once.›»
        «<eos>»
    "#]]
    .assert_eq(&pieces(&template.example(&[assistant("Once.")]).unwrap()));
    let error = template.example(&[user("Q")]).unwrap_err();
    expect!["template vanilla got an example without a response"].assert_eq(&error.to_string());
}

#[test]
fn unknown_names_are_answered_with_the_known_ones() {
    let error = NamedTemplate::by_name("llama4").unwrap_err().to_string();
    expect![[r#"unknown template "llama4", expected one of ["alpaca", "vanilla", "llama2", "llama3", "mistral", "chatml", "zephyr", "mistral-v1", "mistral-v3", "mistral-v3-tekken", "mistral-v7", "mistral-v7-tekken", "sdft-2402/main/alpaca", "sdft-2402/main/alpaca_gcg", "sdft-2402/main/gsm8k", "sdft-2402/main/gsm8k_infer", "sdft-2402/main/llama3_gsm8k", "sdft-2402/main/llama3_gsm8k_infer", "sdft-2402/reproduce/alpaca", "sdft-2402/reproduce/alpaca_gcg", "sdft-2402/reproduce/gsm8k", "sdft-2402/reproduce/gsm8k_infer", "nift-2409/vanilla", "mt-bench/one_shot", "mt-bench/zephyr", "mt-bench/llama-2", "mt-bench/llama-3", "mt-bench/mistral"]"#]].assert_eq(&error);
    assert!(Preset::by_name("sdft-2402").is_err() && DistillTemplate::by_name("use").is_err());
}

#[test]
fn every_prompt_is_the_beginning_of_its_example() {
    for name in NamedTemplate::names() {
        let template = NamedTemplate::by_name(&name).unwrap();
        for answered in [3, 5] {
            let prompt = template.prompt(&turns()[..answered - 1]).unwrap();
            let example = template.example(&turns()[..answered]).unwrap();
            let (prompt, example) = (prompt.text("<s>", "</s>"), example.text("<s>", "</s>"));
            assert!(
                example.starts_with(&prompt),
                "{name}: {prompt:?} {example:?}"
            );
        }
    }
}

#[test]
fn named_templates_write_what_chat_templates_write() {
    let golden = golden();
    for (named, row) in [
        ("llama2", "llama2"),
        ("llama3", "llama3"),
        ("zephyr", "zephyr"),
        ("chatml", "chatml"),
    ] {
        let named = NamedTemplate::by_name(named).unwrap();
        let row = golden["templates"]
            .as_array()
            .unwrap()
            .iter()
            .find(|r| r["name"] == row)
            .unwrap();
        let (bos, eos) = (row["bos"].as_str().unwrap(), row["eos"].as_str().unwrap());
        let tokens = ChatTokens {
            bos: Some(bos.into()),
            eos: Some(eos.into()),
            ..ChatTokens::default()
        };
        let chat = ChatTemplate::new(row["source"].as_str().unwrap(), tokens).unwrap();
        for case in [
            "answered",
            "system",
            "two_turns",
            "system_two_turns",
            "unicode",
        ] {
            let messages: Vec<Message> =
                serde_json::from_value(golden["conversations"][case].clone()).unwrap();
            let (ours, theirs) = (
                named.example(&messages).unwrap(),
                chat.example(&messages).unwrap(),
            );
            assert_eq!(
                ours.text(bos, eos),
                theirs.text("", ""),
                "{} {case}",
                named.name
            );
            assert_eq!(
                ours.trained_text(bos, eos),
                theirs.trained_text("", ""),
                "{} {case}",
                named.name
            );
        }
    }
}

/// The values of the reference's own template table, by name.
#[test]
fn the_presets_are_the_published_constants() {
    let Some(file) = shared_file("data/safety/sdft_constants.json") else {
        return;
    };
    let constants: Value = serde_json::from_slice(&std::fs::read(file).unwrap()).unwrap();
    for (name, row) in constants["templates"].as_object().unwrap() {
        let (form, distill) = match name.strip_suffix("_distill") {
            Some(short) => (DistillTemplate::by_name(short).unwrap().form, true),
            None => match name.strip_prefix("alpaca_distill_") {
                Some(short) => (DistillTemplate::by_name(short).unwrap().form, true),
                None => (
                    NamedTemplate::by_name(&format!("sdft-2402/main/{name}")).unwrap(),
                    false,
                ),
            },
        };
        let published = |key: &str, fill: &dyn Fn(&str) -> String| -> String {
            let slots = row[key].as_array().cloned().unwrap_or_default();
            slots
                .iter()
                .map(|s| s.as_str().map_or_else(|| "<s>".into(), fill))
                .collect()
        };
        let system = row["default_system"].as_str().unwrap().to_owned();
        let user_text = published("format_user", &|s| {
            s.replace("{{content}}", "Q").replace("{{resp}}", "A")
        });
        let system_text = match published("format_system", &|s| s.replace("{{content}}", &system)) {
            none if none.is_empty() => system,
            text => text,
        };
        let rendered = if distill {
            DistillTemplate::new(form, "").prompt(&answered()).unwrap()
        } else {
            form.prompt(&[user("Q")]).unwrap()
        };
        assert_eq!(
            rendered.text("<s>", ""),
            format!("{system_text}{user_text}"),
            "{name}"
        );
    }
    assert_eq!(constants["templates"].as_object().unwrap().len(), 10);
}

#[test]
fn mt_bench_conversations_are_those_of_fastchat() {
    let text = include_str!("golden/mt_bench.json");
    let golden: Value = serde_json::from_str(text).unwrap();
    let turn = |at: usize| golden["turns"][at].as_str().unwrap();
    let messages = [user(turn(0)), assistant(turn(1)), user(turn(2))];
    for (name, expected) in golden["texts"].as_object().unwrap() {
        let template = NamedTemplate::by_name(&format!("mt-bench/{name}")).unwrap();
        let bos = if name == "llama-3" {
            "<|begin_of_text|>"
        } else {
            "<s>"
        };
        let found = template.prompt(&messages).unwrap().text(bos, "</s>");
        assert_eq!(found, expected.as_str().unwrap(), "{name}");
    }
    assert_eq!(Preset::by_name("mt-bench").unwrap().templates.len(), 5);
}
