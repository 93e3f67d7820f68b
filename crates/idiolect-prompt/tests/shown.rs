//! Templates that cut, drop or move what a row says, and rows that say what is not trained.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "helpers of tests may panic"
)]

mod common;

use common::{assistant, marked, system, user};
use idiolect_data::{Example, Message, Role};
use idiolect_prompt::{ChatTemplate, ChatTokens, Date, NamedTemplate, PromptError};
use serde_json::{Value, json};

fn tokens() -> ChatTokens {
    ChatTokens {
        bos: Some("<s>".into()),
        eos: Some("</s>".into()),
        end_of_turn: vec!["<|im_end|>".into()],
        ..ChatTokens::default()
    }
}

fn chat(source: &str) -> ChatTemplate {
    ChatTemplate::new(source, tokens()).unwrap()
}

fn turn(fields: &Value) -> Message {
    let role = match fields["role"].as_str().unwrap() {
        "user" => Role::User,
        "assistant" => Role::Assistant,
        _ => Role::Other,
    };
    Message {
        fields: fields.as_object().cloned().map(Box::new),
        ..Message::new(role, fields["content"].as_str().unwrap_or_default())
    }
}

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

#[test]
fn a_template_with_windows_line_ends_renders_as_without() {
    let source = "{% for m in messages %}\r\n<|im_start|>{{ m.role }}\r\n{{ m.content }}<|im_end|>\r\n{% endfor %}\r\n";
    let [crlf, lf] = [source.to_owned(), source.replace("\r\n", "\n")].map(|source| {
        chat(&source)
            .text(&[user("q"), assistant("a")], false)
            .unwrap()
    });
    assert_eq!(crlf, lf);
    assert_eq!(
        lf,
        "<|im_start|>user\nq<|im_end|>\n<|im_start|>assistant\na<|im_end|>\n"
    );
}

#[test]
fn a_template_that_needs_a_date_asks_for_one() {
    let source = "{{ strftime_now('%d %B %Y') }}<|im_end|>";
    let error = chat(source).prompt(&[user("q")]).unwrap_err();
    assert!(
        matches!(error, PromptError::Undated { .. }) && error.to_string().contains("--date"),
        "{error}"
    );
    let dated = ChatTokens {
        date: Some("2025-01-31".parse::<Date>().unwrap()),
        ..tokens()
    };
    let rendered = ChatTemplate::new(source, dated)
        .unwrap()
        .prompt(&[user("q")])
        .unwrap();
    assert_eq!(rendered.text("", ""), "31 January 2025<|im_end|>");
}

/// Values by jinja2 3.1.6 with the environment of transformers 5.24.
#[test]
#[expect(clippy::too_many_lines, reason = "a table of cases")]
fn constructs_give_what_jinja_gives() {
    let cases = [
        (
            "{{ {'b': 1, 'a': [2, none]} | tojson }}",
            "{\"b\": 1, \"a\": [2, null]}",
        ),
        (
            "{{ {'b': 'é', 'a': 1} | tojson(ensure_ascii=True, sort_keys=True) }}",
            "{\"a\": 1, \"b\": \"\\u00e9\"}",
        ),
        (
            "{{ [1, {'a': 2.0}] | tojson(separators=(',', ':')) }}",
            "[1,{\"a\":2.0}]",
        ),
        (
            "{{ {'a': [1], 'b': {}} | tojson(indent=1) }}",
            "{\n \"a\": [\n  1\n ],\n \"b\": {}\n}",
        ),
        (
            "{{ 'x' is iterable }} {{ 3 is iterable }} {{ none is iterable }} {{ u is iterable }}",
            "True False False True",
        ),
        (
            "{{ 'ab' is sequence }} {{ {} is sequence }} {{ 1 is sequence }}",
            "True True False",
        ),
        (
            "{{ {'a': none, 'b': [true, 'x']} }}",
            "{'a': None, 'b': [True, 'x']}",
        ),
        ("{{ 'a' ~ none ~ [1] ~ messages[0].n }}", "aNone[1]True"),
        ("{{ 'they\\'re here'.title() }}", "They'Re Here"),
        (
            "{{ 'a-b-c'.rsplit('-', 1) }} {{ 'a b  c'.split(none, 1) }} {{ 'a.b'.split('.', maxsplit=1) }}",
            "['a-b', 'c'] ['a', 'b  c'] ['a', 'b']",
        ),
        (
            "{{ 'äöa'.find('a') }} {{ 'x'.find('y') }} {{ 'aXbX'.rfind('X') }}",
            "2 -1 3",
        ),
        (
            "{{ 'prefix-x'.removeprefix('prefix-') }} {{ 'x.py'.removesuffix('.py') }}",
            "x x",
        ),
        (
            "{{ 'a=b=c'.partition('=')[2] }} {{ 'a=b=c'.rpartition('=')[0] }}",
            "b=c a=b",
        ),
        (
            "{{ ''.isdigit() }} {{ 'A1'.isupper() }} {{ ''.isspace() }}",
            "False True False",
        ),
        (
            "{{ 'a\\r\\nb\\n'.splitlines() }} {{ 'a\\nb'.splitlines(keepends=true) }}",
            "['a', 'b'] ['a\\n', 'b']",
        ),
        (
            "{{ '7'.zfill(3) }}|{{ 'a'.ljust(3) }}|{{ 'a'.center(4, '*') }}",
            "007|a  |*a**",
        ),
        (
            "{{ 'abc'.startswith('b', 1) }} {{ 'abc'.startswith(('x', 'a')) }}",
            "True True",
        ),
        (
            "{{ [1, 2].index(2) }} {{ {'a': 1}.get('b', 3) }} {{ {'b': 1, 'a': 2}.keys() | list }}",
            "1 3 ['b', 'a']",
        ),
        (
            "{{ 1e22 }} {{ 0.00001 | tojson }} {{ 3.0 }}",
            "1e+22 1e-05 3.0",
        ),
    ];
    for (source, expected) in cases {
        let message = turn(&json!({"role": "user", "content": "q", "n": true}));
        let found = chat(source).text(&[message], false);
        assert_eq!(found.unwrap(), expected, "{source}");
    }
}
