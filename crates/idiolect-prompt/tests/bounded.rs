//! Chat templates that would take memory, time or the stack, each stopped by a bound that is named.
#![allow(clippy::unwrap_used, reason = "a test's own templates")]

mod common;

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

/// A loop of many rounds around a piece of template, after `x` is set.
fn repeated(start: &str, body: &str) -> String {
    format!(
        "{{% set ns = namespace(x={start}) %}}{{% for i in range(90000) %}}{body}{{% endfor %}}{{{{ ns.x|length }}}}"
    )
}

#[test]
fn values_that_grow_are_stopped_by_the_bytes_that_they_make() {
    let ones = "[1, 2, 3, 4]";
    let cases = [
        ("'ab'", "{% set ns.x = ns.x ~ ns.x %}"),
        ("'ab'", "{% set ns.x = ns.x + ns.x %}"),
        ("'ab'", "{% set ns.x = ns.x * 3 %}"),
        (ones, "{% set ns.x = ns.x + ns.x %}"),
        (ones, "{% set ns.x = ns.x * 3 %}"),
        (ones, "{% set ns.x = ns.x|chain(ns.x) %}"),
        ("'ab'", "{% set ns.x = [ns.x, ns.x]|join %}"),
        ("'ab'", "{% set ns.x = ns.x|replace('', ns.x) %}"),
        ("'ab'", "{% set ns.x = ns.x.replace('b', 'bb') %}"),
        ("'ab'", "{% set ns.x = ns.x.join([ns.x, ns.x]) %}"),
        ("'ab'", "{% set ns.x = '{}{}'.format(ns.x, ns.x) %}"),
        (
            "'ab'",
            "{% set y %}{{ ns.x }}{{ ns.x }}{% endset %}{% set ns.x = y %}",
        ),
        (
            "'ab'",
            "{% macro m(a) %}{{ a }}{{ a }}{% endmacro %}{% set ns.x = m(ns.x) %}",
        ),
    ];
    for (start, body) in cases {
        let error = rendered(&repeated(start, body)).unwrap_err();
        assert!(
            error.contains("IDIOLECT_LIMIT_RENDERED_BYTES"),
            "{body}: {error}"
        );
    }
}

#[test]
fn one_step_that_makes_much_is_stopped() {
    for piece in [
        "'x' * 100000000 ~ 'x' * 100000000",
        "[1, 2] * 30000 * 30000",
        "'x' * 10 ** 8",
        "'%1000000000d'|format(1)",
        "'a\\nb'|indent(1000000000)",
        "[1]|batch(1000000000, 2)|list",
        "[1]|slice(1000000000)|list",
        "([1] * 1000000000)|list",
        "([1] * 1000000000)|join",
        "range(90000)|map('replace', '', 'x' * 10000)|list",
        "range(90000)|join('x' * 10000)",
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
        "{{% set y %}}{{% for i in range(90000) %}}{}{{% endfor %}}{{% endset %}}",
        "text ".repeat(1000)
    );
    let error = rendered(&caught).unwrap_err();
    assert!(error.contains("IDIOLECT_LIMIT_RENDERED_BYTES"), "{error}");
}

#[test]
fn time_that_is_no_instruction_is_paid_for() {
    for body in [
        "{% set y = ns.x == ns.x ~ '' %}",
        "{% set y = 'b' in ns.x %}",
        "{% set y = ns.x.count('b') %}",
        "{% set y = ns.x[90000] %}",
        "{% set y = ns.x[1:3] %}",
        "{% set y = ns.x is eq(ns.x) %}",
    ] {
        let error = rendered(&repeated("'ab' * 50000", body)).unwrap_err();
        assert!(
            error.contains("IDIOLECT_LIMIT_RENDERED_BYTES"),
            "{body}: {error}"
        );
    }
    assert_eq!(rendered("{{ 'abc'.count('') }}").unwrap(), "4");
}

#[test]
fn depth_and_circles_are_refused() {
    let nested = rendered(&repeated("[1]", "{% set ns.x = [ns.x] %}")).unwrap_err();
    assert!(nested.contains("nested at most 100 deep"), "{nested}");
    let maps = rendered(&repeated("[1]", "{% set ns.x = dict(a=ns.x) %}")).unwrap_err();
    assert!(maps.contains("nested at most 100 deep"), "{maps}");
    let circle = rendered("{% set ns = namespace() %}{% set ns.x = [ns] %}{{ ns }}").unwrap_err();
    assert!(circle.contains("a namespace in a namespace"), "{circle}");
    let call = rendered("{% macro m(a) %}{{ m(a) }}{% endmacro %}{{ m(1) }}").unwrap_err();
    assert!(call.contains("recursion limit"), "{call}");
    let include = rendered("{% include 'chat' %}").unwrap_err();
    assert!(include.contains("non-existing"), "{include}");
    let source = "(".repeat(100_000);
    assert!(rendered(&format!("{{{{ {source} }}}}")).is_err());
    // Slices of slices are lists, so that reading them needs no stack.
    let slices = repeated("[1, 2]", "{% set ns.x = ns.x[0:] %}");
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
    let source = "{% for i in range(50000) %}{% for j in range(50000) %}{% endfor %}{% endfor %}";
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
            "[[\"b\", [1]]] [\"1\", \"3\"]",
        ),
    ] {
        assert_eq!(rendered(source).unwrap(), expected, "{source}");
    }
}
