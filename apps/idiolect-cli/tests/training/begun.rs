//! What is decided before a run: a first configuration, the rows of a micro-batch, a forecast of its time.

use std::io::Write as _;
use std::process::{Command, Stdio};

use serde_json::{Value, json};

use crate::common::{Place, done, idiolect, refused, training, with};

/// Thirty questions and answers as a table.
fn table(place: &Place) -> String {
    let rows: Vec<String> = (0..30).map(|n| format!("Say {n}.,{n} it is\n")).collect();
    place.write("own.csv", &format!("Question,Answer\n{}", rows.concat()))
}

#[test]
fn a_first_configuration_runs_as_it_is() {
    let Some(place) = Place::new() else { return };
    let (model, data) = (place.model("tiny-llama3"), table(&place));
    let (file, run) = (place.path("own/train.toml"), place.path("first"));
    let call = [
        "init", "--model", &model, "--data", &data, "--device", "cpu", "--run", &run, "--config",
        &file, "--yes",
    ];
    let out = idiolect(&call);
    let said = String::from_utf8(out.stderr).unwrap();
    assert!(out.status.success(), "{said}");
    for part in ["time: about", "27 rows", "idiolect train --config"] {
        assert!(said.contains(part), "{part} is not in {said}");
    }
    let text = place.read("own/train.toml");
    for line in [
        "device = \"cpu\"",
        "dtype = \"f32\"",
        "format = \"alpaca\"",
        "instruction_column = \"Question\"",
        "response_column = \"Answer\"",
        "batch_size = 8",
        "accumulation = 1",
        "validation_share = 0.1",
    ] {
        assert!(
            text.lines().any(|own| own == line),
            "{line} is not in:\n{text}"
        );
    }
    done(&["train", "--config", &file, "--epochs", "1"]);
    let written = place.read("first/run.toml");
    assert!(
        written.contains("response_column = \"Answer\""),
        "{written}"
    );
    assert_eq!(place.lines("first/metrics.jsonl").len(), 5);
    refused(&call, &["train.toml", "expected no file"]);
    assert_eq!(place.read("own/train.toml"), text);
}

