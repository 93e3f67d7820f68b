//! The command line on the tiny checkpoints: what goes in, what comes out, and that the numbers are those of
//! the reference.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "helpers of tests end them"
)]

mod common;

use common::{Place, done};
use idiolect_testkit::Tensors;
use serde_json::{Value, json};

/// Rows of a padded `[rows, width]` part of a tensor file.
fn rows(
    tensors: &Tensors,
    prefix: &str,
    part: std::ops::Range<usize>,
) -> Vec<(Vec<i64>, Vec<i64>)> {
    let (shape, ids) = tensors.i64(&format!("{prefix}input_ids"));
    let (_, mask) = tensors.i64(&format!("{prefix}attention_mask"));
    let labels = if tensors.names().contains(&format!("{prefix}labels")) {
        tensors.i64(&format!("{prefix}labels")).1
    } else {
        ids.clone()
    };
    let width = *shape.last().expect("a width");
    let real = |row: usize, values: &[i64]| -> Vec<i64> {
        let span = row * width..(row + 1) * width;
        let pairs = values[span.clone()].iter().zip(&mask[span]);
        pairs
            .filter(|(_, real)| **real == 1)
            .map(|(value, _)| *value)
            .collect()
    };
    part.map(|row| (real(row, &ids), real(row, &labels)))
        .collect()
}

#[test]
fn generate_gives_the_reference_greedy_tokens() {
    let Some(place) = Place::new() else { return };
    for model in [
        "tiny-llama2",
        "tiny-llama3",
        "tiny-mistral",
        "tiny-llama-tied",
    ] {
        let folder = place.tiny.join(model);
        let tensors = Tensors::read(&folder.join("oracle.safetensors"));
        let prompts: Vec<Value> = rows(&tensors, "left_", 0..4)
            .into_iter()
            .enumerate()
            .map(|(i, (ids, _))| json!({"id": format!("row-{i}"), "input_ids": ids}))
            .collect();
        let prompts = place.rows("prompts.jsonl", &prompts);
        let (model, out) = (place.model(model), place.path("out.jsonl"));
        for batch in ["1", "4"] {
            done(&[
                "generate",
                "--model",
                &model,
                "--prompts",
                &prompts,
                "--out",
                &out,
                "--max-new-tokens",
                "32",
                "--ignore-eos",
                "--batch-size",
                batch,
            ]);
            let oracle: Value =
                serde_json::from_str(&common::read(&folder.join("oracle.json"))).expect("JSON");
            for (i, row) in place.lines("out.jsonl").iter().enumerate() {
                assert_eq!(row["id"], format!("row-{i}"));
                assert_eq!(
                    row["token_ids"], oracle["greedy_ids"][i],
                    "{model} batch {batch} row {i}"
                );
                assert_eq!(row["finish_reason"], "length");
            }
        }
    }
}

#[test]
fn a_prompt_streams_the_text_that_a_file_gets() {
    let Some(place) = Place::new() else { return };
    let model = place.model("tiny-llama3");
    let prompts = place.rows("prompts.jsonl", &[json!({"prompt": "Say red."})]);
    let out = place.path("out.jsonl");
    let common = [
        "--model",
        &model,
        "--max-new-tokens",
        "24",
        "--temperature",
        "0.9",
        "--seed",
        "5",
    ];
    let streamed = done(&[&["generate", "--prompt", "Say red."], common.as_slice()].concat());
    done(
        &[
            &["generate", "--prompts", &prompts, "--out", &out],
            common.as_slice(),
        ]
        .concat(),
    );
    let row = &place.lines("out.jsonl")[0];
    assert_eq!(row["id"], 0);
    assert_eq!(
        streamed,
        format!("{}\n", row["text"].as_str().expect("text"))
    );
}

