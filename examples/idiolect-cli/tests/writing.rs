//! Writing the data: `distill` in parts, `continue` with a local model and a server, and processes killed at
//! many points.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "helpers of tests end them"
)]

mod common;
#[path = "../../../crates/idiolect-teacher/tests/common/mod.rs"]
mod loopback;

use std::collections::HashSet;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use common::{Place, done, idiolect, refused};
use loopback::{Act, Asked, Server};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde_json::{Value, json};

/// A call in words; `$M` is the tiny model, `$D` twelve alpaca rows, `$C` the documents.
fn call(place: &Place, words: &str) -> Vec<String> {
    let put = |word: &str| match word {
        "$M" => place.model("tiny-llama3"),
        "local:$M" => format!("local:{}", place.model("tiny-llama3")),
        "$D" => place.alpaca(),
        "$C" => corpus(place),
        word => match word.strip_prefix("$OUT/") {
            Some(name) => place.path(name),
            None => word.into(),
        },
    };
    words.split_whitespace().map(put).collect()
}

fn words(call: &[String]) -> Vec<&str> {
    call.iter().map(String::as_str).collect()
}

fn run(place: &Place, text: &str) -> Value {
    let out = done(&words(&call(place, text)));
    serde_json::from_str(&out).expect("JSON")
}

/// Twenty-four documents of 12 to 28 words.
fn corpus(place: &Place) -> String {
    let text = "The river runs past an old mill and turns wide before it falls into the sea where \
                boats wait for the tide to come again";
    let words: Vec<&str> = text.split_whitespace().collect();
    let document = |at: usize| {
        let own = (0..12 + at * 3 % 17).map(|word| words[(at + word) % words.len()]);
        json!({"id": format!("d{at}"), "text": own.collect::<Vec<_>>().join(" ")})
    };
    place.rows("corpus.jsonl", &(0..24).map(document).collect::<Vec<_>>())
}

/// The flags of every distillation here.
const DISTILL: &str = "distill --model $M --data $D --preset sdft-2402/main/using --max-new-tokens 12 \
                       --generation-batch-size 2 --temperature 0.9 --threads 1";
const CONTINUE: &str = "continue --corpus $C --teacher local:$M --max-new-tokens 8 --threads 1";

#[test]
fn parts_merge_into_what_one_machine_writes() {
    let Some(place) = Place::new() else { return };
    run(&place, &format!("{DISTILL} --out $OUT/whole"));
    for part in ["1/3", "2/3", "3/3"] {
        let summary = run(
            &place,
            &format!("{DISTILL} --out $OUT/parts --shard {part}"),
        );
        assert_eq!(summary["rows"], 4, "{part}");
    }
    let merge = DISTILL.replace("distill", "distill merge");
    run(
        &place,
        &format!("{merge} --from $OUT/parts --out $OUT/merged"),
    );
    for file in ["distilled.json", "summary.json"] {
        let [whole, merged] = ["whole", "merged"].map(|run| place.read(&format!("{run}/{file}")));
        assert_eq!(whole, merged, "{file}");
    }
    // A part is missing, another one is there twice: said, and the run goes on to the same set.
    let journal = |part: usize| format!("--from $OUT/parts/journal/rewrites-{part}-of-3.jsonl");
    let some = [journal(1), journal(3), journal(1)].join(" ");
    let out = idiolect(&words(&call(
        &place,
        &format!("{merge} {some} --out $OUT/some"),
    )));
    let errors = String::from_utf8_lossy(&out.stderr).into_owned();
    assert_eq!(out.status.code(), Some(1), "{errors}");
    assert!(errors.contains("4 of 12 rows are missing"), "{errors}");
    let report: Value = serde_json::from_str(&place.read("some/merge.json")).expect("JSON");
    assert_eq!(report["missing"], json!([1, 4, 7, 10]));
    let double = report["double"].as_array().expect("rows");
    assert!(double.len() == 4 && double.iter().all(|row| row["equal"] == true));
    run(&place, &format!("{DISTILL} --out $OUT/some"));
    assert_eq!(
        place.read("some/distilled.json"),
        place.read("whole/distilled.json")
    );
    // Another sampler's journal is refused by name.
    let other = format!("{merge} --temperature 0.5 --from $OUT/parts --out $OUT/other");
    let other = other.replacen("--temperature 0.9 ", "", 1);
    refused(
        &words(&call(&place, &other)),
        &["rewrites-1-of-3.jsonl", "sampler"],
    );
    let wrong = format!("{DISTILL} --out $OUT/no --shard 4/3");
    refused(&words(&call(&place, &wrong)), &["shard", "4/3"]);
}

