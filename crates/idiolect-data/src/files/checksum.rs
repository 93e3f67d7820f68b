//! The checksum at the end of a journal's row: CRC-32C of the row as it stands in the file, without the checksum.
//!
//! It tells a row that was damaged or edited. Against somebody who writes the sum anew it is no protection.

use serde_json::Value;

/// The name of the field; it is the last one of the row's object.
const FIELD: &str = "crc32c";
/// `"crc32c":"01234567"}`
const LENGTH: usize = FIELD.len() + 14;

/// A checksum that is not the row's.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Mismatch {
    pub(super) expected: String,
    pub(super) found: String,
}

/// A row's JSON with its checksum; what is no object has no field, and stays as it is.
pub(super) fn with_checksum(row: String) -> String {
    let Some(open) = row.strip_suffix('}') else {
        return row;
    };
    let comma = if open.ends_with('{') { "" } else { "," };
    format!("{open}{comma}\"{FIELD}\":\"{}\"}}", sum(&[&row]))
}

/// Compares a row's JSON with its checksum; a row of an earlier version has none.
pub(super) fn compare(row: &str) -> Result<(), Mismatch> {
    let row = row.trim_ascii();
    if let Some((open, found)) = parts(row) {
        let expected = sum(&[open.strip_suffix(',').unwrap_or(open), "}"]);
        return if found == expected {
            Ok(())
        } else {
            Err(Mismatch {
                expected,
                found: found.to_owned(),
            })
        };
    }
    match elsewhere(row) {
        None => Ok(()),
        Some(found) => Err(Mismatch {
            expected: "eight hexadecimal digits in the last field".to_owned(),
            found,
        }),
    }
}

/// The row in front of its checksum, and the checksum. Inside a text the quotes would be escaped, so what ends
/// in this way is a field.
fn parts(row: &str) -> Option<(&str, &str)> {
    let (open, last) = row.split_at_checked(row.len().checked_sub(LENGTH)?)?;
    let last = last.strip_prefix('"')?.strip_prefix(FIELD)?;
    let digits = last.strip_prefix("\":\"")?.strip_suffix("\"}")?;
    let is_sum = digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    (is_sum && open.ends_with([',', '{'])).then_some((open, digits))
}

/// A field of that name which is not where, or what, it is written as.
fn elsewhere(row: &str) -> Option<String> {
    if !row.contains(FIELD) {
        return None;
    }
    let row: Value = serde_json::from_str(row).ok()?;
    Some(row.as_object()?.get(FIELD)?.to_string())
}

fn sum(pieces: &[&str]) -> String {
    let add = |sum, piece: &&str| crc32c::crc32c_append(sum, piece.as_bytes());
    format!("{:08x}", pieces.iter().fold(0, add))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(row: &str) -> Option<String> {
        compare(row).err().map(|mismatch| mismatch.found)
    }

    /// The sums are those of a loop over bits with the reflected polynomial 0x82F63B78 (RFC 3720, appendix B.4).
    #[test]
    fn the_sum_is_crc_32c_of_the_row_without_it() {
        assert_eq!(with_checksum("{}".into()), r#"{"crc32c":"297bd0aa"}"#);
        assert_eq!(
            with_checksum(r#"{"id":1,"text":"größer"}"#.into()),
            r#"{"id":1,"text":"größer","crc32c":"eaba794b"}"#
        );
        assert_eq!(with_checksum("3".into()), "3");
    }

    #[test]
    fn a_changed_row_is_told_from_one_that_is_as_it_was_written() {
        let rows = [
            "{}",
            r#"{"id":1,"text":"größer","count":2}"#,
            r#"{"text":"crc32c"}"#,
            r#"{"text":"\",\"crc32c\":\"01234567\"}"}"#,
            "[1]",
        ];
        for row in rows {
            let written = with_checksum(row.into());
            assert_eq!((found(row), found(&written)), (None, None), "{row}");
            assert_eq!(found(&format!("  {written}\r\n")), None);
        }
        let written = with_checksum(rows[1].into());
        for (from, to) in [("größer", "großer"), (":2", ":3"), (",\"count\":2", "")] {
            assert!(found(&written.replace(from, to)).is_some(), "{from}");
        }
    }

    #[test]
    fn a_checksum_at_another_place_or_of_another_form_is_none_of_ours() {
        assert_eq!(
            found(r#"{"crc32c":"00000000","id":1}"#).unwrap(),
            "\"00000000\""
        );
        assert_eq!(
            found(r#"{"id":1, "crc32c": "00000000"}"#).unwrap(),
            "\"00000000\""
        );
        assert_eq!(
            found(r#"{"id":1,"crc32c":"zzzzzzzz"}"#).unwrap(),
            "\"zzzzzzzz\""
        );
        assert_eq!(found(r#"{"id":1,"crc32c":null}"#).unwrap(), "null");
        assert_eq!(found(r#"{"a":{"crc32c":"00000000"}}"#), None);
    }
}
