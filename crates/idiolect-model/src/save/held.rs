//! The weight files that a folder holds already.

use std::path::Path;

use crate::ModelError;

/// The weights where one file holds them all.
pub(super) const SINGLE: &str = "model.safetensors";
/// What says which shard holds a tensor.
pub(super) const INDEX: &str = "model.safetensors.index.json";

/// The file of a shard, from 0.
pub(super) fn shard_name(number: usize, total: usize) -> String {
    if total == 1 {
        SINGLE.into()
    } else {
        format!("model-{:05}-of-{total:05}.safetensors", number + 1)
    }
}

/// Names of the files in a folder that hold a model's weights in safetensors, the index of shards with them, in
/// the order of names; none where there is no folder.
///
/// # Errors
///
/// [`ModelError::Io`] for a folder that cannot be read.
pub fn weight_files(folder: &Path) -> Result<Vec<String>, ModelError> {
    let io = |source| ModelError::io(folder, source);
    if !folder.exists() {
        return Ok(Vec::new());
    }
    let mut names = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(io)? {
        let name = entry.map_err(io)?.file_name();
        let name = name.to_string_lossy();
        let of_shard = name
            .strip_prefix("model-")
            .is_some_and(|rest| rest.contains("-of-"));
        let is_shard = of_shard && name.ends_with(".safetensors");
        if is_shard || name == SINGLE || name == INDEX {
            names.push(name.into_owned());
        }
    }
    names.sort_unstable();
    Ok(names)
}

/// Removes one of them.
pub(super) fn remove(folder: &Path, name: &str) -> Result<(), ModelError> {
    let path = folder.join(name);
    std::fs::remove_file(&path).map_err(|source| ModelError::io(&path, source))
}
