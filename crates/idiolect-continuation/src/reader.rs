//! Text files, plain or compressed, a line or a file at a time, and Parquet files, a row at a time.
//!
//! How a file is compressed is told by its first bytes, not by its name.
//! No more than one document is ever held, and that one is bounded.

use std::io::{self, BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

use flate2::bufread::MultiGzDecoder;
use idiolect_data::{DataError, ParquetRows, unread};
use idiolect_input::open_regular;

/// The longest line or text file that is read as one document: 64 MiB.
///
/// Without a limit, one file that lacks line breaks would take all memory.
pub const DOCUMENT_BYTES: u64 = 64 << 20;

const GZIP: &[u8] = &[0x1f, 0x8b];
const ZSTD: &[u8] = &[0x28, 0xb5, 0x2f, 0xfd];
const PARQUET: &[u8] = b"PAR1";

/// An open file.
pub(crate) struct Lines {
    path: PathBuf,
    reader: Box<dyn BufRead>,
    /// Lines read so far.
    line: usize,
}

impl Lines {
    pub(crate) fn open(path: &Path) -> Result<Self, DataError> {
        let mut lines = Self {
            path: path.to_owned(),
            reader: Box::new(io::empty()),
            line: 0,
        };
        lines.reader = unpacked(path).map_err(|source| lines.io("open", source))?;
        let head = lines.reader.fill_buf();
        if head
            .map_err(|source| unread(path, source))?
            .starts_with("\u{feff}".as_bytes())
        {
            lines.reader.consume(3);
        }
        Ok(lines)
    }

    /// The first byte that is no white space, as far as the buffer shows it.
    pub(crate) fn first(&mut self) -> Result<Option<u8>, DataError> {
        let Self { path, reader, .. } = self;
        let head = reader.fill_buf().map_err(|source| unread(path, source))?;
        Ok(head.trim_ascii_start().first().copied())
    }

    /// The next line that is not blank, with its number from 1.
    pub(crate) fn line(&mut self) -> Result<Option<(usize, String)>, DataError> {
        while let Some(text) = self.take(b'\n')? {
            if !text.trim().is_empty() {
                return Ok(Some((self.line, text)));
            }
        }
        Ok(None)
    }

    /// The whole file, once, where it is not blank.
    pub(crate) fn whole(&mut self) -> Result<Option<(usize, String)>, DataError> {
        let mut bytes = Vec::new();
        self.read(&mut bytes, None)?;
        let text = self.text(bytes, 1)?;
        Ok((!text.trim().is_empty()).then_some((1, text)))
    }

    fn take(&mut self, end: u8) -> Result<Option<String>, DataError> {
        let mut bytes = Vec::new();
        self.line += 1;
        self.read(&mut bytes, Some(end))?;
        if bytes.is_empty() {
            return Ok(None);
        }
        self.text(bytes, self.line).map(Some)
    }

    fn read(&mut self, bytes: &mut Vec<u8>, end: Option<u8>) -> Result<(), DataError> {
        let mut bounded = self.reader.by_ref().take(DOCUMENT_BYTES + 1);
        let read = match end {
            Some(end) => bounded.read_until(end, bytes),
            None => bounded.read_to_end(bytes),
        };
        read.map_err(|source| unread(&self.path, source))?;
        if bytes.len() as u64 > DOCUMENT_BYTES {
            return Err(DataError::Json {
                path: self.path.clone(),
                line: self.line.max(1),
                column: 1,
                problem: format!(
                    "expected a document of at most {DOCUMENT_BYTES} bytes, found more"
                ),
            });
        }
        Ok(())
    }

    fn text(&self, bytes: Vec<u8>, line: usize) -> Result<String, DataError> {
        String::from_utf8(bytes).map_err(|error| {
            let good = &error.as_bytes()[..error.utf8_error().valid_up_to()];
            let breaks = good.split(|&byte| byte == b'\n').count() - 1;
            let column = 1 + good.iter().rev().take_while(|&&b| b != b'\n').count();
            DataError::Utf8 {
                path: self.path.clone(),
                line: line + breaks,
                column,
            }
        })
    }

    fn io(&self, action: &'static str, source: io::Error) -> DataError {
        DataError::Io {
            path: self.path.clone(),
            action,
            source,
        }
    }
}

fn unpacked(path: &Path) -> io::Result<Box<dyn BufRead>> {
    let mut file = BufReader::with_capacity(1 << 16, open_regular(path)?);
    let head = file.fill_buf()?;
    if head.starts_with(GZIP) {
        return Ok(Box::new(BufReader::new(MultiGzDecoder::new(file))));
    }
    if head.starts_with(ZSTD) {
        let decoder = zstd::stream::read::Decoder::with_buffer(file)?;
        return Ok(Box::new(BufReader::new(decoder)));
    }
    if head.starts_with(PARQUET) {
        let rows = ParquetRows::open(path).map_err(io::Error::other)?;
        let line = Vec::new();
        return Ok(Box::new(BufReader::new(JsonLines { rows, line })));
    }
    Ok(Box::new(file))
}

/// The rows of a Parquet file as JSON, each on a line of its own.
struct JsonLines {
    rows: ParquetRows,
    /// What is left of the last row.
    line: Vec<u8>,
}

impl Read for JsonLines {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        if self.line.is_empty()
            && let Some(row) = self.rows.next()
        {
            let fields = row.map_err(io::Error::other)?.fields;
            self.line = serde_json::to_vec(&fields)?;
            self.line.push(b'\n');
        }
        let count = bytes.len().min(self.line.len());
        bytes[..count].copy_from_slice(&self.line[..count]);
        self.line.drain(..count);
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    fn lines(bytes: &[u8]) -> Result<Vec<(usize, String)>, String> {
        let file = tempfile::NamedTempFile::new().unwrap();
        file.as_file().write_all(bytes).unwrap();
        let tell = |error: DataError| {
            error
                .to_string()
                .replace(&file.path().display().to_string(), "F")
        };
        let mut lines = Lines::open(file.path()).map_err(tell)?;
        let mut all = Vec::new();
        while let Some(line) = lines.line().map_err(tell)? {
            all.push(line);
        }
        Ok(all)
    }

    fn gzip(text: &[u8]) -> Vec<u8> {
        let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        packer.write_all(text).unwrap();
        packer.finish().unwrap()
    }

    #[test]
    fn packed_files_read_as_plain_ones_parts_too() {
        let text = "\u{feff}a\r\n\n b \nc";
        let expected = vec![
            (1, "a\r\n".to_owned()),
            (3, " b \n".into()),
            (4, "c".into()),
        ];
        assert_eq!(lines(text.as_bytes()).unwrap(), expected);
        let (head, tail) = text.as_bytes().split_at(6);
        assert_eq!(lines(&[gzip(head), gzip(tail)].concat()).unwrap(), expected);
        let zstd = |part| zstd::encode_all(part, 1).unwrap();
        assert_eq!(lines(&[zstd(head), zstd(tail)].concat()).unwrap(), expected);
    }

    #[test]
    fn broken_files_are_named() {
        assert_eq!(
            lines(b"a\nb\xff").unwrap_err(),
            "F: line 2: invalid UTF-8 at byte 2"
        );
        let packed = gzip(&b"some text ".repeat(100));
        let error = lines(&packed[..packed.len() - 12]).unwrap_err();
        assert!(error.starts_with("F: cannot read: "), "{error}");
        let packed = zstd::encode_all(&b"some text ".repeat(100)[..], 1).unwrap();
        let error = lines(&packed[..packed.len() - 4]).unwrap_err();
        assert!(error.starts_with("F: cannot read: "), "{error}");
    }
}
