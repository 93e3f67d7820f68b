//! An adapter as a PEFT folder.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;

use burn::module::Param;
use burn::tensor::Tensor;
use idiolect_model::transposed;
use safetensors::{Dtype, tensor::TensorView};

use super::files::{CONFIG, WEIGHTS};
use super::tensors::{PARTS, Stored, bytes, in_file, site_name};
use super::written::BaseModel;
use super::{modules, written};
use crate::{LoraAdapter, LoraError};

/// Writes an adapter in f32 with PEFT's names; `base` is what PEFT records as the base model: a name, or a
/// [`BaseModel`] with its revision.
///
/// One that started with [`crate::Init::Pissa`] or `Olora` becomes a plain adapter of twice the rank, with the start as its
/// second half: it then fits the unchanged model, as after PEFT's own conversion.
///
/// Both files are written beside their place and renamed; the folder is made when absent.
///
/// # Errors
///
/// [`LoraError::Io`] names the file that could not be written; [`LoraError::Setting`] for an adapter with
/// [`LoraAdapter::folded`] modules.
pub fn save_adapter<'a>(
    adapter: &LoraAdapter,
    folder: &Path,
    base: impl Into<BaseModel<'a>>,
) -> Result<(), LoraError> {
    let io = |path: &Path| {
        let path = path.to_path_buf();
        move |source| LoraError::Io { path, source }
    };
    adapter.refuse_folded()?;
    std::fs::create_dir_all(folder).map_err(io(folder))?;
    let tensors = stored(adapter);
    let views = tensors.iter().filter_map(|(name, (shape, bytes))| {
        Some((
            name,
            TensorView::new(Dtype::F32, shape.clone(), bytes).ok()?,
        ))
    });
    let metadata = Some(HashMap::from([("format".to_string(), "pt".to_string())]));
    let path = folder.join(WEIGHTS);
    let bytes = safetensors::serialize(views, metadata).map_err(|source| LoraError::Weights {
        path: path.clone(),
        source,
    })?;
    let config = format!(
        "{:#}\n",
        written::to_json(&adapter.config, base.into(), adapter.wrapper)
    );
    let files = [(path, bytes), (folder.join(CONFIG), config.into_bytes())];
    for (path, bytes) in &files {
        let beside = path.with_extension("partial");
        std::fs::write(&beside, bytes).map_err(io(&beside))?;
    }
    // An earlier configuration goes first and the new one comes last: without one there is no adapter, so that
    // factors never stand under the scale of others.
    let earlier = folder.join(CONFIG);
    if earlier.exists() {
        std::fs::remove_file(&earlier).map_err(io(&earlier))?;
    }
    for (path, _) in files {
        std::fs::rename(path.with_extension("partial"), &path).map_err(io(&path))?;
    }
    Ok(())
}

/// Every part under its PEFT name.
fn stored(adapter: &LoraAdapter) -> BTreeMap<String, Stored> {
    let matrix = |tensor: Tensor<2>| {
        let [rows, columns] = tensor.dims();
        let values: Vec<f32> = tensor.into_data().iter::<f32>().collect();
        (vec![columns, rows], bytes(&transposed(&values, columns)))
    };
    let mut parts = BTreeMap::new();
    for (site, factors) in adapter.sites.iter().zip(&adapter.factors) {
        let names = PARTS.map(|part| site_name(*site, part));
        let [a, b] = factors.joined().map(matrix);
        let vector = |vector: &Param<Tensor<1>>| {
            let values: Vec<f32> = vector.val().into_data().iter::<f32>().collect();
            (vec![values.len()], bytes(&values))
        };
        let magnitude = factors.magnitude.as_ref().map(vector);
        let bias = factors.bias.as_ref().map(vector);
        let values = [Some(a), Some(b), magnitude, bias];
        let named = names.into_iter().zip(values);
        parts.extend(named.filter_map(|(name, value)| Some((name, value?))));
    }
    parts.extend(modules::stored(&adapter.whole));
    let named = parts.into_iter();
    named
        .map(|(name, part)| (in_file(&name, adapter.wrapper), part))
        .collect()
}
