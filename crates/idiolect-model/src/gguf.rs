//! GGUF files.
use std::path::{Path, PathBuf};
use crate::ModelError;
use crate::source::{Source, StoredTensor};
/// An open file.
pub struct GgufFile { path: PathBuf }
impl GgufFile {
    /// Opens.
    pub fn open(path: &Path) -> Result<Self, ModelError> { Ok(Self { path: path.into() }) }
    /// Config.
    pub fn config(&self) -> Result<serde_json::Value, ModelError> { Ok(serde_json::Value::Null) }
}
impl Source for GgufFile {
    fn names(&self) -> Vec<String> { Vec::new() }
    fn file(&self, _: &str) -> PathBuf { self.path.clone() }
    fn read(&mut self, _: &str) -> Result<StoredTensor, ModelError> { unreachable!() }
}
