//! Cost against rows: 1, 4 and 16 times the rows of a tiny model, each row made when it is wanted.
//!
//! Run it with `cargo bench --package idiolect-tests --bench scaling`; it is no test, since machines differ.
#![allow(
    missing_docs,
    clippy::expect_used,
    clippy::print_stdout,
    reason = "a benchmark's own words"
)]

use std::borrow::Cow;
use std::ops::ControlFlow;
use std::time::Instant;

use burn::tensor::{Device, FloatDType};
use idiolect::finetune::{AdapterLoss, Loss};
use idiolect::lora::{Checkpointing, LoraAdapter, LoraConfig};
use idiolect::model::Decoder;
use idiolect::tokens::TokenRow;
use idiolect::train::{BoxError, RowSize, Rows, TrainConfig, Trainer, TrainerEvent};
use idiolect_testkit::shared;

/// Rows of the shortest run.
const ROWS: usize = 1000;

/// Rows of a cycle of lengths, made from their number.
struct Made(usize);

impl Made {
    fn length(row: usize) -> usize {
        16 + row * 37 % 49
    }
}

impl Rows for Made {
    fn count(&self) -> usize {
        self.0
    }

    fn size(&self, row: usize) -> RowSize {
        RowSize {
            tokens: Self::length(row),
            trained_tokens: 1,
        }
    }

    fn sizes_are_exact(&self) -> bool {
        false
    }

    fn row(&self, row: usize) -> Result<Option<Cow<'_, TokenRow>>, BoxError> {
        let ids = (0..Self::length(row)).map(|at| u32::try_from((row * 31 + at * 17) % 100));
        let ids = ids.collect::<Result<Vec<u32>, _>>()?;
        Ok(Some(Cow::Owned(TokenRow::all_trained(row.into(), ids))))
    }

    fn fingerprint(&self) -> String {
        self.0.to_string()
    }
}

/// Rounds of all three; other work on the machine falls on some of them.
const ROUNDS: usize = 5;
const TIMES: [usize; 3] = [1, 4, 16];

/// Seconds of a run over `rows` rows, and its peak of memory in megabytes.
fn time(decoder: &Decoder, rows: usize) -> (f64, u64) {
    let config = TrainConfig {
        epochs: 1,
        ..TrainConfig::default()
    };
    let rows = Made(rows);
    let device = decoder.device().autodiff();
    let adapter = LoraAdapter::new(&LoraConfig::default(), decoder, 1, &device);
    let objective = AdapterLoss {
        decoder,
        checkpointing: Checkpointing::Off,
        loss: Loss::CrossEntropy,
        stored: None,
    };
    let (began, mut peak) = (Instant::now(), None);
    let trainer = Trainer::new(&config, &objective, &rows, 0);
    let run = trainer.run(adapter.expect("an adapter"), &mut |event| {
        if let TrainerEvent::Step { timing, .. } = event {
            peak = timing.peak_memory;
        }
        ControlFlow::Continue(())
    });
    run.expect("a run");
    (began.elapsed().as_secs_f64(), peak.unwrap_or(0) / 1_000_000)
}

fn main() {
    let Some(shared) = shared() else { return };
    let path = shared.join("oracles/tiny/tiny-llama3");
    let loaded = idiolect::model::load(&path, &Device::flex(), FloatDType::F32);
    let (decoder, _) = loaded.expect("the tiny model");
    time(&decoder, ROWS);
    let mut seconds = [const { Vec::new() }; 3];
    let mut peaks = [0; 3];
    for _ in 0..ROUNDS {
        for (at, times) in TIMES.into_iter().enumerate() {
            let (took, peak) = time(&decoder, ROWS * times);
            seconds[at].push(took);
            peaks[at] = peaks[at].max(peak);
        }
    }
    println!("  rows   median s   times    least s   times   peak MB");
    let mut first = None;
    for (at, times) in TIMES.into_iter().enumerate() {
        seconds[at].sort_by(f64::total_cmp);
        let (median, least) = (seconds[at][ROUNDS / 2], seconds[at][0]);
        let (usual, best) = *first.get_or_insert((median, least));
        let (rows, factors) = (ROWS * times, (median / usual, least / best));
        println!(
            "{rows:6} {median:10.2} {:7.2} {least:10.2} {:7.2} {:9}",
            factors.0, factors.1, peaks[at]
        );
    }
}
