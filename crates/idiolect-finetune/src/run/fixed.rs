//! What makes a run beside the settings of its loop: the base model, and what of it is trained. A checkpoint keeps
//! these, and a run that resumes must have the same.

use std::collections::BTreeMap;

use idiolect_data::content_hash;
use idiolect_lm::{LanguageModel, adapter_folder};
use idiolect_lora::LoraAdapter;
use serde_json::Value;

use super::options::RunOptions;
use crate::FineTuneError;

/// Values by the name of their setting.
pub(crate) type Fixed = BTreeMap<String, String>;

/// Those of a run that trains an adapter; none where it neither leaves a checkpoint nor resumes from one.
///
/// # Errors
///
/// [`FineTuneError::Lm`] and [`FineTuneError::Io`] for files that cannot be read to be hashed.
pub(super) fn of_adapter(
    options: &RunOptions<'_>,
    model: &LanguageModel,
    adapter: &LoraAdapter,
) -> Result<Fixed, FineTuneError> {
    if is_kept(options) {
        described(options, model, adapter)
    } else {
        Ok(Fixed::new())
    }
}

/// Those of a run that trains an adapter, whether it leaves a checkpoint or not.
///
/// # Errors
///
/// As for [`of_adapter`].
pub(crate) fn described(
    options: &RunOptions<'_>,
    model: &LanguageModel,
    adapter: &LoraAdapter,
) -> Result<Fixed, FineTuneError> {
    let mut fixed = described_model(options, model)?;
    let settings = &options.settings.finetune;
    fixed.insert("loss".into(), settings.loss.to_string());
    if let Some(folder) = &settings.init_adapter {
        fixed.insert(
            "init_adapter".into(),
            content_hash(&adapter_folder(folder)?)?,
        );
    }
    let config = serde_json::to_value(&adapter.config).unwrap_or_default();
    let config = config.as_object().cloned().unwrap_or_default();
    fixed.extend(config.into_iter().map(|(name, value)| (name, shown(value))));
    Ok(fixed)
}

/// Those of a run that trains every weight.
///
/// # Errors
///
/// As for [`of_adapter`].
pub(super) fn of_model(
    options: &RunOptions<'_>,
    model: &LanguageModel,
) -> Result<Fixed, FineTuneError> {
    if is_kept(options) {
        described_model(options, model)
    } else {
        Ok(Fixed::new())
    }
}

/// Whether a run leaves a checkpoint or resumes from one.
fn is_kept(options: &RunOptions<'_>) -> bool {
    let checkpoints = options.config.checkpoint_every > 0 || options.resume;
    options.run.is_some() && checkpoints
}

fn described_model(
    options: &RunOptions<'_>,
    model: &LanguageModel,
) -> Result<Fixed, FineTuneError> {
    let full = options.settings.finetune.full;
    let bits = match model.bits() {
        Some(bits) => format!("{bits:?}"),
        None if full || model.load_report().kept.is_empty() => "none".into(),
        None => "as stored".into(),
    };
    Ok(Fixed::from([
        ("model".into(), model.model_hash()?),
        (
            "dtype".into(),
            format!("{:?}", model.dtype()).to_lowercase(),
        ),
        ("quantize".into(), bits.to_lowercase()),
        ("full".into(), full.to_string()),
    ]))
}

/// A setting's value as text.
pub(crate) fn shown(value: Value) -> String {
    match value {
        Value::String(text) => text,
        other => other.to_string(),
    }
}
