//! Whether a device may be trusted with training: loss and gradients of a small model, there and on the CPU.
//!
//! Drivers exist that compute every product right and a gradient wrong (docs/decisions/0005), and types in
//! which gradients vanish. A run on such a device ends well and teaches nothing, so it is refused first.
//! It is no proof of the device: `cargo xtask parity` compares far more.

use std::cmp::Ordering;

use burn::module::{Module, ModuleVisitor, Param};
use burn::optim::GradientsParams;
use burn::tensor::{Device, FloatDType, Tensor};
use idiolect_input::counted;
use idiolect_lm::device::named;
use idiolect_lora::Checkpointing;
use idiolect_tokens::TokenBatch;
use idiolect_train::{BoxError, Objective, StepContext, StepLoss, TrainError};

use super::small_model::{SmallModel, TOKENS, row};
use crate::loss::{AdapterLoss, FullLoss, trainable};
use crate::{FineTuneError, Loss};

/// Rows like the one of the check in an optimiser step. So many stand for a vocabulary of thousands too, over which the
/// gradient of a token is spread.
const WINDOW: f64 = 4096.0;

/// What a run trains, and whose gradients are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Trains {
    /// An adapter beside frozen weights.
    Adapter,
    /// Every weight.
    Weights,
}

/// What a device made of the small model.
#[derive(Debug, Clone)]
struct Measurement {
    loss: f64,
    gradients: Vec<f32>,
}

/// Refuses a device on which loss or gradients are not those of the CPU, to 1 % in f32 and 5 % in a half
/// type. Where this program was built without the CPU there is nothing to compare with.
///
/// # Errors
///
/// [`FineTuneError::Setting`] says what came out instead.
pub(crate) fn check(
    device: &Device,
    dtype: FloatDType,
    trains: Trains,
) -> Result<(), FineTuneError> {
    let Ok(cpu) = named("cpu") else {
        return Ok(());
    };
    if (device, dtype) == (&cpu, FloatDType::F32) {
        return Ok(());
    }
    let bound = if dtype == FloatDType::F32 { 0.01 } else { 0.05 };
    let expected = measure(&cpu, FloatDType::F32, trains)?;
    match difference(&expected, &measure(device, dtype, trains)?, bound) {
        None => Ok(()),
        Some(found) => {
            let expected = "a device whose loss and gradients are the CPU's in a small model";
            Err(FineTuneError::setting("device", expected, found))
        }
    }
}

/// What differs by more than `bound`, relative to the CPU's loss or its largest gradient.
fn difference(cpu: &Measurement, other: &Measurement, bound: f64) -> Option<String> {
    let off = (other.loss - cpu.loss).abs() / cpu.loss;
    // Not a number is off as well.
    if !matches!(off.partial_cmp(&bound), Some(Ordering::Less)) {
        return Some(format!("loss {} in place of {}", other.loss, cpu.loss));
    }
    let (count, found) = (cpu.gradients.len(), other.gradients.len());
    if count != found {
        let found = counted(found, "number", "numbers");
        return Some(format!("{found} of gradients in place of {count}"));
    }
    let sizes = cpu.gradients.iter().map(|x| x.abs());
    let largest = sizes.fold(0.0, f32::max);
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
    let fine = matches!(worst.partial_cmp(&bound), Some(Ordering::Less));
    (!fine).then(|| {
        let percent = worst * 100.0;
        format!("gradients off by {percent:.1} % of the largest")
    })
}

/// Refuses a device on which the loss of a small model, or the gradients of its adapter or of its weights, are
/// not those of the CPU, to 1 % in f32 and 5 % in a half type. Every run asks this of its device first.
///
/// # Errors
///
/// [`FineTuneError::Setting`] says what came out instead.
pub fn check_device(device: &Device, dtype: FloatDType) -> Result<(), FineTuneError> {
    check(device, dtype, Trains::Adapter)?;
    check(device, dtype, Trains::Weights)
}