#[test]
fn score_gives_the_reference_loss() {
    let Some(place) = Place::new() else { return };
    for model in ["tiny-llama3", "tiny-mistral"] {
        let folder = place.tiny.join(model);
        let tensors = Tensors::read(&folder.join("oracle.safetensors"));
        let data: Vec<Value> = rows(&tensors, "right_", 0..4)
            .into_iter()
            .map(|(input_ids, labels)| json!({"input_ids": input_ids, "labels": labels}))
            .collect();
        let (data, out) = (place.rows("rows.jsonl", &data), place.path("scores.jsonl"));
        done(&[
            "score",
            "--model",
            &place.model(model),
            "--data",
            &data,
            "--out",
            &out,
            "--batch-size",
            "3",
        ]);
        let scored = place.lines("scores.jsonl");
        let sum: f64 = scored
            .iter()
            .map(|row| row["nll"].as_f64().expect("nll"))
            .sum();
        let tokens: u64 = scored
            .iter()
            .map(|row| row["tokens"].as_u64().expect("tokens"))
            .sum();
        let oracle: Value =
            serde_json::from_str(&common::read(&folder.join("oracle.json"))).expect("JSON");
        let want = oracle["loss_sum"].as_f64().expect("a sum");
        assert!(((sum - want) / want).abs() < 1e-5, "{model}: {sum} {want}");
        assert_eq!(tokens, oracle["loss_tokens"].as_u64().expect("a count"));
    }
}

/// Flags of the recorded PEFT run `qv` of tiny-llama3, without `--out`.
fn peft_run(place: &Place) -> Vec<String> {
    let tensors = Tensors::read(&place.peft.join("batches.safetensors"));
    let data: Vec<Value> = rows(&tensors, "train_", 0..160)
        .into_iter()
        .map(|(input_ids, labels)| json!({"input_ids": input_ids, "labels": labels}))
        .collect();
    let data = place.rows("tokens.jsonl", &data);
    let start = place
        .peft
        .join("tiny-llama3/qv/adapter_init")
        .display()
        .to_string();
    let model = place.model("tiny-llama3");
    [
        "train",
        "--model",
        &model,
        "--format",
        "tokens",
        "--data",
        &data,
        "--init-adapter",
        &start,
        "--epochs",
        "1",
        "--batch-size",
        "8",
        "--accumulation",
        "1",
        "--learning-rate",
        "1e-3",
        "--no-shuffle",
        "--no-length-grouping",
        "--checkpoint-every",
        "6",
        "--threads",
        "1",
    ]
    .map(String::from)
    .to_vec()
}

fn train(flags: &[String], more: &[&str]) -> String {
    let all: Vec<&str> = flags
        .iter()
        .map(String::as_str)
        .chain(more.iter().copied())
        .collect();
    done(&all)
}

#[test]
fn train_follows_peft_and_resumes_to_the_byte() {
    let Some(place) = Place::new() else { return };
    let flags = peft_run(&place);
    let (whole, part) = (place.path("whole"), place.path("part"));
    train(&flags, &["--out", &whole]);
    train(&flags, &["--out", &part]);
    let trace = place.peft.join("tiny-llama3/qv/trace.json");
    let trace: Value = serde_json::from_str(&common::read(&trace)).expect("JSON");
    let steps = place.lines("whole/metrics.jsonl");
    assert_eq!(steps.len(), 20);
    for (i, step) in steps.iter().enumerate() {
        let off = |key: &str, list: &str| {
            (step[key].as_f64().expect(key) - trace[list][i].as_f64().expect(list)).abs()
        };
        assert!(off("loss", "loss") < 5e-5, "step {i}: {step}");
        assert!(off("lr", "lr") < 1e-12, "step {i}: {step}");
        assert!(off("grad_norm", "grad_norm") < 1e-4, "step {i}: {step}");
    }
    for file in [
        "run.toml",
        "plan.json",
        "timings.jsonl",
        "adapter/adapter_config.json",
        "adapter/tokenizer.json",
        "adapter/tokenizer_config.json",
        "adapter/template.json",
    ] {
        assert!(
            place.folder.path().join("whole").join(file).is_file(),
            "{file}"
        );
    }
    tear(&place);
    train(&flags, &["--out", &part, "--resume"]);
    for file in ["metrics.jsonl", "adapter/adapter_model.safetensors"] {
        let bytes = |run: &str| std::fs::read(place.folder.path().join(run).join(file));
        assert_eq!(
            bytes("part").expect(file),
            bytes("whole").expect(file),
            "{file}"
        );
    }
    let again: Vec<&str> = flags
        .iter()
        .map(String::as_str)
        .chain(["--out", &part])
        .collect();
    common::refused(&again, &["checkpoints/step-20", "to resume"]);
}

