//! All of a file, and how it is written: by candle, to anything that takes bytes.

use std::io::{self, ErrorKind, Seek, SeekFrom, Write};

use candle_core::quantized::gguf_file;

use super::{GgufTensor, GgufValue};

/// Metadata and tensors of a file, in the order in which they are written.
#[derive(Debug, Default)]
pub struct GgufContents {
    /// Metadata by key.
    pub metadata: Vec<(String, GgufValue)>,
    /// Tensors.
    pub tensors: Vec<GgufTensor>,
}

impl GgufContents {
    /// Writes the file.
    ///
    /// # Errors
    ///
    /// What `out` says.
    pub fn write(self, out: impl Write) -> io::Result<()> {
        let metadata = self.metadata.into_iter();
        let metadata: Vec<_> = metadata
            .map(|(key, value)| (key, value.into_candle()))
            .collect();
        let metadata: Vec<_> = metadata
            .iter()
            .map(|(key, value)| (key.as_str(), value))
            .collect();
        let tensors = self.tensors.iter();
        let tensors: Vec<_> = tensors
            .map(|tensor| (tensor.name.as_str(), &tensor.blocks))
            .collect();
        let mut out = Counted { out, position: 0 };
        gguf_file::write(&mut out, &metadata, &tensors).map_err(|error| match error {
            candle_core::Error::Io(error) => error,
            other => io::Error::other(other),
        })
    }
}

/// Counts the bytes that go by: candle asks where it is, and never goes elsewhere.
struct Counted<W> {
    out: W,
    position: u64,
}

impl<W: Write> Write for Counted<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.out.write(bytes)?;
        self.position += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

impl<W> Seek for Counted<W> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        match to {
            SeekFrom::Current(0) => Ok(self.position),
            _ => Err(ErrorKind::Unsupported.into()),
        }
    }
}
