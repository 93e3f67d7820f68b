//! The binary, a place to work in, small data, and calls that several tests make.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "helpers of tests end them"
)]
#![allow(dead_code, missing_docs)]

pub(crate) mod kill;

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::LazyLock;

use serde_json::{Value, json};
use tempfile::TempDir;

/// A folder of a test's own, and the tiny checkpoints.
pub(crate) struct Place {
    pub(crate) folder: TempDir,
    pub(crate) tiny: PathBuf,
    pub(crate) peft: PathBuf,
}

impl Place {
    /// None, with a word on standard error, where the shared oracles are absent.
    pub(crate) fn new() -> Option<Self> {
        let oracles = idiolect_testkit::shared()?.join("oracles");
        let folder = tempfile::tempdir().expect("a folder");
        Some(Self {
            folder,
            tiny: oracles.join("tiny"),
            peft: oracles.join("peft"),
        })
    }

    pub(crate) fn path(&self, name: &str) -> String {
        self.folder.path().join(name).display().to_string()
    }

    pub(crate) fn model(&self, name: &str) -> String {
        self.tiny.join(name).display().to_string()
    }

    /// The folder of an adapter that PEFT wrote.
    pub(crate) fn adapter(&self, name: &str) -> String {
        self.peft.join(name).display().to_string()
    }

    pub(crate) fn write(&self, name: &str, text: &str) -> String {
        std::fs::write(self.folder.path().join(name), text).expect("written");
        self.path(name)
    }

    pub(crate) fn rows(&self, name: &str, rows: &[Value]) -> String {
        let lines: Vec<String> = rows.iter().map(Value::to_string).collect();
        self.write(name, &(lines.join("\n") + "\n"))
    }

    pub(crate) fn read(&self, name: &str) -> String {
        read(&self.folder.path().join(name))
    }

    pub(crate) fn lines(&self, name: &str) -> Vec<Value> {
        self.read(name)
            .lines()
            .map(|line| serde_json::from_str(line).expect("JSON"))
            .collect()
    }

    /// Twelve small instructions in the alpaca format.
    pub(crate) fn alpaca(&self) -> String {
        let words = [
            "red", "blue", "green", "one", "two", "three", "cat", "dog", "sun", "sea", "day", "hat",
        ];
        let row = |word: &&str| json!({"instruction": format!("Say {word}."), "input": "", "output": format!("{word} it is")});
        let rows: Vec<Value> = words.iter().map(row).collect();
        self.write("alpaca.json", &Value::from(rows).to_string())
    }
}

pub(crate) fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

pub(crate) fn idiolect(args: &[&str]) -> Output {
    let run = Command::new(env!("CARGO_BIN_EXE_idiolect"))
        .args(args)
        // Mesa would complain of its absence on standard error, where one line is to be.
        .env_remove("XDG_RUNTIME_DIR")
        // No test finds what another has left in the user's cache.
        .env("XDG_CACHE_HOME", cache())
        .output();
    run.expect("the binary")
}

/// The cache of this test program.
pub(crate) fn cache() -> PathBuf {
    static FOLDER: LazyLock<TempDir> = LazyLock::new(|| tempfile::tempdir().expect("a folder"));
    FOLDER.path().to_owned()
}

/// Runs and expects success; standard output.
pub(crate) fn done(args: &[&str]) -> String {
    let out = idiolect(args);
    let errors = String::from_utf8_lossy(&out.stderr).into_owned();
    assert!(out.status.success(), "{args:?}: {errors}");
    String::from_utf8(out.stdout).expect("UTF-8")
}

/// Runs and expects exit status 2 with one line on standard error that has all `parts`.
pub(crate) fn refused(args: &[&str], parts: &[&str]) {
    let out = idiolect(args);
    let errors = String::from_utf8_lossy(&out.stderr).into_owned();
    assert_eq!(out.status.code(), Some(2), "{args:?}: {errors}");
    // A remark on the template may stand above it.
    let lines = errors.lines().filter(|line| !line.starts_with("template "));
    assert_eq!(lines.count(), 1, "{args:?}: {errors}");
    assert!(out.stdout.is_empty(), "{args:?}");
    for part in parts {
        assert!(
            errors.contains(part),
            "{args:?}: {part:?} is not in: {errors}"
        );
    }
}

