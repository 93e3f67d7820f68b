//! Reasoning in a text, beside it, and in its place.

use idiolect_completion::Writer;
use idiolect_teacher::{Reasoning, Teacher, TeacherConfig};
use serde_json::{Value, json};

use crate::asking::{all, settings};
use crate::common::{Act, Server};

fn messages(messages: Vec<Value>) -> Server {
    Server::start(move |asked| {
        let choice = json!({"message": messages[asked.number], "finish_reason": "stop"});
        Act::Reply(200, "", json!({"choices": [choice]}).to_string())
    })
}

fn replies() -> Vec<Value> {
    let thinking = json!({"type": "thinking", "thinking": [{"type": "text", "text": "hm"}]});
    vec![
        json!({"content": "<think>\nThe user wants more.\n</think>\n\nThe sea goes on."}),
        json!({"content": [thinking, {"type": "text", "text": "The sea goes on."}]}),
        json!({"content": null, "reasoning_content": "hm, the sea"}),
        json!({"content": "<think>\nand it never ends"}),
        json!({"content": "The sea goes on.", "reasoning_content": "hm"}),
    ]
}

fn texts(reasoning: Reasoning) -> (Vec<String>, Teacher) {
    let server = messages(replies());
    let config = TeacherConfig {
        in_flight: 1,
        reasoning,
        ..settings(&server)
    };
    let teacher = Teacher::new(config).unwrap();
    let (done, ended) = all(&teacher, 5);
    ended.unwrap();
    (
        done.into_iter().map(|completion| completion.text).collect(),
        teacher,
    )
}

#[test]
fn reasoning_is_taken_out_and_counted() {
    let (texts, teacher) = texts(Reasoning::Remove);
    let sea = "The sea goes on.";
    assert_eq!(texts, [sea, sea, "", "", sea]);
    let counted = teacher.replies();
    assert_eq!((counted.reasoning_removed, counted.only_reasoning), (3, 2));
    let spending = teacher.spending();
    assert!(
        spending.ends_with("; reasoning taken out of 3, 2 with reasoning and no text"),
        "{spending}"
    );
}

#[test]
fn reasoning_is_kept_where_that_is_asked_for_and_the_journal_knows() {
    let (texts, teacher) = texts(Reasoning::Keep);
    assert_eq!(
        texts[0],
        "<think>\nThe user wants more.\n</think>\n\nThe sea goes on."
    );
    assert_eq!(texts[1], "<think>\nhm\n</think>\n\nThe sea goes on.");
    assert_eq!(texts[3], "<think>\nand it never ends");
    let counted = teacher.replies();
    assert_eq!((counted.reasoning_removed, counted.only_reasoning), (0, 1));
    assert_eq!(teacher.identity().sampler["reasoning"], "keep");
}
