//! Modules that train whole in PEFT's weight file, in and out.
//!
//! Beside what `modules_to_save` names, a file has the embedding and the head where the vocabulary was
//! resized, trained or not (PEFT's `save_embedding_layers`); a module then stands there under up to three
//! names, of which the plain one counts.

use burn::module::Param;
use burn::tensor::{DType, Device, Tensor, TensorData};

use idiolect_model::transposed;

use super::tensors::{PREFIX, Reader, Stored, bytes};
use crate::whole::{Chosen, EMBEDDING, HEAD};
use crate::{LoraError, Norm, WholeModules};

/// What a module's tensor may be called below its path.
const ENDINGS: [&str; 3] = ["weight", "modules_to_save.weight", "original_module.weight"];

fn name(path: &str) -> String {
    format!("{PREFIX}{path}.weight")
}

/// Names that whole modules may have in the file.
pub(super) fn names(chosen: &Chosen) -> Vec<String> {
    let norms = chosen.norms.iter().map(|norm| norm.path());
    let paths = norms.chain([EMBEDDING, HEAD].map(str::to_owned));
    let names = |path: String| ENDINGS.map(|end| format!("{PREFIX}{path}.{end}"));
    paths.flat_map(names).collect()
}

/// The modules of the file that stand in the place of the decoder's own.
pub(super) fn read(
    file: &Reader<'_>,
    chosen: Chosen,
    device: &Device,
) -> Result<WholeModules, LoraError> {
    let (config, width) = (file.model, file.model.hidden_size);
    let norm = |place: &Norm| {
        let width = place.width(config);
        Ok(param(
            file.values(&name(&place.path()), &[width])?,
            [width],
            device,
        ))
    };
    let norms = chosen.norms.iter().map(norm);
    let norms = norms.collect::<Result<_, LoraError>>()?;
    let embedding = words(file, EMBEDDING, chosen.embedding)?;
    let head = words(file, HEAD, chosen.head)?;
    // A resized embedding that does not train is still the head of a model whose head it was.
    let resized = config.tied && !chosen.embedding && !chosen.head && embedding.is_some();
    let tied = chosen.tied || resized;
    check(file, (&embedding, &head), tied)?;
    let rows = |values: &Vec<f32>| values.len() / width.max(1);
    let matrix = |values: Vec<f32>| {
        let shape = [rows(&values), width];
        param(values, shape, device).set_require_grad(chosen.embedding)
    };
    let turned = |values: Vec<f32>| {
        let shape = [width, rows(&values)];
        param(transposed(&values, width), shape, device).set_require_grad(chosen.head)
    };
    Ok(WholeModules {
        embedding: embedding.map(matrix),
        head: head.filter(|_| !tied).map(turned),
        norms,
        places: chosen.norms,
        tied,
    })
}

fn param<const D: usize>(values: Vec<f32>, shape: [usize; D], device: &Device) -> Param<Tensor<D>> {
    let data = TensorData::new(values, shape);
    Param::from_tensor(Tensor::from_data(data, (device, DType::F32)))
}

/// The values of embedding or head, of any number of rows; none where the file may do without.
fn words(file: &Reader<'_>, path: &str, needed: bool) -> Result<Option<Vec<f32>>, LoraError> {
    let (name, width) = (name(path), file.model.hidden_size);
    let rows = match file.view(&name) {
        Some(view) => view.shape().first().copied().unwrap_or(0),
        None if !needed => return Ok(None),
        None => file.model.vocab_size,
    };
    file.values(&name, &[rows, width]).map(Some)
}

/// Refuses embedding and head of different vocabularies, and of different values where they are one.
fn check(
    file: &Reader<'_>,
    (embedding, head): (&Option<Vec<f32>>, &Option<Vec<f32>>),
    tied: bool,
) -> Result<(), LoraError> {
    let config = file.model;
    let rows = |values: &Vec<f32>| values.len() / config.hidden_size.max(1);
    let above = embedding.as_ref().map_or(config.vocab_size, rows);
    let below = head.as_ref().map(rows);
    let below = below.unwrap_or(if tied { above } else { config.vocab_size });
    if above != below {
        let (expected, found) = (format!("{above} rows"), format!("{below} rows"));
        return Err(file.wrong(&name(HEAD), expected, found));
    }
    if tied && head.is_some() && head != embedding {
        let expected = "the values of the embedding, which is the head";
        return Err(file.wrong(&name(HEAD), expected, "others"));
    }
    Ok(())
}

/// The modules under their PEFT names; one that is embedding and head has both.
pub(super) fn stored(whole: &WholeModules) -> Vec<(String, Stored)> {
    let values = |data: TensorData| bytes(&data.iter::<f32>().collect::<Vec<f32>>());
    let matrix = |tensor: Tensor<2>| (tensor.dims().to_vec(), values(tensor.into_data()));
    let mut parts = Vec::new();
    for (place, norm) in whole.places.iter().zip(&whole.norms) {
        let scale = norm.val();
        let part = (scale.dims().to_vec(), values(scale.into_data()));
        parts.push((name(&place.path()), part));
    }
    if let Some(embedding) = &whole.embedding {
        let part = matrix(embedding.val());
        if whole.tied {
            parts.push((name(HEAD), part.clone()));
        }
        parts.push((name(EMBEDDING), part));
    }
    let head = whole.head.as_ref();
    parts.extend(head.map(|head| (name(HEAD), matrix(head.val().transpose()))));
    parts
}