/// A call as [`done`] and [`refused`] take it.
pub(crate) fn words(call: &[String]) -> Vec<&str> {
    call.iter().map(String::as_str).collect()
}

/// A call with more words behind it.
pub(crate) fn with<'a>(call: &'a [String], more: &[&'a str]) -> Vec<&'a str> {
    [words(call).as_slice(), more].concat()
}

/// A command on a model and its data, with more words behind them.
pub(crate) fn on_data<'a>(
    command: &'a str,
    [model, data]: [&'a str; 2],
    more: &[&'a str],
) -> Vec<&'a str> {
    [&[command, "--model", model, "--data", data], more].concat()
}

/// The call of a training on twelve rows, without its folder.
pub(crate) fn training(place: &Place, more: &[&str]) -> Vec<String> {
    let (model, data) = (place.model("tiny-llama3"), place.alpaca());
    owned(&on_data("train", [&model, &data], more))
}

/// Merges an adapter into a model's folder; what is said of it.
pub(crate) fn merge(model: &str, adapter: &str, out: &str) -> Value {
    let call = ["merge", "--model", model, "--adapter", adapter];
    let said = done(&[&call[..], &["--out", out]].concat());
    serde_json::from_str(&said).expect("JSON")
}

/// The call of a whole job on twelve rows, which are its questions too.
pub(crate) fn whole_job(place: &Place, out: &str) -> Vec<String> {
    let (model, data) = (place.model("tiny-llama3"), place.alpaca());
    let call = [
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
        "--forgetting",
        "4",
        "--forgetting-tokens",
        "8",
        "--threads",
        "1",
    ];
    let text = place.rows(
        "plain.jsonl",
        &[json!({"text": "The sea is wide, and the day is long."})],
    );
    let last = ["--forgetting-text", &text, "--out", out];
    call.iter().chain(&last).map(ToString::to_string).collect()
}

/// The call of a distillation of twelve rows, without its folder.
pub(crate) fn distillation(place: &Place) -> Vec<String> {
    let (model, data) = (place.model("tiny-llama3"), place.alpaca());
    let call = ["distill", "--model", &model, "--data", &data];
    let more = [
        "--max-new-tokens",
        "12",
        "--preset",
        "sdft-2402/main/using",
        "--threads",
        "1",
    ];
    owned(&[&call[..], &more].concat())
}

/// A call as helpers take it that add words.
pub(crate) fn owned(words: &[&str]) -> Vec<String> {
    words.iter().map(ToString::to_string).collect()
}

/// The call of an evaluation on twelve sums, without its folder.
pub(crate) fn evaluation(place: &Place) -> Vec<String> {
    sums(place, 12);
    asked_sums(place)
}

/// The file of the task of sums below `data`, with so many of them.
pub(crate) fn sums(place: &Place, count: usize) {
    std::fs::create_dir_all(place.path("data/sdft")).expect("a folder");
    let row =
        |at: usize| json!({"instruction": format!("say {at}"), "output": format!("It is {at}")});
    let rows: Vec<Value> = (0..count).map(row).collect();
    place.rows("data/sdft/multiarith_test.json", &rows);
}

/// The call of an evaluation on the sums below `data`, without its folder.
pub(crate) fn asked_sums(place: &Place) -> Vec<String> {
    let (model, data) = (place.model("tiny-llama3"), place.path("data"));
    let call = ["eval", "--model", &model, "--data", &data];
    let more = [
        "--task",
        "multiarith",
        "--max-new-tokens",
        "6",
        "--batch-size",
        "2",
    ];
    owned(&[&call[..], &more].concat())
}
