//! Templates that users write: what is read, and which rules a field may not break.

#![allow(
    clippy::unwrap_used,
    clippy::needless_raw_string_hashes,
    reason = "helpers of tests may panic; expect-test writes the hashes"
)]

mod common;

use common::{answered, assistant, pieces, system, user};
use expect_test::{Expect, expect};
use idiolect_prompt::{ChatTokens, DistillTemplate, NamedTemplate, Slot, Template};

const MINE: &str = r#"
name = "mine"
default_system = "Be brief."
user = [{ text = "Q: {{content}}" }, { token = "<sep>" }]
assistant = [{ text = "{{content}}" }, { token = "<end>" }]
separator = [{ text = "\n" }]
joined = false
stops = ["<end>"]
"#;

fn refused(text: &str, expected: &Expect) {
    expected.assert_eq(&NamedTemplate::from_toml(text).unwrap_err().to_string());
}

fn refused_form(text: &str, expected: &Expect) {
    expected.assert_eq(&DistillTemplate::from_toml(text).unwrap_err().to_string());
}

#[test]
fn a_named_template_is_read_from_toml() {
    let template = NamedTemplate::from_toml(MINE).unwrap();
    let as_value = NamedTemplate {
        name: "mine".into(),
        default_system: "Be brief.".into(),
        user: vec![Slot::text("Q: {{content}}"), Slot::Token("<sep>".into())],
        assistant: vec![Slot::text("{{content}}"), Slot::Token("<end>".into())],
        separator: vec![Slot::text("\n")],
        joined: false,
        stops: vec!["<end>".into()],
        ..NamedTemplate::default()
    };
    assert_eq!(template, as_value);
    let turns = [user("1"), assistant("2"), user("3"), assistant("4")];
    expect![[r#"
        <bos>
        ‹Be brief.›\n\n
        Q:␠‹1›
        <sep>
        «‹2›»
        «<end>»
        \n
        Q:␠‹3›
        <sep>
        «‹4›»
        «<end>»
    "#]]
    .assert_eq(&pieces(&template.example(&turns).unwrap()));
}

#[test]
fn fields_of_a_named_template_keep_their_rules() {
    let with = |line: &str| format!("name = \"mine\"\n{line}");
    refused(
        "strip = true",
        &expect![[r#"template in TOML, name: expected a name, found none"#]],
    );
    refused(
        "name = \"alpaca\"",
        &expect![[
            r#"template in TOML, name: expected a name that no built-in template has, found "alpaca""#
        ]],
    );
    refused(
        &with("user = [\"bos\"]"),
        &expect![[r#"template in TOML, user: expected a text with {{content}}, found none"#]],
    );
    refused(
        &with("user = [{ text = \"{{content}}\\n{{resp}}\" }]"),
        &expect![[r#"template in TOML, user: expected no mark but {{content}}, found {{resp}}"#]],
    );
    refused(
        &with("user = [{ text = \"{{ content }}\" }]"),
        &expect![[
            r#"template in TOML, user: expected no mark but {{content}}, found {{ content }}"#
        ]],
    );
    refused(
        &with("start = [{ text = \"{{content}}\" }]"),
        &expect![[r#"template in TOML, start: expected text without marks, found {{content}}"#]],
    );
    refused(
        &with("system = []"),
        &expect![[r#"template in TOML, system: expected a text with {{content}}, found none"#]],
    );
    refused(
        &with("system_in_user = true\nsystem = [{ text = \"{{content}}\" }, \"eos\"]"),
        &expect![[
            r#"template in TOML, system: expected text alone, as system_in_user is set, found Eos"#
        ]],
    );
    refused(
        &with("stop_texts = [\"\"]"),
        &expect![[
            r#"template in TOML, stop_texts: expected texts that are not empty, found an empty text"#
        ]],
    );
    refused(
        &with("separator = [{ token = \"\" }]"),
        &expect![[
            r#"template in TOML, separator: expected the spelling of a token, found an empty text"#
        ]],
    );
}

#[test]
fn a_response_must_end_with_what_ends_generation() {
    let expected = expect![[
        r#"template in TOML, assistant: expected "eos", or one of stops or stop_texts, behind {{content}}, found neither"#
    ]];
    let ended = |assistant: &str, rest: &str| {
        NamedTemplate::from_toml(&format!("name = \"mine\"\nassistant = {assistant}\n{rest}"))
    };
    for open in [
        r#"[{ text = "{{content}}" }]"#,
        r#"["eos", { text = "{{content}}" }]"#,
        r#"[{ text = "{{content}}" }, { token = "<end>" }]"#,
        r#"[{ text = "END{{content}}" }]"#,
    ] {
        let error = ended(open, "stop_texts = [\"END\"]").unwrap_err();
        expected.assert_eq(&error.to_string());
    }
    assert!(ended(r#"[{ text = "{{content}}END" }]"#, "stop_texts = [\"END\"]").is_ok());
    assert!(ended(r#"[{ text = "{{content}}<end>" }]"#, "stops = [\"<end>\"]").is_ok());
    let token = r#"[{ text = "{{content}}" }, { token = "<end>" }]"#;
    assert!(ended(token, "stops = [\"<end>\"]").is_ok());
}

#[test]
fn a_distillation_template_is_read_from_toml() {
    let text = r#"
        chat_user = "{{content}}\nReference: {{resp}}"
        [form]
        name = "own words"
        default_system = "Say it in your own words."
        user = [{ text = "{{content}}\nReference: {{resp}}\nAnswer: " }]
    "#;
    let template = DistillTemplate::from_toml(text).unwrap();
    let raw = template.prompt(&answered()).unwrap().text("<s>", "</s>");
    assert_eq!(
        raw,
        "<s>Say it in your own words.\n\nQ\nReference: A\nAnswer: "
    );
    let chat = template.messages(&answered());
    assert_eq!(
        chat[0].content,
        "Say it in your own words.\n\nQ\nReference: A"
    );
    let terse = format!("chat_system = \"\"\n{text}");
    let terse = DistillTemplate::from_toml(&terse).unwrap();
    assert_eq!(terse.messages(&answered())[0].content, "Q\nReference: A");
    let empty = text.replace("Say it in your own words.", "");
    let brought = common::example(&[system("S"), user("Q"), assistant("A")]);
    let raw = DistillTemplate::from_toml(&empty)
        .unwrap()
        .prompt(&brought)
        .unwrap();
    assert_eq!(raw.text("<s>", "</s>"), "<s>S\n\nQ\nReference: A\nAnswer: ");
}

#[test]
fn fields_of_a_distillation_template_keep_their_rules() {
    let form = "[form]\nname = \"own\"\nuser = [{ text = \"{{content}} {{resp}}\" }]";
    refused_form(
        form,
        &expect![[r#"template in TOML, chat_user: expected a text with {{content}}, found none"#]],
    );
    refused_form(
        &format!("chat_user = \"{{{{content}}}}\"\n{form}"),
        &expect![[
            r#"template in TOML, chat_user: expected {{resp}}, as in the user turns of form, found none"#
        ]],
    );
    refused_form(
        "chat_user = \"{{content}} {{resp}}\"\n[form]\nname = \"own\"",
        &expect![[
            r#"template in TOML, form.user: expected {{resp}}, as in chat_user, found none"#
        ]],
    );
    refused_form(
        "chat_user = \"{{content}}\"\n[form]\nname = \"unaided\"",
        &expect![[
            r#"template in TOML, name: expected a name that no built-in template has, found "unaided""#
        ]],
    );
}

#[test]
fn files_are_read_by_their_ending() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        path
    };
    let read = |path: &std::path::Path| Template::from_file(path, ChatTokens::default());
    let shown = |error: idiolect_prompt::PromptError| {
        let place = folder.path().display().to_string();
        error.to_string().replace(&place, "")
    };
    assert_eq!(read(&write("mine.toml", MINE)).unwrap().name(), "mine");
    let chat = "{% for m in messages %}{{ m.content }}<end>{% endfor %}";
    let chat = read(&write("mine.jinja", chat)).unwrap();
    assert_eq!(
        (chat.name(), chat.stops()),
        ("mine.jinja", vec!["<end>".to_owned()])
    );
    let error = read(&write("other.txt", MINE)).unwrap_err();
    expect![[r#"template /other.txt: expected a file that ends in .toml (a named template) or .jinja (a chat template)"#]].assert_eq(&shown(error));
    let error = read(&folder.path().join("none.toml")).unwrap_err();
    expect![[r#"cannot read template /none.toml: No such file or directory (os error 2)"#]]
        .assert_eq(&shown(error));
    let error = read(&write("open.jinja", "{% for m in messages %}")).unwrap_err();
    expect!["chat template /open.jinja is not valid Jinja: syntax error: unexpected end of input, expected end of block (in chat:1)"].assert_eq(&shown(error));
    let error = read(&write("misspelt.toml", "name = \"mine\"\nuser_turn = []")).unwrap_err();
    expect!["template /misspelt.toml: line 2: not valid TOML: unknown field `user_turn`, expected one of `name`, `default_system`, `start`, `system`, `system_in_user`, `system_in_last`, `empty_system`, `user`, `assistant`, `separator`, `joined`, `strip`, `strip_response_end`, `stops`, `stop_texts`"].assert_eq(&shown(error));
    let error = read(&write("broken.toml", "name = \"mine\"\nuser = []")).unwrap_err();
    expect![[r#"template /broken.toml, user: expected a text with {{content}}, found none"#]]
        .assert_eq(&shown(error));
}
