//! The page of a run directory: what it shows of each file, and what it refuses.
#![allow(clippy::unwrap_used, reason = "a test's own files")]

mod compared;

use std::path::Path;

use idiolect_data::{RunDir, content_hash, write_json};
use idiolect_report::{curves, write, write_runs};
use serde_json::{Value, json};
use tempfile::TempDir;

fn run() -> (TempDir, RunDir) {
    let folder = tempfile::tempdir().unwrap();
    let run = RunDir::new(folder.path());
    (folder, run)
}

fn put(path: &Path, text: &str) {
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, text).unwrap();
}

fn metrics(losses: &[f64]) -> String {
    let rows = losses.iter().enumerate();
    let rows =
        rows.map(|(at, loss)| json!({"step": at + 1, "loss": loss, "lr": 1e-4, "grad_norm": 1.0}));
    rows.map(|row| row.to_string() + "\n").collect()
}

fn page(run: &RunDir) -> (String, Value) {
    let page = write(&run.root).unwrap();
    assert_eq!(page, run.report_page());
    let numbers = std::fs::read_to_string(run.report_numbers()).unwrap();
    let numbers = serde_json::from_str(&numbers).unwrap();
    (std::fs::read_to_string(page).unwrap(), numbers)
}

fn refused(run: &RunDir) -> String {
    let error = write(&run.root).unwrap_err().to_string();
    error.replace(&run.root.display().to_string(), "RUN")
}

/// What a whole job with one held-out row finds.
fn outcome() -> Value {
    let mean = |mean: f64| json!({"mean": mean, "low": mean - 0.1, "high": mean + 0.1});
    let model = |name: &str, bleu4: f64| {
        json!({
            "model": name, "ended": 1, "shift": 0.5, "relative_shift": 0.125, "last_loss": 0.75,
            "intervals": {"bleu4": mean(bleu4)}, "values": {"bleu4": [bleu4]},
            "shifts": [
                {"site": "q", "layer": 0, "norm": 3.0, "relative": 0.1},
                {"site": "v", "layer": 0, "norm": 4.0, "relative": 0.1},
            ],
        })
    };
    json!({
        "rows": 1,
        "models": [model("seed", 1.0), model("plain", 0.25), model("distilled", 0.5)],
        "gains": {"bleu4": {"difference": mean(0.25), "p_value": 0.031_25}},
        "samples": [{"id": "x", "prompt": "<b>1 & 1</b>", "label": "2", "answers": ["a", "b", "c"]}],
    })
}

#[test]
fn a_training_shows_losses_settings_and_hashes() {
    let (_folder, run) = run();
    put(&run.metrics(), &metrics(&[2.0, 1.0]));
    put(&run.run_toml(), "model = \"models/x\"\nrank = 8\n");
    put(&run.adapter().join("adapter_config.json"), "{}");
    let (html, numbers) = page(&run);
    let hash = content_hash(&run.adapter()).unwrap();
    for part in [
        "Loss by step",
        "<code>models&#x2f;x</code>",
        "<dt>rank</dt>",
        &hash,
    ] {
        assert!(html.contains(part), "{part}");
    }
    assert_eq!(numbers["losses"]["run"][1]["loss"], 1.0);
    assert_eq!(numbers["settings"], json!({"model": "models/x", "rank": 8}));
    assert_eq!(numbers["hashes"], json!({"adapter run": hash}));
    // Nothing is fetched.
    assert!(!html.contains("href=") && !html.contains("src="));
    assert!(!html.contains("Answers to held-out rows"));
}

