//! Whether a device may be trusted with training: the loss and the adapter's gradients of a decoder of two
//! small blocks, there and on the CPU.
//!
//! Drivers exist that compute every product right and a gradient wrong (docs/decisions/0005), and types in
//! which gradients vanish. A run on such a device ends well and teaches nothing, so it is refused first.
//! It is no proof of the device: `cargo xtask parity` compares far more.

use std::path::Path;

use burn::module::Param;
use burn::tensor::{Device, FloatDType, Tensor, TensorData};
use idiolect::data::Id;
use idiolect::lora::{Factors, LoraAdapter, LoraConfig, Tape};
use idiolect::model::{Block, Decoder, ModelConfig, Weights};
use idiolect::tokens::{TokenBatch, TokenRow};
use idiolect::train::{Objective, Share, TrainError};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde_json::json;

use crate::error::CliError;
use crate::objective::{AdapterLoss, Loss};

/// Tokens of the probe's only row.
const TOKENS: u32 = 24;

/// What a device made of the probe.
#[derive(Debug, Clone)]
struct Reading {
    loss: f64,
    gradients: Vec<f32>,
}

/// Refuses a device on which loss or gradients are not those of the CPU, to 1 % in f32 and 5 % in a half
/// type.
///
/// # Errors
///
/// [`CliError::Setting`] says what came out instead.
#[cfg(feature = "flex")]
pub fn check(device: &Device, dtype: FloatDType) -> Result<(), CliError> {
    if (device, dtype) == (&Device::flex(), FloatDType::F32) {
        return Ok(());
    }
    let bound = if dtype == FloatDType::F32 { 0.01 } else { 0.05 };
    let cpu = read(&Device::flex(), FloatDType::F32)?;
    match difference(&cpu, &read(device, dtype)?, bound) {
        None => Ok(()),
        Some(found) => {
            let expected = "a device whose loss and gradients are the CPU's in a small probe";
            Err(CliError::setting("--device", expected, found))
        }
    }
}

/// There is no CPU to compare with in this build.
///
/// # Errors
///
/// None.
#[cfg(not(feature = "flex"))]
pub fn check(_: &Device, _: FloatDType) -> Result<(), CliError> {
    Ok(())
}

/// What differs by more than `bound`, relative to the CPU's loss or its largest gradient.
fn difference(cpu: &Reading, other: &Reading, bound: f64) -> Option<String> {
    let off = (other.loss - cpu.loss).abs() / cpu.loss;
    // Not a number is off as well.
    if !matches!(off.partial_cmp(&bound), Some(std::cmp::Ordering::Less)) {
        return Some(format!("loss {} in place of {}", other.loss, cpu.loss));
    }
    let largest = cpu
        .gradients
        .iter()
        .fold(0.0_f32, |most, x| most.max(x.abs()));
    let pairs = cpu.gradients.iter().zip(&other.gradients);
    let off = pairs.map(|(a, b)| f64::from((a - b).abs() / largest));
    // Unlike `f64::max`, this keeps what is not a number.
    let worst = off.fold(0.0, |worst: f64, x| {
        if worst.is_nan() || worst >= x {
            worst
        } else {
            x
        }
    });
    let fine = matches!(worst.partial_cmp(&bound), Some(std::cmp::Ordering::Less));
    (!fine).then(|| {
        let percent = worst * 100.0;
        format!("gradients off by {percent:.1} % of the largest")
    })
}

