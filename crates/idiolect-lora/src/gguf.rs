//! An adapter as a GGUF file, as llama.cpp's `convert_lora_to_gguf.py` writes it.
//!
//! A file has one alpha, and llama.cpp scales the update of a tensor by `alpha / rank`. What else a scale is made of
//! is in the second factor there. Magnitudes and modules that trained whole have no place in such a file.

use burn::tensor::Tensor;
use idiolect_model::gguf::{Destination, GgufContents, GgufType};
use idiolect_model::transposed;

use crate::error::wrong;
use crate::factors::narrow;
use crate::{Factors, LoraAdapter, LoraConfig, LoraError, WholeModules};

/// What else can be done with an adapter that such a file cannot hold.
const WAY_ROUND: &str = "merge it into the model and export that (export --merge)";

/// The contents of an adapter file for a model, with everything but its name.
///
/// # Errors
///
/// [`LoraError::Setting`] for an adapter with magnitudes (`DoRA`), with modules that trained whole, or with more
/// words than the model's, and for a type of blocks that are wider than factors are; [`LoraError::Model`] names a tensor
/// with a value that the type would make infinite.
pub fn gguf_adapter(
    adapter: &LoraAdapter,
    model: &Destination<'_>,
    kind: GgufType,
) -> Result<GgufContents, LoraError> {
    check_gguf(&adapter.config)?;
    refuse_whole(&adapter.whole)?;
    if kind == GgufType::Q4_0 {
        let expected = "f32, f16, bf16 or q8_0 for an adapter";
        return Err(wrong("stored", expected, kind));
    }
    let alpha = file_alpha(adapter);
    let metadata = [
        ("general.architecture", model.architecture().into()),
        ("general.type", "adapter".into()),
        ("adapter.type", "lora".into()),
        ("adapter.lora.alpha", narrow(alpha).into()),
    ];
    let mut tensors = Vec::with_capacity(2 * adapter.sites.len());
    for (site, factors) in adapter.sites.iter().zip(&adapter.factors) {
        let both = model.factors(*site, scaled(factors, alpha), kind);
        tensors.extend(both.map_err(LoraError::Model)?);
    }
    Ok(GgufContents {
        metadata: metadata.map(|(key, value)| (key.to_owned(), value)).into(),
        tensors,
    })
}

/// Refuses an adapter that changes more than projections, by its configuration, before it is read.
///
/// # Errors
///
/// [`LoraError::Setting`] for magnitudes (`DoRA`), for biases of the factors (`lora_bias`) and for modules that train
/// whole.
pub fn check_gguf(config: &LoraConfig) -> Result<(), LoraError> {
    let names = &config.modules_to_save;
    if config.dora {
        let expected = format!("off in a GGUF adapter: {WAY_ROUND}");
        return Err(wrong("use_dora", expected, true));
    }
    if config.lora_bias {
        let expected = format!("off in a GGUF adapter: {WAY_ROUND}");
        return Err(wrong("lora_bias", expected, true));
    }
    if names.is_empty() {
        return Ok(());
    }
    Err(no_modules(&names.join(", ")))
}

/// Refuses embedding, head and norms beside the factors.
fn refuse_whole(whole: &WholeModules) -> Result<(), LoraError> {
    if whole.is_empty() {
        return Ok(());
    }
    let words = [("embed_tokens", &whole.embedding), ("lm_head", &whole.head)];
    let words = words.into_iter().filter(|(_, module)| module.is_some());
    let norms = whole.places.iter().map(|norm| norm.path());
    let names: Vec<String> = words
        .map(|(name, _)| name.to_owned())
        .chain(norms)
        .collect();
    Err(no_modules(&names.join(", ")))
}

fn no_modules(found: &str) -> LoraError {
    let expected = format!("none in a GGUF adapter: {WAY_ROUND}");
    wrong("modules_to_save", expected, found)
}

/// The alpha of the file: that of the first site, so that an adapter of one rank and one scale keeps its factors. It
/// is never 0, which llama.cpp takes for no alpha at all.
fn file_alpha(adapter: &LoraAdapter) -> f64 {
    let first = adapter.factors.first();
    let of = |factors: &Factors| factors.scale * joined_rank(factors);
    let alpha = first.map(of).filter(|alpha| *alpha != 0.0);
    alpha.unwrap_or(1.0)
}

fn joined_rank(factors: &Factors) -> f64 {
    factors.joined()[0].dims()[1] as f64
}

/// Both factors as PEFT stores them, the second with what `alpha / rank` leaves of its scale.
fn scaled(factors: &Factors, alpha: f64) -> [Vec<f32>; 2] {
    let [a, b] = factors.joined().map(as_stored);
    let rest = factors.scale * joined_rank(factors) / alpha;
    if (rest - 1.0).abs() <= f64::EPSILON {
        return [a, b];
    }
    let b = b.into_iter().map(|value| narrow(f64::from(value) * rest));
    [a, b.collect()]
}

fn as_stored(factor: Tensor<2>) -> Vec<f32> {
    let columns = factor.dims()[1];
    let values: Vec<f32> = factor.into_data().iter::<f32>().collect();
    transposed(&values, columns)
}
