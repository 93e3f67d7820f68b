//! `continue` with servers as they are: models that reason, load, refuse a field, or write in parts.

use serde_json::{Value, json};

use crate::common::{Place, idiolect, words};
use crate::loopback::{Act, Asked, Server};
use crate::{call, run};

const SEA: &str = "The sea goes on until the shore.";

fn command(server: &Server, more: &str) -> String {
    let url = &server.url;
    format!(
        "continue --corpus $C --documents 2 --in-flight 1 --teacher openai:{url} {more} --out $OUT/a"
    )
}

/// One model, and this message from it.
fn says(message: Value) -> Server {
    Server::start(move |asked| {
        if asked.line.contains("/models ") {
            return models();
        }
        let choice = json!({"message": message, "finish_reason": "length"});
        Act::Reply(200, "", json!({"choices": [choice]}).to_string())
    })
}

fn models() -> Act {
    Act::Reply(200, "", json!({"data": [{"id": "m"}]}).to_string())
}

fn texts(place: &Place) -> Vec<String> {
    let rows = place.lines("a/rows.jsonl");
    let text = |row: &Value| {
        row["messages"][1]["content"]
            .as_str()
            .unwrap()
            .trim()
            .to_owned()
    };
    rows.iter().map(text).collect()
}

#[test]
fn reasoning_of_a_teacher_is_in_no_row_and_is_counted() {
    let Some(place) = Place::new() else { return };
    let text = format!("<think>\nThe user wants more.\n</think>\n\n{SEA}");
    let server = says(json!({"content": text}));
    let summary = run(&place, &command(&server, ""));
    assert_eq!(texts(&place), [SEA, SEA]);
    assert_eq!(summary["spent"]["teacher"]["reasoning_removed"], 2);
    std::fs::remove_dir_all(place.path("a")).unwrap();
    run(&place, &command(&server, "--reasoning keep"));
    assert_eq!(texts(&place), [text.clone(), text]);
}

#[test]
fn content_in_parts_is_joined_and_asked_for_once() {
    let Some(place) = Place::new() else { return };
    let thinking = json!({"type": "thinking", "thinking": [{"type": "text", "text": "hm"}]});
    let server = says(json!({"content": [thinking, {"type": "text", "text": SEA}]}));
    run(&place, &command(&server, ""));
    assert_eq!(
        (texts(&place), server.count()),
        (vec![SEA.to_owned(); 2], 3)
    );
}

#[test]
fn reasoning_that_took_all_tokens_is_no_success_and_says_what_to_do() {
    let Some(place) = Place::new() else { return };
    let server = says(json!({"content": null, "reasoning_content": "hm, the sea"}));
    let out = idiolect(&words(&call(&place, &command(&server, ""))));
    let said = String::from_utf8_lossy(&out.stderr).into_owned();
    assert_eq!(out.status.code(), Some(1), "{said}");
    let expected = "expected a text in 2 answers, found none; 2 of 2 replies had reasoning and no text: raise --max-new-tokens";
    assert!(said.contains(expected), "{said}");
    let written: Value = serde_json::from_str(&place.read("a/summary.json")).unwrap();
    assert_eq!(written["spent"]["teacher"]["only_reasoning"], 2);
}

#[test]
fn a_model_that_loads_is_waited_for() {
    let Some(place) = Place::new() else { return };
    let server = Server::start(|asked: &Asked| match asked.number {
        0 => {
            let error =
                json!({"code": 503, "message": "Loading model", "type": "unavailable_error"});
            Act::Reply(503, "", json!({"error": error}).to_string())
        }
        1 => models(),
        _ => Act::text(asked, SEA),
    });
    run(&place, &command(&server, "--attempts 1"));
    assert_eq!(texts(&place), [SEA, SEA]);
}

#[test]
fn a_reasoning_model_of_openai_can_teach() {
    let Some(place) = Place::new() else { return };
    let server = Server::start(|asked: &Asked| {
        let refused =
            |message: &str| Act::Reply(400, "", json!({"error": {"message": message}}).to_string());
        let has = |name: &str| asked.body.get(name).is_some();
        match (has("max_tokens"), has("temperature")) {
            (true, _) => refused(
                "Unsupported parameter: 'max_tokens' is not supported with this model. \
                 Use 'max_completion_tokens' instead.",
            ),
            (_, true) => {
                refused("Unsupported value: 'temperature' does not support 0 with this model.")
            }
            _ => Act::text(asked, SEA),
        }
    });
    let out = idiolect(&words(&call(&place, &command(&server, "--server-model m"))));
    let said = String::from_utf8_lossy(&out.stderr).into_owned();
    // By the name of its flag, and nothing said twice.
    assert!(said.contains("--omit-temperature"), "{said}");
    assert_eq!(said.matches("expected status").count(), 1, "{said}");
    run(
        &place,
        &command(&server, "--server-model m --omit-temperature"),
    );
    assert_eq!(texts(&place), [SEA, SEA]);
}
