//! `AdamW` with decoupled weight decay, arXiv 1711.05101, in the order of `torch.optim.AdamW`.
//!
//! Burn's own is not used: it takes the coefficients in f32, where `1 - beta2` is off by 5e-5
//! relative, and its state is keyed by identifiers that differ from process to process.
//! Here coefficients are computed in f64, the state is f32 and keyed by parameter name.
//!
//! A parameter in bf16 or f16 has a master in f32 (arXiv 1710.03740, section 3.1): steps move the master, and the
//! parameter is the master rounded. Without one, steps smaller than half a digit of the parameter would be lost.
//!
//! Gradients are clipped by one norm over all of them, with the formula of
//! `torch.nn.utils.clip_grad_norm_`: all are multiplied by `max_norm / (norm + 1e-6)` where that is
//! below 1. Burn's own clipping by norm takes each tensor alone and is not used.

use std::collections::BTreeMap;

use burn::module::{Module, ModuleMapper, Param};
use burn::optim::GradientsParams;
use burn::tensor::{DType, Device, Tensor, TensorData};

use crate::params::{self, Path};
use crate::{RateRatio, TrainConfig};

/// Added to the norm before the division, as `clip_grad_norm_` does.
const NORM_EPSILON: f64 = 1e-6;

/// The optimiser with its state. The learning rate is given to each step.
#[derive(Debug, Clone)]
pub struct AdamW {
    /// Decay of the running mean of gradients.
    pub beta1: f64,
    /// Decay of the running mean of squared gradients.
    pub beta2: f64,
    /// Added to the root of the squares' mean.
    pub epsilon: f64,
    /// Share of each parameter that is taken off, times the learning rate, in each step.
    pub weight_decay: f64,
    /// Parameters with a rate of their own.
    pub rate_ratios: Vec<RateRatio>,
    moments: BTreeMap<String, Moments>,
}

/// The running means of one parameter.
#[derive(Debug, Clone)]
struct Moments {
    /// Steps in which the parameter had a gradient.
    steps: u64,
    mean: Tensor<1>,
    square: Tensor<1>,
    /// The parameter in f32, where its own type is smaller.
    master: Option<Tensor<1>>,
}

/// One parameter's optimiser state on the host, exactly.
#[derive(Debug, Clone, PartialEq)]
pub struct AdamWState {
    /// Name of the parameter.
    pub name: String,
    /// Steps in which the parameter had a gradient.
    pub steps: u64,
    /// Running mean of its gradients, flat.
    pub mean: Vec<f32>,
    /// Running mean of its squared gradients, flat.
    pub square: Vec<f32>,
    /// The parameter before it was rounded to its own type, flat; none where that is f32.
    pub master: Option<Vec<f32>>,
}

impl AdamW {
    /// The optimiser of a configuration, before its first step.
    #[must_use]
    pub fn new(config: &TrainConfig) -> Self {
        Self {
            beta1: config.adam_beta1,
            beta2: config.adam_beta2,
            epsilon: config.adam_epsilon,
            weight_decay: config.weight_decay,
            rate_ratios: config.rate_ratios.clone(),
            moments: BTreeMap::new(),
        }
    }

    /// Moves each parameter that has a gradient by one step at the given learning rate, times its own
    /// ratio where it has one.
    #[must_use]
    pub fn step<M: Module>(&mut self, module: M, gradients: GradientsParams, rate: f64) -> M {
        module.map(&mut Step {
            optimizer: self,
            gradients,
            rate,
            path: Path::default(),
        })
    }

    /// The state, in the order of names.
    #[must_use]
    pub fn state(&self) -> Vec<AdamWState> {
        let values = |tensor: &Tensor<1>| tensor.to_data().iter::<f32>().collect();
        let state = |(name, moments): (&String, &Moments)| AdamWState {
            name: name.clone(),
            steps: moments.steps,
            mean: values(&moments.mean),
            square: values(&moments.square),
            master: moments.master.as_ref().map(values),
        };
        self.moments.iter().map(state).collect()
    }

