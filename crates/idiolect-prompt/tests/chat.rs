//! Chat templates against the texts that transformers renders, and what they refuse.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::needless_raw_string_hashes,
    reason = "helpers of tests may panic; expect-test writes the hashes"
)]

mod common;

use common::{assistant, golden, template, user};
use expect_test::expect;
use idiolect_data::{Message, Role};
use idiolect_prompt::{ChatTemplate, ChatTokens, Date, PromptError};
use serde_json::Value;

fn conversation(golden: &Value, name: &str) -> Vec<Message> {
    serde_json::from_value(golden["conversations"][name].clone()).unwrap()
}

#[test]
fn prompts_are_what_transformers_renders() {
    let golden = golden();
    for row in golden["templates"].as_array().unwrap() {
        let chat = template(row["name"].as_str().unwrap());
        for case in row["cases"].as_array().unwrap() {
            let messages = conversation(&golden, case["conversation"].as_str().unwrap());
            if case["add_generation_prompt"] == false {
                continue;
            }
            match chat.prompt(&messages) {
                Ok(rendered) => assert_eq!(rendered.text("", ""), case["text"], "{row}"),
                Err(PromptError::Refused { reason, .. }) => assert_eq!(reason, case["refused"]),
                // It looks into its messages, which the others do not.
                Err(PromptError::Forged { .. }) => assert_eq!(row["name"], "dialect"),
                Err(error) => panic!("{error}"),
            }
        }
    }
}

#[test]
fn examples_are_what_transformers_renders_up_to_the_end_of_turn() {
    let golden = golden();
    let mut broken = Vec::new();
    for row in golden["templates"].as_array().unwrap() {
        let name = row["name"].as_str().unwrap();
        let chat = template(name);
        for case in row["cases"].as_array().unwrap() {
            let conversation_name = case["conversation"].as_str().unwrap();
            let messages = conversation(&golden, conversation_name);
            let answered = messages.last().is_some_and(|m| m.role == Role::Assistant);
            if case["add_generation_prompt"] == true || !answered || case["text"].is_null() {
                continue;
            }
            let expected = case["text"].as_str().unwrap();
            match chat.example(&messages) {
                Ok(rendered) if name != "dialect" => {
                    assert_eq!(rendered.text("", ""), expected.trim_end(), "{name}");
                }
                Ok(rendered) => assert!(expected.starts_with(&rendered.text("", ""))),
                Err(PromptError::Prefix { .. }) => {
                    broken.push(format!("{name} {conversation_name}"));
                }
                Err(PromptError::NoEndOfTurn { .. } | PromptError::Forged { .. })
                    if name == "dialect" => {}
                Err(error) => panic!("{name} {conversation_name}: {error}"),
            }
        }
    }
    // v0.3 puts the system text before the last question, and before none once that is answered.
    broken.retain(|case| !case.starts_with("dialect"));
    assert_eq!(broken, ["mistral_v3 system", "mistral_v3 system_two_turns"]);
}

fn refusal(source: &str, messages: &[Message]) -> String {
    let tokens = ChatTokens {
        bos: Some("<s>".into()),
        eos: Some("</s>".into()),
        ..ChatTokens::default()
    };
    match ChatTemplate::new(source, tokens).and_then(|chat| chat.example(messages)) {
        Ok(rendered) => panic!("rendered {rendered}"),
        Err(error) => error.to_string(),
    }
}

#[test]
fn errors_say_what_is_wrong_with_the_template() {
    let turns = [user("q"), assistant("a"), user("q2"), assistant("a2")];
    let each = |body: &str| format!("{{% for m in messages %}}{body}{{% endfor %}}");
    expect!["chat template chat is not valid Jinja: syntax error: unexpected end of block, expected in (in chat:1)"].assert_eq(&refusal("{% for %}", &turns));
    expect!["chat template chat failed: unknown filter: filter nothing is unknown (in chat:1)"]
        .assert_eq(&refusal(&each("{{ m.content | nothing }}"), &turns));
    expect!["chat template chat refuses these messages: no user"].assert_eq(&refusal(
        &each("{{ raise_exception('no ' + m.role) }}"),
        &turns,
    ));
    expect![[r#"chat template chat does not show the content of message 1: "a" is not in what it renders; pick a template that shows it, or leave the turn untrained (train: false)"#]].assert_eq(&refusal(&each("{{ m.content if loop.last }}</s>"), &turns));
    expect!["chat template chat renders message 1 differently once it is answered; pick a named template"].assert_eq(&refusal("{{ messages[-1].content }}</s>", &turns[..2]));
    expect![[r#"chat template chat closes message 1 with "a", expected one of ["</s>"]"#]]
        .assert_eq(&refusal(&each("{{ m.content }}"), &turns));
    expect!["template chat got an example without a response"]
        .assert_eq(&refusal(&each("{{ m.content }}</s>"), &turns[..1]));
    let looks = each("{{ m.content if m.content != 'q</s>' else '!' }}</s>");
    expect![[r#"a message contains the special token "</s>", which chat template chat would turn into markup"#]].assert_eq(&refusal(&looks, &[user("q</s>"), assistant("a")]));
}

#[test]
fn a_template_without_a_clock_has_the_date_it_is_given() {
    let source = "{{ strftime_now('%d %b %Y') }}";
    let tokens = |date| ChatTokens {
        date,
        ..ChatTokens::default()
    };
    let dated = ChatTemplate::new(
        source,
        tokens(Some(Date {
            year: 2025,
            month: 1,
            day: 2,
        })),
    )
    .unwrap();
    assert_eq!(
        dated.prompt(&[user("q")]).unwrap().text("", ""),
        "02 Jan 2025"
    );
    let undated = ChatTemplate::new(source, tokens(None)).unwrap();
    assert!(matches!(
        undated.prompt(&[user("q")]),
        Err(PromptError::Undated { .. })
    ));
}
