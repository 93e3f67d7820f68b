//! `continue`: with a local teacher and with a real server, and what is refused.

use serde_json::{Value, json};

use crate::common::{Place, done, idiolect, refused, words};
use crate::loopback::{Act, Server};
use crate::{CONTINUE, call, run};

#[test]
fn continue_writes_rows_with_a_local_teacher_and_refuses_another_run() {
    let Some(place) = Place::new() else { return };
    let summary = run(&place, &format!("{CONTINUE} --documents 6 --out $OUT/a"));
    assert_eq!(
        (&summary["corpus"]["sampled"], &summary["judged"]),
        (&json!(6), &json!({}))
    );
    let rows = place.lines("a/rows.jsonl");
    assert_eq!(Some(rows.len() as u64), summary["rows"].as_u64());
    assert_eq!(rows[0]["messages"][0]["role"], "user");
    // What it writes is data to train on.
    let train = "train --model $M --data $OUT/a/rows.jsonl --format messages --template nift-2409/vanilla \
                 --max-steps 1 --batch-size 1 --accumulation 1 --threads 1 --out $OUT/trained";
    done(&words(&call(&place, train)));
    let raw = format!("{CONTINUE} --documents 6 --out $OUT/a --shown raw");
    refused(
        &words(&call(&place, &raw)),
        &["continuations.jsonl", "form", "raw"],
    );
    let raw = run(
        &place,
        &format!("{CONTINUE} --documents 6 --shown raw --rows text --filters none --out $OUT/raw"),
    );
    assert_eq!(raw["rows"], 6);
    assert!(place.lines("raw/rows.jsonl")[0]["text"].is_string());
    let system = format!("{CONTINUE} --preset nift-2409/claude --documents 2 --out $OUT/system");
    run(&place, &system);
    let form = &place.lines("system/journal/continuations.jsonl")[0]["form"];
    assert!(
        form.as_str()
            .expect("a form")
            .contains("Please continue directly"),
        "{form}"
    );
    // The control asks nobody.
    let control = run(
        &place,
        "continue --corpus $C --preset nift-2409/original --out $OUT/control",
    );
    assert_eq!(
        (&control["rows"], &control["tokens"]),
        (&json!(24), &json!(0))
    );
}

#[test]
fn wrong_calls_of_continue() {
    let Some(place) = Place::new() else { return };
    let wrong = |more: &str, parts: &[&str]| {
        let text = format!("continue --out $OUT/x {more}");
        refused(&words(&call(&place, &text)), parts);
    };
    wrong("--documents 2", &["--corpus"]);
    wrong("--corpus $C", &["--documents"]);
    wrong("--corpus $C --documents 2", &["--teacher", "local:MODEL"]);
    wrong(
        "--corpus $C --documents 2 --teacher gpt",
        &["--teacher", "openai:URL", "gpt"],
    );
    wrong(
        "--corpus $C --documents 2 --teacher openai:http://a.b",
        &["url", "https"],
    );
    let server = "--corpus $C --documents 2 --teacher openai:a.b --server-model m";
    wrong(
        &format!("{server} --key-variable IDIOLECT_NO_SUCH_KEY"),
        &["IDIOLECT_NO_SUCH_KEY"],
    );
    wrong(&format!("{server} --adapter x"), &["--adapter"]);
    wrong(&format!("{server} --in-flight 0"), &["--in-flight"]);
    wrong(
        &format!("{CONTINUE} --filters funny").replacen("continue", "", 1),
        &["--filters", "funny"],
    );
    wrong(
        "--corpus $C --documents 2 --filters funny",
        &["--filters", "capital", "funny"],
    );
    wrong(
        "--corpus $C --documents 2 --shown raw --system s",
        &["--system"],
    );
    wrong(
        "--corpus $C --preset nift",
        &["--preset", "nift-2409/claude"],
    );
    // A key where its variable's name belongs is not repeated.
    let out = idiolect(&words(&call(
        &place,
        &format!("continue --out $OUT/x {server} --key-variable sk-secret"),
    )));
    let errors = String::from_utf8_lossy(&out.stderr).into_owned();
    assert!(
        errors.contains("--key-variable") && !errors.contains("secret"),
        "{errors}"
    );
}

/// The first attempt is answered in vain and billed; a call that asks nothing keeps the sum.
#[test]
fn what_a_server_cost_stands_in_the_summary() {
    let Some(place) = Place::new() else { return };
    let server = Server::start(|asked| match asked.number {
        0 => {
            let usage = json!({"prompt_tokens": 10, "completion_tokens": 5});
            Act::Reply(
                200,
                "",
                json!({"error": {"code": 502}, "usage": usage}).to_string(),
            )
        }
        _ => Act::text(asked, "and so it goes on"),
    });
    let text = format!(
        "continue --corpus $C --documents 3 --teacher openai:{} --server-model m --in-flight 1 \
         --prompt-price 100000 --text-price 200000 --out $OUT/a",
        server.url
    );
    let summary = run(&place, &text);
    let spent = json!({
        "attempts": 4, "texts": 3, "prompt_tokens": 40, "text_tokens": 20, "money": 8.0,
        "reasoning_removed": 0, "only_reasoning": 0,
    });
    assert_eq!(summary["spent"], json!({"teacher": spent}));
    let written = || serde_json::from_str::<Value>(&place.read("a/summary.json")).expect("JSON");
    assert_eq!(written(), summary);
    assert_eq!(run(&place, &text), summary);
    assert_eq!((written(), server.count()), (summary, 4));
}

/// `cargo xtask test server` starts one and sets the variable.
#[test]
fn a_real_server_continues_documents_for_the_command_line() {
    let Ok(url) = std::env::var("IDIOLECT_OPENAI_URL") else {
        return;
    };
    let Some(place) = Place::new() else { return };
    let asked = format!(
        "continue --corpus $C --teacher openai:{url} --preset nift-2409/claude --documents 6 \
         --filters empty,conversational --max-new-tokens 24 --in-flight 4 --out $OUT/served"
    );
    let summary = run(&place, &asked);
    assert_eq!(summary["corpus"]["sampled"], 6, "{summary}");
    let files = ["served/rows.jsonl", "served/journal/continuations.jsonl"];
    let [rows, journal] = files.map(|file| place.read(file));
    assert_eq!(journal.lines().count(), 6, "{journal}");
    let texts = journal
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).expect("JSON"));
    let written = texts.filter(|row| row["text"].as_str().is_some_and(|text| text.len() > 20));
    assert!(written.count() >= 4, "{journal}");
    // All of it is there: nothing is asked again.
    assert_eq!(run(&place, &asked), summary);
    assert_eq!([rows, journal], files.map(|file| place.read(file)));
}
