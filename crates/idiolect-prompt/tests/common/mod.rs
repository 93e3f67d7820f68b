//! Messages by shorthand, the files that tests read, and what is rendered, shown with its spans.

#![allow(
    dead_code,
    clippy::unwrap_used,
    clippy::panic,
    clippy::format_collect,
    reason = "each test file uses a part; helpers of tests may panic"
)]

use std::path::Path;

use idiolect_data::{Example, Message, Role};
use idiolect_prompt::{ChatTemplate, ChatTokens, Date, Piece, Rendered, Special};
use serde_json::Value;

pub(crate) fn system(content: &str) -> Message {
    Message::new(Role::System, content)
}

pub(crate) fn user(content: &str) -> Message {
    Message::new(Role::User, content)
}

pub(crate) fn assistant(content: &str) -> Message {
    Message::new(Role::Assistant, content)
}

/// Two turns after a system message.
pub(crate) fn turns() -> Vec<Message> {
    vec![
        system("S"),
        user(" Q1 "),
        assistant(" A1 "),
        user("Q2"),
        assistant("A2"),
    ]
}

pub(crate) fn example(messages: &[Message]) -> Example {
    Example::new(7.into(), messages.to_vec())
}

/// A question and its response.
pub(crate) fn answered() -> Example {
    example(&[user("Q"), assistant("A")])
}

/// The golden chat templates, see golden/make.py.
pub(crate) fn golden() -> Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/chat_templates.json");
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

/// One of the golden chat templates, on a day in 2024.
pub(crate) fn template(name: &str) -> ChatTemplate {
    let golden = golden();
    let templates = golden["templates"].as_array().unwrap();
    let row = templates.iter().find(|row| row["name"] == name).unwrap();
    let text = |key: &str| row[key].as_str().unwrap().to_owned();
    let date = Some(Date {
        year: 2024,
        month: 7,
        day: 6,
    });
    let tokens = ChatTokens {
        bos: Some(text("bos")),
        eos: Some(text("eos")),
        date,
        ..ChatTokens::default()
    };
    ChatTemplate::new(&text("source"), tokens).unwrap()
}

/// One line a piece: trained text in «», message text in ‹›, special tokens in angle brackets.
pub(crate) fn pieces(rendered: &Rendered) -> String {
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

/// Trained text in «», message text in ‹›.
pub(crate) fn marked(rendered: &Rendered) -> String {
    let mut out = String::new();
    for piece in &rendered.pieces {
        let Piece::Text(segments) = piece else {
            panic!("a chat template gives text only")
        };
        for segment in segments {
            let text = if segment.content {
                format!("‹{}›", segment.text)
            } else {
                segment.text.clone()
            };
            let (open, close) = if segment.trained {
                ("«", "»")
            } else {
                ("", "")
            };
            out.extend([open, text.as_str(), close]);
        }
    }
    out
}
