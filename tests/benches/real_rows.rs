//! One epoch over real rows of unequal length, beside PEFT: what grouping by length saves of padding.
//!
//! `cargo bench -p idiolect-tests --bench real_rows -- [--rows 200] [--python PYTHON]` trains adapters of
//! rank 8 on queries and values of `SmolLM2` in f32, 8 rows a step, on the first rows of
//! `openfunction_train`; with a Python that has torch, transformers and peft, `real_rows.py` trains on the
//! same rows of tokens. Each case has a process of its own and two threads; loading is not timed.
#![allow(
    missing_docs,
    clippy::print_stdout,
    clippy::expect_used,
    clippy::panic,
    reason = "a benchmark's own words"
)]

use std::ops::ControlFlow;
use std::path::Path;
use std::process::Command;
use std::time::Instant;

use burn::tensor::{Device, FloatDType};
use idiolect::LanguageModel;
use idiolect::data::write_lines;
use idiolect::data::{Dataset, Format};
use idiolect::finetune::{AdapterLoss, Loss};
use idiolect::lm::rows::read_tokens;
use idiolect::lora::{Checkpointing, LoraAdapter, LoraConfig};
use idiolect::train::{Schedule, TrainConfig, Trainer, TrainerEvent};
use idiolect_testkit::{shared, smollm2_folder};
use serde_json::{Value, json};
use support::{again, case, field, number, option, peak_mib};

mod support;

/// Name, tape, and rows of a micro-batch; a step has 8 rows in all of them.
const OURS: [(&str, Checkpointing, usize); 4] = [
    ("grouped", Checkpointing::Off, 8),
    ("grouped, 4 x 2 rows", Checkpointing::Off, 2),
    ("checkpointed", Checkpointing::Blocks, 8),
    ("checkpointed, 4 x 2 rows", Checkpointing::Blocks, 2),
];
const PEFT: [(&str, &[&str]); 2] = [("PEFT", &[]), ("PEFT, checkpointed", &["--checkpoint"])];

fn main() {
    let (Some(model), Some(shared)) = (smollm2_folder(), shared()) else {
        return;
    };
    match (option("--case"), option("--file")) {
        // On a thread of the pool, as the command line runs.
        (Some(name), Some(file)) => rayon::scope(|_| train(&name, &model, Path::new(&file))),
        _ => table(&model, &shared.join("data/sdft/openfunction_train.json")),
    }
}

fn table(model: &Path, data: &Path) {
    let place = tempfile::tempdir().expect("a folder");
    let file = place.path().join("rows.jsonl");
    let count = export(model, data, &file);
    println!("{count} rows of openfunction_train, 8 rows a step, f32, two threads");
    println!(
        "case                       rows/s  trained tok/s  real tok/s  padding  peak MiB    loss"
    );
    let path = file.to_str().expect("a path in UTF-8");
    let ours = OURS.map(|(name, ..)| again(&["--case", name, "--file", path]));
    let ours = OURS.iter().zip(ours).map(|((name, ..), row)| (*name, row));
    let mut all: Vec<(&str, Value)> = ours.collect();
    if let Some(python) = option("--python") {
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/benches/real_rows.py");
        for (name, flags) in PEFT {
            let mut command = Command::new(&python);
            command.arg(script).arg(model).arg(&file).args(flags);
            all.push((name, case(&mut command)));
        }
    }
    for (name, row) in &all {
        let [rows, trained, tokens, padding, peak, loss] = [
            "rows_s",
            "trained_s",
            "tokens_s",
            "padding",
            "peak_mib",
            "loss",
        ]
        .map(|name| field(row, name));
        println!(
            "{name:25} {rows:7.3} {trained:14.1} {tokens:11.1} {:6.1} % {peak:9.0} {loss:7.4}",
            100.0 * padding
        );
    }
    compare(&all);
}

