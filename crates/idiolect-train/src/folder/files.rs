//! Files of a checkpoint: brought onto the disk, and their checksums.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;

use idiolect_input::open_regular;

use crate::TrainError;
use crate::report::io;

/// CRC-32C of files of a folder, by name.
pub(super) fn checksums(
    folder: &Path,
    names: &[&str],
) -> Result<BTreeMap<String, u32>, TrainError> {
    let one = |name: &&str| {
        let path = folder.join(name);
        let sum = checksum(&path).map_err(|source| io(&path, source))?;
        Ok(((*name).to_owned(), sum))
    };
    names.iter().map(one).collect()
}

/// A piece at a time: a file may be larger than the memory that is left.
fn checksum(path: &Path) -> std::io::Result<u32> {
    let mut file = BufReader::with_capacity(1 << 20, open_regular(path)?);
    let mut sum = 0;
    loop {
        let piece = file.fill_buf()?;
        if piece.is_empty() {
            return Ok(sum);
        }
        sum = crc32c::crc32c_append(sum, piece);
        let length = piece.len();
        file.consume(length);
    }
}

/// Writes a file and waits until it is on the disk.
pub(super) fn write_synced(path: &Path, bytes: &[u8]) -> Result<(), TrainError> {
    let write = || {
        let mut file = File::create(path)?;
        file.write_all(bytes)?;
        file.sync_all()
    };
    write().map_err(|source| io(path, source))
}
