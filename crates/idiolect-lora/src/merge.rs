//! Folds an adapter into the weights it was trained beside: `W' = W + s A B`, with `DoRA` its columns brought
//! to the length of their magnitudes, computed in f32. Modules that trained whole take the place of the model's.
//!
//! A merged decoder cannot be taken apart again; keep the adapter folder.

use burn::module::{Module, ModuleMapper, Param};
use burn::tensor::{DType, Int, Tensor};
use idiolect_kernels::dequantize;
use idiolect_model::{Decoder, Site};

use crate::error::wrong;
use crate::{Factors, LoraAdapter, LoraError};

/// The decoder with the adapter folded in. One projection at a time is held twice; quantised ones that the
/// adapter changes are widened.
///
/// # Errors
///
/// [`LoraError::Setting`] for an adapter whose factors have biases (`lora_bias`) at a projection that has none
/// to add them to, as in PEFT.
///
/// # Panics
///
/// When the adapter is for another model; [`crate::load_adapter`] has checked that.
pub fn merge(mut decoder: Decoder, adapter: &LoraAdapter) -> Result<Decoder, LoraError> {
    adapter.whole.valid().frozen().put_on(&mut decoder);
    for (site, factors) in adapter.sites.iter().zip(&adapter.factors) {
        let weight = &mut decoder.weights.blocks[site.layer].projections[site.projection as usize];
        let merged = add(dequantize(weight.val()), factors.dense());
        *weight = Param::initialized(weight.id, merged).set_require_grad(false);
        add_bias(&mut decoder, *site, factors)?;
    }
    Ok(decoder)
}

fn add_bias(decoder: &mut Decoder, site: Site, factors: &Factors) -> Result<(), LoraError> {
    let Some(update) = &factors.bias else {
        return Ok(());
    };
    let extras = &mut decoder.weights.blocks[site.layer].extras;
    let place = extras.biased.iter().position(|one| *one == site.projection);
    let Some(bias) = place.and_then(|place| extras.biases.get_mut(place)) else {
        let expected = "false to merge into projections without a bias";
        return Err(wrong("lora_bias", expected, format!("true at {site}")));
    };
    let update = update.val().inner().mul_scalar(factors.scale);
    let (value, dtype) = (bias.val(), bias.val().dtype());
    let sum = (value.cast(DType::F32) + update).cast(dtype);
    *bias = Param::initialized(bias.id, sum).set_require_grad(false);
    Ok(())
}

fn add(weight: Tensor<2>, update: Tensor<2>) -> Tensor<2> {
    let dtype = weight.dtype();
    if dtype == DType::F32 {
        weight + update
    } else {
        (weight.cast(DType::F32) + update).cast(dtype)
    }
}

/// The logits of a probe before a merge.
#[derive(Debug)]
pub struct Unmerged {
    logits: Vec<f32>,
    probe: Tensor<2, Int>,
}

/// What [`Unmerged::against`] found.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct MergeReport {
    /// Largest difference of a logit over the probe, the merged model as it is stored against the unmerged one.
    pub max_logit_difference: f32,
    /// Logits compared.
    pub compared: usize,
}

/// Merges, and keeps the logits of a probe before that, to be compared.
///
/// # Shapes
///
/// - `probe`: `[rows, tokens]`, token ids without padding
///
/// # Errors
///
/// As [`merge`].
///
/// # Panics
///
/// As [`merge`].
pub fn merge_checked(
    decoder: Decoder,
    adapter: &LoraAdapter,
    probe: Tensor<2, Int>,
) -> Result<(Decoder, Unmerged), LoraError> {
    let logits = logits(&adapter.valid().decoder(&decoder), adapter, &probe);
    let merged = merge(decoder, adapter)?;
    Ok((merged, Unmerged { logits, probe }))
}

impl Unmerged {
    /// Compares the logits with those of the merged model, its weights rounded to the type in which they are stored;
    /// weights that are quantised in memory are taken as they are.
    #[must_use]
    pub fn against(&self, merged: Decoder, stored: DType) -> MergeReport {
        let weights = merged.weights.map(&mut Round { stored });
        let merged = Decoder::new(merged.config, weights);
        let after = logits(&merged, &idiolect_model::NoAdapter, &self.probe);
        let pairs = self.logits.iter().zip(&after);
        MergeReport {
            max_logit_difference: pairs.map(|(a, b)| (a - b).abs()).fold(0.0, f32::max),
            compared: after.len(),
        }
    }
}

/// Rounds weights to a type; they stay in their own.
struct Round {
    stored: DType,
}

impl ModuleMapper for Round {
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let (weight, id) = (param.val(), param.id);
        let (device, own) = (weight.device(), weight.dtype());
        if own == self.stored || matches!(own, DType::QFloat(_)) {
            return param;
        }
        let rounded = weight.into_data().convert_dtype(self.stored);
        let rounded = Tensor::from_data(rounded.convert_dtype(own), (&device, own));
        Param::initialized(id, rounded).set_require_grad(false)
    }
}

fn logits(
    decoder: &Decoder,
    adapter: &dyn idiolect_model::Adapter,
    ids: &Tensor<2, Int>,
) -> Vec<f32> {
    let hidden = decoder.hidden(ids.clone(), adapter).inner();
    let [rows, tokens, width] = hidden.dims();
    let logits = decoder.logits(hidden.reshape([rows * tokens, width]));
    logits.into_data().iter::<f32>().collect()
}

/// The dense update of one site, `[in, out]`; tests compare closed forms with it.
#[must_use]
pub fn dense_update(adapter: &LoraAdapter, site: Site) -> Option<Tensor<2>> {
    adapter.at(site).map(Factors::dense)
}
