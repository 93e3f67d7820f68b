//! Fields of turns that change what is trained: obeyed, or refused by name.

use idiolect_data::{Format, Role};
use serde_json::{Value, json};

use crate::{example, messages, refusal};

#[test]
fn tools_and_calls_are_kept_as_the_row_has_them() {
    let tool = json!({"type": "function", "function": {"name": "tide"}});
    let call = json!({"id": "c1", "type": "function", "function": {"name": "tide", "arguments": "{\"a\": 1}"}});
    let turns = json!([
        {"role": "user", "content": "How high?"},
        {"role": "assistant", "content": null, "tool_calls": [call], "audio": null},
        {"role": "tool", "tool_call_id": "c1", "content": "2.1 m"},
        {"role": "assistant", "content": "2.1 m."},
    ]);
    let text = json!([tool]).to_string();
    for tools in [json!([tool]), json!(text)] {
        let found = example(
            Format::Messages,
            &json!({"tools": tools, "messages": turns}),
        );
        assert_eq!(found.tools, std::slice::from_ref(&tool));
        let roles: Vec<Role> = found.messages.iter().map(|turn| turn.role).collect();
        assert_eq!(
            roles,
            [Role::User, Role::Assistant, Role::Other, Role::Assistant]
        );
        let fields = found.messages[1].fields.as_ref().unwrap();
        assert_eq!(
            Value::Object((**fields).clone()),
            json!({"role": "assistant", "tool_calls": [call]})
        );
        assert!(found.messages[1].calls_tools() && found.messages[0].fields.is_none());
        assert_eq!(found.messages[2].role_name(), "tool");
        assert_eq!(found.messages[2].field("tool_call_id"), Some(&json!("c1")));
    }
    for (tools, expected) in [
        (
            json!("{"),
            "tools: expected an array of definitions of tools, found \"{\"",
        ),
        (
            json!(["tide"]),
            "tools: expected an array of definitions of tools, found \"tide\"",
        ),
    ] {
        let error = refusal(
            Format::Messages,
            &json!({"tools": tools, "messages": turns}),
        );
        assert!(error.ends_with(expected), "{error}");
    }
    let old = json!({"functions": [{"name": "tide"}], "messages": turns});
    assert!(refusal(Format::Messages, &old).contains("functions: expected tools in their place"));
}

#[test]
fn weights_of_turns_are_obeyed() {
    let trained = |mask: Value| {
        let mut turn = json!({"role": "assistant", "content": "5"});
        turn.as_object_mut()
            .unwrap()
            .extend(mask.as_object().unwrap().clone());
        let row = messages(&json!([{"role": "user", "content": "2+2?"}, turn]));
        let found = example(Format::Messages, &row).messages.remove(1);
        assert!(found.fields.is_none(), "a mask says nothing to a template");
        found.trained
    };
    for mask in [
        json!({"weight": 0}),
        json!({"weight": 0.0}),
        json!({"train": false}),
        json!({"training": false}),
    ] {
        assert!(!trained(mask.clone()), "{mask}");
    }
    for mask in [
        json!({}),
        json!({"weight": 1}),
        json!({"weight": null}),
        json!({"train": true}),
    ] {
        assert!(trained(mask.clone()), "{mask}");
    }
}

#[test]
fn fields_of_turns_that_mean_nothing_there_are_refused() {
    let refused = |turn: Value| {
        refusal(
            Format::Messages,
            &messages(&json!([{"role": "user", "content": "q"}, turn])),
        )
    };
    for (turn, expected) in [
        (
            json!({"role": "assistant", "content": "a", "weight": 0.5}),
            "messages[1].weight: expected 0 or 1, found the number 0.5",
        ),
        (
            json!({"role": "assistant", "content": "a", "train": "no"}),
            "messages[1].train: expected true or false, found \"no\"",
        ),
        (
            json!({"role": "user", "content": "a", "train": true}),
            "messages[1].train: expected false, or a turn of the assistant: no other is trained, found true",
        ),
        (
            json!({"role": "assistant", "content": "a", "train_detail": []}),
            "messages[1].train_detail: expected no such field, it is not read, found an array of 0",
        ),
        (
            json!({"role": "assistant", "content": null}),
            "messages[1].content: expected a string, found null",
        ),
        (
            json!({"role": "assistant", "function_call": {"name": "f"}}),
            "messages[1].function_call: expected no such field, it is not read, found an object",
        ),
    ] {
        let error = refused(turn);
        assert!(error.ends_with(expected), "{error}");
    }
}

