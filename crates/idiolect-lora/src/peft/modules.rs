//! Modules that train whole in PEFT's weight file, in and out.
//!
//! Embedding and head are read in `words.rs`.
//! Beside what `modules_to_save` names, a file has the embedding and the head where the vocabulary was
//! resized, trained or not (PEFT's `save_embedding_layers`); a module then stands there under up to three
//! names, of which the plain one counts.

use burn::module::Param;
use burn::tensor::{DType, Device, Tensor, TensorData};

use idiolect_model::transposed;

use super::folding::Words;
use super::tensors::{Reader, Stored, bytes};
use crate::paths::{EMBEDDING, HEAD};
use crate::whole::Chosen;
use crate::{LoraError, Norm, WholeModules};

/// What a module's tensor may be called below its path.
const ENDINGS: [&str; 3] = ["weight", "modules_to_save.weight", "original_module.weight"];

/// Names that whole modules may have in the file.
pub(super) fn names(chosen: &Chosen) -> Vec<String> {
    let norms = chosen.norms.iter().map(|norm| norm.path());
    let paths = norms.chain([EMBEDDING, HEAD].map(str::to_owned));
    let names = |path: String| ENDINGS.map(|end| Reader::name(&path, end));
    paths.flat_map(names).collect()
}

/// The modules of the file that stand in the place of the decoder's own.
pub(super) fn read(
    file: &Reader<'_>,
    chosen: Chosen,
    words: Words,
    device: &Device,
) -> Result<WholeModules, LoraError> {
    let (config, width) = (file.model, file.model.hidden_size);
    let norm = |place: &Norm| {
        let width = place.width(config);
        let name = Reader::name(&place.path(), "weight");
        Ok(param(file.values(&name, &[width])?, [width], device))
    };
    let norms = chosen.norms.iter().map(norm);
    let norms = norms.collect::<Result<_, LoraError>>()?;
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
        embedding: words.embedding.map(matrix),
        head: words.head.map(turned),
        norms,
        places: chosen.norms,
        tied: words.tied,
    })
}

fn param<const D: usize>(values: Vec<f32>, shape: [usize; D], device: &Device) -> Param<Tensor<D>> {
    let data = TensorData::new(values, shape);
    Param::from_tensor(Tensor::from_data(data, (device, DType::F32)))
}

/// The modules under their PEFT names; one that is embedding and head has both.
pub(super) fn stored(whole: &WholeModules) -> Vec<(String, Stored)> {
    let values = |data: TensorData| bytes(&data.iter::<f32>().collect::<Vec<f32>>());
    let matrix = |tensor: Tensor<2>| (tensor.dims().to_vec(), values(tensor.into_data()));
    let mut parts = Vec::new();
    for (place, norm) in whole.places.iter().zip(&whole.norms) {
        let scale = norm.val();
        let part = (scale.dims().to_vec(), values(scale.into_data()));
        parts.push((Reader::name(&place.path(), "weight"), part));
    }
    if let Some(embedding) = &whole.embedding {
        let part = matrix(embedding.val());
        if whole.tied {
            parts.push((Reader::name(HEAD, "weight"), part.clone()));
        }
        parts.push((Reader::name(EMBEDDING, "weight"), part));
    }
    let head = whole.head.as_ref();
    parts.extend(head.map(|head| (Reader::name(HEAD, "weight"), matrix(head.val().transpose()))));
    parts
}