/// Leaves of the finished run `part` what a kill within step 20 leaves: the checkpoint of step 12, and
/// half a line.
fn tear(place: &Place) {
    let folder = place.folder.path().join("part");
    std::fs::remove_dir_all(folder.join("adapter")).expect("removed");
    std::fs::remove_dir_all(folder.join("checkpoints/step-20")).expect("removed");
    let metrics = place.read("part/metrics.jsonl");
    let lines: Vec<&str> = metrics.lines().take(19).collect();
    place.write(
        "part/metrics.jsonl",
        &(lines.join("\n") + "\n{\"step\":20,"),
    );
}

#[test]
fn a_configuration_file_says_what_flags_say() {
    let Some(place) = Place::new() else { return };
    let data = place.alpaca();
    let model = place.model("tiny-llama3");
    let config = format!(
        "model = {model:?}\ndata = {data:?}\nepochs = 1\nbatch_size = 4\naccumulation = 1\nthreads = 1\n\
         targets = \"all-linear\"\nlearning_rate = 1e-3\nvalidation_share = 0.25\n"
    );
    let config = place.write("run.toml", &config);
    done(&[
        "train",
        "--config",
        &config,
        "--out",
        &place.path("a"),
        "--rank",
        "4",
    ]);
    let flags = [
        "--model",
        &model,
        "--data",
        &data,
        "--epochs",
        "1",
        "--batch-size",
        "4",
        "--accumulation",
        "1",
        "--threads",
        "1",
        "--targets",
        "all-linear",
        "--learning-rate",
        "1e-3",
        "--validation-share",
        "0.25",
        "--rank",
        "4",
        "--out",
    ];
    done(&[&["train"], flags.as_slice(), &[&place.path("b")]].concat());
    assert_eq!(place.read("a/metrics.jsonl"), place.read("b/metrics.jsonl"));
    // What a run resolved to is itself a configuration file.
    done(&[
        "train",
        "--config",
        &place.path("a/run.toml"),
        "--out",
        &place.path("c"),
    ]);
    assert_eq!(place.read("a/metrics.jsonl"), place.read("c/metrics.jsonl"));
    let evaluations = place
        .lines("a/metrics.jsonl")
        .into_iter()
        .filter(|row| row.get("eval_loss").is_some());
    assert_eq!(evaluations.count(), 1);
}

#[test]
fn merge_writes_a_model_that_answers_as_the_adapter_did() {
    let Some(place) = Place::new() else { return };
    let model = place.model("tiny-llama3");
    let adapter = place
        .peft
        .join("tiny-llama3/all/adapter_final")
        .display()
        .to_string();
    let merged = place.path("merged");
    let said = done(&[
        "merge",
        "--model",
        &model,
        "--adapter",
        &adapter,
        "--out",
        &merged,
    ]);
    let said: Value = serde_json::from_str(&said).expect("JSON");
    assert!(
        said["max_logit_difference"].as_f64().expect("a number") < 1e-4,
        "{said}"
    );
    let prompts = place.rows(
        "prompts.jsonl",
        &[json!({"prompt": "Say red."}), json!({"prompt": "Say sea."})],
    );
    let (with, without) = (place.path("with.jsonl"), place.path("without.jsonl"));
    let common = [
        "generate",
        "--prompts",
        &prompts,
        "--max-new-tokens",
        "16",
        "--model",
    ];
    done(
        &[
            common.as_slice(),
            &[&model, "--adapter", &adapter, "--out", &with],
        ]
        .concat(),
    );
    done(&[common.as_slice(), &[&merged, "--out", &without]].concat());
    assert_eq!(place.read("with.jsonl"), place.read("without.jsonl"));
}

