//! What the program says: lines in logs, help, names of other programs, lists of names, completions.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "helpers of tests end them"
)]

mod common;

use std::io::Write as _;
use std::process::{Command, Stdio};

use common::{Place, done, idiolect, refused, training, with};
use serde_json::Value;

/// Standard error of a call that succeeds.
fn said(args: &[&str]) -> String {
    let out = idiolect(args);
    let errors = String::from_utf8(out.stderr).expect("UTF-8");
    assert!(out.status.success(), "{args:?}: {errors}");
    errors
}

#[test]
fn a_log_has_a_line_for_each_step_and_a_summary() {
    let Some(place) = Place::new() else { return };
    let (data, run) = (place.alpaca(), place.path("run"));
    let flags = training(&place, &["--epochs", "2", "--threads", "1"]);
    let more = ["--eval-data", &data, "--log-every", "0", "--out", &run];
    let said = said(&with(&flags, &more));
    for part in [
        "train 1/4, loss ",
        ", gradient norm ",
        " tokens/s, ",
        " left",
        ": held-out loss ",
        "4 steps are done; training loss ",
        "; held-out loss ",
        &format!("adapter in {run}/adapter"),
        "try it: idiolect generate --model ",
    ] {
        assert!(said.contains(part), "{part}: {said}");
    }
    assert!(!said.contains('\u{1b}'), "{said}");
}

#[test]
fn a_program_gets_objects_and_a_quiet_run_says_nothing() {
    let Some(place) = Place::new() else { return };
    let flags = training(&place, &["--max-steps", "2", "--threads", "1"]);
    let (json, quiet) = (place.path("json"), place.path("quiet"));
    let told = said(&with(
        &flags,
        &["--log", "json", "--log-every", "0", "--out", &json],
    ));
    let rows: Vec<Value> = told
        .lines()
        .map(|line| serde_json::from_str(line).expect(line))
        .collect();
    let steps: Vec<&Value> = rows.iter().filter(|row| row["stage"] == "train").collect();
    assert_eq!(
        (steps[0]["done"].as_u64(), steps[0]["total"].as_u64()),
        (Some(1), Some(2))
    );
    assert!(rows.iter().any(|row| {
        row["note"]
            .as_str()
            .is_some_and(|note| note.contains("adapter in"))
    }));
    assert_eq!(
        said(&with(&flags, &["--log", "quiet", "--out", &quiet])),
        ""
    );
    let out = idiolect(&["train", "--log", "json"]);
    let error: Value = serde_json::from_slice(&out.stderr).expect("JSON");
    assert!(
        error["error"]
            .as_str()
            .is_some_and(|text| text.contains("--model"))
    );
}

#[test]
fn a_run_says_where_it_goes_on() {
    let Some(place) = Place::new() else { return };
    let run = place.path("run");
    let flags = training(
        &place,
        &["--epochs", "2", "--checkpoint-every", "1", "--threads", "1"],
    );
    let anew = said(&with(&flags, &["--resume", "--out", &run]));
    assert!(anew.contains("the run begins anew"), "{anew}");
    let again = said(&with(&flags, &["--resume", "--out", &run]));
    assert!(
        again.contains("resumes after step 4 of 4") && !again.contains("anew"),
        "{again}"
    );
}

