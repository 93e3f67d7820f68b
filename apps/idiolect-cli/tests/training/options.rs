//! Options of an adapter's training: they train, come back from disk, and are refused where they are wrong.

use serde_json::Value;

use crate::common::{Place, done, refused, with};
use crate::{flags, losses};

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
                ["--activation-checkpointing", "off", "--out", &out].as_slice(),
            ]
            .concat(),
        );
        done(
            &[
                &with(&flags, options),
                ["--activation-checkpointing", "on", "--out", &blocks].as_slice(),
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
        // It loads, and is trained further.
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
fn divergence_from_the_base_model_falls_and_needs_an_adapter() {
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
        "--timed-steps",
        "0",
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
