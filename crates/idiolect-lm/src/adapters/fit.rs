//! Whether an adapter that is in memory fits a model: what [`idiolect_lora::load_adapter`] checks of a folder.

use burn::module::Param;
use burn::tensor::Tensor;
use idiolect_lora::{Factors, LoraAdapter, Norm, WholeModules};
use idiolect_model::{Decoder, ModelConfig, Site};

use crate::LmError;

/// Refuses an adapter whose tensors have other shapes than the model asks for, or lie on another device.
pub(super) fn check(adapter: &LoraAdapter, decoder: &Decoder) -> Result<(), LmError> {
    let (device, config) = (decoder.device(), &decoder.config);
    let elsewhere = adapter
        .factors
        .iter()
        .map(|factors| factors.a.val().device());
    if let Some(other) = elsewhere.into_iter().find(|other| *other != device) {
        let expected = format!("tensors on the model's device, {device:?}");
        return Err(LmError::setting("adapter", expected, format!("{other:?}")));
    }
    let sites = adapter.sites.iter().zip(&adapter.factors);
    for (site, factors) in sites {
        site_fits(*site, factors, config)?;
    }
    whole_fits(&adapter.whole, config)
}

fn site_fits(site: Site, factors: &Factors, config: &ModelConfig) -> Result<(), LmError> {
    if site.layer >= config.num_layers {
        let expected = format!("blocks below {}", config.num_layers);
        return Err(LmError::setting("adapter", expected, site));
    }
    let [input, output] = config.projection_shape(site.projection);
    let rank = factors.rank();
    let found = (dims(&factors.a), dims(&factors.b));
    if found == ([input, rank], [rank, output]) {
        return Ok(());
    }
    let expected = format!("{:?} and {:?} at {site}", [input, rank], [rank, output]);
    let found = format!("{:?} and {:?}", found.0, found.1);
    Err(LmError::setting("adapter", expected, found))
}

fn whole_fits(whole: &WholeModules, config: &ModelConfig) -> Result<(), LmError> {
    let width = config.hidden_size;
    let refuse = |module: &str, expected: String, found: String| {
        let expected = format!("{expected} as {module}");
        Err(LmError::setting("adapter", expected, found))
    };
    if let Some([rows, columns]) = whole.embedding.as_ref().map(dims)
        && columns != width
    {
        let found = format!("{:?}", [rows, columns]);
        return refuse("embedding", format!("[words, {width}]"), found);
    }
    if let Some([rows, columns]) = whole.head.as_ref().map(dims)
        && rows != width
    {
        let found = format!("{:?}", [rows, columns]);
        return refuse("head", format!("[{width}, words]"), found);
    }
    for (place, scale) in whole.places.iter().zip(&whole.norms) {
        let (found, width) = (scale.val().dims(), place.width(config));
        let heads = matches!(place, Norm::Query(_) | Norm::Key(_));
        let is_there = place.layer().unwrap_or_default() < config.num_layers
            && (config.switches.head_norms || !heads);
        if found != [width] || !is_there {
            return refuse(&place.path(), format!("[{width}]"), format!("{found:?}"));
        }
    }
    Ok(())
}

fn dims(param: &Param<Tensor<2>>) -> [usize; 2] {
    param.val().dims()
}