/// Flags and keys of the parsers of other programs, and what they are here.
const OTHERS: [(&str, &str); 62] = [
    ("r", "rank"),
    ("lora-alpha", "alpha"),
    ("lora_alpha", "alpha"),
    ("lora-dropout", "dropout"),
    ("lora_dropout", "dropout"),
    ("target-modules", "targets"),
    ("target_modules", "targets"),
    ("use_rslora", "rslora"),
    ("use_dora", "dora"),
    ("init_lora_weights", "init"),
    ("layers_to_transform", "layers"),
    ("num_train_epochs", "epochs"),
    ("per_device_train_batch_size", "batch-size"),
    ("gradient_accumulation_steps", "accumulation"),
    ("lr_scheduler_type", "schedule"),
    ("max_grad_norm", "clip-norm"),
    ("save_steps", "checkpoint-every"),
    ("save_total_limit", "keep-checkpoints"),
    ("eval_steps", "eval-every"),
    ("output_dir", "out"),
    ("load_best_model_at_end", "return-best"),
    ("early_stopping_patience", "patience"),
    ("gradient_checkpointing", "activation-checkpointing"),
    ("report_to", "tensorboard"),
    ("torch_dtype", "dtype"),
    ("bf16", "dtype"),
    ("max_seq_length", "max-length"),
    ("dataset_name", "data"),
    ("base_model", "model"),
    ("datasets", "data"),
    ("sequence_len", "max-length"),
    ("micro_batch_size", "batch-size"),
    ("num_epochs", "epochs"),
    ("lora_r", "rank"),
    ("lora-r", "rank"),
    ("lora_target_modules", "targets"),
    ("lora_target_linear", "targets"),
    ("lora_modules_to_save", "modules-to-save"),
    ("val_set_size", "validation-share"),
    ("sample_packing", "packing"),
    ("load_in_8bit", "quantize"),
    ("load_in_4bit", "quantize"),
    ("peft_use_dora", "dora"),
    ("loraplus_lr_ratio", "lora-plus-ratio"),
    ("chat_template", "template"),
    ("lora_model_dir", "init-adapter"),
    ("model_name_or_path", "model"),
    ("cutoff_len", "max-length"),
    ("lora_rank", "rank"),
    ("lora_target", "targets"),
    ("finetuning_type", "full"),
    ("quantization_bit", "quantize"),
    ("val_size", "validation-share"),
    ("max_samples", "sample"),
    ("additional_target", "modules-to-save"),
    ("new_special_tokens", "add-tokens"),
    ("iters", "max-steps"),
    ("num-layers", "layers"),
    ("resume-adapter-file", "init-adapter"),
    ("steps-per-eval", "eval-every"),
    ("lr", "learning-rate"),
    ("bs", "batch-size"),
];

#[test]
fn names_of_other_programs_are_answered_with_those_of_this_one() {
    let help = done(&["train", "--help"]);
    for (other, own) in OTHERS {
        let flag = format!("--{other}");
        refused(
            &["train", &flag, "1"],
            &[&format!("{flag} is called --{own} here")],
        );
        assert!(
            help.contains(&format!("--{own}")),
            "{own} is no option of train"
        );
    }
    let Some(place) = Place::new() else { return };
    let config = place.write("run.toml", "lora_r = 8\n");
    refused(
        &["train", "--config", &config],
        &["run.toml: key: expected rank, as it is called here, found lora_r"],
    );
}

#[test]
fn all_that_is_missing_is_named_at_once() {
    refused(
        &["train"],
        &["--model, --data, --out: expected a value for each, found nothing"],
    );
    refused(
        &["distill", "--model", "m"],
        &["--data, --out: expected a value for each"],
    );
    refused(
        &["sdft"],
        &["--model, --data, --eval-data, --out: expected a value for each"],
    );
    refused(
        &["train", "--model", "m", "--data", "d"],
        &["--out: expected a run directory"],
    );
}

#[test]
fn help_is_there_without_a_word_and_has_headings_and_examples() {
    let alone = done(&[]);
    assert!(
        alone.contains("Usage: idiolect [OPTIONS] <COMMAND>") && alone.contains("sdft"),
        "{alone}"
    );
    let help = done(&["train", "--help"]);
    for part in [
        "Usage: idiolect train --model <MODEL> --data <FILE> --out <FOLDER> [OPTIONS]",
        "Model and device:",
        "Adapter:",
        "Evaluation and checkpoints:",
        "Examples:",
    ] {
        assert!(help.contains(part), "{part}: {help}");
    }
    assert!(!done(&["generate", "--help"]).contains("--generation-batch-size"));
}

#[test]
fn names_that_options_take_are_listed() {
    let has = |command: &str, names: &[&str]| {
        let listed = done(&[command]);
        for name in names {
            assert!(
                listed.lines().any(|line| line == *name),
                "{command}: {name}"
            );
        }
    };
    has("templates", &["alpaca", "chatml", "sdft-2402/main/alpaca"]);
    has(
        "presets",
        &[
            "using",
            "refer",
            "gsm8k",
            "unaided",
            "sdft-2402/main/using",
            "nift-2409",
            "sdft-2402",
        ],
    );
    has("tasks", &["gsm8k", "arc_challenge", "humaneval"]);
    let Some(place) = Place::new() else { return };
    let (model, data) = (place.model("tiny-llama3"), place.alpaca());
    let call = [
        "distill",
        "--model",
        &model,
        "--data",
        &data,
        "--preset",
        "usin",
        "--out",
        &place.path("o"),
    ];
    refused(&call, &["--preset", "using, refer, gsm8k", "found usin"]);
}

