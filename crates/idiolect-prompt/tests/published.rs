//! The chat templates that packages carry of published checkpoints, against the texts that transformers renders.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "helpers of tests may panic, and say what is skipped"
)]

mod common;

use std::collections::BTreeMap;
use std::io::Read;
use std::path::Path;

use expect_test::expect;
use flate2::read::GzDecoder;
use idiolect_data::{Example, Format, RawRow, RawRows, Role};
use idiolect_prompt::{ChatTemplate, ChatTokens, Conversation, Date, PromptError};
use serde_json::{Map, Value, json};

/// A file that golden/published.py wrote.
fn read(path: &Path) -> Value {
    let mut text = String::new();
    let file = std::fs::File::open(path).unwrap();
    GzDecoder::new(file).read_to_string(&mut text).unwrap();
    serde_json::from_str(&text).unwrap()
}

fn published() -> Value {
    read(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/published.json.gz"))
}

/// A conversation as a row of a data set brings it.
fn example(messages: &Value, tools: Option<&Value>) -> Example {
    let mut fields = Map::from_iter([("messages".to_owned(), messages.clone())]);
    fields.extend(tools.map(|tools| ("tools".to_owned(), tools.clone())));
    let raw = RawRows {
        path: "rows.jsonl".into(),
        layout: idiolect_data::Layout::Lines,
        rows: vec![RawRow { line: 1, fields }],
    };
    let mut set = idiolect_data::Dataset::from_rows(raw, Format::Messages).unwrap();
    set.rows.remove(0).example
}

fn tokens() -> ChatTokens {
    ChatTokens {
        bos: Some("<s>".into()),
        eos: Some("</s>".into()),
        date: Some(Date {
            year: 2024,
            month: 7,
            day: 6,
        }),
        special: SPECIAL.map(str::to_owned).to_vec(),
        ..ChatTokens::default()
    }
}

struct Case {
    name: String,
    example: Example,
    generation: bool,
    expected: Option<String>,
}

fn cases(published: &Value, template: &Value) -> Vec<Case> {
    let one = |case: &Value| {
        let conversation = case["conversation"].as_str().unwrap();
        let generation = case["generation"].as_bool().unwrap();
        let with_tools = case["tools"] == json!(true);
        let mut messages = published["conversations"][conversation].clone();
        if generation {
            messages.as_array_mut().unwrap().pop();
        }
        let tools = with_tools.then_some(&published["tools"]);
        let name = template["name"].as_str().unwrap();
        Case {
            name: format!("{name} {conversation} tools {with_tools} generation {generation}"),
            example: example(&messages, tools),
            generation,
            expected: case["text"].as_str().map(str::to_owned),
        }
    };
    template["cases"]
        .as_array()
        .unwrap()
        .iter()
        .map(one)
        .collect()
}

/// How many templates of each package there are, and the renderings of theirs that differ, one line each.
fn compared(published: &Value) -> (BTreeMap<String, usize>, Vec<String>) {
    let (mut counts, mut wrong) = (BTreeMap::new(), Vec::new());
    for template in published["templates"].as_array().unwrap() {
        let family = template["family"].as_str().unwrap();
        *counts.entry(family.to_owned()).or_default() += 1;
        let cases = cases(published, template);
        let chat = match ChatTemplate::new(template["source"].as_str().unwrap(), tokens()) {
            Ok(chat) => chat,
            Err(_) if cases.iter().all(|case| case.expected.is_none()) => continue,
            Err(error) => {
                wrong.push(format!("{family} {}: {error}", template["name"]));
                continue;
            }
        };
        for case in &cases {
            let found = chat.text(&case.example, case.generation);
            match (found, &case.expected) {
                (Ok(found), Some(expected)) if found == *expected => {}
                (Err(_), None) => {}
                (found, expected) => {
                    wrong.push(format!("{family} {}\n{found:#?}\n{expected:#?}", case.name));
                }
            }
        }
    }
    (counts, wrong)
}

#[test]
fn every_text_is_that_of_transformers_or_refused_by_both() {
    let (counts, wrong) = compared(&published());
    expect![[r#"
        {
            "axolotl": 36,
            "chat_templates": 18,
            "llamafactory": 119,
            "trl": 72,
            "unsloth": 29,
        }
    "#]]
    .assert_debug_eq(&counts);
    assert!(wrong.is_empty(), "{}: {}", wrong.len(), wrong.join("\n"));
}

/// Templates whose licence does not let them be kept here, where golden/published.py has written their texts.
#[test]
fn texts_of_gathered_templates_are_those_of_transformers() {
    let Some(path) = std::env::var_os("IDIOLECT_TEMPLATE_FILE") else {
        idiolect_testkit::skipped(
            "IDIOLECT_TEMPLATE_FILE names no file that golden/published.py wrote",
        );
        return;
    };
    let (counts, wrong) = compared(&read(Path::new(&path)));
    eprintln!("{counts:#?}");
    assert!(wrong.is_empty(), "{}: {}", wrong.len(), wrong.join("\n"));
}

/// What is special in the vocabularies of the templates, as far as their turns end with it.
const SPECIAL: [&str; 12] = [
    "<|end|>",
    "<|call|>",
    "<|return|>",
    "<end_of_utterance>",
    "<turn|>",
    "<|tool_response>",
    "<|im_end|>",
    "<|eot_id|>",
    "<|END_OF_TURN_TOKEN|>",
    "<end_of_turn>",
    "<|observation|>",
    "<|user|>",
];

/// What became of an example: trained as transformers renders it, trained behind what the prompt opens, or refused.
fn outcome(chat: &ChatTemplate, case: &Case) -> &'static str {
    let error = match chat.example(&case.example) {
        Ok(rendered) => {
            let bare = |text: &str| text.split_whitespace().collect::<String>();
            let trained = bare(&rendered.trained_text("", ""));
            for message in case
                .example
                .messages
                .iter()
                .filter(|own| own.role == Role::Assistant)
            {
                let reasoning = bare(message.reasoning().unwrap_or_default());
                assert!(
                    trained.contains(&bare(&message.content)),
                    "{}: {trained}",
                    case.name
                );
                assert!(trained.contains(&reasoning), "{}: {trained}", case.name);
            }
            for message in case
                .example
                .messages
                .iter()
                .filter(|own| own.role != Role::Assistant)
            {
                assert!(
                    !trained.contains(&bare(&message.content)),
                    "{}: {trained}",
                    case.name
                );
            }
            let text = rendered.text("", "");
            let last = case.example.messages.len() - 1;
            let prompt = Conversation {
                messages: &case.example.messages[..last],
                tools: &case.example.tools,
                variables: None,
            };
            return match &case.expected {
                Some(expected) if expected.starts_with(&text) => "as rendered",
                _ if text.starts_with(&chat.text(prompt, true).unwrap()) => "behind the prompt",
                other => panic!("{}: {text}\n{other:?}", case.name),
            };
        }
        Err(error) => error,
    };
    match error {
        _ if case.expected.is_none() => "refused by both",
        PromptError::Lost { what, .. } if what == "reasoning" => "reasoning not shown",
        PromptError::Lost { what, .. } if what == "tool_calls" => "calls not shown",
        PromptError::Lost { .. } => "content not shown",
        PromptError::ToolsLost { .. } => "tools not shown",
        PromptError::NoEndOfTurn { .. } => "no end of turn",
        error => panic!("{}: {error}", case.name),
    }
}

#[test]
fn answers_are_trained_whole_or_the_turn_is_named() {
    let published = published();
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for template in published["templates"].as_array().unwrap() {
        if template["family"] != "trl" {
            continue;
        }
        let source = template["source"].as_str().unwrap();
        let chat = ChatTemplate::new(source, tokens()).unwrap();
        for case in cases(&published, template)
            .iter()
            .filter(|case| !case.generation)
        {
            let outcome = outcome(&chat, case);
            *counts.entry(outcome).or_default() += 1;
        }
    }
    expect![[r#"
        {
            "as rendered": 254,
            "behind the prompt": 8,
            "calls not shown": 8,
            "content not shown": 16,
            "no end of turn": 6,
            "reasoning not shown": 60,
            "refused by both": 60,
            "tools not shown": 20,
        }
    "#]]
    .assert_debug_eq(&counts);
}
