//! A number with the word for what it counts.

use std::fmt::Display;

/// A number with the word for what it counts: `one` behind 1, `many` behind every other number.
///
/// The words may be more than a noun, for a verb agrees with its number too.
///
/// ```
/// # use idiolect_input::counted;
/// assert_eq!(counted(1_usize, "row", "rows"), "1 row");
/// assert_eq!(counted(0_u64, "row", "rows"), "0 rows");
/// assert_eq!(counted(2_usize, "row is skipped", "rows are skipped"), "2 rows are skipped");
/// ```
#[must_use]
pub fn counted<N: Display + PartialEq + From<u8>>(count: N, one: &str, many: &str) -> String {
    let word = if count == N::from(1) { one } else { many };
    format!("{count} {word}")
}