fn read(device: &Device, dtype: FloatDType) -> Result<Reading, CliError> {
    let mut random = Draw(ChaCha8Rng::seed_from_u64(0));
    let decoder = random.decoder(device, dtype)?;
    let mut adapter = LoraAdapter::new(
        &LoraConfig::default(),
        &decoder,
        0,
        &device.clone().autodiff(),
    )?;
    for factors in &mut adapter.factors {
        random.fill(factors, &device.clone().autodiff());
    }
    let row = TokenRow {
        id: Id::from(0),
        input_ids: (0..TOKENS).map(|i| i * 7 % 64).collect(),
        labels: (0..TOKENS).map(|i| i64::from(i * 7 % 64)).collect(),
    };
    let objective = AdapterLoss {
        decoder: &decoder,
        tape: Tape::Whole,
        loss: Loss::CrossEntropy,
    };
    let share = Share {
        divisor: f64::from(TOKENS),
        seed: 0,
    };
    let batch = TokenBatch::new(&[&row], 0);
    let measured = objective
        .gradients(&adapter, &batch, share)
        .map_err(|source| TrainError::Objective { step: 0, source })?;
    let of = |param: &Param<Tensor<2>>| measured.gradients.get::<2>(param.id);
    let both = adapter.factors.iter().flat_map(|f| [of(&f.a), of(&f.b)]);
    let values = both
        .flatten()
        .flat_map(|gradient| gradient.into_data().iter::<f32>().collect::<Vec<_>>());
    Ok(Reading {
        loss: measured.loss.sum,
        gradients: values.collect(),
    })
}

/// Numbers of the probe, the same on every device.
struct Draw(ChaCha8Rng);

impl Draw {
    fn decoder(&mut self, device: &Device, dtype: FloatDType) -> Result<Decoder, CliError> {
        let json = json!({
            "model_type": "llama", "architectures": ["LlamaForCausalLM"], "vocab_size": 64,
            "hidden_size": 64, "intermediate_size": 96, "num_hidden_layers": 2, "num_attention_heads": 4,
            "num_key_value_heads": 2, "max_position_embeddings": 64, "rms_norm_eps": 1e-5,
            "rope_theta": 10000.0, "tie_word_embeddings": true, "hidden_act": "silu",
        });
        let config = ModelConfig::from_json(&json, Path::new("the probe"))?;
        let sides = [
            (64, 64),
            (64, 32),
            (64, 32),
            (64, 64),
            (64, 96),
            (64, 96),
            (96, 64),
        ];
        let mut place = |shape| self.tensor(shape, device).cast(dtype);
        let ones = || Param::from_tensor(Tensor::<1>::ones([64], device).cast(dtype));
        let mut block = || Block {
            input_norm: ones(),
            post_norm: ones(),
            projections: sides
                .map(|(rows, columns)| Param::from_tensor(place([rows, columns])))
                .into(),
        };
        let blocks = vec![block(), block()];
        let weights = Weights {
            embedding: Param::from_tensor(self.tensor([64, 64], device).cast(dtype)),
            blocks,
            norm: ones(),
            head: None,
        };
        Ok(Decoder::new(config, weights))
    }

    fn fill(&mut self, factors: &mut Factors, device: &Device) {
        for param in [&mut factors.a, &mut factors.b] {
            let shape = param.val().dims();
            let value = self.tensor(shape, device);
            *param = Param::from_tensor(value);
        }
    }

    fn tensor(&mut self, shape: [usize; 2], device: &Device) -> Tensor<2> {
        let count = shape[0] * shape[1];
        let values: Vec<f32> = (0..count).map(|_| self.0.random_range(-0.3..0.3)).collect();
        Tensor::from_data(TensorData::new(values, shape), device)
    }
}

#[cfg(all(test, feature = "flex"))]
mod tests {
    use super::*;

    #[test]
    fn the_cpu_agrees_with_itself() {
        let cpu = read(&Device::flex(), FloatDType::F32).expect("a reading");
        assert_eq!(difference(&cpu, &cpu, 1e-9), None);
    }

    #[test]
    fn other_numbers_are_told() {
        let right = read(&Device::flex(), FloatDType::F32).expect("a reading");
        assert!(right.gradients.len() > 1000, "{}", right.gradients.len());
        let mut wrong = right.clone();
        wrong.loss = f64::NAN;
        assert!(difference(&right, &wrong, 0.01).is_some_and(|text| text.contains("loss NaN")));
        let mut wrong = right.clone();
        wrong.gradients.fill(0.0);
        assert!(difference(&right, &wrong, 0.01).is_some_and(|text| text.contains("100.0 %")));
        wrong.gradients[3] = f32::NAN;
        assert!(difference(&right, &wrong, 0.01).is_some_and(|text| text.contains("NaN")));
    }
}
