//! What trains instead of an adapter beside a plain base: every weight, or an adapter beside fewer bits.

use serde_json::Value;

use crate::common::{Place, done, refused, with};
use crate::{flags, losses};

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
    for (flag, value) in [("--rank", "4"), ("--quantize", "8"), ("--dtype", "f16")] {
        refused(&[full.as_slice(), &[flag, value]].concat(), &[flag, "full"]);
    }
}

#[test]
fn every_weight_trains_in_bf16_and_a_folder_in_bf16_comes_out() {
    let Some(place) = Place::new() else { return };
    let (flags, out) = (flags(&place), place.path("full"));
    let call = ["--full", "--dtype", "bf16", "--checkpoint-every", "5"];
    done(&[&with(&flags, &call), ["--out", &out].as_slice()].concat());
    let losses = losses(&place.lines("full/metrics.jsonl"), "loss");
    assert!(losses[losses.len() - 1] < losses[0] / 2.0, "{losses:?}");
    let plan: Value = serde_json::from_str(&place.read("full/plan.json")).unwrap();
    let keys = ["weights_bytes", "trained_bytes", "total_bytes"];
    let [weights, trained, total] = keys.map(|key| plan[key].as_u64().unwrap());
    // For each weight of 2 bytes: the sum of its gradients, two moments, and what it is rounded from.
    assert_eq!(trained, weights / 2 * (4 + 8 + 4), "{plan}");
    // A checkpoint holds moments, and what weights are rounded from, twice.
    assert!(total >= weights / 2 * (2 + 2 * 12), "{plan}");
    let model = std::fs::metadata(place.path("full/model/model.safetensors")).unwrap();
    assert!(model.len() < weights + weights / 4, "{}", model.len());
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
