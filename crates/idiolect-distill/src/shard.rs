//! A part of a data set that one of several machines rewrites.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::error::DistillError;

/// Part `index` of `count`, written `2/4`.
///
/// Row r (from 0) of the whole set is in part r mod `count` + 1, so that parts differ by one row at
/// most and each has a like share of long rows, even where a file is sorted.
/// Which rows are rewritten at all is chosen from the whole set before, so that parts together
/// rewrite what one machine would have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Shard {
    /// From 1 to `count`.
    pub index: usize,
    /// At least 1.
    pub count: usize,
}

impl Shard {
    /// The whole set.
    pub const WHOLE: Self = Self { index: 1, count: 1 };

    /// Whether a row, by its number in the whole set, is in this part.
    #[must_use]
    pub fn has(&self, row: usize) -> bool {
        row % self.count.max(1) + 1 == self.index
    }

    pub(crate) fn check(&self) -> Result<(), DistillError> {
        if (1..=self.count).contains(&self.index) {
            return Ok(());
        }
        Err(wrong(&self.to_string()))
    }
}

impl fmt::Display for Shard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.index, self.count)
    }
}

impl FromStr for Shard {
    type Err = DistillError;

    fn from_str(text: &str) -> Result<Self, DistillError> {
        let parts = text.split_once('/');
        let parts =
            parts.and_then(|(index, count)| Some((index.parse().ok()?, count.parse().ok()?)));
        let (index, count) = parts.ok_or_else(|| wrong(text))?;
        let shard = Self { index, count };
        shard.check().map(|()| shard)
    }
}

fn wrong(found: &str) -> DistillError {
    DistillError::Setting {
        setting: "shard",
        expected: "I/N with I from 1 to N".to_owned(),
        found: found.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_is_in_one_part() {
        for count in 1..6 {
            for row in 0..20 {
                let parts = (1..=count).filter(|&index| Shard { index, count }.has(row));
                assert_eq!(parts.count(), 1);
            }
        }
        assert!(Shard::WHOLE.has(7));
    }

    #[test]
    fn names_read_back_and_others_are_refused() {
        let shard = Shard { index: 2, count: 4 };
        assert_eq!(shard.to_string().parse::<Shard>().unwrap(), shard);
        for text in ["0/4", "5/4", "2", "a/b", "0/0", "-1/2", ""] {
            let error = text.parse::<Shard>().unwrap_err().to_string();
            assert_eq!(
                error,
                format!("shard: expected I/N with I from 1 to N, found {text}")
            );
        }
    }
}
