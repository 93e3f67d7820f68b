//! Every way of computing a step gives the loss and the gradients of the plain one: each example alone, in
//! a batch of its own, with everything on the tape.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "helpers of tests end them"
)]

use burn::module::{Module, ModuleVisitor, Param};
use burn::optim::GradientsParams;
use burn::tensor::{Device, FloatDType, Tensor};
use idiolect::finetune::{AdapterLoss, Loss};
use idiolect::lora::{Checkpointing, LoraAdapter, LoraConfig};
use idiolect::model::Decoder;
use idiolect::tokens::{IGNORE, TokenBatch, TokenRow};
use idiolect::train::{Objective, StepContext};
use idiolect_testkit::shared;

/// Most that a path may differ, relative to the length of the whole gradient.
const BOUND: f64 = 1e-6;

/// Lengths of examples in tokens, and the tokens of a row that several share.
type Case<'a> = (&'a [usize], usize);

/// Examples of which some are as short as what generation has a product of its own for.
const SHORT: Case<'_> = (&[9, 4, 21, 13, 2, 30, 7], 34);

/// Examples longer than that.
const LONG: Case<'_> = (&[29, 17, 21, 33, 18, 30, 27], 80);

/// Examples of unequal lengths whose first part is not trained.
fn examples(lengths: &[usize], vocab: usize) -> Vec<TokenRow> {
    let row = |(at, &length): (usize, &usize)| {
        let ids: Vec<u32> = (0..length)
            .map(|token| u32::try_from((at * 31 + token * 17 + 5) % vocab).unwrap())
            .collect();
        let label = |(place, &id): (usize, &u32)| {
            if place < length / 3 {
                IGNORE
            } else {
                i64::from(id)
            }
        };
        TokenRow {
            id: at.into(),
            labels: ids.iter().enumerate().map(label).collect(),
            input_ids: ids,
            teacher: Vec::new(),
        }
    };
    lengths.iter().enumerate().map(row).collect()
}

/// Every gradient, factor after factor.
struct Flat<'a> {
    gradients: &'a GradientsParams,
    values: Vec<f64>,
}

impl ModuleVisitor for Flat<'_> {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        if let Some(gradient) = self.gradients.get::<D>(param.id) {
            self.values.extend(gradient.into_data().iter::<f64>());
        }
    }
}

/// Loss sum and gradients of batches, added up.
fn step(
    decoder: &Decoder,
    adapter: &LoraAdapter,
    batches: &[TokenBatch],
    checkpointing: Checkpointing,
) -> (f64, Vec<f64>) {
    let loss = Loss::CrossEntropy;
    let objective = AdapterLoss {
        decoder,
        checkpointing,
        loss,
        stored: None,
    };
    let share = StepContext {
        divisor: 7.0,
        seed: 0,
        place: 0,
    };
    let (mut sum, mut all) = (0.0, Vec::new());
    for batch in batches {
        let found = objective.gradients(adapter, batch, share).unwrap();
        let mut flat = Flat {
            gradients: &found.gradients,
            values: Vec::new(),
        };
        adapter.visit(&mut flat);
        sum += found.loss.sum;
        all.resize(flat.values.len(), 0.0);
        all.iter_mut()
            .zip(flat.values)
            .for_each(|(all, one)| *all += one);
    }
    (sum, all)
}

fn norm(values: impl Iterator<Item = f64>) -> f64 {
    values.map(|value| value * value).sum::<f64>().sqrt()
}

#[test]
fn checkpointing_batching_and_packing_train_as_each_example_alone() {
    let Some(shared) = shared() else { return };
    for model in ["tiny-llama3", "tiny-mistral"] {
        let path = shared.join("oracles/tiny").join(model);
        let (decoder, _) = idiolect::model::load(&path, &Device::flex(), FloatDType::F32).unwrap();
        let targets = "all-linear".parse().unwrap();
        let config = LoraConfig {
            targets,
            ..LoraConfig::default()
        };
        let device = decoder.device().autodiff();
        let fresh = LoraAdapter::new(&config, &decoder, 3, &device).unwrap();
        // Where the second factor is zero, as it starts, the first has no gradient: a trained one too.
        let folder = shared.join("oracles/peft").join(model);
        let folder = folder.join("qv/adapter_final");
        let trained = idiolect::lora::load_adapter(&folder, &decoder, &device).unwrap();
        for adapter in [&fresh, &trained] {
            check(model, &decoder, adapter, LONG);
            check(model, &decoder, adapter, SHORT);
        }
    }
}

fn check(model: &str, decoder: &Decoder, adapter: &LoraAdapter, (lengths, capacity): Case<'_>) {
    let rows = examples(lengths, decoder.config.vocab_size);
    let rows: Vec<&TokenRow> = rows.iter().collect();
    let alone: Vec<_> = rows.iter().map(|row| TokenBatch::new(&[row], 0)).collect();
    let packed = TokenBatch::packed(&rows, capacity, 0);
    assert!(packed.rows < 5 && packed.packed_lengths.iter().any(|parts| parts.len() > 2));
    let paths = [
        ("checkpointed", alone.clone(), Checkpointing::Blocks),
        (
            "padded",
            vec![TokenBatch::new(&rows, 0)],
            Checkpointing::Off,
        ),
        (
            "widened",
            vec![TokenBatch::new(&rows, 0).widened(32, 0)],
            Checkpointing::Off,
        ),
        (
            "accumulated",
            rows.chunks(3)
                .map(|rows| TokenBatch::new(rows, 0))
                .collect(),
            Checkpointing::Off,
        ),
        ("packed", vec![packed.clone()], Checkpointing::Off),
        (
            "packed and checkpointed",
            vec![packed],
            Checkpointing::Blocks,
        ),
    ];
    let (plain_loss, plain) = step(decoder, adapter, &alone, Checkpointing::Off);
    assert!(norm(plain.iter().copied()) > 0.0);
    for (name, batches, checkpointing) in paths {
        let (loss, found) = step(decoder, adapter, &batches, checkpointing);
        let loss_off = (loss - plain_loss).abs() / plain_loss;
        let off = norm(found.iter().zip(&plain).map(|(a, b)| a - b)) / norm(plain.iter().copied());
        assert!(
            loss_off < BOUND && off < BOUND,
            "{model} {name}: loss {loss_off:e}, gradient {off:e}"
        );
    }
    // The bound tells: without the mask the same tokens train otherwise.
    let mut open = TokenBatch::packed(&rows, capacity, 0);
    open.packed_lengths.clear();
    let (_, found) = step(decoder, adapter, &[open], Checkpointing::Off);
    let off = norm(found.iter().zip(&plain).map(|(a, b)| a - b)) / norm(plain.iter().copied());
    assert!(off > 1e-3, "{off:e}");
}
