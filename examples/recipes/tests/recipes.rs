//! Recipes run, and the README shows the first three as they are.
#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    reason = "helpers of tests end them"
)]

use std::path::PathBuf;
use std::process::Command;

use idiolect_testkit::{shared, smollm2_gguf, workspace_root};

#[allow(dead_code, reason = "its main is not called here")]
#[path = "../07_on_policy.rs"]
mod on_policy;
#[allow(dead_code, reason = "its main is not called here")]
#[path = "../06_own_adapter.rs"]
mod own_adapter;
#[allow(dead_code, reason = "its main is not called here")]
#[path = "../04_own_loss.rs"]
mod own_loss;
#[allow(dead_code, reason = "its main is not called here")]
#[path = "../05_any_writer.rs"]
mod own_writer;

/// The programs that the README shows.
const README: [&str; 3] = ["01_fine_tune", "02_self_distil", "03_whole_job"];

/// Sums whose answers a check of the final number compares.
const ROWS: &str = r#"{"instruction": "What is 2 + 2?", "output": "2 + 2 is 4. #### 4"}
{"instruction": "What is 3 + 4?", "output": "3 + 4 is 7. #### 7"}
{"instruction": "What is 5 + 1?", "output": "5 + 1 is 6. #### 6"}
"#;

/// The whole job on those rows, made short.
const RUN: &str = r#"
model = "models/SmolLM2-135M-Instruct.Q4_1.gguf"
data = "train.jsonl"
eval_data = "train.jsonl"
out = "runs/whole"
check = "math"
epochs = 1
max_new_tokens = 24
forgetting = 4
forgetting_text = "plain.jsonl"
"#;

#[test]
fn the_readme_shows_the_first_three() {
    let root = workspace_root();
    let readme = std::fs::read_to_string(root.join("README.md")).expect("the README");
    for name in README {
        let path = root.join(format!("examples/recipes/{name}.rs"));
        let source = std::fs::read_to_string(path).expect(name);
        let program = source.find("\nuse ").expect("a program") + 1;
        let shown = format!("```rust\n{}```\n", &source[program..]);
        assert!(readme.contains(&shown), "the README lacks {name}: {shown}");
    }
}

#[test]
fn the_programs_of_the_readme_run() {
    let Some(model) = smollm2_gguf() else {
        return;
    };
    let place = tempfile::tempdir().expect("a folder");
    std::fs::create_dir(place.path().join("models")).expect("a folder");
    let link = place.path().join("models/SmolLM2-135M-Instruct.Q4_1.gguf");
    std::os::unix::fs::symlink(std::fs::canonicalize(model).unwrap(), link).expect("a link");
    std::fs::write(place.path().join("train.jsonl"), ROWS).expect("rows");
    std::fs::write(place.path().join("job.toml"), RUN).expect("a run");
    let plain = r#"{"text": "The sea is wide, and the day is long."}"#;
    std::fs::write(place.path().join("plain.jsonl"), plain).expect("a text");
    for name in README {
        let mut program = Command::new(built(name));
        program
            .current_dir(place.path())
            .env("XDG_CACHE_HOME", place.path());
        let status = program.status().expect(name);
        assert!(status.success(), "{name}: {status}");
    }
    for made in [
        "runs/plain/adapter/adapter_model.safetensors",
        "runs/distilled/training/adapter/adapter_model.safetensors",
        "runs/whole/report/index.html",
    ] {
        assert!(place.path().join(made).is_file(), "{made}");
    }
}

#[test]
fn a_loss_of_ones_own_falls_until_another_thread_ends_the_run() {
    let Some(shared) = shared() else { return };
    let losses = own_loss::train(&shared.join("oracles/tiny/tiny-llama3"), 4.0).expect("a run");
    assert!((2..200).contains(&losses.len()), "{losses:?}");
    assert!(losses.iter().any(|loss| *loss < 4.0), "{losses:?}");
    assert!(losses[0] > 5.0, "{losses:?}");
}

#[test]
fn a_writer_and_a_check_of_ones_own_distil() {
    let place = tempfile::tempdir().expect("a folder");
    let data = place.path().join("train.jsonl");
    let long = format!(
        "{{\"instruction\": \"Say much.\", \"output\": \"{}\"}}\n",
        "much ".repeat(9)
    );
    std::fs::write(&data, format!("{ROWS}{long}")).expect("rows");
    let replaced = own_writer::distil(&data, &place.path().join("out")).expect("a run");
    assert_eq!(
        replaced, 2,
        "half of the rows are mixed in, and a few bytes are never too long"
    );
    assert!(place.path().join("out/summary.json").is_file());
}

#[test]
fn an_adapter_of_ones_own_trains() {
    let Some(shared) = shared() else { return };
    let losses = own_adapter::train(&shared.join("oracles/tiny/tiny-llama3")).expect("a run");
    assert_eq!(losses.len(), 20);
    assert!(losses[19] < losses[0], "{losses:?}");
}

#[test]
fn a_model_distils_itself_on_its_own_answers() {
    let Some(shared) = shared() else { return };
    let place = tempfile::tempdir().expect("a folder");
    let data = place.path().join("train.jsonl");
    std::fs::write(&data, ROWS).expect("rows");
    let model = shared
        .join("oracles/tiny/tiny-llama3")
        .display()
        .to_string();
    let run = place.path().join("run");
    let found = on_policy::distil(&model, &data, &run).expect("a run");
    assert!(
        found.iter().all(|divergence| *divergence > 0.0),
        "{found:?}"
    );
    assert!(run.join("journal/answers.jsonl").is_file());
}

/// The example as Cargo built it beside this test.
fn built(name: &str) -> PathBuf {
    let test = std::env::current_exe().expect("a path");
    let built = test.ancestors().nth(2).expect("a target folder");
    built.join("examples").join(name)
}
