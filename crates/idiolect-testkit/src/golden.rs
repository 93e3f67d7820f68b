//! Tensors of a golden safetensors file, by name.

use std::path::Path;

use safetensors::{Dtype, SafeTensors};

/// The bytes of a golden file.
#[derive(Debug)]
pub struct Tensors {
    path: String,
    bytes: Vec<u8>,
}

impl Tensors {
    /// Reads the file.
    ///
    /// # Panics
    ///
    /// When it cannot be read.
    #[must_use]
    pub fn read(path: &Path) -> Self {
        let bytes = std::fs::read(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
        Self {
            path: path.display().to_string(),
            bytes,
        }
    }

    /// Shape and values of an f32 tensor.
    ///
    /// # Panics
    ///
    /// When there is none of that name and type.
    #[must_use]
    pub fn f32(&self, name: &str) -> (Vec<usize>, Vec<f32>) {
        let (shape, data) = self.data(name, Dtype::F32);
        (
            shape,
            data.as_chunks()
                .0
                .iter()
                .map(|b| f32::from_le_bytes(*b))
                .collect(),
        )
    }

    /// Shape and values of an i64 tensor.
    ///
    /// # Panics
    ///
    /// When there is none of that name and type.
    #[must_use]
    pub fn i64(&self, name: &str) -> (Vec<usize>, Vec<i64>) {
        let (shape, data) = self.data(name, Dtype::I64);
        (
            shape,
            data.as_chunks()
                .0
                .iter()
                .map(|b| i64::from_le_bytes(*b))
                .collect(),
        )
    }

    /// Names of all tensors, sorted.
    ///
    /// # Panics
    ///
    /// When the file is no safetensors file.
    #[must_use]
    pub fn names(&self) -> Vec<String> {
        let file = self.file();
        let mut names: Vec<String> = file.names().into_iter().map(Into::into).collect();
        names.sort();
        names
    }

    fn file(&self) -> SafeTensors<'_> {
        SafeTensors::deserialize(&self.bytes).unwrap_or_else(|e| panic!("{}: {e}", self.path))
    }

    fn data(&self, name: &str, dtype: Dtype) -> (Vec<usize>, &[u8]) {
        let view = self.file().tensor(name);
        let view = view.unwrap_or_else(|e| panic!("{}: {name}: {e}", self.path));
        assert_eq!(view.dtype(), dtype, "{}: {name}", self.path);
        (view.shape().to_vec(), view.data())
    }
}
