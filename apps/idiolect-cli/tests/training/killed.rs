//! A real process that is killed at many points and ends with the bytes of one that nobody disturbed.

use std::path::Path;

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde_json::json;

use crate::common::kill::{kill_after, lines, points};
use crate::common::{Place, done, on_data, owned, with};
use crate::flags;

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
        killed += usize::from(kill_after(&args, || lines(&metrics), wanted));
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
fn a_process_killed_at_any_point_resumes_to_the_same_bytes() {
    let Some(place) = Place::new() else { return };
    resumes(&place, &killed_flags(&place), &ADAPTER, points(), None);
}

#[test]
fn a_killed_run_of_rows_read_as_they_are_needed_resumes_though_its_cache_is_torn() {
    let Some(place) = Place::new() else { return };
    let mut flags = killed_flags(&place);
    let word = |at: usize| json!({"instruction": format!("Say {at}."), "output": "x".repeat(at)});
    flags[4] = place.rows("rows.jsonl", &(1..13).map(word).collect::<Vec<_>>());
    flags.push("--lazy".into());
    resumes(&place, &flags, &ADAPTER, points(), Some("tokens.cache"));
}

#[test]
fn a_killed_run_of_every_weight_resumes_to_the_same_bytes() {
    let Some(place) = Place::new() else { return };
    let mut flags = flags(&place);
    flags.extend(["--full", "--checkpoint-every", "5"].map(String::from));
    let files = ["metrics.jsonl", "model/model.safetensors"];
    resumes(&place, &flags, &files, points(), None);
}

/// Weights in bf16 alone would resume without what they are rounded from.
#[test]
fn a_killed_run_of_every_weight_in_bf16_resumes_to_the_same_bytes() {
    let Some(place) = Place::new() else { return };
    let mut flags = flags(&place);
    let full = ["--full", "--dtype", "bf16", "--checkpoint-every", "5"];
    flags.extend(full.map(String::from));
    let files = ["metrics.jsonl", "model/model.safetensors"];
    resumes(&place, &flags, &files, points(), None);
}

/// Rows with stored distributions, and some that kept their answers.
#[test]
fn a_killed_training_on_stored_distributions_resumes_to_the_same_bytes() {
    let Some(place) = Place::new() else { return };
    let distilled = place.path("distilled");
    let more = [
        "--preset",
        "sdft-2402/main/using",
        "--max-new-tokens",
        "12",
        "--temperature",
        "0.9",
        "--logprobs",
        "4",
        "--mix-ratio",
        "0.75",
        "--no-likelihood",
        "--threads",
        "1",
        "--out",
        &distilled,
    ];
    let (model, data) = (place.model("tiny-llama3"), place.alpaca());
    done(&on_data("distill", [&model, &data], &more));
    let mut flags = killed_flags(&place);
    flags[4] = format!("{distilled}/distilled.json");
    flags.extend(["--loss", "stored-kl"].map(String::from));
    let files = [ADAPTER.as_slice(), &["stored.json"]].concat();
    resumes(&place, &flags, &files, points(), None);
    let count = place.read("whole/stored.json");
    let count: serde_json::Value = serde_json::from_str(&count).expect("JSON");
    let of = |name: &str| count[name].as_u64().expect("a count");
    assert!(of("tokens") > 0 && of("rows_without") > 0, "{count}");
}

/// Answers are drawn anew from the checkpoint on, in the middle of a batch that serves two steps, by a student with a
/// moving teacher.
#[test]
fn a_killed_on_policy_distillation_resumes_to_the_same_bytes() {
    let Some(place) = Place::new() else { return };
    let more = [
        "--teacher",
        "ema",
        "--ema-rate",
        "0.2",
        "--updates-per-batch",
        "2",
        "--max-new-tokens",
        "8",
        "--dropout",
        "0.1",
        "--epochs",
        "6",
        "--batch-size",
        "2",
        "--accumulation",
        "3",
        "--learning-rate",
        "2e-3",
        "--checkpoint-every",
        "5",
        "--threads",
        "1",
    ];
    let (model, data) = (place.model("tiny-llama3"), place.alpaca());
    let flags = owned(&on_data("distill-online", [&model, &data], &more));
    let files = [ADAPTER.as_slice(), &["journal/answers.jsonl"]].concat();
    resumes(&place, &flags, &files, points(), None);
}
