//! Templates that cut, drop or move what a row says, and rows that say what is not trained.

use idiolect_data::{Example, Message};
use idiolect_prompt::{NamedTemplate, PromptError};
use serde_json::json;

use crate::common::{assistant, marked, system, user};
use crate::{chat, turn};

/// A template that opens `<think>` in its prompt and cuts it from answers, as those of R1's distillates do.
const THINKS: &str = "{{ bos_token }}{%- for m in messages %}{%- if m['role'] == 'user' %}{{ '<|im_start|>U' + m['content'] }}\
    {%- endif %}{%- if m['role'] == 'assistant' and m['content'] is not none %}{%- set c = m['content'] %}\
    {%- if '</think>' in c %}{%- set c = c.split('</think>')[-1] %}{%- endif %}{{ '<|im_start|>A' + c + '<|im_end|>' }}\
    {%- endif %}{%- endfor %}{%- if add_generation_prompt %}{{ '<|im_start|>A<think>\\n' }}{%- endif %}";

#[test]
fn a_prompt_that_opens_the_thought_is_trained_behind_it() {
    let thought = assistant("<think>\nTwo and two.\n</think>\n\n4");
    let example = chat(THINKS)
        .example(&[user("2+2?"), thought.clone()])
        .unwrap();
    assert_eq!(
        marked(&example),
        "<s><|im_start|>U‹2+2?›<|im_start|>A<think>\n«‹Two and two.\n</think>\n\n4›»«<|im_end|>»"
    );
    let field = json!({"role": "assistant", "content": "4", "reasoning_content": "Two and two."});
    let by_field = chat(THINKS).example(&[user("2+2?"), turn(&field)]).unwrap();
    assert_eq!(by_field.text("", ""), example.text("", ""));
    let plain = chat(THINKS)
        .example(&[user("Name a sea."), assistant("North Sea.")])
        .unwrap();
    assert_eq!(
        marked(&plain),
        "<s><|im_start|>U‹Name a sea.›<|im_start|>A«‹North Sea.›»«<|im_end|>»"
    );
    let error = chat(THINKS)
        .example(&[user("2+2?"), thought, user("3+3?"), assistant("6")])
        .unwrap_err();
    let PromptError::Lost {
        message: 1, what, ..
    } = error
    else {
        panic!("{error}")
    };
    assert_eq!(what, "content");
}

/// What every template of the tests does with its messages.
fn each(body: &str) -> String {
    format!(
        "{{% for m in messages %}}{body}{{% endfor %}}{{% if add_generation_prompt %}}<a>{{% endif %}}"
    )
}

#[test]
fn turns_that_are_not_to_be_trained_are_not() {
    let template = chat(&each(
        "{{ '<' + m.role[0] + '>' + m.content + '<|im_end|>' }}",
    ));
    let wrong = Message {
        trained: false,
        ..assistant("5")
    };
    let messages = [
        user("2+2?"),
        wrong.clone(),
        user("Sure?"),
        assistant("No, 4."),
    ];
    let example = template.example(&messages).unwrap();
    assert_eq!(
        marked(&example),
        "<u>‹2+2?›<|im_end|><a>‹5›<|im_end|><u>‹Sure?›<|im_end|><a>«‹No, 4.›»«<|im_end|>»"
    );
    let named = NamedTemplate::by_name("chatml").unwrap();
    assert_eq!(
        named.example(&messages).unwrap().trained_text("", ""),
        "No, 4.<|im_end|>"
    );
    let none = template.example(&[user("q"), wrong]).unwrap_err();
    assert!(matches!(none, PromptError::NoResponse { .. }), "{none}");
}

#[test]
fn what_a_template_drops_is_named() {
    let lost = |source: &str, messages: &[Message]| match chat(source).example(messages) {
        Err(PromptError::Lost { message, what, .. }) => (message, what),
        other => panic!("{other:?}"),
    };
    let parts_only = each(
        "{{ '<' + m.role[0] + '>' }}{% for p in m.content %}{% if p.type == 'text' %}{{ p.text }}{% endif %}{% endfor %}<|im_end|>",
    );
    assert_eq!(
        lost(&parts_only, &[user("q"), assistant("North Sea.")]),
        (1, "content".into())
    );
    let no_answer = each(
        "{{ '<' + m.role[0] + '>' }}{% if m.role != 'assistant' %}{{ m.content }}{% endif %}<|im_end|>",
    );
    assert_eq!(
        lost(&no_answer, &[user("q"), assistant("a!")]),
        (1, "content".into())
    );
    let no_system = each(
        "{% if m.role != 'system' %}{{ '<' + m.role[0] + '>' + m.content + '<|im_end|>' }}{% endif %}",
    );
    assert_eq!(
        lost(
            &no_system,
            &[system("Be brief."), user("q"), assistant("a")]
        ),
        (0, "system".into())
    );
    let plain = each("{{ '<' + m.role[0] + '>' + m.content + '<|im_end|>' }}");
    let thought = turn(&json!({"role": "assistant", "content": "4", "reasoning_content": "Hm."}));
    assert_eq!(lost(&plain, &[user("q"), thought]), (1, "reasoning".into()));
    let call = json!({"role": "assistant", "content": "", "tool_calls": [{"type": "function", "function": {"name": "tide"}}]});
    assert_eq!(
        lost(&plain, &[user("q"), turn(&call)]),
        (1, "tool_calls".into())
    );
    let with_tools = Example {
        tools: vec![json!({"type": "function", "function": {"name": "tide"}})],
        ..Example::new(1.into(), vec![user("q"), assistant("a")])
    };
    let error = chat(&plain).example(&with_tools).unwrap_err();
    assert!(
        matches!(&error, PromptError::ToolsLost { tool, .. } if tool == "tide"),
        "{error}"
    );
}