#[test]
fn distill_goes_on_from_its_journal_and_refuses_another_run() {
    let Some(place) = Place::new() else { return };
    let (model, data) = (place.model("tiny-llama3"), place.alpaca());
    let flags = |out: &str| {
        [
            "distill",
            "--model",
            &model,
            "--data",
            &data,
            "--max-new-tokens",
            "12",
            "--preset",
            "sdft-2402/main/using",
            "--mix-ratio",
            "0.75",
            "--threads",
            "1",
            "--out",
            out,
        ]
        .map(String::from)
        .to_vec()
    };
    let run = |out: &str| train(&flags(out), &[]);
    let summary: Value = serde_json::from_str(&run(&place.path("a"))).expect("JSON");
    assert_eq!(
        (&summary["rows"], &summary["rewritten"]),
        (&json!(12), &json!(9))
    );
    // Killed after four rewrites and half of a fifth.
    run(&place.path("b"));
    let journal = place.read("b/journal/rewrites.jsonl");
    let kept: usize = journal.lines().take(4).map(|line| line.len() + 1).sum();
    place.write("b/journal/rewrites.jsonl", &journal[..kept + 20]);
    run(&place.path("b"));
    for file in ["distilled.json", "summary.json", "journal/rewrites.jsonl"] {
        assert_eq!(
            place.read(&format!("a/{file}")),
            place.read(&format!("b/{file}")),
            "{file}"
        );
    }
    let (mut other, b) = (flags(&place.path("b")), place.path("b"));
    other.extend(["--temperature".into(), "0.5".into()]);
    common::refused(
        &other.iter().map(String::as_str).collect::<Vec<_>>(),
        &[&b, "sampler"],
    );
}

#[test]
fn the_whole_job_runs_and_runs_again_from_what_it_has() {
    let Some(place) = Place::new() else { return };
    let (model, data) = (place.model("tiny-llama3"), place.alpaca());
    let flags = [
        "sdft",
        "--model",
        &model,
        "--data",
        &data,
        "--eval-data",
        &data,
        "--max-new-tokens",
        "8",
        "--preset",
        "sdft-2402/main/using",
        "--epochs",
        "1",
        "--threads",
        "1",
        "--out",
    ];
    let table = done(&[flags.as_slice(), &[&place.path("run")]].concat());
    for part in [
        "seed",
        "distilled",
        "BLEU-4",
        "ROUGE-L",
        "parameter shift",
        "nats per token",
    ] {
        assert!(table.contains(part), "{part}: {table}");
    }
    let report: Value = serde_json::from_str(&place.read("run/report/report.json")).expect("JSON");
    assert_eq!(
        report["models"][0]["bleu4"], 1.0,
        "the seed model's answers are their own reference"
    );
    assert!(report["models"][2]["shift"].as_f64().expect("a shift") > 0.0);
    // Without the last adapter and half of its answers the job ends the same.
    std::fs::remove_dir_all(place.folder.path().join("run/distilled/adapter")).expect("removed");
    let answers = place.read("run/journal/distilled.jsonl");
    place.write("run/journal/distilled.jsonl", &answers[..answers.len() / 2]);
    let again = done(&[flags.as_slice(), &[&place.path("run")]].concat());
    assert_eq!(again, table);
    // Answers that another model wrote are not taken for this one's.
    let answers = place.read("run/journal/seed.jsonl");
    let model = answers.split("\"model\":\"").nth(1).expect("a hash")[..8].to_owned();
    place.write(
        "run/journal/seed.jsonl",
        &answers.replace(&model, "0badc0de"),
    );
    let folder = place.path("run");
    let out = common::idiolect(&[flags.as_slice(), &[&folder]].concat());
    let errors = String::from_utf8_lossy(&out.stderr).into_owned();
    let last = errors.lines().last().unwrap_or_default();
    assert_eq!(out.status.code(), Some(2), "{errors}");
    for part in ["seed.jsonl", "model", "0badc0de"] {
        assert!(last.contains(part), "{part}: {errors}");
    }
    let other = [flags.as_slice(), &[&folder, "--rank", "4"]].concat();
    common::refused(&other, &["run.toml", "rank = 4"]);
}

#[test]
fn inspect_shows_the_model_and_the_trained_text() {
    let Some(place) = Place::new() else { return };
    let (model, data) = (place.model("tiny-mistral"), place.alpaca());
    let about: Value =
        serde_json::from_str(&done(&["inspect", "--model", &model, "--json"])).expect("JSON");
    assert_eq!(about["architecture"], "MistralForCausalLM");
    assert_eq!(about["sliding_window"], 8);
    let shown = done(&["inspect", "--model", &model, "--data", &data, "--rows", "1"]);
    assert!(shown.contains("«red it is<|im_end|>»"), "{shown}");
    let shown = done(&[
        "inspect",
        "--model",
        &model,
        "--data",
        &data,
        "--rows",
        "1",
        "--template",
        "alpaca",
    ]);
    assert!(shown.contains("### Response:\n«red it is</s>»"), "{shown}");
}
