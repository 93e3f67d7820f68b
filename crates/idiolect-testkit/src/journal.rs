//! Journals without the checksums of their rows, as versions before 0.2.0 wrote them.

use crate::TestkitError;

/// The text of a journal, each row without the checksum at its end.
///
/// # Errors
///
/// [`TestkitError::Row`] where a row has none.
pub fn without_checksums(journal: &str) -> Result<String, TestkitError> {
    let bare = |(at, row): (usize, &str)| match row.rsplit_once(",\"crc32c\":\"") {
        Some((bare, sum)) if sum.len() == 10 && sum.ends_with("\"}") => Ok(format!("{bare}}}\n")),
        _ => Err(TestkitError::Row {
            row: at,
            expected: "a checksum at its end",
            found: row.to_owned(),
        }),
    };
    journal.lines().enumerate().map(bare).collect()
}
