//! Walks over a module's trained parameters, by name.
//!
//! A name is the path of fields that leads to the parameter, joined by dots, as Burn's module
//! visitor gives it: it is the same in each process, which a `ParamId` is not.

mod average;
mod gradients;

use std::collections::BTreeSet;

use burn::module::{Module, ModuleMapper, ModuleVisitor, Param};
use burn::optim::GradientsParams;
use burn::tensor::{DType, Tensor, TensorData};

pub(crate) use average::averaged;
pub use gradients::scale_gradients;
pub(crate) use gradients::{accumulate, squares};

/// A parameter's values on the host.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct HostTensor {
    pub(crate) name: String,
    pub(crate) shape: Vec<usize>,
    pub(crate) values: Vec<f32>,
}

/// The fields that lead to where a walk stands.
#[derive(Debug, Default)]
pub(crate) struct Path(Vec<String>);

impl Path {
    pub(crate) fn enter(&mut self, name: &str) {
        self.0.push(name.to_owned());
    }

    pub(crate) fn exit(&mut self) {
        self.0.pop();
    }

    pub(crate) fn name(&self) -> String {
        self.0.join(".")
    }
}

/// Puts an updated value in the place of a parameter's, with the same part in training.
pub(crate) fn replace<const D: usize>(
    param: Param<Tensor<D>>,
    update: impl FnOnce(Tensor<D>) -> Tensor<D>,
) -> Param<Tensor<D>> {
    param.map(|old| {
        let strategy = old.gradient_checkpointing_strategy();
        let trained = old.is_require_grad();
        let mut new = update(old.without_autodiff());
        if let Some(strategy) = strategy {
            new = new
                .autodiff()
                .with_gradient_checkpointing_strategy(strategy);
        }
        if trained { new.require_grad() } else { new }
    })
}

/// Copies to the host, in f32, those trained parameters whose name `wanted` accepts, in the
/// module's own order.
pub(crate) fn to_host<M: Module>(module: &M, wanted: &dyn Fn(&str) -> bool) -> Vec<HostTensor> {
    let mut walk = ToHost {
        path: Path::default(),
        wanted,
        tensors: Vec::new(),
    };
    module.visit(&mut walk);
    walk.tensors
}

struct ToHost<'a> {
    path: Path,
    wanted: &'a dyn Fn(&str) -> bool,
    tensors: Vec<HostTensor>,
}

impl ModuleVisitor for ToHost<'_> {
    fn enter_module(&mut self, name: &str, _container: &str) {
        self.path.enter(name);
    }

    fn exit_module(&mut self, _name: &str, _container: &str) {
        self.path.exit();
    }

    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        let name = self.path.name();
        if param.is_require_grad() && (self.wanted)(&name) {
            let value = param.val().without_autodiff();
            self.tensors.push(HostTensor {
                name,
                shape: value.dims().to_vec(),
                values: value.into_data().iter::<f32>().collect(),
            });
        }
    }
}

/// Finds the values for a parameter's name and shape.
pub(crate) type Find<'a> = dyn FnMut(&str, &[usize]) -> Option<Vec<f32>> + 'a;

/// Replaces each trained parameter by the values found for it; where there are none it stays.
pub(crate) fn from_host<M: Module>(module: M, find: &mut Find<'_>) -> M {
    module.map(&mut FromHost {
        path: Path::default(),
        find,
    })
}

struct FromHost<'a, 'b> {
    path: Path,
    find: &'a mut Find<'b>,
}

impl ModuleMapper for FromHost<'_, '_> {
    fn enter_module(&mut self, name: &str, _container: &str) {
        self.path.enter(name);
    }

    fn exit_module(&mut self, _name: &str, _container: &str) {
        self.path.exit();
    }

    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        if !param.is_require_grad() {
            return param;
        }
        let shape = param.dims();
        match (self.find)(&self.path.name(), &shape) {
            None => param,
            Some(values) => replace(param, |old| {
                let options = (&old.device(), DType::F32);
                Tensor::<D>::from_data(TensorData::new(values, shape), options).cast(old.dtype())
            }),
        }
    }
}

/// Names of the trained parameters whose type is smaller than f32.
pub(crate) fn rounded<M: Module>(module: &M) -> BTreeSet<String> {
    let mut walk = Rounded::default();
    module.visit(&mut walk);
    walk.names
}