#[test]
fn questions_are_asked_for_what_is_missing() {
    let Some(place) = Place::new() else { return };
    let (model, data) = (place.model("tiny-llama3"), table(&place));
    let file = place.path("asked.toml");
    let typed = |text: &str| {
        let mut asked = Command::new(env!("CARGO_BIN_EXE_idiolect"))
            .args([
                "init",
                "--config",
                &file,
                "--device",
                "cpu",
                "--timed-steps",
                "0",
            ])
            .stdin(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut input = asked.stdin.take().unwrap();
        input.write_all(text.as_bytes()).unwrap();
        drop(input);
        let out = asked.wait_with_output().unwrap();
        (out.status.code(), String::from_utf8(out.stderr).unwrap())
    };
    let (status, said) = typed("");
    assert_eq!(status, Some(2), "{said}");
    assert!(
        said.contains("--model") && said.contains("--data"),
        "{said}"
    );
    let (status, said) = typed(&format!("\n{model}\n{data}\nall\n\n"));
    assert_eq!(status, Some(0), "{said}");
    assert!(!said.contains("time: about"), "{said}");
    let text = place.read("asked.toml");
    for line in [
        "full = true",
        "learning_rate = 0.00001",
        "out = \"runs/own\"",
    ] {
        assert!(
            text.lines().any(|own| own == line),
            "{line} is not in:\n{text}"
        );
    }
    assert!(!text.contains("rank"), "{text}");
}

#[test]
fn batches_of_auto_are_said_and_kept() {
    let Some(place) = Place::new() else { return };
    let out = place.path("auto");
    let flags = training(&place, &["--epochs", "2", "--threads", "1", "--out", &out]);
    let auto = with(&flags, &["--batch-size", "auto", "--accumulation", "3"]);
    let said = String::from_utf8(idiolect(&auto).stderr).unwrap();
    let line = "--batch-size auto: 6 rows to a batch, 1 batch to a step";
    assert!(said.contains(line), "{said}");
    let written = place.read("auto/run.toml");
    for line in ["batch_size = 6", "accumulation = 1"] {
        assert!(written.lines().any(|own| own == line), "{written}");
    }
    // Begun with other micro-batches of as many rows a step, as another day's free memory would have it.
    let out = place.path("small");
    let flags = training(&place, &["--epochs", "2", "--threads", "1", "--out", &out]);
    let small = with(&flags, &["--batch-size", "1", "--accumulation", "6"]);
    done(&small);
    done(&with(
        &flags,
        &["--batch-size", "auto", "--accumulation", "3", "--resume"],
    ));
    let other = ["--batch-size", "auto", "--accumulation", "2", "--resume"];
    let out = idiolect(&with(&flags, &other));
    let said = String::from_utf8(out.stderr).unwrap();
    assert_eq!(out.status.code(), Some(2), "{said}");
    assert!(
        said.contains(
            "expected a run with --batch-size 4, as asked, found one with --batch-size 1"
        ),
        "{said}"
    );
    for wrong in ["0", "much"] {
        refused(
            &with(&flags, &["--batch-size", wrong]),
            &["--batch-size", wrong],
        );
    }
}

#[test]
fn a_forecast_has_a_time_for_rows_in_memory_and_on_disk() {
    let Some(place) = Place::new() else { return };
    let rows: Vec<Value> = (0..20)
        .map(|n| json!({"instruction": format!("Say {n}."), "output": "so ".repeat(n % 5 + 1)}))
        .collect();
    let data = place.rows("rows.jsonl", &rows);
    for lazy in [false, true] {
        let config = format!(
            "model = {:?}\ndata = {data:?}\nlazy = {lazy}\nout = {:?}\nthreads = 1\n",
            place.model("tiny-llama3"),
            place.path("none"),
        );
        let config = place.write("plan.toml", &config);
        let found = done(&["inspect", "--plan", &config, "--timed-steps", "2", "--json"]);
        let found: Value = serde_json::from_str(&found).unwrap();
        let time = &found["time"];
        let counts = ["measured_steps", "epoch_steps", "steps"].map(|key| time[key].as_u64());
        assert_eq!(counts, [Some(2), Some(3), Some(6)], "{found}");
        let seconds = ["measured_seconds", "epoch_seconds", "seconds"];
        let [measured, epoch, all] = seconds.map(|key| time[key].as_f64().unwrap());
        assert!(0.0 < measured && measured < 10.0, "{found}");
        assert!((all / epoch - 2.0).abs() < 0.1, "{found}");
        // Two of the three steps of an epoch were made.
        assert!(measured < epoch && epoch < 4.0 * measured, "{found}");
        assert!(!std::path::Path::new(&place.path("none")).exists());
    }
}

#[test]
fn a_run_of_another_command_stays_as_it_is() {
    let Some(place) = Place::new() else { return };
    let model = place.model("tiny-llama3");
    let row = json!({"instruction": "Say one.", "output": "one it is"});
    let (data, run) = (
        place.write("rows.jsonl", &format!("{row}\n")),
        place.path("run"),
    );
    let asked = [
        "--model", &model, "--data", &data, "--device", "cpu", "--out", &run,
    ];
    let train = [&["train", "--max-steps", "1"], &asked[..]].concat();
    let distill = [&["distill", "--max-new-tokens", "4"], &asked[..]].concat();
    done(&train);
    let before = place.read("run/run.toml");
    let own =
        "expected a run of idiolect distill, or another run directory, found one of idiolect train";
    refused(&distill, &["run.toml", own]);
    assert_eq!(place.read("run/run.toml"), before);
    std::fs::remove_dir_all(&run).unwrap();
    done(&distill);
    let before = place.read("run/run.toml");
    let own =
        "expected a run of idiolect train, or another run directory, found one of idiolect distill";
    refused(&train, &["run.toml", own]);
    assert_eq!(place.read("run/run.toml"), before);
}
