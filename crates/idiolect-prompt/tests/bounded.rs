//! Chat templates that make more than they may, each stopped by a bound that is named.
//!
//! The limits are low here, so that nothing in these templates would harm anybody without them: each test runs
//! again in a process of its own, whose environment sets them.
#![allow(clippy::unwrap_used, reason = "a test's own templates")]

mod common;

use std::process::Command;

use common::{assistant, user};
use idiolect_prompt::{ChatTemplate, ChatTokens, PromptError};

fn tokens() -> ChatTokens {
    ChatTokens {
        eos: Some("</s>".into()),
        ..ChatTokens::default()
    }
}

fn rendered(source: &str) -> Result<String, String> {
    let chat = ChatTemplate::new(source, tokens()).map_err(|error| error.to_string())?;
    let rendered = chat.prompt(&[user("hi")]);
    let text = rendered.map(|rendered| rendered.text("", ""));
    text.map_err(|error| error.to_string())
}

/// Whether limits are low; where they are not, the test runs again with limits that are, and must pass.
fn limits_are_low(test: &str) -> bool {
    if std::env::var_os("IDIOLECT_LIMIT_RENDERED_BYTES").is_some() {
        return true;
    }
    let again = Command::new(std::env::current_exe().unwrap())
        .args([test, "--exact"])
        .env("IDIOLECT_LIMIT_RENDERED_BYTES", "524288")
        .env("IDIOLECT_LIMIT_TEMPLATE_STEPS", "20000")
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&again.stdout);
    assert!(
        again.status.success() && said.contains("1 passed"),
        "{said}"
    );
    false
}

/// A loop around a piece of template, after `x` is set.
fn repeated(rounds: usize, start: &str, body: &str) -> String {
    format!(
        "{{% set ns = namespace(x={start}) %}}{{% for i in range({rounds}) %}}{body}{{% endfor %}}{{{{ ns.x|length }}}}"
    )
}

#[test]
fn values_that_grow_are_stopped_by_the_bytes_that_they_make() {
    if !limits_are_low("values_that_grow_are_stopped_by_the_bytes_that_they_make") {
        return;
    }
    let ones = "[1, 2, 3, 4]";
    let cases = [
        (18, "'ab'", "{% set ns.x = ns.x ~ ns.x %}"),
        (18, "'ab'", "{% set ns.x = ns.x + ns.x %}"),
        (18, "'ab'", "{% set ns.x = ns.x * 2 %}"),
        (14, ones, "{% set ns.x = ns.x + ns.x %}"),
        (14, ones, "{% set ns.x = ns.x * 2 %}"),
        (14, ones, "{% set ns.x = ns.x|chain(ns.x) %}"),
        (18, "'ab'", "{% set ns.x = [ns.x, ns.x]|join %}"),
        (4, "'ab'", "{% set ns.x = ns.x|replace('', ns.x) %}"),
        (18, "'ab'", "{% set ns.x = ns.x.replace('b', 'bb') %}"),
        (12, "'ab'", "{% set ns.x = ns.x.join([ns.x, ns.x]) %}"),
        (18, "'ab'", "{% set ns.x = '{}{}'.format(ns.x, ns.x) %}"),
        (
            18,
            "'ab'",
            "{% set y %}{{ ns.x }}{{ ns.x }}{% endset %}{% set ns.x = y %}",
        ),
        (
            18,
            "'ab'",
            "{% macro m(a) %}{{ a }}{{ a }}{% endmacro %}{% set ns.x = m(ns.x) %}",
        ),
    ];
    for (rounds, start, body) in cases {
        let error = rendered(&repeated(rounds, start, body)).unwrap_err();
        assert!(
            error.contains("IDIOLECT_LIMIT_RENDERED_BYTES"),
            "{body}: {error}"
        );
    }
}

#[test]
fn one_step_that_makes_much_is_stopped() {
    if !limits_are_low("one_step_that_makes_much_is_stopped") {
        return;
    }
    for piece in [
        "'x' * 400000 ~ 'x' * 400000",
        "[1, 2] * 300 * 300",
        "'x' * 10 ** 6",
        "'%1000000d'|format(1)",
        "'a\\nb'|indent(1000000)",
        "[1]|batch(100000, 2)|list",
        "[1]|slice(100000)|list",
        "([1] * 100000)|list",
        "([1] * 100000)|join",
        "range(900)|map('replace', '', 'x' * 1000)|list",
        "range(900)|join('x' * 1000)",
    ] {
        let error = rendered(&format!("{{{{ {piece} }}}}")).unwrap_err();
        let bounds = ["IDIOLECT_LIMIT_RENDERED_BYTES", "too large"];
        assert!(
            bounds.iter().any(|bound| error.contains(bound)),
            "{piece}: {error}"
        );
    }
    // Text of the template, repeated where it is caught.
    let caught = format!(
        "{{% set y %}}{{% for i in range(900) %}}{}{{% endfor %}}{{% endset %}}",
        "text ".repeat(200)
    );
    let error = rendered(&caught).unwrap_err();
    assert!(error.contains("IDIOLECT_LIMIT_RENDERED_BYTES"), "{error}");
}

#[test]
fn time_that_is_no_instruction_is_paid_for() {
    if !limits_are_low("time_that_is_no_instruction_is_paid_for") {
        return;
    }
    for body in [
        "{% set y = ns.x == ns.x ~ '' %}",
        "{% set y = 'b' in ns.x %}",
        "{% set y = ns.x.count('b') %}",
        "{% set y = ns.x[9000] %}",
        "{% set y = ns.x[1:3] %}",
        "{% set y = ns.x is eq(ns.x) %}",
    ] {
        let error = rendered(&repeated(300, "'ab' * 5000", body)).unwrap_err();
        assert!(
            error.contains("IDIOLECT_LIMIT_RENDERED_BYTES"),
            "{body}: {error}"
        );
    }
}