#[derive(Default)]
struct Rounded {
    path: Path,
    names: BTreeSet<String>,
}

impl ModuleVisitor for Rounded {
    fn enter_module(&mut self, name: &str, _container: &str) {
        self.path.enter(name);
    }

    fn exit_module(&mut self, _name: &str, _container: &str) {
        self.path.exit();
    }

    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        if param.is_require_grad() && param.dtype() != DType::F32 {
            self.names.insert(self.path.name());
        }
    }
}

/// Names and shapes of the trained parameters, in the module's own order.
pub(crate) fn shapes<M: Module>(module: &M) -> Vec<(String, Vec<usize>)> {
    let mut walk = Shapes::default();
    module.visit(&mut walk);
    walk.shapes
}

#[derive(Default)]
struct Shapes {
    path: Path,
    shapes: Vec<(String, Vec<usize>)>,
}

impl ModuleVisitor for Shapes {
    fn enter_module(&mut self, name: &str, _container: &str) {
        self.path.enter(name);
    }

    fn exit_module(&mut self, _name: &str, _container: &str) {
        self.path.exit();
    }

    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        if param.is_require_grad() {
            self.shapes.push((self.path.name(), param.dims().to_vec()));
        }
    }
}

/// Numbers of the trained parameters on the host, in f32, one parameter after the other in the
/// module's own order.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Flat {
    /// Which of the parameters have numbers here: one may be without a gradient.
    pub(crate) present: Vec<bool>,
    pub(crate) values: Vec<f32>,
}

/// The trained parameters, or their gradients where those are given. It is one read, however many
/// parameters there are: on a GPU each read waits for the device.
pub(crate) fn flat<M: Module>(module: &M, gradients: Option<&GradientsParams>) -> Flat {
    let mut walk = Collect {
        gradients,
        parts: Vec::new(),
    };
    module.visit(&mut walk);
    let present = walk.parts.iter().map(Option::is_some).collect();
    let parts: Vec<Tensor<1>> = walk.parts.into_iter().flatten().collect();
    let values = if parts.is_empty() {
        Vec::new()
    } else {
        Tensor::cat(parts, 0).into_data().iter::<f32>().collect()
    };
    Flat { present, values }
}

struct Collect<'a> {
    gradients: Option<&'a GradientsParams>,
    parts: Vec<Option<Tensor<1>>>,
}

impl ModuleVisitor for Collect<'_> {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        if param.is_require_grad() {
            let found = match self.gradients {
                Some(gradients) => gradients.get::<D>(param.id),
                None => Some(param.val()),
            };
            self.parts.push(found.map(|tensor| {
                let count = tensor.shape().num_elements();
                let tensor = tensor.without_autodiff().cast(DType::F32);
                tensor.reshape([count])
            }));
        }
    }
}

/// Adds gradients that [`flat`] gave for a module with the same parameters, on this one's device.
pub(crate) fn add_gradients<M: Module>(module: &M, gradients: &mut GradientsParams, more: Flat) {
    let Some(device) = module.devices().into_iter().next() else {
        return;
    };
    if more.values.is_empty() {
        return;
    }
    let (device, shape) = (device.without_autodiff(), [more.values.len()]);
    let values = TensorData::new(more.values, shape);
    module.visit(&mut Add {
        gradients,
        present: more.present.into_iter(),
        values: Tensor::from_data(values, (&device, DType::F32)),
        at: 0,
    });
}

struct Add<'a> {
    gradients: &'a mut GradientsParams,
    present: std::vec::IntoIter<bool>,
    values: Tensor<1>,
    at: usize,
}

impl ModuleVisitor for Add<'_> {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        if !param.is_require_grad() || self.present.next() != Some(true) {
            return;
        }
        let shape = param.shape();
        let end = self.at + shape.num_elements();
        let part = self.values.clone().slice(self.at..end).reshape(shape);
        self.at = end;
        let sum = match self.gradients.remove::<D>(param.id) {
            Some(own) => {
                let own = own.without_autodiff();
                own.clone() + part.cast(own.dtype())
            }
            None => part,
        };
        self.gradients.register(param.id, sum);
    }
}
