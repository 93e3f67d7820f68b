//! What was written as a GGUF file, and how it is used.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use idiolect_model::gguf::{Destination, GgufContents, GgufTensor};
use serde::Serialize;

/// What a file holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum ExportContent {
    /// A model.
    Model,
    /// An adapter for a model.
    Adapter,
}

/// What came of an export.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ExportSummary {
    /// The file that was written.
    pub out: PathBuf,
    /// What it holds.
    pub content: ExportContent,
    /// Its architecture in the words of llama.cpp.
    pub architecture: String,
    /// Tensors in it.
    pub tensors: usize,
    /// How many of them have which type.
    pub types: BTreeMap<String, usize>,
    /// Bytes of all tensors.
    pub tensor_bytes: u64,
    /// The command of llama.cpp that uses it.
    pub run: String,
}

impl ExportSummary {
    pub(super) fn of(
        contents: &GgufContents,
        content: ExportContent,
        destination: &Destination<'_>,
        out: &Path,
    ) -> Self {
        let mut types = BTreeMap::new();
        for tensor in &contents.tensors {
            *types.entry(tensor.stored().to_string()).or_default() += 1;
        }
        Self {
            out: out.to_owned(),
            content,
            architecture: destination.architecture().into(),
            tensors: contents.tensors.len(),
            types,
            tensor_bytes: contents.tensors.iter().map(GgufTensor::bytes).sum(),
            run: format!("llama-cli -m {}", out.display()),
        }
    }

    /// The same for an adapter of the model that was named so.
    pub(super) fn run_with(self, model: &str) -> Self {
        let is_file = Path::new(model)
            .extension()
            .is_some_and(|end| end.eq_ignore_ascii_case("gguf"));
        let base = if is_file { model } else { "BASE.gguf" };
        let run = format!("llama-cli -m {base} --lora {}", self.out.display());
        Self { run, ..self }
    }
}