    /// Takes up a state that [`AdamW::state`] gave, so that the next step is the one that would
    /// have followed. `device` is that of the parameters.
    pub fn restore(&mut self, state: Vec<AdamWState>, device: &Device) {
        let device = device.clone().without_autodiff();
        let tensor = |values: Vec<f32>| {
            let shape = [values.len()];
            Tensor::from_data(TensorData::new(values, shape), (&device, DType::F32))
        };
        let moments = |state: AdamWState| {
            let moments = Moments {
                steps: state.steps,
                mean: tensor(state.mean),
                square: tensor(state.square),
                master: state.master.map(tensor),
            };
            (state.name, moments)
        };
        self.moments = state.into_iter().map(moments).collect();
    }

    /// What the rate of a parameter is of the rate that is given to a step.
    fn ratio(&self, name: &str) -> f64 {
        let field = name.rsplit('.').next().unwrap_or_default();
        let own = self.rate_ratios.iter().find(|own| own.field == field);
        own.map_or(1.0, |own| own.ratio)
    }

    /// The new value of a flat parameter, in f32; `is_rounded` where the parameter holds it in less.
    fn update(
        &mut self,
        name: String,
        (value, is_rounded): (Tensor<1>, bool),
        gradient: Tensor<1>,
        rate: f64,
    ) -> Tensor<1> {
        let old = self.moments.remove(&name).unwrap_or_else(|| Moments {
            steps: 0,
            mean: gradient.zeros_like(),
            square: gradient.zeros_like(),
            master: None,
        });
        let value = old.master.unwrap_or_else(|| value.cast(DType::F32));
        let steps = old.steps + 1;
        let mean = old.mean * self.beta1 + gradient.clone() * (1.0 - self.beta1);
        let square = old.square * self.beta2 + gradient.square() * (1.0 - self.beta2);
        // Exact in f64 for as many steps as a run can have.
        let correction1 = 1.0 - self.beta1.powf(steps as f64);
        let correction2 = 1.0 - self.beta2.powf(steps as f64);
        let root = square.clone().sqrt() / correction2.sqrt() + self.epsilon;
        let decayed = value * (1.0 - rate * self.weight_decay);
        let updated = decayed - mean.clone() / root * (rate / correction1);
        self.moments.insert(
            name,
            Moments {
                steps,
                mean,
                square,
                master: is_rounded.then(|| updated.clone()),
            },
        );
        updated
    }
}

struct Step<'a> {
    optimizer: &'a mut AdamW,
    gradients: GradientsParams,
    rate: f64,
    path: Path,
}

impl ModuleMapper for Step<'_> {
    fn enter_module(&mut self, name: &str, _container: &str) {
        self.path.enter(name);
    }

    fn exit_module(&mut self, _name: &str, _container: &str) {
        self.path.exit();
    }

    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let Some(gradient) = self.gradients.remove::<D>(param.id) else {
            return param;
        };
        let gradient = gradient.without_autodiff();
        params::replace(param, |value| {
            let (shape, dtype) = (value.shape(), value.dtype());
            let count = shape.num_elements();
            let name = self.path.name();
            let rate = self.rate * self.optimizer.ratio(&name);
            let value = (value.reshape([count]), dtype != DType::F32);
            let gradient = gradient.cast(DType::F32).reshape([count]);
            let updated = self.optimizer.update(name, value, gradient, rate);
            updated.reshape(shape).cast(dtype)
        })
    }
}

/// The global L2 norm of all gradients of the module's parameters.
///
/// Squares are summed over the last dimension on the device in f32, the rest in f64 on the host.
/// It is not finite where a gradient is not.
#[must_use]
pub fn global_norm<M: Module>(module: &M, gradients: &GradientsParams) -> f64 {
    let squares = params::squares(module, gradients);
    if squares.is_empty() {
        return 0.0;
    }
    // One read for all parameters: on a GPU each read waits for the device.
    let sums = Tensor::cat(squares, 0).into_data();
    sums.iter::<f32>().map(f64::from).sum::<f64>().sqrt()
}

/// Scales all gradients so that their global norm is at most `max_norm` (0: no limit) and
/// returns the norm before that.
pub fn clip_by_global_norm<M: Module>(
    module: &M,
    gradients: &mut GradientsParams,
    max_norm: f64,
) -> f64 {
    let norm = global_norm(module, gradients);
    let scale = max_norm / (norm + NORM_EPSILON);
    if max_norm > 0.0 && scale < 1.0 {
        params::scale_gradients(module, gradients, scale);
    }
    norm
}
