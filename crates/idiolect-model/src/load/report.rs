//! What loading did with each tensor.

use std::collections::BTreeMap;

/// What was done with each tensor of a checkpoint.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LoadReport {
    /// Names of the tensors that the decoder is made of.
    pub loaded: Vec<String>,
    /// Names of tensors in the checkpoint that the architecture does not use.
    pub unused: Vec<String>,
    /// Names of the tensors of a wrapper beside the decoder, as of a vision tower: they are not read, and are
    /// carried over to what is written.
    pub carried: Vec<String>,
    /// Tensors whose type changed.
    pub cast: Vec<Cast>,
    /// How many tensors stay in the blocks of a GGUF file, by the type of those, for example `Q4_K`.
    pub kept: BTreeMap<String, usize>,
}

/// A tensor that has another type in memory than on disk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cast {
    /// Its Hugging Face name.
    pub tensor: String,
    /// Type on disk, for example `BF16`.
    pub stored: String,
    /// Type in memory, for example `F32`.
    pub loaded: String,
}