#[test]
fn content_in_parts_is_its_text_and_is_kept() {
    let parts = json!([{"type": "text", "text": "Name "}, {"type": "text", "text": "a sea."}]);
    let found = example(
        Format::Messages,
        &messages(&json!([{"role": "user", "content": parts}])),
    );
    assert_eq!(found.messages[0].content, "Name a sea.");
    assert_eq!(found.messages[0].field("content"), Some(&parts));
    let image = messages(&json!([{"role": "user", "content": [{"type": "image", "url": "x"}]}]));
    let error = refusal(Format::Messages, &image);
    assert!(error.ends_with("messages[0].content[0]: expected a part of type text with its text, found one of \"image\""), "{error}");
}

#[test]
fn calls_and_results_of_sharegpt_are_those_of_chat_templates() {
    let row = json!({"tools": "[{\"name\":\"get_tide\"}]", "conversations": [
        {"from": "human", "value": "Tide in Husum?"},
        {"from": "function_call", "value": "{\"name\":\"get_tide\",\"arguments\":{}}"},
        {"from": "observation", "value": "2.1"},
        {"from": "gpt", "value": "2.1 m."}]});
    let found = example(Format::Sharegpt, &row);
    let call = json!([{"type": "function", "function": {"name": "get_tide", "arguments": {}}}]);
    assert_eq!(found.messages[1].field("tool_calls"), Some(&call));
    assert_eq!(
        (found.messages[2].role, found.messages[2].role_name()),
        (Role::Other, "tool")
    );
    let wrong = json!({"conversations": [{"from": "human", "value": "q"}, {"from": "function_call", "value": "tide()"}]});
    assert!(
        refusal(Format::Sharegpt, &wrong)
            .contains("conversations[1].value: expected a call of a tool in JSON")
    );
    let unknown = json!({"conversations": [{"from": "human", "value": "q"}, {"from": "chatgpt", "value": "a"}]});
    // LLaMA-Factory 0.9.5 drops the row ("Invalid role tag"), and axolotl's map of roles has no such name.
    assert!(refusal(Format::Sharegpt, &unknown).contains("found \"chatgpt\""));
}

/// axolotl (`human`, `gpt`), LLaMA-Factory (`human`, `gpt`), unsloth (`input`, `output`), ms-swift (`bot`).
#[test]
fn names_of_the_roles_are_those_that_other_trainers_take() {
    for (user, assistant) in [
        ("human", "gpt"),
        ("user", "assistant"),
        ("input", "output"),
        ("human", "bot"),
    ] {
        let turns = json!({"conversations": [{"from": user, "value": "q"}, {"from": assistant, "value": "a"}]});
        let found = example(Format::Sharegpt, &turns);
        let roles: Vec<Role> = found.messages.iter().map(|turn| turn.role).collect();
        assert_eq!(roles, [Role::User, Role::Assistant], "{user} {assistant}");
    }
}

#[test]
fn any_order_of_turns_is_read_and_developers_are_others() {
    let turns = json!([
        {"role": "developer", "content": "Be brief."}, {"role": "assistant", "content": "Hi"},
        {"role": "user", "content": "a"}, {"role": "user", "content": "b"},
        {"role": "assistant", "content": "c"}, {"role": "system", "content": "Rhyme."}]);
    let found = example(Format::Messages, &messages(&turns));
    assert_eq!(found.messages.len(), 6);
    assert_eq!(found.messages[0].role_name(), "developer");
}

#[test]
fn prompt_and_completion_are_texts_or_turns() {
    let texts = json!({"prompt": "2+2?", "completion": "4"});
    let turns = json!({
        "prompt": [{"role": "user", "content": "1+1?"}, {"role": "assistant", "content": "2"}, {"role": "user", "content": "2+2?"}],
        "completion": [{"role": "assistant", "content": "4"}]});
    assert_eq!(example(Format::Completion, &texts).messages.len(), 2);
    let found = example(Format::Completion, &turns);
    let trained: Vec<bool> = found
        .messages
        .iter()
        .map(|turn| turn.trained && turn.role == Role::Assistant)
        .collect();
    assert_eq!(trained, [false, false, false, true]);
}
