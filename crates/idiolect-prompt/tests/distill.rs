//! Prompts that ask for a reference answer in the model's own words, by themselves and in a chat.

#![allow(
    clippy::unwrap_used,
    clippy::format_collect,
    clippy::needless_raw_string_hashes,
    reason = "helpers of tests may panic; expect-test writes the hashes"
)]

mod common;

use common::{answered, assistant, example, pieces, system, user};
use expect_test::expect;
use idiolect_prompt::{DistillTemplate, Piece, Rendered, Segment};

#[test]
fn distillation_prompts_show_every_reference_answer() {
    let example = example(&[
        user(" Q1 {{resp}}"),
        assistant("A1 "),
        user("Q2"),
        assistant("A2"),
    ]);
    let raw = |name| {
        pieces(
            &DistillTemplate::by_name(name)
                .unwrap()
                .prompt(&example)
                .unwrap(),
        )
    };
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
    let using = DistillTemplate::using().messages(&answered());
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

/// The math prompt of the scripts begins the answer, in a chat as well: without the words a small model answers with
/// the number alone.
#[test]
fn opening_words_are_part_of_the_prompt() {
    let template = DistillTemplate::gsm8k();
    let opened = |before: &str| {
        let text = before.to_owned();
        let segment = Segment {
            text,
            trained: false,
            content: false,
        };
        let prompt = Rendered {
            pieces: vec![Piece::Text(vec![segment])],
        };
        prompt.with_opening(&template.chat_opening).text("", "")
    };
    let words = "Great! Let's think step by step. ";
    assert_eq!(opened("assistant\n"), format!("assistant\n{words}"));
    assert_eq!(opened("[/INST]"), format!("[/INST] {words}"));
    let using = DistillTemplate::using();
    let plain = Rendered::default().with_opening(&using.chat_opening);
    assert_eq!(plain, Rendered::default());
}