#[test]
fn a_shell_completes_options_and_a_manual_has_every_command() {
    for (shell, part) in [
        ("bash", "--learning-rate"),
        ("zsh", "--learning-rate"),
        ("fish", "learning-rate"),
    ] {
        let script = done(&["completions", shell]);
        assert!(script.contains(part), "{shell}");
        let Ok(mut checked) = Command::new(shell).arg("-n").stdin(Stdio::piped()).spawn() else {
            continue;
        };
        let mut input = checked.stdin.take().unwrap();
        input.write_all(script.as_bytes()).unwrap();
        drop(input);
        assert!(
            checked.wait().unwrap().success(),
            "{shell} cannot read its completions"
        );
    }
    let folder = tempfile::tempdir().unwrap();
    done(&["man", "--out", &folder.path().display().to_string()]);
    for page in ["idiolect.1", "idiolect-train.1", "idiolect-sdft.1"] {
        let text = std::fs::read_to_string(folder.path().join(page)).expect(page);
        assert!(text.contains(".SH"), "{page}");
    }
}

#[test]
fn a_doctor_says_what_there_is() {
    let out = Command::new(env!("CARGO_BIN_EXE_idiolect"))
        .arg("doctor")
        .env("HF_HUB_OFFLINE", "1")
        .env("HF_TOKEN", "hf_secret")
        .output()
        .unwrap();
    let found = String::from_utf8(out.stdout).unwrap();
    assert!(out.status.success(), "{found}");
    for part in [
        "version",
        "machine",
        "device cpu",
        "ready",
        "not asked: offline is set",
        "from HF_TOKEN",
    ] {
        assert!(found.contains(part), "{part}: {found}");
    }
    assert!(!found.contains("hf_secret"), "{found}");
}

#[test]
fn a_prompt_comes_from_standard_input() {
    let Some(place) = Place::new() else { return };
    let model = place.model("tiny-llama3");
    let call = [
        "generate",
        "--model",
        &model,
        "--max-new-tokens",
        "4",
        "--prompt",
    ];
    let typed = done(&[&call[..], &["Say red."]].concat());
    let mut piped = Command::new(env!("CARGO_BIN_EXE_idiolect"))
        .args(call)
        .arg("-")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    piped
        .stdin
        .take()
        .unwrap()
        .write_all(b"Say red.\n")
        .unwrap();
    let out = piped.wait_with_output().unwrap();
    assert!(out.status.success());
    assert_eq!(String::from_utf8(out.stdout).unwrap(), typed);
}

#[test]
fn what_a_model_is_stands_in_two_columns() {
    let Some(place) = Place::new() else { return };
    let table = done(&["inspect", "--model", &place.model("tiny-llama3")]);
    let longest = "rope_scaling.original_max_position_embeddings";
    let width = table
        .lines()
        .find(|line| line.starts_with(longest))
        .expect("a line")
        .find(" 64")
        .expect("its value");
    for line in table.lines() {
        let name = line.split(' ').next().unwrap();
        assert!(
            name.len() <= width && line.as_bytes()[width] == b' ',
            "{line}"
        );
    }
}

#[test]
fn a_conversation_has_its_history_and_both_sides() {
    let Some(place) = Place::new() else { return };
    let (model, run) = (place.model("tiny-llama3"), place.path("run"));
    done(&with(
        &training(&place, &["--threads", "1"]),
        &["--out", &run],
    ));
    let adapter = format!("{run}/adapter");
    let chat = |more: &[&str], typed: &str| {
        let mut talk = Command::new(env!("CARGO_BIN_EXE_idiolect"))
            .args(["chat", "--model", &model, "--max-new-tokens", "6"])
            .args(more)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        talk.stdin
            .take()
            .unwrap()
            .write_all(typed.as_bytes())
            .unwrap();
        let out = talk.wait_with_output().unwrap();
        assert!(out.status.success());
        let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
        [text(out.stdout), text(out.stderr)]
    };
    // The first answer is that of `generate`; what was taken back is as if it had not been said.
    let call = [
        "generate",
        "--model",
        &model,
        "--max-new-tokens",
        "6",
        "--prompt",
        "Say red.",
    ];
    let [once, _] = chat(&[], "Say red.\n");
    assert_eq!(once, done(&call));
    let [twice, _] = chat(&[], "Say red.\nSay red.\n");
    let [undone, _] = chat(&[], "Say red.\n/undo\nSay red.\n/exit\nSay red.\n");
    assert_eq!(undone, [once.as_str(), &once].concat());
    assert!(twice.starts_with(&once) && twice != undone);
    let [both, _] = chat(&["--adapter", &adapter, "--beside"], "Say red.\n");
    assert!(
        both.starts_with(&format!("[base] {once}[adapted] ")),
        "{both}"
    );
    let [_, told] = chat(&[], "/undo\n/what\n");
    assert!(
        told.contains("no turn to take back") && told.contains("/what is none of these"),
        "{told}"
    );
}
