//! Named templates: their text, their spans, and the presets' slots.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::format_collect,
    clippy::needless_raw_string_hashes,
    reason = "helpers of tests may panic; expect-test writes the hashes"
)]

mod common;

use common::{assistant, golden, shared, system, user};
use expect_test::{Expect, expect};
use idiolect_data::{Example, Message};
use idiolect_prompt::{
    ChatTemplate, ChatTokens, DistillTemplate, NamedTemplate, Piece, Preset, Rendered, Special,
};
use serde_json::Value;

/// One line a piece: trained text in «», message text in ‹›, special tokens in angle brackets.
fn pieces(rendered: &Rendered) -> String {
    let line = |piece: &Piece| match piece {
        Piece::Special { token, trained } => {
            let name = match token {
                Special::Bos => "<bos>",
                Special::Eos => "<eos>",
                Special::Named(name) => name,
            };
            if *trained {
                format!("«{name}»")
            } else {
                name.to_owned()
            }
        }
        Piece::Text(segments) => segments
            .iter()
            .map(|segment| {
                let text = segment.text.replace('\n', "\\n");
                let text = text
                    .strip_suffix(' ')
                    .map_or(text.clone(), |text| format!("{text}␠"));
                let text = if segment.content {
                    format!("‹{text}›")
                } else {
                    text
                };
                if segment.trained {
                    format!("«{text}»")
                } else {
                    text
                }
            })
            .collect(),
    };
    rendered
        .pieces
        .iter()
        .map(|piece| line(piece) + "\n")
        .collect()
}

fn turns() -> Vec<Message> {
    vec![
        system("S"),
        user(" Q1 "),
        assistant(" A1 "),
        user("Q2"),
        assistant("A2"),
    ]
}

fn check(name: &str, expected: &Expect) {
    let template = NamedTemplate::by_name(name).unwrap();
    expected.assert_eq(&pieces(&template.example(&turns()).unwrap()));
}

