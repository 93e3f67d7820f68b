//! A recorded run of PEFT through `train`, and settings from a file.

use idiolect_testkit::Tensors;
use serde_json::{Value, json};

use crate::common::{Place, done, read, refused, with};
use crate::rows;

/// Flags of the recorded PEFT run `qv` of tiny-llama3, without `--out`.
fn peft_run(place: &Place) -> Vec<String> {
    let tensors = Tensors::read(&place.peft.join("batches.safetensors")).unwrap();
    let data: Vec<Value> = rows(&tensors, "train_", 0..160)
        .into_iter()
        .map(|(input_ids, labels)| json!({"input_ids": input_ids, "labels": labels}))
        .collect();
    let data = place.rows("tokens.jsonl", &data);
    let start = place.adapter("tiny-llama3/qv/adapter_init");
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

#[test]
fn train_follows_peft_and_resumes_to_the_byte() {
    let Some(place) = Place::new() else { return };
    let flags = peft_run(&place);
    let (whole, part) = (place.path("whole"), place.path("part"));
    done(&with(&flags, &["--out", &whole]));
    done(&with(&flags, &["--out", &part]));
    let trace = place.peft.join("tiny-llama3/qv/trace.json");
    let trace: Value = serde_json::from_str(&read(&trace)).expect("JSON");
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
    done(&with(&flags, &["--out", &part, "--resume"]));
    for file in ["metrics.jsonl", "adapter/adapter_model.safetensors"] {
        let bytes = |run: &str| std::fs::read(place.folder.path().join(run).join(file));
        assert_eq!(
            bytes("part").expect(file),
            bytes("whole").expect(file),
            "{file}"
        );
    }
    refused(
        &with(&flags, &["--out", &part]),
        &[
            "checkpoints/step-20",
            "a folder without checkpoints, or --resume, found a checkpoint",
        ],
    );
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
