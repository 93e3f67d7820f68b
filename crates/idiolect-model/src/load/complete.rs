//! Whether a checkpoint holds what its configuration says, by the names of its tensors.

use std::path::Path;

use crate::tensor_spec::tensor_specs;
use crate::{ModelConfig, ModelError};

/// Refuses a checkpoint of tensors with `names`, sorted, in which one is missing, or that has more blocks than its
/// configuration says.
pub(super) fn require_all(
    path: &Path,
    config: &ModelConfig,
    names: &[String],
) -> Result<(), ModelError> {
    refuse_more_blocks(path, config, names)?;
    let specs = tensor_specs(config).into_iter();
    let missing = specs.filter(|spec| names.binary_search(&spec.name).is_err());
    let tensors: Vec<String> = missing.map(|spec| spec.name).collect();
    if tensors.is_empty() {
        Ok(())
    } else {
        Err(ModelError::Missing {
            path: path.into(),
            tensors,
        })
    }
}

/// A checkpoint with more blocks than its configuration says would be another model without them.
fn refuse_more_blocks(
    path: &Path,
    config: &ModelConfig,
    names: &[String],
) -> Result<(), ModelError> {
    let layers = config.num_layers;
    let beyond = |name: &&String| block_of(name).is_some_and(|block| block >= layers);
    match names.iter().find(beyond) {
        Some(name) => {
            let expected = format!("no block beyond the {layers} of the configuration");
            Err(ModelError::corrupt(
                path,
                format!("tensor {name}"),
                expected,
                "another",
            ))
        }
        None => Ok(()),
    }
}

/// The block that a tensor belongs to, by its name in a folder or in a GGUF file.
fn block_of(name: &str) -> Option<usize> {
    let rest = name.strip_prefix("model.layers.");
    let rest = rest.or_else(|| name.strip_prefix("blk."))?;
    rest.split('.').next()?.parse().ok()
}
