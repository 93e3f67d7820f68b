//! What templates are written with: line ends, dates, and constructs of Jinja and Python.

use idiolect_prompt::{ChatTemplate, ChatTokens, Date, PromptError};
use serde_json::json;

use crate::common::{assistant, user};
use crate::{chat, tokens, turn};

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

/// Line ends behind `raw`, and markup, by the same.
const RAW_AND_SAFE: [(&str, &str); 10] = [
    ("a{% raw %}\n b{% endraw %}\nc", "a\n bc"),
    ("a {%- raw %}\n b{%- endraw %}\nc", "a\n bc"),
    ("a{% raw -%}\n b{% endraw -%}\n c", "abc"),
    ("  {% raw %}x\n  {% endraw %}\ny", "x\ny"),
    (
        "a\n{% raw %}\n{% raw %}\n{% endraw %}\nb",
        "a\n\n{% raw %}\nb",
    ),
    ("{{ 'a<'|safe + '<b' }}", "a<&lt;b"),
    ("{{ '<' + '&'|safe + '\"' + \"'\" }}", "&lt;&&#34;&#39;"),
    ("{{ ('<'|safe) ~ '<' }} {{ '<'|e + '<' }}", "<< &lt;&lt;"),
    ("{% set x %}<b>{% endset %}{{ x + '<' }}", "<b><"),
    (
        "{{ u|length }}{{ u|count }} {{ 1 + 2 }}{{ [1] + [2] }}",
        "00 3[1, 2]",
    ),
];

/// Values by jinja2 3.1.6 with the environment of transformers 5.24.
const CONSTRUCTS: [(&str, &str); 19] = [
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

#[test]
fn constructs_give_what_jinja_gives() {
    for (source, expected) in CONSTRUCTS.into_iter().chain(RAW_AND_SAFE) {
        let message = turn(&json!({"role": "user", "content": "q", "n": true}));
        let found = chat(source).text(&[message], false);
        assert_eq!(found.unwrap(), expected, "{source}");
    }
}

/// The reasons by the same.
#[test]
fn what_jinja_refuses_is_refused() {
    let cases = [
        ("{% for x in none %}{% endfor %}", "found None"),
        (
            "{{ messages | map(attribute='role') | tojson }}",
            "generator",
        ),
        (
            "{{ messages | selectattr('role') | tojson(indent=2) }}",
            "generator",
        ),
        ("{{ none | length }}", "length"),
        ("{{ '<'|safe + 1 }}", "+"),
    ];
    for (source, expected) in cases {
        let error = chat(source).text(&[user("q")], false).unwrap_err();
        let told = format!("{error:?}");
        assert!(told.contains(expected), "{source}: {told}");
    }
}
