//! Tensors of a golden safetensors file, by name.

use std::path::{Path, PathBuf};

use safetensors::{Dtype, SafeTensors};

use crate::TestkitError;

/// The bytes of a golden file.
#[derive(Debug)]
pub struct Tensors {
    path: PathBuf,
    bytes: Vec<u8>,
}

impl Tensors {
    /// Reads the file.
    ///
    /// # Errors
    ///
    /// [`TestkitError::Io`] when it cannot be read.
    pub fn read(path: &Path) -> Result<Self, TestkitError> {
        let path = path.to_path_buf();
        match std::fs::read(&path) {
            Ok(bytes) => Ok(Self { path, bytes }),
            Err(source) => Err(TestkitError::Io { path, source }),
        }
    }

    /// Shape and values of an f32 tensor.
    ///
    /// # Errors
    ///
    /// When there is none of that name and type.
    pub fn f32(&self, name: &str) -> Result<(Vec<usize>, Vec<f32>), TestkitError> {
        let (shape, data) = self.data(name, Dtype::F32)?;
        let values = data.as_chunks().0.iter();
        Ok((shape, values.map(|b| f32::from_le_bytes(*b)).collect()))
    }

    /// Shape and values of an f64 tensor.
    ///
    /// # Errors
    ///
    /// When there is none of that name and type.
    pub fn f64(&self, name: &str) -> Result<(Vec<usize>, Vec<f64>), TestkitError> {
        let (shape, data) = self.data(name, Dtype::F64)?;
        let values = data.as_chunks().0.iter();
        Ok((shape, values.map(|b| f64::from_le_bytes(*b)).collect()))
    }

    /// Shape and values of an i64 tensor.
    ///
    /// # Errors
    ///
    /// When there is none of that name and type.
    pub fn i64(&self, name: &str) -> Result<(Vec<usize>, Vec<i64>), TestkitError> {
        let (shape, data) = self.data(name, Dtype::I64)?;
        let values = data.as_chunks().0.iter();
        Ok((shape, values.map(|b| i64::from_le_bytes(*b)).collect()))
    }

    /// Names of all tensors, sorted.
    ///
    /// # Errors
    ///
    /// [`TestkitError::File`] when the file is no safetensors file.
    pub fn names(&self) -> Result<Vec<String>, TestkitError> {
        let file = self.file()?;
        let mut names: Vec<String> = file.names().into_iter().map(Into::into).collect();
        names.sort();
        Ok(names)
    }

    fn file(&self) -> Result<SafeTensors<'_>, TestkitError> {
        SafeTensors::deserialize(&self.bytes).map_err(|source| TestkitError::File {
            path: self.path.clone(),
            source,
        })
    }

    fn data(&self, name: &str, expected: Dtype) -> Result<(Vec<usize>, &[u8]), TestkitError> {
        let (path, tensor) = (|| self.path.clone(), || name.to_owned());
        let view = self.file()?.tensor(name);
        let view = view.map_err(|source| TestkitError::Tensor {
            path: path(),
            tensor: tensor(),
            source,
        })?;
        if view.dtype() != expected {
            return Err(TestkitError::Type {
                path: path(),
                tensor: tensor(),
                expected,
                found: view.dtype(),
            });
        }
        Ok((view.shape().to_vec(), view.data()))
    }
}

#[cfg(test)]
mod tests {
    use safetensors::tensor::TensorView;

    use super::*;

    #[test]
    fn what_is_not_there_is_named() {
        let view = TensorView::new(Dtype::F32, vec![1], &[0, 0, 128, 63]).unwrap();
        let bytes = safetensors::serialize([("one", view)], None).unwrap();
        let tensors = |bytes| Tensors {
            path: "golden.safetensors".into(),
            bytes,
        };
        let file = tensors(bytes);
        assert_eq!(file.f32("one").unwrap(), (vec![1], vec![1.0]));
        assert_eq!(file.names().unwrap(), ["one"]);
        let other = file.i64("one").unwrap_err().to_string();
        assert!(other.contains("one: expected I64, found F32"), "{other}");
        let absent = file.f32("two").unwrap_err().to_string();
        assert!(absent.contains("golden.safetensors: two"), "{absent}");
        let torn = tensors(vec![0; 4]).names().unwrap_err();
        assert!(matches!(torn, TestkitError::File { .. }), "{torn}");
        let nothing = Tensors::read(Path::new("/nothing/here")).unwrap_err();
        assert!(matches!(nothing, TestkitError::Io { .. }), "{nothing}");
    }
}