#[test]
fn the_summary_tells_passes_and_likelihood_and_verdicts_are_switched() {
    let Some(place) = Place::new() else { return };
    let summary = run(&place, &format!("{DISTILL} --out $OUT/a"));
    assert!(summary["tokens_per_pass"].as_f64().expect("a number") >= 0.9);
    let nll = |summary: &Value, when: &str| summary["target_nll"][when]["per_token"].as_f64();
    assert!(nll(&summary, "before").expect("before") > 0.0);
    assert!(nll(&summary, "after").expect("after") > 0.0);
    let written: Value = serde_json::from_str(&place.read("a/summary.json")).expect("JSON");
    assert_eq!(written, summary);
    // The same journal, judged anew and not scored.
    let strict = run(
        &place,
        &format!("{DISTILL} --out $OUT/a --verdicts unfinished --no-likelihood"),
    );
    assert_eq!(
        strict["refused"]["unfinished"],
        strict["finish_reasons"]["length"]
    );
    assert!(summary["refused"]["unfinished"].is_null() && strict["target_nll"].is_null());
    let wrong = format!("{DISTILL} --out $OUT/b --verdicts none,empty");
    refused(&words(&call(&place, &wrong)), &["--verdicts", "none"]);
    // Without a reference, rows without an answer are dropped and nothing is there to score before.
    let unaided = DISTILL.replace("sdft-2402/main/using", "unaided");
    let alone = run(
        &place,
        &format!("{unaided} --verdicts none --out $OUT/alone"),
    );
    let left: Value = serde_json::from_str(&place.read("alone/distilled.json")).expect("JSON");
    assert_eq!(
        left.as_array().expect("rows").len() as u64,
        alone["replaced"].as_u64().expect("a count")
    );
    assert!(nll(&alone, "before").is_none() && nll(&alone, "after").is_some());
}

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
    wrong(&format!("{server} --in-flight 0"), &["in_flight"]);
    wrong(
        &format!("{CONTINUE} --filters funny").replacen("continue", "", 1),
        &["--documents"],
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

/// Lines of all journals of a run, whole or torn.
fn lines(run: &str) -> usize {
    let Ok(journals) = std::fs::read_dir(Path::new(run).join("journal")) else {
        return 0;
    };
    let count = |bytes: Vec<u8>| bytes.split(|byte| *byte == b'\n').count() - 1;
    let texts = journals.filter_map(|entry| std::fs::read(entry.ok()?.path()).ok());
    texts.map(count).sum()
}

/// Starts a run and kills it once its journals have so many lines; whether it was still running.
fn kill_after(call: &[String], run: &str, wanted: usize) -> bool {
    let mut child = Command::new(env!("CARGO_BIN_EXE_idiolect"))
        .args(call)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("the binary");
    let began = Instant::now();
    while lines(run) < wanted && child.try_wait().expect("a state").is_none() {
        assert!(began.elapsed() < Duration::from_mins(2), "no line {wanted}");
        std::thread::sleep(Duration::from_micros(200));
    }
    // On Unix this is SIGKILL.
    child.kill().expect("killed");
    !child.wait().expect("a state").success()
}

/// Each line of a journal once, sorted: with several requests in flight their order is chance.
fn journal(place: &Place, file: &str) -> Vec<String> {
    let text = place.read(file);
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    let ids = place.lines(file);
    let ids: HashSet<String> = ids.iter().map(|row| row["id"].to_string()).collect();
    assert_eq!(ids.len(), lines.len(), "{file}: a row is there twice");
    lines.sort();
    lines
}

/// Kills `count` runs at seeded points and lets them end: the files and journals are those of `whole`.
fn killed(place: &Place, text: &str, (seed, count): (u64, usize), [files, journals]: [&[&str]; 2]) {
    let total = lines(&place.path("whole"));
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let mut alive = 0;
    for point in 0..count {
        let name = format!("run-{seed}-{point}");
        let call = call(place, &format!("{text} --out $OUT/{name}"));
        // Twice in one life where it lasts.
        for _ in 0..=point % 2 {
            let so_far = lines(&place.path(&name));
            if so_far >= total {
                // On a busy machine it was through before the first kill came.
                break;
            }
            let wanted = random.random_range(so_far..total).max(1);
            alive += usize::from(kill_after(&call, &place.path(&name), wanted));
        }
        done(&words(&call));
        for file in files {
            let [whole, again] = ["whole", &name].map(|run| place.read(&format!("{run}/{file}")));
            assert!(whole == again, "{name}: {file} differs");
        }
        for file in journals {
            let [whole, again] =
                ["whole", &name].map(|run| journal(place, &format!("{run}/{file}")));
            assert!(whole == again, "{name}: {file} differs");
        }
        std::fs::remove_dir_all(place.path(&name)).expect("removed");
    }
    assert!(
        alive >= count,
        "only {alive} kills of {count} runs came before their end"
    );
}

#[test]
fn distill_killed_at_any_of_20_points_ends_with_the_same_bytes() {
    let Some(place) = Place::new() else { return };
    run(&place, &format!("{DISTILL} --out $OUT/whole"));
    let files = ["distilled.json", "summary.json", "journal/rewrites.jsonl"];
    killed(
        &place,
        DISTILL,
        (20, 20),
        [&files, &["journal/rewrites.jsonl"]],
    );
}

#[test]
fn continue_killed_at_any_of_20_points_ends_with_the_same_rows() {
    let Some(place) = Place::new() else { return };
    // The text depends on what is shown alone.
    let server = Server::start(|asked: &Asked| {
        let shown = asked.shown();
        let text = match shown.contains("Answer with one word") {
            true if shown.len().is_multiple_of(3) => "Yes".to_owned(),
            true => "No".to_owned(),
            false => format!("and {} bytes before", shown.len()),
        };
        Act::Slow(Duration::from_millis(1), Box::new(Act::text(asked, &text)))
    });
    let text = |in_flight: usize| {
        let url = &server.url;
        format!(
            "continue --corpus $C --documents 20 --teacher openai:{url} --server-model m \
             --filters empty,capital,conversational --window 7 --threads 1 --in-flight {in_flight}"
        )
    };
    run(&place, &format!("{} --out $OUT/whole", text(1)));
    let files = ["rows.jsonl", "verdicts.jsonl", "summary.json"];
    let journals = [
        "journal/continuations.jsonl",
        "journal/conversational.jsonl",
    ];
    for in_flight in [1, 4] {
        killed(
            &place,
            &text(in_flight),
            (in_flight as u64, 10),
            [&files, &journals],
        );
    }
    assert!(server.at_once.load(std::sync::atomic::Ordering::SeqCst) > 1);
}

#[test]
fn the_example_configurations_say_what_there_is() {
    let Some(place) = Place::new() else { return };
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../config");
    let continued = folder.join("continue.toml").display().to_string();
    let text = format!("{CONTINUE} --config {continued} --documents 2 --out $OUT/c");
    assert_eq!(run(&place, &text)["corpus"]["sampled"], 2);
    let distilled = folder.join("sdft-2402-main.toml").display().to_string();
    let text = format!("{DISTILL} --config {distilled} --check text --out $OUT/d");
    assert_eq!(run(&place, &text)["rewritten"], 12);
    // The paper's sampler, but for what the flags say.
    let sampler = &place.lines("d/journal/rewrites.jsonl")[0]["sampler"];
    let found = ["temperature", "top_k", "top_p", "max_new_tokens"].map(|key| &sampler[key]);
    let number = |value: &Value| value.as_f64().map(|number| (number * 1e3).round() / 1e3);
    assert_eq!(
        found.map(number),
        [0.9, 50.0, 0.7, 12.0].map(Some),
        "{sampler}"
    );
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
