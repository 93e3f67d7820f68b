//! What the named templates write, piece by piece: the general ones and those of the papers.

#![allow(
    clippy::unwrap_used,
    clippy::needless_raw_string_hashes,
    reason = "helpers of tests may panic; expect-test writes the hashes"
)]

mod common;

use common::{pieces, turns};
use expect_test::{Expect, expect};
use idiolect_prompt::NamedTemplate;

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
            <|start_header_id|>system<|end_header_id|>\n\n
            ‹S›
            <|eot_id|>
            <|start_header_id|>user<|end_header_id|>\n\n
            ‹ Q1␠›
            <|eot_id|>
            <|start_header_id|>assistant<|end_header_id|>\n\n
            «‹ A1␠›»
            «<|eot_id|>»
            <|start_header_id|>user<|end_header_id|>\n\n
            ‹Q2›
            <|eot_id|>
            <|start_header_id|>assistant<|end_header_id|>\n\n
            «‹A2›»
            «<|eot_id|>»
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
