//! Commands, flags and settings that are wrong.

use crate::common::{Place, done, refused};

#[test]
fn wrong_calls() {
    refused(&["train", "--no-such-flag"], &["--no-such-flag"]);
    refused(&["frobnicate"], &["frobnicate"]);
    refused(&["generate", "--model", "x"], &["--prompt"]);
    refused(
        &["generate", "--model", "no/such/model", "--prompt", "x"],
        &["no/such/model"],
    );
    refused(&["train"], &["--out"]);
    refused(
        &["train", "--layers", "0-3"],
        &[
            "\"0-3\" for \"--layers <0,1,2>\": expected a whole number; blocks are named one by one: --layers 0,1,2,3",
        ],
    );
    refused(
        &["train", "--quantize", "nf4"],
        &[
            "\"nf4\" for \"--quantize <BITS>\": expected a whole number; a weight has 8 or 4 bits: --quantize 4",
        ],
    );
    refused(
        &["train", "--epochs", "1.5"],
        &["expected a whole number; --max-steps ends a run within an epoch"],
    );
    refused(
        &["train", "--learning-rate", "small"],
        &["\"small\" for \"--learning-rate <LEARNING_RATE>\": expected a number"],
    );
    assert!(done(&["help"]).contains("sdft"));
    assert!(done(&["train", "--help"]).contains("--activation-checkpointing"));
    assert!(done(&["--version"]).starts_with("idiolect "));
}

#[test]
fn wrong_settings() {
    let Some(place) = Place::new() else { return };
    let model = place.model("tiny-llama3");
    let prompt = |more: &[&str], parts: &[&str]| {
        refused(
            &[&["generate", "--model", &model, "--prompt", "x"], more].concat(),
            parts,
        );
    };
    prompt(&["--device", "abacus"], &["--device", "cpu", "abacus"]);
    // A device that the program was built without is one line; so is one that the machine lacks.
    prompt(
        &["--device", "wgpu:99"],
        if cfg!(feature = "wgpu") {
            &["--device", "a device that this machine has", "wgpu:99"]
        } else {
            &["--device", "built", "wgpu:99"]
        },
    );
    prompt(&["--dtype", "f8"], &["--dtype", "f8"]);
    prompt(&["--quantize", "3"], &["--quantize", "8 or 4", "3"]);
    prompt(&["--threads", "0"], &["--threads", "1 to 1024"]);
    prompt(&["--threads", "99999999"], &["--threads", "1 to 1024"]);
    prompt(&["--temperature", "-1"], &["temperature"]);
    prompt(&["--top-p", "1.5"], &["--top-p"]);
    prompt(&["--max-new-tokens", "100000"], &["100000", "256"]);
    prompt(&["--template", "no-such"], &["no-such", "alpaca"]);
    refused(&["sdft", "--full"], &["--full", "adapters"]);
    refused(
        &["train", "--overlong", "drop"],
        &["--overlong is called --truncation since version 0.2"],
    );
    let config = place.write("run.toml", "learnig_rate = 1e-3\n");
    refused(
        &["train", "--config", &config],
        &["run.toml", "learnig_rate", "learning_rate"],
    );
    let config = place.write("kind.toml", "epochs = \"two\"\n");
    refused(&["train", "--config", &config], &["kind.toml", "two"]);
    let config = place.write("bare.toml", "epochs = 1\nmodel = models/x\n");
    refused(
        &["train", "--config", &config],
        &[
            "bare.toml: line 2",
            "(a text stands in quotes: `key = \"text\"`)",
        ],
    );
    let config = place.write("colon.toml", "epochs = 1\nrank: 8\n");
    refused(
        &["train", "--config", &config],
        &[
            "colon.toml: line 2",
            "`key = \"text\"` in the place of `key: text`",
        ],
    );
}

/// Every command refuses NaN and infinity by the name of the setting, on its command line and in its file.
#[test]
fn numbers_that_are_none() {
    let Some(place) = Place::new() else { return };
    let (model, out) = (place.model("tiny-llama3"), place.path("out"));
    for (command, flag) in [
        ("train", "--learning-rate"),
        ("train", "--clip-norm"),
        ("train", "--validation-share"),
        ("distill", "--mix-ratio"),
        ("sdft", "--alpha"),
        ("continue", "--budget-money"),
        ("continue", "--top-p"),
        ("eval", "--prompt-price"),
        ("eval", "--temperature"),
    ] {
        for (value, shown) in [("nan", "NaN"), ("inf", "inf"), ("-inf", "-inf")] {
            let own = format!("{flag}={value}");
            let parts = [flag, "expected a finite number", shown];
            let call = [command, &own, "--out", &out];
            let task = ["--task", "gsm8k", "--data", "data", "--model", &model];
            let needed = if command == "eval" { &task[..] } else { &[] };
            refused(&[call.as_slice(), needed].concat(), &parts);
            let key = flag.trim_start_matches('-').replace('-', "_");
            let config = place.write("run.toml", &format!("{key} = {value}\n"));
            let parts = ["run.toml", "expected a finite number", shown];
            refused(&[command, "--config", &config, "--out", &out], &parts);
        }
    }
    let generate = [
        "generate",
        "--model",
        &model,
        "--prompt",
        "x",
        "--min-p=nan",
    ];
    refused(&generate, &["--min-p", "a finite number"]);
    let combine = [
        "combine",
        "--model",
        &model,
        "--adapter",
        "a=nan",
        "--out",
        &out,
    ];
    refused(&combine, &["adapter", "a folder, =, and a number"]);
    assert!(!std::path::Path::new(&out).exists());
}
