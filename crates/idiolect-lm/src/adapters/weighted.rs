//! An adapter's folder with its weight, as a command line or a file writes it.

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use crate::LmError;

/// A PEFT folder and how much of its change counts.
#[derive(Debug, Clone, PartialEq)]
pub struct WeightedAdapter {
    /// The folder.
    pub folder: PathBuf,
    /// Factor of its change, any finite number; 1 is the adapter as it was trained.
    pub weight: f64,
}

impl WeightedAdapter {
    /// The adapter as it was trained.
    #[must_use]
    pub fn whole(folder: &Path) -> Self {
        Self {
            folder: folder.to_owned(),
            weight: 1.0,
        }
    }

    /// Whether its change counts as it was trained.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        matches!(self.weight, 1.0)
    }
}

impl FromStr for WeightedAdapter {
    type Err = LmError;

    /// `FOLDER` or `FOLDER=WEIGHT`; a folder that is there under the whole text has the weight 1.
    fn from_str(text: &str) -> Result<Self, LmError> {
        match text.rsplit_once('=') {
            Some((folder, weight)) if !Path::new(text).is_dir() => {
                let weight = weight.parse::<f64>().ok();
                let weight = weight.filter(|weight| weight.is_finite());
                let wrong = || LmError::setting("adapter", "a folder, =, and a number", text);
                Ok(Self {
                    folder: folder.into(),
                    weight: weight.ok_or_else(wrong)?,
                })
            }
            _ => Ok(Self::whole(Path::new(text))),
        }
    }
}

impl fmt::Display for WeightedAdapter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}={}", self.folder.display(), self.weight)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_weight_stands_behind_the_last_sign() {
        let parsed = |text: &str| {
            let WeightedAdapter { folder, weight } = text.parse().unwrap();
            (folder.display().to_string(), weight)
        };
        assert_eq!(parsed("runs/a"), ("runs/a".into(), 1.0));
        assert_eq!(parsed("runs/a=b=-0.5"), ("runs/a=b".into(), -0.5));
        for wrong in ["a=", "a=x", "a=nan", "a=inf"] {
            let error = wrong.parse::<WeightedAdapter>().unwrap_err().to_string();
            assert!(error.starts_with("adapter: expected a folder"), "{error}");
        }
        let folder = tempfile::tempdir().unwrap();
        let named = folder.path().join("run=0.5");
        std::fs::create_dir(&named).unwrap();
        let text = named.display().to_string();
        assert_eq!(parsed(&text), (text.clone(), 1.0));
    }
}
