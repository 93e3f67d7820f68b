//! Lines of a journal that tell whether they are as they were written.
//!
//! A row that is an object ends with a field of its own, the start of the SHA-256 of the row without it, so that a
//! text or a count that was edited since is found. Rows of earlier versions have none, and are read as they are.

use std::path::Path;

use super::hash::text_hash;
use crate::DataError;

/// The field, as it stands in the text of a row.
const FIELD: &str = "\"row_checksum\"";
/// Its length in hexadecimal digits: 64 bits.
const DIGITS: usize = 16;

/// The text of a row with its checksum; of one that is no object, the text alone.
pub(super) fn sealed(row: String) -> String {
    match row.strip_suffix('}') {
        Some(open) if open.len() > 1 && open.starts_with('{') => {
            format!("{open},{FIELD}:\"{}\"}}", checksum(&row))
        }
        _ => row,
    }
}

fn checksum(row: &str) -> String {
    let mut hash = text_hash(row);
    hash.truncate(DIGITS);
    hash
}

/// What is known of the lines before.
#[derive(Debug, Default)]
pub struct Seals {
    seen: bool,
}

impl Seals {
    /// Refuses a line that is not as it was written: one with another checksum than its own, or with none behind
    /// lines that have one.
    ///
    /// # Errors
    ///
    /// [`DataError::EditedRow`] names the line, from 1.
    pub fn check(&mut self, path: &Path, line: &str, number: usize) -> Result<(), DataError> {
        let line = line.trim_ascii_end();
        let edited = |found| DataError::EditedRow {
            path: path.to_owned(),
            line: number,
            found,
        };
        match parts(line) {
            Some((row, stated)) if checksum(&row) == stated => {
                self.seen = true;
                Ok(())
            }
            Some(_) => Err(edited("another")),
            None if line.contains(FIELD) => Err(edited("it written anew")),
            None if self.seen && line.starts_with('{') => Err(edited("none")),
            None => Ok(()),
        }
    }
}

/// The row without its checksum, and the checksum.
fn parts(line: &str) -> Option<(String, &str)> {
    let (row, stated) = line
        .strip_suffix("\"}")?
        .rsplit_once(&format!(",{FIELD}:\""))?;
    (stated.len() == DIGITS).then(|| (format!("{row}}}"), stated))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(lines: &[&str]) -> Result<(), String> {
        let mut seals = Seals::default();
        let numbered = (1..).zip(lines);
        for (number, line) in numbered {
            let checked = seals.check(Path::new("J"), line, number);
            checked.map_err(|error| error.to_string())?;
        }
        Ok(())
    }

    #[test]
    fn a_row_that_was_edited_is_refused_by_its_line() {
        let row = sealed(r#"{"id":1,"text":"a \"row_checksum\" b","token_count":3}"#.to_owned());
        expect_test::expect![[r#"{"id":1,"text":"a \"row_checksum\" b","token_count":3,"row_checksum":"06de4ffda66c4ad2"}"#]].assert_eq(&row);
        assert_eq!(told(&[&row, &format!("{row}\n")]), Ok(()));
        let refused = |line: &str, found: &str| {
            let expected = format!("J: line 2: expected the checksum of the row, found {found}");
            assert_eq!(told(&[&row, line]), Err(expected));
        };
        refused(&row.replace("a ", "b "), "another");
        refused(&row.replace(":3", ":4"), "another");
        refused(&row.replace(":3,", ":3, "), "it written anew");
        refused(r#"{"id":2,"text":"c"}"#, "none");
    }

    #[test]
    fn rows_of_earlier_versions_and_other_values_have_no_checksum() {
        let old = r#"{"id":1,"text":"a"}"#;
        let new = sealed(r#"{"id":2,"text":"b"}"#.to_owned());
        assert_eq!(told(&[old, old, &new, "", "7"]), Ok(()));
        assert_eq!(sealed("7".to_owned()), "7");
        assert_eq!(sealed("{}".to_owned()), "{}");
    }
}