#[test]
fn an_on_policy_run_shows_how_far_its_answers_are_from_the_teacher() {
    let (_folder, run) = run();
    let rows = (1..4).map(|step| {
        json!({
            "step": step, "loss": 1.0 / f64::from(step), "lr": 1e-4, "grad_norm": 1.0, "divergence": 0.5,
            "divergence_to_4": 0.75, "entropy": 2.0, "agreement": 0.5, "answer_tokens": 40.0, "cut": 0.25,
        })
    });
    let text: String = rows.map(|row| row.to_string() + "\n").collect();
    put(&run.metrics(), &text);
    let (html, numbers) = page(&run);
    for title in [
        "Divergence from the teacher by step",
        "Entropy of the student by step",
        "Tokens that student and teacher both find likeliest, by step",
        "Length of the student's answers by step",
        "Answers cut at the limit of tokens, by step",
    ] {
        assert!(html.contains(title), "{title}");
    }
    assert_eq!(numbers["losses"]["run"][2]["divergence"], 0.5);
    // A training on responses has none of them.
    put(&run.metrics(), &metrics(&[2.0, 1.0]));
    assert!(!page(&run).0.contains("Divergence from the teacher"));
}

#[test]
fn a_whole_job_shows_scores_samples_and_tasks() {
    let (_folder, run) = run();
    write_json(&run.outcome(), &outcome()).unwrap();
    for (part, losses) in [(RunDir::PLAIN, [3.0, 2.0]), (RunDir::DISTILLED, [1.0, 0.5])] {
        put(&run.part(part).metrics(), &metrics(&losses));
    }
    let rewrites = run.part(RunDir::DISTILL).journal(RunDir::REWRITES);
    put(&rewrites, "{\"id\":1,\"model\":\"hash-of-it\"}\n");
    let task = json!({"task": "gsm8k", "shots": 5, "items": 10, "scores": {"correct": {"mean": 0.5, "low": 0.4, "high": 0.6}}});
    put(&run.task("few").summary(), &task.to_string());
    put(&run.tasks().join("notes.txt"), "no run directory");
    let (html, numbers) = page(&run);
    for part in [
        "p 0.031",
        "0.25<small>0.15 to 0.35</small>",
        "Histogram of BLEU-4",
        "Parameter shift by block",
        "&lt;b&gt;1 &amp; 1&lt;&#x2f;b&gt;",
        "hash-of-it",
        "<td>few</td><td>gsm8k</td><td>5</td><td>10</td>",
    ] {
        assert!(html.contains(part), "{part}");
    }
    assert!(!html.contains("<b>1 & 1"));
    assert_eq!(numbers["tasks"].as_array().unwrap().len(), 1);
    assert_eq!(numbers["losses"]["distilled"][0]["loss"], 1.0);
    assert_eq!(numbers["models"], outcome()["models"]);
}

#[test]
fn what_is_no_run_is_refused_with_the_place() {
    let (_folder, run) = run();
    let none = "RUN: expected a directory that sdft, train or distill wrote, found none of outcome.json, side_by_side.jsonl and metrics.jsonl";
    assert_eq!(refused(&run), none);
    // A folder of runs, one of which has the name of a part.
    put(&run.part(RunDir::PLAIN).metrics(), &metrics(&[2.0, 1.0]));
    assert_eq!(refused(&run), none);
    std::fs::remove_dir_all(&run.part(RunDir::PLAIN).root).unwrap();
    assert!(
        curves::draw(&run.root)
            .unwrap_err()
            .to_string()
            .ends_with("metrics.jsonl")
    );
    put(&run.metrics(), "{\"step\":1,\"loss\":1.0}\n{\"step\":2,");
    let torn = refused(&run);
    assert!(
        torn.starts_with("RUN/metrics.jsonl: line 2: expected a JSON object, found EOF"),
        "{torn}"
    );
    assert!(
        curves::draw(&run.root)
            .unwrap_err()
            .to_string()
            .contains("metrics.jsonl: line 2: ")
    );
    assert!(!run.curves().exists() && !run.report().exists());
    put(&run.metrics(), &metrics(&[1.0]));
    put(&run.run_toml(), "rank = 8\nrank = 9\n");
    assert!(refused(&run).starts_with("RUN/run.toml: line 2: not valid TOML: duplicate key"));
    put(&run.run_toml(), "");
    put(&run.outcome(), "[]");
    assert!(refused(&run).starts_with("RUN/outcome.json: line 1: expected a JSON object"));
}