#[test]
fn depth_and_circles_are_refused() {
    if !limits_are_low("depth_and_circles_are_refused") {
        return;
    }
    let nested = rendered(&repeated(120, "[1]", "{% set ns.x = [ns.x] %}")).unwrap_err();
    assert!(nested.contains("nested at most 100 deep"), "{nested}");
    let maps = rendered(&repeated(120, "[1]", "{% set ns.x = dict(a=ns.x) %}")).unwrap_err();
    assert!(maps.contains("nested at most 100 deep"), "{maps}");
    let circle = rendered("{% set ns = namespace() %}{% set ns.x = [ns] %}").unwrap_err();
    assert!(circle.contains("a namespace in a namespace"), "{circle}");
    let call = rendered("{% macro m(a) %}{{ m(a) }}{% endmacro %}{{ m(1) }}").unwrap_err();
    assert!(call.contains("recursion limit"), "{call}");
    let include = rendered("{% include 'chat' %}").unwrap_err();
    assert!(include.contains("non-existing"), "{include}");
    let source = "(".repeat(2000);
    assert!(rendered(&format!("{{{{ {source} }}}}")).is_err());
    // Slices of slices are lists, so that reading them needs no stack.
    let slices = repeated(50, "[1, 2]", "{% set ns.x = ns.x[0:] %}");
    assert_eq!(rendered(&slices).unwrap(), "2");
}

#[test]
fn a_source_without_end_is_refused_by_its_length() {
    let source = "x".repeat((1 << 20) + 1);
    let error = ChatTemplate::new(&source, tokens()).unwrap_err();
    assert!(matches!(error, PromptError::Syntax { .. }));
    assert!(
        error.to_string().contains("IDIOLECT_LIMIT_TEMPLATE_BYTES"),
        "{error}"
    );
}

#[test]
fn steps_without_end_are_named_with_their_limit() {
    if !limits_are_low("steps_without_end_are_named_with_their_limit") {
        return;
    }
    let source = "{% for i in range(300) %}{% for j in range(300) %}{% endfor %}{% endfor %}";
    let error = rendered(source).unwrap_err();
    assert!(error.contains("IDIOLECT_LIMIT_TEMPLATE_STEPS"), "{error}");
}

#[test]
fn a_template_is_not_run_before_somebody_asks() {
    let source = "{{ raise_exception('run') }}";
    let chat = ChatTemplate::new(source, tokens()).unwrap();
    assert_eq!(chat.given_stops(), ["</s>"]);
    assert_eq!(chat.stops(), ["</s>"]);
    assert!(chat.prompt(&[user("hi")]).is_err());
    let own = "{% for m in messages %}<{{ m.content }}!END{% endfor %}";
    let chat = ChatTemplate::new(own, tokens()).unwrap();
    assert_eq!(chat.given_stops(), ["</s>"]);
    assert_eq!(chat.stops(), ["</s>", "!END"]);
    let example = chat.example(&[user("q"), assistant("a")]).unwrap();
    assert_eq!(example.text("", ""), "<q!END<a!END");
}

#[test]
fn what_templates_do_with_values_stays_what_it_was() {
    for (source, expected) in [
        (
            "{{ 1 + 2 }} {{ 1.5 + 2 }} {{ 2 * 3 }} {{ 'ab' * 2 }} {{ 'a' ~ 1 ~ none }}",
            "3 3.5 6 abab a1None",
        ),
        (
            "{{ [1] + [2, 3] }} {{ [1, 2, 3][1:] }} {{ 'abcd'[1:3] }} {{ [1, 2][-1] }}",
            "[1, 2, 3] [2, 3] bc 2",
        ),
        (
            "{% for x in [1, 2] * 2 %}{{ loop.index }}{{ x }}{% endfor %}",
            "11223142",
        ),
        (
            "{{ 'b' if 1 == 1 and 'x' in 'xyz' else 'c' }}{{ 1 if false }}",
            "b",
        ),
        (
            "{% set x = 1 if false else 'q' %}{{ x == ('r' if false else 'q') }}",
            "True",
        ),
        (
            "{% macro m(a, b='x') %}<{{ a }}{{ b }}>{% endmacro %}{{ m(1) }}{{ m(2, b=3) }}",
            "<1x><23>",
        ),
        (
            "{% for a in [[1, [2]]] recursive %}{% if a is iterable %}({{ loop(a) }}){% else %}{{ a }}{% endif %}{% endfor %}",
            "(1(2))",
        ),
        (
            "{% for x in [1, 2, 3] if x != 2 %}{{ x }}{% else %}none{% endfor %}",
            "13",
        ),
        (
            "{% for x in [] %}{% else %}none{% endfor %}{% for x in [1, 2] %}{% if x == 2 %}{% break %}{% endif %}{{ x }}{% endfor %}",
            "none1",
        ),
        (
            "{{ ['a', 'b']|join(', ') }} {{ 'aXb'|replace('X', '-') }} {{ {'a': 1}|tojson }} {{ 'x'.upper() }}",
            "a, b a-b {\"a\": 1} X",
        ),
        (
            "{% set ns = namespace(n=0) %}{% for x in [1, 2] %}{% set ns.n = ns.n + x %}{% endfor %}{{ ns.n }}",
            "3",
        ),
        (
            "{{ {'b': [1]}|dictsort }} {{ [3, 1]|sort|map('string')|list }}",
            "[['b', [1]]] ['1', '3']",
        ),
    ] {
        assert_eq!(rendered(source).unwrap(), expected, "{source}");
    }
}