/// Ours by PEFT's, of the same kind.
fn compare(all: &[(&str, Value)]) {
    let of = |wanted: &str| {
        all.iter()
            .find(|(name, _)| *name == wanted)
            .map(|(_, row)| row)
    };
    for (ours, peer) in OURS.iter().map(|(name, ..)| *name).zip([0, 0, 1, 1]) {
        if let (Some(own), Some(peft)) = (of(ours), of(PEFT[peer].0)) {
            let [speed, memory] =
                ["rows_s", "peak_mib"].map(|name| field(own, name) / field(peft, name));
            println!(
                "{ours}: {speed:.2} x the speed of {}, {memory:.2} x its memory",
                PEFT[peer].0
            );
        }
    }
}

/// Writes the first rows as tokens, and says how many.
fn export(model: &Path, data: &Path, file: &Path) -> usize {
    let opened = LanguageModel::open(&model.display().to_string()).expect("the model");
    let set = Dataset::open_as(data, Format::Alpaca).expect("the data");
    let first = set.rows.iter().take(number("--rows", 200));
    let tokens = first.map(|row| opened.example_row(row.example.id.clone(), &row.example));
    let tokens: Vec<Value> = tokens
        .map(|row| {
            let row = row.expect("tokens");
            json!({ "id": row.id, "input_ids": row.input_ids, "labels": row.labels })
        })
        .collect();
    write_lines(file, &tokens).expect("a file");
    tokens.len()
}

fn train(name: &str, model: &Path, file: &Path) {
    let found = OURS.iter().find(|(known, ..)| *known == name);
    let (_, checkpointing, micro) = *found.unwrap_or_else(|| panic!("no case {name}"));
    let rows = read_tokens(file).expect("rows of tokens");
    let device = Device::flex();
    let (decoder, _) = idiolect::model::load(model, &device, FloatDType::F32).expect("the model");
    let config = TrainConfig {
        epochs: 1,
        batch_size: micro,
        accumulation: 8 / micro,
        schedule: Schedule::Constant,
        ..TrainConfig::default()
    };
    let adapter = LoraAdapter::new(&LoraConfig::default(), &decoder, 1, &device.autodiff());
    let loss = Loss::CrossEntropy;
    let objective = AdapterLoss {
        decoder: &decoder,
        checkpointing,
        loss,
        stored: None,
    };
    let (mut nats, mut trained, mut tokens) = (0.0, 0, 0);
    let began = Instant::now();
    let trainer = Trainer::new(&config, &objective, &rows, 0);
    let run = trainer.run(adapter.expect("an adapter"), &mut |event| {
        if let TrainerEvent::Step { row, timing } = event {
            nats += row.loss * row.trained_tokens as f64;
            trained += row.trained_tokens;
            tokens += timing.tokens;
        }
        ControlFlow::Continue(())
    });
    let seconds = began.elapsed().as_secs_f64();
    let steps = run.expect("a run").steps;
    println!(
        "{}",
        json!({ "steps": steps, "rows_s": rows.len() as f64 / seconds,
            "trained_s": f64::from(u32::try_from(trained).expect("a count")) / seconds,
            "tokens_s": tokens as f64 / seconds, "padding": padding(&config, &rows),
            "peak_mib": peak_mib(), "loss": nats / trained as f64 })
    );
}

/// The share of what is computed that is padding.
fn padding(config: &TrainConfig, rows: &[idiolect::tokens::TokenRow]) -> f64 {
    let size = |row: &idiolect::tokens::TokenRow| idiolect::train::RowSize {
        tokens: row.input_ids.len(),
        trained_tokens: row.trained_tokens(),
    };
    let sizes: Vec<_> = rows.iter().map(size).collect();
    let plan = idiolect::train::Plan::new(&sizes, config);
    let micro = plan.windows.iter().flat_map(|window| &window.batches);
    let wide = |micro: &Vec<usize>| {
        micro.len()
            * micro
                .iter()
                .map(|&row| sizes[row].tokens)
                .max()
                .unwrap_or(0)
    };
    let whole: usize = micro.map(wide).sum();
    let real: usize = sizes.iter().map(|size| size.tokens).sum();
    1.0 - real as f64 / whole as f64
}
