//! Options of `train` on a tiny checkpoint, and a real process that is killed at many points.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "helpers of tests end them"
)]

mod common;

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use common::{Place, done, refused};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde_json::{Value, json};

/// Flags of a short run on the alpaca rows, without `--out`.
fn flags(place: &Place) -> Vec<String> {
    let (model, data) = (place.model("tiny-llama3"), place.alpaca());
    let flags = [
        "train",
        "--model",
        &model,
        "--data",
        &data,
        "--epochs",
        "4",
        "--batch-size",
        "2",
        "--accumulation",
        "1",
        "--learning-rate",
        "2e-3",
        "--threads",
        "1",
    ];
    flags.map(String::from).to_vec()
}

fn with<'a>(flags: &'a [String], more: &[&'a str]) -> Vec<&'a str> {
    flags
        .iter()
        .map(String::as_str)
        .chain(more.iter().copied())
        .collect()
}

fn losses(rows: &[Value], key: &str) -> Vec<f64> {
    rows.iter().filter_map(|row| row[key].as_f64()).collect()
}

#[test]
#[allow(clippy::too_many_lines, reason = "a table")]
fn every_option_of_an_adapter_trains_and_comes_back_from_disk() {
    let Some(place) = Place::new() else { return };
    let flags = flags(&place);
    let options: [(&str, &[&str]); 5] = [
        (
            "dora",
            &["--dora", "--dropout", "0.1", "--targets", "all-linear"],
        ),
        ("pissa", &["--init", "pissa", "--rslora"]),
        (
            "gaussian",
            &[
                "--init",
                "gaussian",
                "--layers",
                "0,2",
                "--lora-plus-ratio",
                "16",
            ],
        ),
        (
            "patterns",
            &[
                "--rank-pattern",
                "q_proj=2",
                "--alpha-pattern",
                "layers.1.*=4",
            ],
        ),
        (
            "expression",
            &["--targets", r".*\.[12]\.self_attn\.(q|o)_proj"],
        ),
    ];
    for (name, options) in options {
        let out = place.path(name);
        let blocks = place.path(&format!("{name}-blocks"));
        done(
            &[
                &with(&flags, options),
                ["--checkpoint-blocks", "off", "--out", &out].as_slice(),
            ]
            .concat(),
        );
        done(
            &[
                &with(&flags, options),
                ["--checkpoint-blocks", "on", "--out", &blocks].as_slice(),
            ]
            .concat(),
        );
        let [whole, again] = [name.to_owned(), format!("{name}-blocks")]
            .map(|run| losses(&place.lines(&format!("{run}/metrics.jsonl")), "loss"));
        assert_eq!(whole.len(), 24);
        assert!(
            whole[20..].iter().sum::<f64>() < whole[..4].iter().sum::<f64>(),
            "{name}: {whole:?}"
        );
        let off = whole
            .iter()
            .zip(&again)
            .map(|(a, b)| (a - b).abs())
            .fold(0.0, f64::max);
        assert!(off < 1e-3, "{name}: blocks move the loss by {off:e}");
        // It loads, and goes on from there.
        let adapter = format!("{out}/adapter");
        let more = place.path(&format!("{name}-more"));
        let on = [
            "--init-adapter",
            &adapter,
            "--max-steps",
            "4",
            "--out",
            &more,
        ];
        done(&with(&flags, &on));
        let first = losses(&place.lines(&format!("{name}-more/metrics.jsonl")), "loss");
        assert!(first[0] < whole[0], "{name}: {} {}", first[0], whole[0]);
    }
}

#[test]
fn divergence_from_the_seed_model_falls_and_needs_an_adapter() {
    let Some(place) = Place::new() else { return };
    let flags = flags(&place);
    let start = place.path("start");
    done(&with(&flags, &["--out", &start]));
    let adapter = format!("{start}/adapter");
    for loss in ["forward-kl", "reverse-kl"] {
        let out = place.path(loss);
        let more = [
            "--loss",
            loss,
            "--init-adapter",
            &adapter,
            "--validation-share",
            "0.2",
            "--out",
            &out,
        ];
        done(&with(&flags, &more));
        let rows = place.lines(&format!("{loss}/metrics.jsonl"));
        let (found, held_out) = (losses(&rows, "loss"), losses(&rows, "eval_loss"));
        assert!(found.iter().chain(&held_out).all(|loss| *loss >= 0.0));
        assert!(
            held_out[3] < 0.5 * held_out[0].max(found[0]),
            "{loss}: {found:?} {held_out:?}"
        );
    }
    let out = place.path("none");
    refused(
        &with(&flags, &["--loss", "reverse-kl", "--out", &out]),
        &["--loss", "--init-adapter"],
    );
    refused(
        &with(&flags, &["--loss", "js", "--out", &out]),
        &["--loss", "reverse-kl", "js"],
    );
    refused(
        &with(&flags, &["--rank-pattern", "q_proj", "--out", &out]),
        &["--rank-pattern", "q_proj"],
    );
    refused(
        &with(&flags, &["--layers", "9", "--out", &out]),
        &["layers", "blocks below 3", "9"],
    );
    refused(
        &with(&flags, &["--dropout", "1", "--out", &out]),
        &["dropout", "below 1"],
    );
    refused(
        &with(&flags, &["--patience", "2", "--out", &out]),
        &["patience", "held-out"],
    );
}

#[test]
#[allow(clippy::too_many_lines, reason = "lists of flags")]
fn combined_adapters_score_as_one_and_undo_each_other() {
    let Some(place) = Place::new() else { return };
    let flags = flags(&place);
    let (model, first, second) = (place.model("tiny-llama3"), place.path("a"), place.path("b"));
    done(&with(&flags, &["--out", &first]));
    done(&with(
        &flags,
        &[
            "--seed",
            "7",
            "--targets",
            "all-linear",
            "--rank",
            "3",
            "--out",
            &second,
        ],
    ));
    let [first, second] = [first, second].map(|run| format!("{run}/adapter"));
    let data = place.rows(
        "rows.jsonl",
        &[json!({"prompt": "Say red.", "response": "red it is"})],
    );
    let nll = |adapter: &str| {
        let out = place.path("scores.jsonl");
        done(&[
            "score",
            "--model",
            &model,
            "--data",
            &data,
            "--adapter",
            adapter,
            "--out",
            &out,
        ]);
        place.lines("scores.jsonl")[0]["nll"]
            .as_f64()
            .expect("a number")
    };
    let combined = |name: &str, parts: &[&str]| {
        let out = place.path(name);
        let parts = parts.iter().flat_map(|part| ["--adapter", part]);
        let all: Vec<&str> = ["combine", "--model", &model, "--out", &out]
            .into_iter()
            .chain(parts)
            .collect();
        done(&all);
        nll(&out)
    };
    let same = combined(
        "same",
        &[&format!("{first}=0.25"), &format!("{first}=0.75")],
    );
    assert!((same - nll(&first)).abs() < 1e-4, "{same} {}", nll(&first));
    let back = combined("back", &[&first, &second, &format!("{first}=-1")]);
    assert!(
        (back - nll(&second)).abs() < 1e-3,
        "{back} {}",
        nll(&second)
    );
    let wrong = format!("{first}=half");
    refused(
        &[
            "combine",
            "--model",
            &model,
            "--out",
            &place.path("no"),
            "--adapter",
            &wrong,
        ],
        &["--adapter", "half"],
    );
}

/// Flags of a run with dropout, evaluations, early stopping and the best adapter.
fn killed_flags(place: &Place) -> Vec<String> {
    let mut all = flags(place);
    let more = [
        "--dropout",
        "0.1",
        "--validation-share",
        "0.25",
        "--eval-every",
        "3",
        "--patience",
        "5",
        "--return-best",
        "--checkpoint-every",
        "4",
    ];
    all.extend(more.map(String::from));
    all
}

/// Rows of a metrics file, whole or torn.
fn lines(path: &Path) -> usize {
    std::fs::read(path).map_or(0, |bytes| bytes.split(|byte| *byte == b'\n').count() - 1)
}

/// Starts the run and kills it once its metrics have so many lines; whether it was still running.
fn kill_after(args: &[&str], metrics: &Path, wanted: usize) -> bool {
    let mut child = Command::new(env!("CARGO_BIN_EXE_idiolect"))
        .args(args)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("the binary");
    let began = Instant::now();
    while lines(metrics) < wanted && child.try_wait().expect("a state").is_none() {
        assert!(began.elapsed() < Duration::from_mins(2), "no line {wanted}");
        std::thread::sleep(Duration::from_micros(200));
    }
    // On Unix this is SIGKILL.
    child.kill().expect("killed");
    !child.wait().expect("a state").success()
}

/// Kills a run at so many points, and compares what it ends with after `--resume` with the files of a run that
/// nobody disturbed; `torn` is a file that loses its last bytes in between.
fn resumes(place: &Place, flags: &[String], files: &[&str], points: usize, torn: Option<&str>) {
    let whole = place.path("whole");
    done(&with(flags, &["--out", &whole]));
    let bytes = |run: &str| -> Vec<Vec<u8>> {
        let read = |file: &&str| std::fs::read(Path::new(run).join(file)).expect(file);
        files.iter().map(read).collect()
    };
    let total = lines(&Path::new(&whole).join("metrics.jsonl"));
    assert!(total > 15, "{total} lines");
    let mut random = ChaCha8Rng::seed_from_u64(25);
    let mut killed = 0;
    for point in 0..points {
        let run = place.path(&format!("run-{point}"));
        let args = with(flags, &["--out", &run, "--resume"]);
        let metrics = Path::new(&run).join("metrics.jsonl");
        let wanted = random.random_range(1..total);
        killed += usize::from(kill_after(&args, &metrics, wanted));
        if let Some(torn) = torn {
            let path = Path::new(&run).join(torn);
            let whole = std::fs::read(&path).expect(torn);
            std::fs::write(&path, &whole[..whole.len() - 3]).expect(torn);
        }
        done(&args);
        assert!(
            bytes(&run) == bytes(&whole),
            "killed after {wanted} of {total} lines"
        );
        std::fs::remove_dir_all(&run).expect("removed");
    }
    assert!(
        killed + 2 >= points,
        "only {killed} of {points} runs were killed before their end"
    );
}

const ADAPTER: [&str; 3] = [
    "metrics.jsonl",
    "adapter/adapter_model.safetensors",
    "adapter/adapter_config.json",
];

#[test]
fn a_process_killed_at_any_of_25_points_resumes_to_the_same_bytes() {
    let Some(place) = Place::new() else { return };
    resumes(&place, &killed_flags(&place), &ADAPTER, 25, None);
}

#[test]
fn a_killed_run_of_rows_read_as_they_are_needed_resumes_though_its_cache_is_torn() {
    let Some(place) = Place::new() else { return };
    let mut flags = killed_flags(&place);
    let word = |at: usize| json!({"instruction": format!("Say {at}."), "output": "x".repeat(at)});
    flags[4] = place.rows("rows.jsonl", &(1..13).map(word).collect::<Vec<_>>());
    flags.push("--lazy".into());
    resumes(&place, &flags, &ADAPTER, 4, Some("tokens.cache"));
}

#[test]
fn a_killed_run_of_every_weight_resumes_to_the_same_bytes() {
    let Some(place) = Place::new() else { return };
    let mut flags = flags(&place);
    flags.extend(["--full", "--checkpoint-every", "5"].map(String::from));
    let files = ["metrics.jsonl", "model/model.safetensors"];
    resumes(&place, &flags, &files, 4, None);
}

/// Records of a cache of tokens.
fn records(path: &Path) -> usize {
    let bytes = std::fs::read(path).expect("a cache");
    let mut at = bytes.iter().position(|byte| *byte == b'\n').unwrap() + 1;
    let mut count = 0;
    while at < bytes.len() {
        let size = bytes[at + 4..at + 8].try_into().unwrap();
        at += 12 + u32::from_le_bytes(size) as usize;
        count += 1;
    }
    count
}

#[test]
fn rows_read_as_they_are_needed_train_as_rows_in_memory() {
    let Some(place) = Place::new() else { return };
    let word = |at: usize| json!({"instruction": format!("Say {at}."), "output": "x".repeat(at)});
    let data = place.rows("rows.jsonl", &(1..16).map(word).collect::<Vec<_>>());
    let mut flags = flags(&place);
    flags[4] = data;
    let out = [true, false].map(|lazy| {
        let name = if lazy { "lazy" } else { "held" };
        let (folder, lazy) = (place.path(name), lazy.to_string());
        let more = [
            ["--lazy", &lazy],
            ["--no-length-grouping", "true"],
            ["--sample", "12"],
            ["--validation-share", "0.25"],
            ["--out", &folder],
        ];
        done(&with(&flags, more.as_flattened()));
        let file = |file: &str| std::fs::read(Path::new(&folder).join(file)).unwrap();
        [
            file("metrics.jsonl"),
            file("adapter/adapter_model.safetensors"),
        ]
    });
    assert_eq!(out[0], out[1]);
    // In four epochs each of the twelve rows was encoded once; another limit begins anew.
    let cache = place.folder.path().join("lazy/tokens.cache");
    assert_eq!(records(&cache), 12);
    let before = std::fs::read(&cache).unwrap();
    let folder = place.path("lazy");
    for (limit, same) in [("256", true), ("200", false)] {
        let more = ["--lazy", "--sample", "12", "--max-steps", "1"];
        let more = [&more[..], &["--max-length", limit, "--out", &folder]].concat();
        std::fs::remove_dir_all(Path::new(&folder).join("checkpoints")).unwrap();
        done(&with(&flags, &more));
        assert_eq!(std::fs::read(&cache).unwrap() == before, same, "{limit}");
    }
    // By bytes the order differs, and the run resumes only with the file that it began with.
    let folder = place.path("grouped");
    let more = ["--lazy", "--checkpoint-every", "4", "--out", &folder];
    done(&with(&flags, &more));
    let rows = place.lines("grouped/metrics.jsonl");
    assert_eq!(rows.len(), 32);
    place.rows("rows.jsonl", &(2..17).map(word).collect::<Vec<_>>());
    let again = [
        "--lazy",
        "--checkpoint-every",
        "4",
        "--resume",
        "--out",
        &folder,
    ];
    refused(&with(&flags, &again), &["training rows"]);
}

#[test]
fn packed_runs_plan_draw_and_tell_tensorboard() {
    let Some(place) = Place::new() else { return };
    let flags = flags(&place);
    let out = place.path("packed");
    let packing = ["--packing", "--max-length", "64"];
    refused(
        &with(&flags, &["--packing", "--out", &out]),
        &["--packing", "--max-length"],
    );
    let more = ["--tensorboard", "--validation-share", "0.25", "--out", &out];
    let more: Vec<&str> = packing.into_iter().chain(more).collect();
    done(&with(&flags, &more));
    let rows = place.lines("packed/metrics.jsonl");
    let steps = losses(&rows, "loss");
    assert!(
        steps.len() < 18 && steps[steps.len() - 1] < steps[0],
        "{steps:?}"
    );
    let picture = place.read("packed/curves.svg");
    assert!(picture.starts_with("<svg") && picture.contains("held-out"));
    let events = std::fs::read_dir(place.folder.path().join("packed/tensorboard")).unwrap();
    let events: Vec<_> = events
        .map(|file| std::fs::read(file.unwrap().path()).unwrap())
        .collect();
    let names = [&b"train/loss"[..], b"held_out/loss"];
    let count = |name: &[u8]| {
        events[0]
            .windows(name.len())
            .filter(|part| *part == name)
            .count()
    };
    assert_eq!(
        (events.len(), count(names[0]), count(names[1])),
        (1, steps.len(), 4)
    );
    let plan = done(&[
        "inspect",
        "--plan",
        &place.path("packed/run.toml"),
        "--json",
    ]);
    let mut plan: Value = serde_json::from_str(&plan).unwrap();
    let mut written: Value = serde_json::from_str(&place.read("packed/plan.json")).unwrap();
    for plan in [&mut plan, &mut written] {
        plan["available_bytes"].take();
    }
    assert_eq!(plan, written);
    assert_eq!(plan["longest_batch_tokens"], 128);
    let text = done(&["inspect", "--plan", &place.path("packed/run.toml")]);
    assert!(text.contains("memory: weights"), "{text}");
}

#[test]
fn every_weight_trains_and_a_folder_comes_out() {
    let Some(place) = Place::new() else { return };
    let (flags, out) = (flags(&place), place.path("full"));
    let full = with(&flags, &["--full", "--out", &out]);
    done(&full);
    let losses = losses(&place.lines("full/metrics.jsonl"), "loss");
    assert!(losses[losses.len() - 1] < losses[0] / 2.0, "{losses:?}");
    let plan = done(&["inspect", "--plan", &format!("{out}/run.toml"), "--json"]);
    let plan: Value = serde_json::from_str(&plan).unwrap();
    let written: Value = serde_json::from_str(&place.read("full/plan.json")).unwrap();
    let keys = ["weights_bytes", "trained_bytes", "total_bytes"];
    let [weights, trained, total] = keys.map(|key| {
        assert_eq!(plan[key], written[key]);
        plan[key].as_u64().unwrap()
    });
    // Gradients and two moments; a checkpoint holds weights and moments twice.
    assert!(weights > 100_000 && trained == 3 * weights, "{plan}");
    assert!(total >= 6 * weights, "{plan}");
    let model = format!("{out}/model");
    done(&[
        "generate",
        "--model",
        &model,
        "--prompt",
        "x",
        "--max-new-tokens",
        "2",
    ]);
    for (flag, value) in [("--rank", "4"), ("--quantize", "8"), ("--dtype", "bf16")] {
        refused(
            &[full.as_slice(), &[flag, value]].concat(),
            &[flag, "--full"],
        );
    }
}

#[test]
fn an_adapter_trains_beside_a_base_of_fewer_bits_and_works_beside_another() {
    let Some(place) = Place::new() else { return };
    let flags = flags(&place);
    let mut adapters = Vec::new();
    for (name, more) in [
        ("half", ["--dtype", "bf16"]),
        ("packed", ["--quantize", "8"]),
    ] {
        let out = place.path(name);
        done(&[&with(&flags, &more), ["--out", &out].as_slice()].concat());
        let losses = losses(&place.lines(&format!("{name}/metrics.jsonl")), "loss");
        assert!(
            losses[20..].iter().sum::<f64>() < losses[..4].iter().sum::<f64>(),
            "{name}: {losses:?}"
        );
        adapters.push(format!("{out}/adapter"));
    }
    let (model, rows) = (
        place.model("tiny-llama3"),
        place.write(
            "row.jsonl",
            "{\"id\":0,\"prompt\":\"x\",\"response\":\"yes\"}\n",
        ),
    );
    let nll = |chosen: &[&str]| {
        let call = ["score", "--model", &model, "--data", &rows];
        let mut call = call.to_vec();
        for one in chosen {
            call.extend(["--adapter", one]);
        }
        let row: Value = serde_json::from_str(&done(&call)).unwrap();
        row["nll"].as_f64().unwrap()
    };
    let (first, halved) = (adapters[0].as_str(), format!("{}=0.5", adapters[0]));
    let none = format!("{}=0", adapters[1]);
    assert!((nll(&[&halved, &halved]) - nll(&[first])).abs() < 1e-4);
    assert!((nll(&[first, &none]) - nll(&[first])).abs() < 1e-6);
    assert!((nll(&[first, &adapters[1]]) - nll(&[first])).abs() > 1e-3);
}