fn measure(
    device: &Device,
    dtype: FloatDType,
    trains: Trains,
) -> Result<Measurement, FineTuneError> {
    let SmallModel { decoder, adapter } = SmallModel::new(device, dtype)?;
    match trains {
        Trains::Adapter => {
            let measured = |checkpointing| {
                let objective = AdapterLoss {
                    decoder: &decoder,
                    checkpointing,
                    loss: Loss::CrossEntropy,
                    stored: None,
                };
                measurement(&objective, &adapter, WINDOW)
            };
            // Faults were seen with one of the two alone, and in the second pass alone.
            let mut all = measured(Checkpointing::Off)?;
            for checkpointing in [Checkpointing::Blocks, Checkpointing::Off] {
                all.gradients.extend(measured(checkpointing)?.gradients);
            }
            Ok(all)
        }
        Trains::Weights => {
            let objective = FullLoss {
                config: decoder.config.clone(),
            };
            measurement(&objective, &trainable(decoder.weights).train(), 1.0)
        }
    }
}

/// Of a window of so many times the tokens of the row: gradients of one token among many are small, and are lost in
/// types of few bits where they are divided too early.
fn measurement<M: Module>(
    objective: &dyn Objective<M>,
    module: &M,
    window: f64,
) -> Result<Measurement, FineTuneError> {
    let share = StepContext {
        divisor: f64::from(TOKENS) * window,
        seed: 0,
        place: 0,
    };
    let row = row();
    let batch = TokenBatch::new(&[&row], 0);
    let measured = objective.gradients(module, &batch, share);
    let StepLoss { loss, gradients } = measured.map_err(failed)?;
    Ok(Measurement {
        loss: loss.sum,
        gradients: numbers(module, &gradients),
    })
}

fn failed(source: BoxError) -> FineTuneError {
    TrainError::Objective { step: 0, source }.into()
}

/// All numbers of the gradients, in the order of the module's parameters.
fn numbers<M: Module>(module: &M, gradients: &GradientsParams) -> Vec<f32> {
    let mut walk = Numbers {
        gradients,
        values: Vec::new(),
    };
    module.visit(&mut walk);
    walk.values
}

struct Numbers<'a> {
    gradients: &'a GradientsParams,
    values: Vec<f32>,
}

impl ModuleVisitor for Numbers<'_> {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        if let Some(gradient) = self.gradients.get::<D>(param.id) {
            self.values.extend(gradient.into_data().iter::<f32>());
        }
    }
}

#[cfg(test)]
#[cfg(feature = "flex")]
#[allow(clippy::expect_used, reason = "helpers of tests end them")]
mod tests {
    use burn::tensor::DType;

    use super::*;

    fn on_cpu(trains: Trains) -> Measurement {
        measure(&named("cpu").expect("a CPU"), FloatDType::F32, trains).expect("a measurement")
    }

    #[test]
    fn the_cpu_agrees_with_itself() {
        for trains in [Trains::Adapter, Trains::Weights] {
            let cpu = on_cpu(trains);
            assert_eq!(difference(&cpu, &on_cpu(trains), 1e-9), None);
        }
    }

    #[test]
    fn half_types_keep_the_gradients_of_a_long_window() {
        let cpu = named("cpu").expect("a CPU");
        for dtype in [FloatDType::F16, FloatDType::BF16] {
            assert!(cpu.supports_dtype(DType::from(dtype)), "{dtype:?}");
            check(&cpu, dtype, Trains::Adapter).expect("gradients of a half type");
        }
    }

    #[test]
    fn other_numbers_are_told() {
        for trains in [Trains::Adapter, Trains::Weights] {
            let right = on_cpu(trains);
            assert!(right.gradients.len() > 1000, "{}", right.gradients.len());
            let mut wrong = right.clone();
            wrong.loss = f64::NAN;
            let found = difference(&right, &wrong, 0.01).expect("a difference");
            assert!(found.contains("loss NaN"), "{found}");
            let mut wrong = right.clone();
            wrong.gradients.fill(0.0);
            let found = difference(&right, &wrong, 0.01).expect("a difference");
            assert!(found.contains("100.0 %"), "{found}");
            wrong.gradients[3] = f32::NAN;
            let found = difference(&right, &wrong, 0.01).expect("a difference");
            assert!(found.contains("NaN"), "{found}");
            wrong.gradients.pop();
            let found = difference(&right, &wrong, 0.01).expect("a difference");
            assert!(found.contains("numbers of gradients"), "{found}");
        }
    }

    #[test]
    fn every_weight_of_the_small_model_has_a_gradient() {
        let SmallModel { decoder, .. } =
            SmallModel::new(&named("cpu").expect("a CPU"), FloatDType::F32).expect("a model");
        let count = decoder.weights.num_params();
        assert_eq!(on_cpu(Trains::Weights).gradients.len(), count);
    }
}