#[test]
fn curves_need_a_step() {
    let (_folder, run) = run();
    put(&run.metrics(), "");
    curves::draw(&run.root).unwrap();
    assert!(!run.curves().exists());
    put(&run.metrics(), &metrics(&[2.0, 1.0]));
    curves::draw(&run.root).unwrap();
    let picture = std::fs::read_to_string(run.curves()).unwrap();
    assert!(picture.starts_with("<svg") && picture.contains("Learning rate"));
}

/// What a distillation leaves of three rows.
fn side_by_side() -> String {
    let row = |id: &str, change: &str, more: Value| {
        let mut row = json!({"id": id, "prompt": "p", "original": "o", "rewrite": "<i>r</i>", "change": change});
        row.as_object_mut()
            .unwrap()
            .extend(more.as_object().unwrap().clone());
        row.to_string() + "\n"
    };
    [
        row("first", "changed", json!({"verdict": "keep"})),
        row("second", "same", json!({"verdict": "keep"})),
        row("third", "refused", json!({"verdict": "reject", "reason": "different_answer", "expected": "4", "found": null})),
    ]
    .concat()
}

#[test]
fn rows_stand_beside_their_rewrites() {
    let (_folder, run) = run();
    put(&run.side_by_side(""), &side_by_side());
    let length = json!({"words": 1.0, "characters": 1.0});
    let summary = json!({
        "rows": 3, "replaced": 2, "replaced_share": 0.667, "identical": 1, "refused": {"different_answer": 1},
        "refused_share": {"different_answer": 0.333}, "length_before": length, "length_after": length,
    });
    put(&run.summary(), &summary.to_string());
    let (html, numbers) = page(&run);
    for part in [
        "2 of 3 responses were replaced",
        "<div class=\"row changed\"><h3>first",
        "refused: different answer, expected 4</span>",
        "<pre>&lt;i&gt;r&lt;&#x2f;i&gt;</pre>",
        "replaced, the same words: 1</label>",
    ] {
        assert!(html.contains(part), "{part}: {html}");
    }
    let counts =
        ["changed", "same", "refused"].map(|change| numbers["side_by_side"][change].as_u64());
    assert_eq!(counts, [Some(1); 3]);
    put(&run.side_by_side(""), "{");
    assert!(refused(&run).starts_with("RUN/side_by_side.jsonl: line 1: expected a JSON object"));
}

#[test]
fn the_top_says_when_where_and_what_was_found() {
    let (_folder, run) = run();
    put(&run.metrics(), &metrics(&[2.0, 1.0]));
    let (html, _) = page(&run);
    assert!(!html.contains("Begun"));
    let began = |at: &str| json!({"event": "began", "at": at, "version": "0.2.0", "machine": "A processor, 2 threads", "device": "cpu"});
    let sessions = [
        began("2026-01-31T12:00:00Z"),
        began("2026-01-31T13:00:00Z"),
        json!({"event": "ended", "seconds": 125.4}),
    ];
    let sessions: String = sessions.iter().map(|row| row.to_string() + "\n").collect();
    put(&run.sessions(), &sessions);
    let (html, _) = page(&run);
    for part in [
        "Begun 2026-01-31 12:00:00 UTC, in 2 sessions, 2 min 5 s in those that ended.",
        "A processor, 2 threads; device cpu",
        "The training loss went from 2.000 to 1.000 (of the first and the last step) in 2 steps.",
    ] {
        assert!(html.contains(part), "{part}: {html}");
    }
    let mut told = outcome();
    told["finding"] = "Something was found.".into();
    write_json(&run.outcome(), &told).unwrap();
    assert!(
        page(&run)
            .0
            .contains("<p class=\"finding\">Something was found.</p>")
    );
}
