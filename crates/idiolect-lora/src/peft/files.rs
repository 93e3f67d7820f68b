//! Names of the files of an adapter's folder.

/// Rank, scale and places.
pub(super) const CONFIG: &str = "adapter_config.json";
/// The factors, and what trained whole.
pub(super) const WEIGHTS: &str = "adapter_model.safetensors";
/// The same as a pickle, which old versions of PEFT write.
pub(super) const PICKLE: &str = "adapter_model.bin";
