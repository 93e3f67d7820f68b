//! What parameters in less than f32 are rounded from, on its way between the optimiser and a checkpoint.
//!
//! A checkpoint has one number for each: that of the optimiser in the place of the rounded one.

use std::collections::{BTreeMap, BTreeSet};

use burn::module::Module;

use crate::AdamWState;
use crate::params::{self, HostTensor};

/// What a checkpoint holds of the parameters: masters where there are some, so that nothing is copied twice.
pub(super) fn held<M: Module>(module: &M, optimizer: &mut [AdamWState]) -> Vec<HostTensor> {
    let mut masters: BTreeMap<String, Vec<f32>> = BTreeMap::new();
    for state in optimizer {
        let name = state.name.clone();
        masters.extend(state.master.take().map(|master| (name, master)));
    }
    let mut held = params::to_host(module, &|name| !masters.contains_key(name));
    for (name, shape) in params::shapes(module) {
        let tensor = masters.remove(&name).map(|values| HostTensor {
            name,
            shape,
            values,
        });
        held.extend(tensor);
    }
    held
}

/// Gives the optimiser the masters of parameters that are to be rounded.
pub(super) fn give_masters(
    rounded: &BTreeSet<String>,
    parameters: &[HostTensor],
    optimizer: &mut [AdamWState],
) {
    for HostTensor { name, values, .. } in parameters {
        let mut states = optimizer.iter_mut();
        let own = states.find(|state| state.name == *name);
        if let Some(own) = own.filter(|_| rounded.contains(name)) {
            own.master = Some(values.clone());
        }
    }
}
