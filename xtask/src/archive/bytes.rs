//! Which crates the bytes of a program are of: the sums of its symbols, by the crate that names them.
//!
//! A function that is compiled for the types of another crate counts for the crate that wrote it; what the linker laid
//! into its callers counts for these.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use crate::shell::{Outcome, output};

/// Rows of the table.
const ROWS: usize = 25;

/// Prints the table of a program that has its symbols.
pub(super) fn table(program: &Path) -> Outcome {
    let mut nm = Command::new("nm");
    nm.args(["--demangle", "--print-size", "--radix=d"])
        .arg(program);
    let sums = sums(&output(&mut nm)?);
    let mut rows: Vec<(&str, u64)> = sums
        .iter()
        .map(|(name, sum)| (name.as_str(), *sum))
        .collect();
    rows.sort_by_key(|(name, sum)| (std::cmp::Reverse(*sum), *name));
    let all: u64 = rows.iter().map(|(_, sum)| sum).sum();
    let rest: u64 = rows.iter().skip(ROWS).map(|(_, sum)| sum).sum();
    rows.truncate(ROWS);
    println!("| crate | MB |\n|---|---|");
    for (name, sum) in rows
        .into_iter()
        .chain([("others", rest), ("all symbols", all)])
    {
        println!("| `{name}` | {:.2} |", sum as f64 / 1e6);
    }
    Ok(())
}

/// Bytes by crate of what `nm` prints: address, size, kind, name.
fn sums(listed: &str) -> BTreeMap<String, u64> {
    let mut sums = BTreeMap::new();
    let mut last = "";
    for line in listed.lines() {
        let mut words = line.splitn(4, ' ');
        let (address, size) = (words.next().unwrap_or_default(), words.next());
        let kind = words.next().unwrap_or_default();
        let (Some(size), Some(name)) =
            (size.and_then(|size| size.parse::<u64>().ok()), words.next())
        else {
            continue;
        };
        // What has no bytes in the file, and further names of the same bytes.
        if matches!(kind, "b" | "B" | "u" | "U") || address == last {
            continue;
        }
        last = address;
        *sums.entry(owner(name)).or_default() += size;
    }
    sums
}

/// The crate that a demangled name begins with; what has none is C, assembly or data without a name.
fn owner(name: &str) -> String {
    let plain = name.trim_start_matches(|c: char| "<&*[(".contains(c));
    let plain = plain
        .strip_prefix("mut ")
        .or(plain.strip_prefix("dyn "))
        .unwrap_or(plain);
    let end = plain.find(|c: char| !c.is_ascii_alphanumeric() && c != '_');
    match end {
        Some(end) if end > 0 && plain[end..].starts_with("::") => plain[..end].to_owned(),
        // The crate's own hash stands behind its name.
        Some(end) if end > 0 && plain[end..].starts_with('[') => plain[..end].to_owned(),
        _ => "no crate".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_tell_their_crates() {
        for (name, own) in [
            ("burn_flex::ops::matmul", "burn_flex"),
            ("<burn_flex::Tensor as core::fmt::Debug>::fmt", "burn_flex"),
            (
                "<&mut serde_json::Value as serde::Serialize>::serialize",
                "serde_json",
            ),
            ("alloc[1a2b]::vec::Vec<T>::push", "alloc"),
            ("ring_core_aes_nohw_encrypt", "no crate"),
            (".L__unnamed_1", "no crate"),
        ] {
            assert_eq!(owner(name), own, "{name}");
        }
    }

    #[test]
    fn bytes_are_added_up_once() {
        let listed = "0001 0010 t burn_flex::a\n0001 0010 t burn_flex::b\n0020 0005 r burn_flex::c\n\
                      0030 0007 b burn_flex::d\n0040 U malloc\n0050 0003 t clap::e\n";
        let found: Vec<(String, u64)> = sums(listed).into_iter().collect();
        assert_eq!(
            found,
            [("burn_flex".to_owned(), 15), ("clap".to_owned(), 3)]
        );
    }
}
