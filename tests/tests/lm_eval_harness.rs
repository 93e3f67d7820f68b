//! Multiple choice against lm-evaluation-harness itself: log-likelihood of every choice of the same items.
//!
//! The golden file is what `tests/python/lm_eval_items.py` wrote with the harness's own task files; six items of
//! each task are compared, all hundred with `IDIOLECT_LONG` set.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "a test's own files"
)]

use std::path::Path;

use idiolect::LanguageModel;
use idiolect::completion::Scorer;
use idiolect::eval::{Answer, Item, ItemAnswer, ItemRequest, Task, summarize};
use idiolect::generate::GenerationSettings;
use idiolect::metrics::interval::Draws;
use idiolect_testkit::{shared, smollm2_folder};
use serde_json::Value;

/// Nats; float32 there and here, summed in another order.
const BOUND: f64 = 5e-4;

fn compare(task: &str, golden: &[Value], data: &Path, model: &mut dyn Scorer) {
    let all = task.parse::<Task>().unwrap().read(data, 0).unwrap();
    let (mut items, mut rows, mut largest) = (Vec::new(), Vec::new(), 0.0_f64);
    for want in golden {
        let item: &Item = &all[usize::try_from(want["row"].as_u64().unwrap()).unwrap()];
        let ItemRequest::Choose(pairs) = &item.request else {
            panic!("{task} asks for no choice");
        };
        let found = model.likelihoods(&[pairs]).unwrap().remove(0);
        let theirs: Vec<f64> = serde_json::from_value(want["lls"].clone()).unwrap();
        assert_eq!(found.len(), theirs.len());
        for (found, theirs) in found.iter().zip(&theirs) {
            largest = largest.max((found.log_likelihood - theirs).abs());
        }
        // Which choice is taken follows from these; a choice that differs changes no score of its own.
        let pick = |all: &mut dyn Iterator<Item = f64>| {
            let all: Vec<f64> = all.collect();
            (0..all.len()).max_by(|a, b| all[*a].total_cmp(&all[*b]))
        };
        assert_eq!(
            pick(&mut found.iter().map(|one| one.log_likelihood)),
            pick(&mut theirs.iter().copied()),
            "{task}, row {}",
            want["row"]
        );
        rows.push(ItemAnswer {
            id: item.id.clone(),
            request: String::new(),
            answer: Answer::Likelihoods(found),
        });
        items.push(item.clone());
    }
    let draws = Draws {
        samples: 1,
        level: 0.95,
        seed: 0,
    };
    let scores = summarize(&items, &rows, &draws).unwrap().rows;
    for (found, want) in scores.iter().zip(golden) {
        for name in ["acc", "acc_norm"] {
            // The harness gives WinoGrande no normed score.
            if let Some(theirs) = want.get(name).and_then(Value::as_f64) {
                let row = &want["row"];
                assert!(
                    (found[name] - theirs).abs() < 1e-9,
                    "{task}, row {row}: {name}"
                );
            }
        }
    }
    let (items, right) = (
        scores.len(),
        scores.iter().map(|one| one["acc"]).sum::<f64>(),
    );
    eprintln!("{task}: {items} items, {right} right, largest difference {largest:.1e} nats");
    assert!(largest < BOUND, "{task}: {largest}");
}

#[test]
fn each_choice_has_the_likelihood_that_the_harness_gives_it() {
    let (Some(model), Some(shared)) = (smollm2_folder(), shared()) else {
        return;
    };
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("golden/lm_eval_items.json");
    let golden: Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    let model = LanguageModel::open(&model.display().to_string()).unwrap();
    let mut model = model.writer(&GenerationSettings::default()).unwrap();
    let long = std::env::var_os("IDIOLECT_LONG").is_some();
    for task in ["arc_challenge", "winogrande"] {
        let items = golden[task].as_array().expect(task);
        let count = if long { items.len() } else { 6 };
        compare(task, &items[..count], &shared.join("data"), &mut model);
    }
}