#[test]
fn content_in_parts_goes_to_templates_that_read_it_and_as_text_to_others() {
    let parts = |role: &str, text: &str| {
        let fields = json!({"role": role, "content": [{"type": "text", "text": text}]});
        Message {
            content: text.into(),
            ..turn(&fields)
        }
    };
    let messages = [
        parts("user", "Name a sea."),
        parts("assistant", "North Sea."),
    ];
    let reads = each(
        "{{ '<' + m.role[0] + '>' }}{% for p in m.content %}{{ p.text }}{% endfor %}<|im_end|>",
    );
    let prints = each("{{ '<' + m.role[0] + '>' + m.content + '<|im_end|>' }}");
    for source in [reads, prints] {
        let example = chat(&source).example(&messages).unwrap();
        assert_eq!(
            marked(&example),
            "<u>‹Name a sea.›<|im_end|><a>«‹North Sea.›»«<|im_end|>»"
        );
    }
}

#[test]
fn tools_and_calls_are_rendered_with_the_template_for_tools() {
    let source = "{% if tools %}Tools: {{ tools | tojson }}<|im_end|>{% endif %}{% for m in messages %}<|im_start|>{{ m.role }}\n\
        {% if m.tool_calls %}{% for c in m.tool_calls %}CALL {{ c.function.name }} {{ c.function.arguments }}{% endfor %}\
        {% else %}{{ m.content }}{% endif %}<|im_end|>{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}";
    let call = json!({"role": "assistant", "tool_calls": [{"id": "c1", "type": "function",
        "function": {"name": "get_tide", "arguments": "{\"harbour\": \"Husum\"}"}}]});
    let result = json!({"role": "tool", "tool_call_id": "c1", "content": "2.1 m"});
    let example = Example {
        tools: vec![json!({"type": "function", "function": {"name": "get_tide"}})],
        ..Example::new(
            1.into(),
            vec![
                user("q"),
                turn(&call),
                turn(&result),
                assistant("It is 2.1 m."),
            ],
        )
    };
    let whole = "Tools: [{\"type\": \"function\", \"function\": {\"name\": \"get_tide\"}}]<|im_end|><|im_start|>user\nq<|im_end|>\
        <|im_start|>assistant\nCALL get_tide {\"harbour\": \"Husum\"}<|im_end|><|im_start|>tool\n2.1 m<|im_end|>\
        <|im_start|>assistant\nIt is 2.1 m.<|im_end|>";
    let other = each("{{ m.role }}");
    for template in [chat(source), chat(&other).for_tools(source).unwrap()] {
        let rendered = template.example(&example).unwrap();
        assert_eq!(rendered.text("", ""), whole);
        assert_eq!(
            rendered.trained_text("", ""),
            "CALL get_tide {\"harbour\": \"Husum\"}<|im_end|>It is 2.1 m.<|im_end|>"
        );
    }
    let forged = Example {
        tools: vec![json!({"function": {"name": "x", "description": "<|im_end|>"}})],
        ..Example::new(1.into(), vec![user("q"), assistant("a")])
    };
    let error = chat(source).example(&forged).unwrap_err();
    assert!(matches!(error, PromptError::Forged { .. }), "{error}");
}

#[test]
fn named_templates_name_the_turn_that_they_have_no_place_for() {
    let named = NamedTemplate::by_name("alpaca").unwrap();
    let tool = turn(&json!({"role": "tool", "content": "2.1"}));
    for (messages, expected) in [
        (
            vec![user("a"), user("b")],
            "message 1: expected a turn of assistant, found a turn of user",
        ),
        (
            vec![assistant("a"), user("b")],
            "message 0: expected a turn of system or user, found a turn of assistant",
        ),
        (
            vec![user("a"), tool],
            "message 1: expected a turn of assistant, found a turn of tool",
        ),
        (
            vec![user("a"), assistant("b"), system("c")],
            "message 2: expected a turn of user, found a turn of system",
        ),
    ] {
        let error = named.prompt(&messages).unwrap_err().to_string();
        assert!(error.ends_with(expected), "{error}");
    }
}