#[test]
fn the_general_templates_of_plain_text_and_llama() {
    check(
        "alpaca",
        &expect![[r#"
            <bos>
            ‹S›\n\n### Instruction:\n‹ Q1␠›\n\n### Response:\n«‹ A1␠›»
            «<eos>»
            \n\n### Instruction:\n‹Q2›\n\n### Response:\n«‹A2›»
            «<eos>»
        "#]],
    );
    check(
        "vanilla",
        &expect![[r#"
            <bos>
            ‹S›\n\n‹ Q1␠›«‹ A1␠›»
            «<eos>»
            ‹Q2›«‹A2›»
            «<eos>»
        "#]],
    );
    check(
        "llama2",
        &expect![[r#"
            <bos>
            [INST] <<SYS>>\n‹S›\n<</SYS>>\n\n‹ Q1␠› [/INST]«␠»«‹ A1␠›»«␠»
            «<eos>»
            <bos>
            [INST]␠‹Q2› [/INST]«␠»«‹A2›»«␠»
            «<eos>»
        "#]],
    );
    check(
        "llama3",
        &expect![[r#"
            <bos>
            <|start_header_id|>system<|end_header_id|>\n\n‹S›<|eot_id|><|start_header_id|>user<|end_header_id|>\n\n‹ Q1␠›<|eot_id|><|start_header_id|>assistant<|end_header_id|>\n\n«‹ A1␠›»«<|eot_id|>»<|start_header_id|>user<|end_header_id|>\n\n‹Q2›<|eot_id|><|start_header_id|>assistant<|end_header_id|>\n\n«‹A2›»«<|eot_id|>»
        "#]],
    );
}

#[test]
fn the_general_templates_of_other_families() {
    check(
        "mistral",
        &expect![[r#"
            <bos>
            [INST]␠‹S›\n\n‹ Q1␠› [/INST]«␠»«‹ A1␠›»
            «<eos>»
            [INST]␠‹Q2› [/INST]«␠»«‹A2›»
            «<eos>»
        "#]],
    );
    check(
        "chatml",
        &expect![[r#"
            <|im_start|>system\n‹S›<|im_end|>\n<|im_start|>user\n‹ Q1␠›<|im_end|>\n<|im_start|>assistant\n«‹ A1␠›»«<|im_end|>»\n<|im_start|>user\n‹Q2›<|im_end|>\n<|im_start|>assistant\n«‹A2›»«<|im_end|>»
        "#]],
    );
    check(
        "zephyr",
        &expect![[r#"
            <|system|>\n‹S›
            <eos>
            \n<|user|>\n‹ Q1␠›
            <eos>
            \n<|assistant|>\n«‹ A1␠›»
            «<eos>»
            \n<|user|>\n‹Q2›
            <eos>
            \n<|assistant|>\n«‹A2›»
            «<eos>»
        "#]],
    );
}

#[test]
fn the_forms_of_branch_main() {
    check(
        "sdft-2402/main/alpaca",
        &expect![[r#"
            ‹S›
            ### Instruction:\n‹ Q1␠›\n\n### Response:\n
            «‹ A1␠›»
            «<eos>»
            \n\n
            ### Instruction:\n‹Q2›\n\n### Response:\n
            «‹A2›»
            «<eos>»
        "#]],
    );
    check(
        "sdft-2402/main/gsm8k",
        &expect![[r#"
            <<SYS>>\n‹S›\n<</SYS>>\n\n
            <bos>
            [INST]␠‹ Q1␠› [/INST]
            «‹ A1␠›»
            «<eos>»
            <bos>
            [INST]␠‹Q2› [/INST]
            «‹A2›»
            «<eos>»
        "#]],
    );
    check(
        "sdft-2402/main/llama3_gsm8k",
        &expect![[r#"
            <bos>
            <|start_header_id|>system<|end_header_id|>\n\n‹S›<|eot_id|>
            <|start_header_id|>user<|end_header_id|>\n\n‹ Q1␠›<|eot_id|><|start_header_id|>assistant<|end_header_id|>\n\n
            «‹ A1␠›»
            «<|eot_id|>»
            <|start_header_id|>user<|end_header_id|>\n\n‹Q2›<|eot_id|><|start_header_id|>assistant<|end_header_id|>\n\n
            «‹A2›»
            «<|eot_id|>»
        "#]],
    );
}

#[test]
fn the_forms_of_branch_reproduce() {
    check(
        "sdft-2402/reproduce/alpaca",
        &expect![[r#"
            <bos>
            ‹S›
            \n\n
            ### Instruction:\n‹Q1›\n\n### Response:\n
            «‹ A1␠›»
            «<eos>»
            \n\n
            <bos>
            ### Instruction:\n‹Q2›\n\n### Response:\n
            «‹A2›»
            «<eos>»
        "#]],
    );
    check(
        "sdft-2402/reproduce/gsm8k",
        &expect![[r#"
            <bos>
            <<SYS>>\n‹S›\n<</SYS>>\n\n
            [INST]␠‹Q1› [/INST]
            «‹ A1␠›»
            «<eos>»
            <bos>
            [INST]␠‹Q2› [/INST]
            «‹A2›»
            «<eos>»
        "#]],
    );
}

#[test]
fn a_default_system_text_stands_where_none_is_given() {
    let template = NamedTemplate::by_name("alpaca").unwrap();
    let text = template.prompt(&[user("Q")]).text("<s>", "</s>");
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
    expect![[r#"unknown template "llama4", expected one of ["alpaca", "vanilla", "llama2", "llama3", "mistral", "chatml", "zephyr", "sdft-2402/main/alpaca", "sdft-2402/main/alpaca_gcg", "sdft-2402/main/gsm8k", "sdft-2402/main/gsm8k_infer", "sdft-2402/main/llama3_gsm8k", "sdft-2402/main/llama3_gsm8k_infer", "sdft-2402/reproduce/alpaca", "sdft-2402/reproduce/alpaca_gcg", "sdft-2402/reproduce/gsm8k", "sdft-2402/reproduce/gsm8k_infer", "nift-2409/vanilla", "mt-bench/one_shot", "mt-bench/zephyr", "mt-bench/llama-2", "mt-bench/llama-3", "mt-bench/mistral"]"#]].assert_eq(&error);
    assert!(Preset::by_name("sdft-2402").is_err() && DistillTemplate::by_name("use").is_err());
}

#[test]
fn every_prompt_is_the_beginning_of_its_example() {
    for name in NamedTemplate::names() {
        let template = NamedTemplate::by_name(name).unwrap();
        for answered in [3, 5] {
            let prompt = template.prompt(&turns()[..answered - 1]);
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

fn example(messages: &[Message]) -> Example {
    Example {
        id: 7.into(),
        messages: messages.to_vec(),
    }
}

#[test]
fn distillation_prompts_show_every_reference_answer() {
    let example = example(&[
        user(" Q1 {{resp}}"),
        assistant("A1 "),
        user("Q2"),
        assistant("A2"),
    ]);
    let raw = |name| pieces(&DistillTemplate::by_name(name).unwrap().prompt(&example));
    expect![[r#"
        ‹Below are an instruction that describes a task along with a reference answer. Using the reference answer as a guide, write your own response.›
        ### Instruction:\n‹ Q1 {{resp}}›\n\n### Reference Answer:\n‹A1␠›\n\n### Response:\n
        «‹A1␠›»
        «<eos>»
        \n\n
        ### Instruction:\n‹Q2›\n\n### Reference Answer:\n‹A2›\n\n### Response:\n
    "#]].assert_eq(&raw("using"));
    expect![[r#"
        <bos>
        ‹Below are an instruction that describes a task along with a reference answer. Refer to the reference answer and write your own response.›
        \n\n
        ### Instruction:\n‹Q1 {{resp}}›\n\n### Reference Answer:\n‹A1›\n\n### Response:\n
        «‹A1␠›»
        «<eos>»
        \n\n
        <bos>
        ### Instruction:\n‹Q2›\n\n### Reference Answer:\n‹A2›\n\n### Response:\n
    "#]].assert_eq(&raw("sdft-2402/reproduce/refer"));
    expect![[r#"
        <<SYS>>\n‹You are an expert in math. Below are a math question and its reference answer. Refer to the reference answer and write a response that appropriately answers the question.›\n<</SYS>>\n\n
        <bos>
        [INST]␠‹ Q1 {{resp}}›\n\n‹A1␠› [/INST] Great! Let's think step by step.␠
        «‹A1␠›»
        «<eos>»
        <bos>
        [INST]␠‹Q2›\n\n‹A2› [/INST] Great! Let's think step by step.␠
    "#]].assert_eq(&raw("gsm8k"));
    expect![[r#"
        <bos>
        <<SYS>>\n‹You are an expert in math. Below are a math question and its reference answer. Refer to the reference answer and write a response that appropriately answers the question.›\n<</SYS>>\n\n
        [INST]␠‹Q1 {{resp}}›\n\n‹A1› [/INST] Great! Let's think step by step.␠
        «‹A1␠›»
        «<eos>»
        <bos>
        [INST]␠‹Q2›\n\n‹A2› [/INST] Great! Let's think step by step.␠
    "#]].assert_eq(&raw("sdft-2402/reproduce/gsm8k"));
    expect![[r#"
        <bos>
        <|start_header_id|>system<|end_header_id|>\n\n‹You are an expert in math. Below are a math question and its reference answer. Refer to the reference answer and write a response that appropriately answers the question.›<|eot_id|>
        <|start_header_id|>user<|end_header_id|>\n\n‹ Q1 {{resp}}›\n\n‹A1␠›<|eot_id|><|start_header_id|>assistant<|end_header_id|>\n\nGreat! Let's think step by step.␠
        «‹A1␠›»
        «<|eot_id|>»
        <|start_header_id|>user<|end_header_id|>\n\n‹Q2›\n\n‹A2›<|eot_id|><|start_header_id|>assistant<|end_header_id|>\n\nGreat! Let's think step by step.␠
    "#]].assert_eq(&raw("llama3_gsm8k"));
}

#[test]
fn distillation_inside_a_chat_template_is_a_question() {
    let example = example(&[
        system("S"),
        user("Q1 {{resp}}"),
        assistant("A1"),
        user("Q2"),
        assistant("A2"),
    ]);
    let messages = DistillTemplate::gsm8k().messages(&example);
    let shown: String = messages
        .iter()
        .map(|m| format!("{}: {}\n", m.role.as_str(), m.content))
        .collect();
    expect![[r#"
        system: S
        user: You are an expert in math. Below are a math question and its reference answer. Refer to the reference answer and write a response that appropriately answers the question.

        Q1 {{resp}}

        A1
        assistant: A1
        user: Q2

        A2
    "#]].assert_eq(&shown);
    let using = DistillTemplate::using().messages(&common_example());
    let shown: Vec<&str> = using.iter().map(|m| m.content.as_str()).collect();
    expect![[r#"
        Below are an instruction that describes a task along with a reference answer. Using the reference answer as a guide, write your own response.

        ### Instruction:
        Q

        ### Reference Answer:
        A

        ### Response:
    "#]].assert_eq(&shown.join("|"));
}

fn common_example() -> Example {
    example(&[user("Q"), assistant("A")])
}

/// The values of the reference's own template table, by name.
#[test]
fn the_presets_are_the_published_constants() {
    let Some(file) = shared("data/safety/sdft_constants.json") else {
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
            DistillTemplate {
                form,
                chat_user: "",
            }
            .prompt(&common_example())
        } else {
            form.prompt(&[user("Q")])
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
        let found = template.prompt(&messages).text(bos, "</s>");
        assert_eq!(found, expected.as_str().unwrap(), "{name}");
    }
    assert_eq!(Preset::by_name("mt-bench").unwrap().templates.len(), 5);
}
